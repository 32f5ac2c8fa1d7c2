"""A job that keeps something ready, done again and again in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from connector_core import DeliveryError

__all__ = ["Upkeep"]

FIRST_PAUSE = 1.0  # seconds after the first failure, doubling
LONGEST_PAUSE = 60.0

_LOG = logging.getLogger("connectors.smtp")


class Upkeep:
    """Does the job when it is asked to and each `period`; ever more rarely while it fails."""

    def __init__(self, job: Callable[[], Awaitable[None]], period: float) -> None:
        self._job = job
        self._period = period
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def ask(self) -> None:
        """Let the job be done soon; it begins with the first call."""
        if self._closed:
            return
        self._asked.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._closed:
            self._asked.clear()
            try:
                await self._job()
            except Exception as error:  # noqa: BLE001 - a job that ends would never be done again
                # A message that needs it will meet the same fault, and tell it.
                reason = error if isinstance(error, DeliveryError) else type(error).__name__
                _LOG.debug("connections cannot be kept ready: %s", reason)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            # Not wait_for, which up to 3.11 may swallow a cancellation as the event is set.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._period):
                    await self._asked.wait()

    async def close(self) -> None:
        """End it, in the middle of the job if need be."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
