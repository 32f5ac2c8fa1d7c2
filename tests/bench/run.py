"""Run a peer's program, and see to its end whatever happens."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.answer import Answer, BadAnswerError
from tests.bench.clients import Client
from tests.bench.install import ROOT
from tests.bench.rounds import NotMeasuredError
from tests.bench.task import Task
from tests.servers.process import SUPERVISE

__all__ = ["output_of", "run_peer"]

_SPARE = 120.0  # seconds that a peer has beyond those that it was asked to measure for


def run_peer(client: Client, task: Task, *, before: Sequence[str | Path] = ()) -> Answer:
    """Let a client do a task, under the program `before` if there is one.

    Raises:
        NotMeasuredError: it is not there, it failed, took too long, or said what is no answer.
    """
    if client.missing is not None:
        raise NotMeasuredError(client.missing)
    wanted = Task(**{**vars(task), "options": {**client.options, **task.options}})
    limit = (task.seconds or 0) + task.warmup_seconds + _SPARE
    argv = [*before, *client.argv, wanted.to_json()]
    try:
        return Answer.of(output_of(argv, env=client.env, timeout=limit))
    except BadAnswerError as error:
        raise NotMeasuredError(str(error)) from None


def output_of(
    argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, timeout: float = _SPARE
) -> str:
    """What a program prints, run at the root of the repository.

    It is run under a supervisor that ends it, and what it started, when we leave, also by Ctrl-C,
    and when we die.

    Raises:
        NotMeasuredError: it failed, or took longer than `timeout` seconds.
    """
    settings = [f"{key}={value}" for key, value in (env or {}).items()]
    # files, not pipes: a peer is never held up by us
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaint:
        program = subprocess.Popen(
            [sys.executable, "-I", "-S", SUPERVISE, "env", *settings, *argv],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=complaint,
            start_new_session=True,
        )
        # leaving closes its input, which is what ends it, and waits
        with program:
            try:
                code = program.wait(timeout)
            except subprocess.TimeoutExpired:
                raise NotMeasuredError(f"it took longer than {timeout:g} s") from None
        if code:
            complaint.seek(0)
            lines = complaint.read().decode(errors="replace").strip().splitlines()
            raise NotMeasuredError(f"it failed: {lines[-1] if lines else f'exit code {code}'}")
        output.seek(0)
        return output.read().decode()
