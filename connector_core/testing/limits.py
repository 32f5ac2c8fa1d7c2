"""Checks of messages that come to no end: cancelled, out of time, or cut off by a close."""

from __future__ import annotations

import asyncio
from typing import Any

from connector_core.errors import (
    ConnectorError,
    DeliveryError,
    PermanentDeliveryError,
)
from connector_core.guard import Guard
from connector_core.testing import hooks
from connector_core.testing.checks import Checks, check
from connector_core.testing.sending import is_broken, require_receipt, sent
from connector_core.testing.verdicts import BreachError

__all__ = ["LimitChecks"]

_UNDER_WAY = 0.2  # seconds after which a message to a peer that never answers is at its mercy
_AT_ONCE = 5.0  # seconds within which a task that was cancelled must have ended
_DEADLINE = 0.3  # seconds
_TURNS = 24  # turns of the event loop after which a message is cancelled


class LimitChecks(Checks):
    """What becomes of a message that nobody waits for any longer."""

    @check
    async def test_cancellation(self) -> None:
        """A send that is cancelled ends at once with CancelledError, and the state can be closed.

        A caller that gives up, a server that shuts down: both cancel. Clean up in `finally`, and
        let CancelledError pass.
        """
        async with self.subject.stalling() as config:
            state = hooks.state_of(self.subject, config)
            sending = await self._under_way(state)
            sending.cancel()
            await asyncio.wait({sending}, timeout=_AT_ONCE)
            if not sending.done():
                raise BreachError(f"a cancelled send did not end within {_AT_ONCE:g} seconds")
            if not sending.cancelled():
                raise BreachError(
                    "a cancelled send did not end with CancelledError",
                    "do not catch CancelledError, or raise it again",
                )
            await hooks.close(self.subject, state)

    @check
    async def test_works_after_cancellation(self) -> None:
        """Messages that are cancelled, early or late, leave the state fit for the next one."""
        async with self.subject.serving_host() as connector:
            await sent(self.subject, connector)
            for turns in range(_TURNS):
                task = asyncio.ensure_future(connector.send_message(**self.subject.sending))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait({task}, timeout=_AT_ONCE)
            last = f"after.{_TURNS}"
            work = connector.send_message(**self.subject.sending, message_id=last)
            task = await hooks.ended(work, hooks.CLOSE_SECONDS, "a send after cancelled ones")
            if isinstance(error := task.exception(), ConnectorError):
                raise BreachError(
                    f"after cancelled messages a message fails: {error}",
                    "give connections and locks back in `finally`; a connection that was cut "
                    "off in a message is closed and not used again",
                )
            require_receipt(self.subject, task.result(), last)

    @check
    async def test_deadline(self) -> None:
        """A message past its `deadline` is given up by the connector itself, with what it knows.

        Certainly not sent: TemporaryDeliveryError; all written and no answer:
        UncertainDeliveryError. A connector that does not look at `message.deadline` is cut off by
        the host a second later, and nobody knows more.
        """
        async with self.subject.stalling() as config, self.subject.host(config) as connector:
            try:
                await connector.send_message(**self.subject.sending, timeout=_DEADLINE)
            except DeliveryError as error:
                failed: DeliveryError = error
            else:
                raise BreachError("a message is taken by a peer that never answers")
        if is_broken(failed):
            raise BreachError(
                f"the connector gave no answer of its own: {failed.reason}",
                "wait for the peer no longer than message.deadline, in time.monotonic(): "
                "asyncio.timeout_at, or a time-out of the socket",
            )
        if isinstance(failed, PermanentDeliveryError):
            raise BreachError("a message that was too late fails with PermanentDeliveryError")

    @check
    async def test_close_while_sending(self) -> None:
        """`close` ends, in bounded time and without an error, while a message is under way.

        What becomes of that message is the connector's to say; it can be cancelled as before.
        """
        async with self.subject.stalling() as config:
            state = hooks.state_of(self.subject, config)
            sending = await self._under_way(state)
            try:
                await hooks.close(self.subject, state)
            finally:
                sending.cancel()
                await asyncio.wait({sending}, timeout=_AT_ONCE)
            if not sending.done():
                raise BreachError("after close, a message under way can no longer be cancelled")
            if sending.cancelled():
                return
            error = sending.exception()
            if not isinstance(error, ConnectorError) or is_broken(error):
                raise BreachError(
                    f"close leaves a message under way with {type(error).__name__}",
                    "raise TemporaryDeliveryError, or UncertainDeliveryError once all was written",
                )

    async def _under_way(self, state: Any) -> asyncio.Task[Any]:
        """A message that is on its way to a peer that never answers."""
        guard = Guard("conformance", self.subject.connector, state)
        sending = asyncio.ensure_future(guard.deliver(self.subject.message()))
        await asyncio.wait({sending}, timeout=_UNDER_WAY)
        if sending.done():
            came = sending.exception() or "a receipt"
            raise BreachError(
                f"a message to a peer that never answers ended at once with {came!r}",
                "is `stalled`, or what `peer` changes, what the connector connects to?",
            )
        return sending
