"""How long programs take that do little more than start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.results import Row
from tests.bench.rounds import Job, NotMeasuredError, in_turns

__all__ = ["startup"]

_ROUNDS = 15  # at the least: starting is short, and others on the machine show
_QUICK_ROUNDS = 3
_PROGRAMS: Mapping[str, Sequence[str | Path]] = {
    "`python -c pass`": (sys.executable, "-c", "pass"),
    "`import pluggy, pydantic`": (sys.executable, "-c", "import pluggy, pydantic"),
    "`import connector_core`": (sys.executable, "-c", "import connector_core"),
    "`connector list`": (Path(sys.executable).with_name("connector"), "list"),
    "`node -e 0`": ("node", "-e", "0"),
    "`require('nodemailer')`": ("node", "-e", "require('nodemailer')"),
}


def startup(bench: Bench) -> list[Row]:
    """From the start of a program to its end."""
    env = {**os.environ, "NODE_PATH": str(bench.installed.node_modules)}
    jobs = [Job(name, "", partial(_run, argv, env)) for name, argv in _PROGRAMS.items()]
    rounds = _QUICK_ROUNDS if bench.quick else max(_ROUNDS, 3 * bench.rounds)
    return in_turns(jobs, rounds, bench.say)


def _run(argv: Sequence[str | Path], env: Mapping[str, str]) -> Mapping[str, float]:
    started = time.perf_counter()
    try:
        # without the supervisor of the other programs, which would start first
        done = subprocess.run(
            argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
    except OSError as error:
        raise NotMeasuredError(f"{argv[0]}: {error.strerror}") from None
    seconds = time.perf_counter() - started
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise NotMeasuredError(f"it failed: {lines[-1] if lines else done.returncode}")
    return {"ms": seconds * 1000}
