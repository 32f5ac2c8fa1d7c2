"""Messages and states that come to no end, or to a wrong one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from connector_core import (
    Message,
    PermanentDeliveryError,
    Receipt,
    TemporaryDeliveryError,
    hookimpl,
)
from tests.testing.broken.registry import breaks
from tests.testing.broken.sent import with_state
from tests.testing.good import Good, Relay

KEPT: list[Any] = []  # what was left open, for the test to close
_TASKS: list[asyncio.Task[Any]] = []
_CAPACITY = 8
_FEW = 3


class _Swallows(Relay):
    async def send(self, message: Message) -> Receipt:
        try:
            return await super().send(message)
        except asyncio.CancelledError:
            raise TemporaryDeliveryError("cancelled", stage="answer") from None


breaks("test_cancellation")(with_state(_Swallows))


class _KeepsItsPlace(Relay):
    """Has few places, and does not get back that of a message that is cancelled."""

    lost = 0

    async def send(self, message: Message) -> Receipt:
        if self.lost >= _FEW:
            raise TemporaryDeliveryError("full", stage="connect", hint="Wait.")
        try:
            return await super().send(message)
        except asyncio.CancelledError:
            self.lost += 1
            raise


breaks("test_works_after_cancellation")(with_state(_KeepsItsPlace))


class _Patient(Relay):
    def until(self, message: Message) -> None:
        return None


breaks("test_deadline")(with_state(_Patient))


class _TooSure(Relay):
    def late(self, written: bool) -> Any:
        return PermanentDeliveryError("too late", stage="answer", hint="Be quicker.")


breaks("test_deadline")(with_state(_TooSure))


class _Counting(Relay):
    """Counts the messages that are under way, and those that were sent."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.under_way = self.sent = 0

    async def send(self, message: Message) -> Receipt:
        self.under_way += 1
        try:
            sent = await super().send(message)
        except TemporaryDeliveryError:
            self.under_way -= 1
            raise
        self.under_way -= 1
        self.sent += 1
        return sent


class _ClosesAtRest(Relay):
    busy = False

    async def send(self, message: Message) -> Receipt:
        self.busy = True
        try:
            return await super().send(message)
        finally:
            self.busy = False

    async def close(self) -> None:
        if self.busy:
            raise RuntimeError("busy")


breaks("test_close_while_sending")(with_state(_ClosesAtRest))


class _CutsOff(Relay):
    """Leaves the message that is under way with an error of its own."""

    task: asyncio.Task[Any] | None = None
    closed = False

    async def send(self, message: Message) -> Receipt:
        self.task = asyncio.current_task()
        try:
            return await super().send(message)
        except asyncio.CancelledError:
            if self.closed:
                raise KeyError("connection") from None
            raise

    async def close(self) -> None:
        self.closed = True


breaks("test_close_while_sending")(with_state(_CutsOff))


class _ClosesOnce(_Counting):
    async def close(self) -> None:
        if self.sent:
            raise AttributeError("writer")


breaks("test_close")(with_state(_ClosesOnce))


class _LeavesTask(Relay):
    async def close(self) -> None:
        _TASKS.append(asyncio.ensure_future(asyncio.Event().wait()))


class _LeavesThread(Relay):
    async def close(self) -> None:
        threading.Thread(target=threading.Event().wait, args=(4,), daemon=True).start()


class _LeavesSocket(Relay):
    async def close(self) -> None:
        KEPT.append(socket.socket())


class _LeavesFile(Relay):
    async def close(self) -> None:
        KEPT.append(Path(__file__).open())  # noqa: ASYNC230, SIM115 - that is the point


class _Forgets(Relay):
    async def close(self) -> None:
        socket.socket()


for _state in (_LeavesTask, _LeavesThread, _LeavesSocket, _LeavesFile, _Forgets):
    breaks("test_nothing_is_left")(with_state(_state))


@breaks("test_side_by_side")
class OneForAll(Good):
    """What belongs to a state is the plugin's."""

    closed = False

    @hookimpl
    def configure(self, config: Any) -> Relay:
        self.closed = False
        return Relay(config)

    @hookimpl
    async def send_message(self, state: Relay, message: Message) -> Receipt:
        if self.closed:
            raise TemporaryDeliveryError("closed", stage="connect", hint="None.")
        return await state.send(message)

    @hookimpl
    async def close(self, state: Relay) -> None:
        self.closed = True


class _Small(Relay):
    """Has room for so many messages at once, and turns others away."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.room = asyncio.Semaphore(_CAPACITY)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        if self.room.locked():
            raise TemporaryDeliveryError("full", stage="connect", hint="Wait.")
        async with self.room, super().connection() as both:
            yield both


breaks("test_many_at_once")(with_state(_Small))


@breaks("test_threads")
class MainThreadOnly(Good):
    @hookimpl
    async def send_message(self, state: Relay, message: Message) -> Receipt:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("not here")
        return await state.send(message)
