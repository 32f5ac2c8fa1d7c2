"""Where connector-core spends its time while it sends, by py-spy, which samples from outside."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.install import ROOT
from tests.bench.mail import CODE
from tests.bench.results import Figure, Row
from tests.bench.rounds import NotMeasuredError
from tests.bench.run import run_peer
from tests.bench.servers import sink
from tests.bench.stacks import Shares, shares
from tests.bench.task import Task

__all__ = ["profiling"]

_CONNECTIONS = 5
_RATE = 100  # samples a second
_MOST = 15  # functions that are told


def profiling(bench: Bench) -> list[Row]:
    """Shares of the time in which the process was busy, by part and by function."""
    if reason := bench.installed.missing.get("python"):
        raise NotMeasuredError(reason)
    found = _sampled(bench)
    bench.say(f"{found.samples} samples")
    return [
        *_rows("part", found.parts, len(found.parts)),
        *_rows("function", found.functions, _MOST),
    ]


def _sampled(bench: Bench) -> Shares:
    seconds = 4.0 if bench.quick else 30.0
    with (
        _a_core_apart() as core,
        sink(bench.installed) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        task = Task(
            mail=CODE,
            port=server.port,
            connections=_CONNECTIONS,
            in_flight=_CONNECTIONS,
            seconds=seconds,
            warmup_seconds=bench.warmup_seconds(bench.clients.ours),
            options={"core": core},
        )
        stacks = Path(folder, "stacks")
        sampler: list[str | Path] = [
            *(bench.installed.python / "bin/py-spy", "record"),
            # with the frames of C, by which the kernel's time is told from Python's
            "--native",
            "--full-filenames",
            *("--format", "raw", "--rate", str(_RATE), "--output", stacks, "--"),
        ]
        run_peer(bench.clients.ours, task, before=sampler)
        found = shares(stacks.read_text("utf-8").splitlines(), str(ROOT))
    if not found.samples:
        raise NotMeasuredError("py-spy saw nothing of it")
    return found


@contextmanager
def _a_core_apart() -> Iterator[int | None]:
    """A core that nothing of ours runs on but what is told to; None where there is only one.

    py-spy cannot tell a process that works from one that waits for a core. On one core with the
    server, the client is pushed aside by each write that wakes it, and would seem to spend half of
    its time in writing.
    """
    cores = os.sched_getaffinity(0)
    if len(cores) == 1:
        yield None
        return
    core = max(cores)
    os.sched_setaffinity(0, cores - {core})
    try:
        yield core
    finally:
        os.sched_setaffinity(0, cores)


def _rows(kind: str, counted: Counter[str], most: int) -> list[Row]:
    total = counted.total()
    return [
        Row(client=kind, case=name, figures={"share": _once(count / total)}, rounds=1)
        for name, count in counted.most_common(most)
    ]


def _once(value: float) -> Figure:
    return Figure(median=value, low=value, high=value)
