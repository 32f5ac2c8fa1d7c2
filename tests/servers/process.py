"""Start a server, wait until it is ready, and end it whatever happens."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SUPERVISE = Path(__file__).with_name("supervise.py")
START_SECONDS = 20.0
# a supervisor gives its server five seconds before it kills it
STOP_SECONDS = 15.0
POLL_SECONDS = 0.005
TAIL_LINES = 25


class ServerError(Exception):
    """A server did not start, stop, or do what was waited for; carries the end of its log."""


@dataclass(frozen=True)
class ServerProcess:
    """A running server and the files it logs to."""

    name: str
    supervisor: subprocess.Popen[bytes]
    logs: Sequence[Path]

    def log_tail(self) -> str:
        """The last lines of each of its logs."""
        parts = [f"-- {path.name} --\n{tail(path)}" for path in self.logs if path.exists()]
        return "\n".join(parts) or "(it logged nothing)"

    def wait_until(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        """Return once the condition holds; ServerError past the timeout, or when it stopped."""
        deadline = time.monotonic() + timeout
        while True:
            # asked before the condition, so that what a server did before it stopped counts
            stopped = self.supervisor.poll()
            if condition():
                return
            if stopped is not None:
                raise ServerError(f"{self.name} stopped ({stopped}): {what}\n{self.log_tail()}")
            if time.monotonic() >= deadline:
                raise ServerError(f"{self.name}: not in {timeout:g} s: {what}\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)


def tail(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:])


@contextmanager
def running(
    name: str,
    argv: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    console: Path,
    logs: Sequence[Path] = (),
) -> Iterator[ServerProcess]:
    """Run the server, its output in `console`; at the end nothing of it is left.

    `env` is added to the environment of the server, not to that of its supervisor.
    """
    settings = [f"{key}={value}" for key, value in env.items()]
    with console.open("wb") as output:
        supervisor = subprocess.Popen(
            # isolated and without site: it needs the standard library alone, and starts sooner
            [sys.executable, "-I", "-S", SUPERVISE, "env", *settings, *argv],
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            # an interrupt at the terminal is for the tests, which then end the server
            start_new_session=True,
        )
    process = ServerProcess(name, supervisor, (*logs, console))
    # leaving the Popen closes its input, which is what ends the server, and waits for it
    with supervisor:
        try:
            yield process
        finally:
            stop(process)


def new_folder(parent: Path, name: str) -> Path:
    """A folder that no other server uses, with a short name: paths of sockets have a limit."""
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while (folder := parent / f"{name}{number}").exists():
        number += 1
    folder.mkdir()
    return folder


def stop(process: ServerProcess) -> None:
    supervisor = process.supervisor
    assert supervisor.stdin is not None
    supervisor.stdin.close()
    try:
        supervisor.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        supervisor.kill()
        raise ServerError(f"{process.name} did not stop\n{process.log_tail()}") from None
