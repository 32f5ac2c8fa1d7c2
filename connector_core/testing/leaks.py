"""What a connector may leave behind: tasks, threads, open sockets and files."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["OWN_THREADS", "Held", "held", "left_over"]

OWN_THREADS = "conformance"  # what the threads are called in which blocking hooks run
_SETTLE = 2.0  # seconds in which a server in this process may notice that a connection is closed
_LOOK = 0.01  # seconds between looks
_DESCRIPTORS = Path("/dev/fd")


@dataclass(frozen=True)
class Held:
    """What this process holds at one moment.

    Attributes:
        tasks: the tasks of the running event loop.
        threads: the threads, those aside in which hooks run.
        descriptors: open sockets, pipes and files, by number and identity; what they are.
    """

    tasks: frozenset[asyncio.Task[object]]
    threads: frozenset[threading.Thread]
    descriptors: dict[tuple[int, int], str]

    def besides(self, before: Held) -> list[str]:
        """What is held now and was not before, in words."""
        tasks = [f"the task {task.get_coro()!r}" for task in self.tasks - before.tasks]
        threads = [f"the thread {thread.name!r}" for thread in self.threads - before.threads]
        known = before.descriptors
        opened = [kind for key, kind in self.descriptors.items() if key not in known]
        return [*tasks, *threads, *opened]


def held() -> Held:
    """What this process holds now."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    threads = (item for item in threading.enumerate() if not item.name.startswith(OWN_THREADS))
    return Held(frozenset(others), frozenset(threads), _descriptors())


async def left_over(before: Held) -> list[str]:
    """What was left behind since then, once whoever was at the other end had time to notice."""
    until = time.monotonic() + _SETTLE
    # Nothing tells when whoever is at the other end has closed.
    while (left := held().besides(before)) and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK)
    return left


def _descriptors() -> dict[tuple[int, int], str]:
    kinds = {stat.S_IFSOCK: "an open socket", stat.S_IFIFO: "a pipe", stat.S_IFREG: "an open file"}
    found = {}
    for file in _DESCRIPTORS.iterdir() if _DESCRIPTORS.is_dir() else ():
        with suppress(OSError, ValueError):  # that of the folder itself is closed again by now
            status = os.fstat(int(file.name))
            if kind := kinds.get(stat.S_IFMT(status.st_mode)):
                found[int(file.name), status.st_ino] = kind
    return found
