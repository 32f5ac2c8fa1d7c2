"""A time limit that is set anew for every reply, and costs next to nothing where none is late."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

__all__ = ["Alarm"]


class Alarm:
    """Rings once a deadline has passed.

    The event loop's timer goes on where a later deadline is set, and is put off when it goes: so
    one timer does for all the messages of a connection.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._deadline = self._due = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, deadline: float) -> None:
        """Ring at this time, in seconds of `time.monotonic()`, in place of any other."""
        self._deadline = deadline
        if deadline < self._due:
            self._start()

    def cancel(self) -> None:
        """Leave nothing behind."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._due = None, math.inf

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = self._deadline
        self._timer = self._loop.call_later(max(self._due - time.monotonic(), 0), self._look)

    def _look(self) -> None:
        self._timer, self._due = None, math.inf
        if self._deadline > time.monotonic():
            self._start()
        else:
            self._ring()
