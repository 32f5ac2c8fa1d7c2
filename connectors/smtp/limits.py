"""Limits of a pool: how fast it sends, and how often it tries credentials."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from connector_core import PermanentDeliveryError, TemporaryDeliveryError
from connectors.smtp.i18n import _
from connectors.smtp.pause import Pause

__all__ = ["LoginGate", "Pace"]


class Pace:
    """Spaces messages out evenly, so that a rate limit is kept without bursts.

    Attributes:
        limits: whether there is anything to wait for.
    """

    def __init__(self, limit: int, span: float) -> None:
        self._step = span / limit if limit else 0.0
        self.limits = self._step > 0
        self._next = 0.0
        self._waiting = 0
        self._turn = asyncio.Lock()

    async def wait(self, deadline: float | None) -> None:
        """Wait for this message's turn; one that is called off leaves its turn to the next.

        Raises:
            TemporaryDeliveryError: it would not come before the deadline.
        """
        turn = max(self._next, time.monotonic()) + self._waiting * self._step
        if deadline is not None and turn >= deadline:
            raise TemporaryDeliveryError(
                _("rateLimit leaves no room for this message until the time is up"),
                stage="pool",
                failover=True,
            )
        self._waiting += 1
        try:
            async with self._turn:
                await asyncio.sleep(max(self._next - time.monotonic(), 0))
                self._next = max(self._next, time.monotonic()) + self._step
        finally:
            self._waiting -= 1


class LoginGate:
    """Keeps wrong credentials from being tried again and again, which locks accounts."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._pause = Pause()

    def require_open(self) -> None:
        """Refuse to log in while the pause after a refusal lasts.

        Raises:
            PermanentDeliveryError: it lasts.
        """
        left, refusal = self._pause.left(time.monotonic()), self._pause.refusal
        if not left or refusal is None:
            return
        said = refusal.response or refusal.reason
        raise PermanentDeliveryError(
            _(
                "the server refused these credentials: {said}; not tried again for {seconds} s"
            ).format(said=said, seconds=math.ceil(left)),
            stage="auth",
            code=refusal.code,
            enhanced_code=refusal.enhanced_code,
            response=refusal.response,
            command="AUTH",
            hint=refusal.hint,
            failover=True,
            operator=True,
        )

    @asynccontextmanager
    async def turn(self, deadline: float | None, *, patient: bool) -> AsyncIterator[None]:
        """What to hold while logging in: one at a time, for a password may have changed.

        Raises:
            DeliveryError: the pause after a refusal lasts, or the time was up before the turn came.
        """
        timeout = None if deadline is None else max(deadline - time.monotonic(), 0)
        try:
            async with asyncio.timeout(timeout):
                await self._lock.acquire()
        except TimeoutError:
            raise TemporaryDeliveryError(
                _("another log-in with these credentials was under way until the time was up"),
                stage="auth",
                failover=True,
            ) from None
        try:
            if patient:
                self.require_open()
            with self._counted():
                yield
        finally:
            self._lock.release()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """One log-in: what comes of it begins or ends the pause."""
        try:
            yield
        except PermanentDeliveryError as error:
            if error.code is not None:
                self._pause.begin(error, time.monotonic())
            raise
        self._pause.end()
