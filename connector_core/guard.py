"""A connector at work: its hooks with one state, held to the contract."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from connector_core.errors import (
    ConnectorError,
    DeliveryError,
    HostClosedError,
    UncertainDeliveryError,
)
from connector_core.i18n import gettext as _
from connector_core.i18n import mark
from connector_core.models import Receipt, Stage, VerifyReport
from connector_core.threads import off_the_loop

if TYPE_CHECKING:
    from pluggy import HookCaller, HookImpl

    from connector_core.connector import Connector
    from connector_core.models import ConnectorType, Message

__all__ = ["Guard"]

E = TypeVar("E", bound=Exception)

_LOG = logging.getLogger("connector_core")
_GRACE = 1.0  # seconds that a connector has to notice a deadline by itself and say more exactly
_ASK = mark("the message may have been delivered: ask before you send again")
_CLOSE = 15.0  # seconds that a connector has to close
_RETIRE = 60.0  # seconds that messages under way have before it closes


class Guard:
    """Calls the hooks of a connector that has a state, whatever they do.

    Coroutine functions run on the event loop, other functions in a thread. What a hook raises or
    returns against the contract becomes an error of this package, without the text of a stranger's
    exception: it may hold a secret.

    Attributes:
        name: the configured connector's name.
        connector: the connector.
    """

    def __init__(self, name: str, connector: Connector, state: Any) -> None:
        self.name = name
        self.connector = connector
        self._closed = False
        self._under_way = 0
        self._rested: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._send = _bound(connector.hook.send_message, state, "message")
        self._verify = _bound(connector.hook.verify, state, "on_stage")
        self._close = _bound(connector.hook.close, state)
        preview = next(iter(connector.hook.preview.get_hookimpls()), None)
        self._preview = _with_state(preview, state, ("message",)) if preview else None

    @property
    def type(self) -> ConnectorType:
        """The channel it sends on."""
        return self.connector.metadata.type

    async def deliver(self, message: Message) -> Receipt:
        """Hand a message to the connector.

        Raises:
            ConnectorError: what the connector raised; whatever else it raised or returned becomes
                UncertainDeliveryError.
            HostClosedError: it was closed.
        """
        if self._closed or asyncio.get_running_loop() is not self._loop:
            self._require_open()
        self._under_way += 1
        timer: asyncio.Timeout | None = None
        broke: BaseException | None = None
        try:
            if message.deadline is None:
                receipt = await self._send(message)
            else:
                left = message.deadline - time.monotonic()
                async with asyncio.timeout(left + _GRACE) as timer:
                    receipt = await self._send(message)
        except ConnectorError:
            raise
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            broke = error
        finally:
            self._under_way -= 1
            if self._rested is not None and not self._under_way:
                self._rested.set()
        # Raised out here, so that it does not carry the stranger's error as its context.
        if broke is not None and timer is not None and timer.expired():
            reason = _("{connector} did not end within the time allowed").format(
                connector=self.connector.id
            )
            raise UncertainDeliveryError(reason, stage="connector", hint=_(_ASK))
        if broke is not None:
            raise _without_text(self._uncertain(self._broke(broke)), broke)
        if not isinstance(receipt, Receipt):
            raise self._uncertain(self._returned(receipt, "Receipt"))
        return receipt

    async def preview(self, message: Message) -> bytes:
        """Let the connector compose a message that is not sent.

        Raises:
            ConnectorError: what the connector raised; or it cannot, or broke while doing so.
            HostClosedError: it was closed.
        """
        self._require_open()
        if self._preview is None:
            told = _("{connector} has no preview of its messages")
            raise ConnectorError(told.format(connector=self.connector.id))
        broke: BaseException | None = None
        content = None
        try:
            content = self._preview(message)  # no I/O: it need not leave the loop
        except ConnectorError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is told in words of our own
            broke = error
        if broke is not None:
            raise _without_text(ConnectorError(self._broke(broke)), broke)
        if not isinstance(content, bytes):
            raise ConnectorError(self._returned(content, _("bytes object")))
        return content

    async def verify(self, on_stage: Callable[[Stage], None]) -> VerifyReport:
        """Let the connector try its connection.

        Raises:
            ConnectorError: it cannot, or broke while doing so.
            HostClosedError: it was closed.
        """
        self._require_open()
        broke: BaseException | None = None
        report = None
        try:
            report = await self._verify(_on_this_thread(on_stage))
        except DeliveryError as error:
            stage = Stage(name=error.stage, ok=False, seconds=0.0, error=error)
            return VerifyReport((stage,))
        except ConnectorError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is told in words of our own
            broke = error
        if broke is not None:
            raise _without_text(ConnectorError(self._broke(broke)), broke)
        if report is None:
            raise ConnectorError(
                _("{connector} cannot verify its connection; send a test message instead").format(
                    connector=self.connector.id
                )
            )
        if not isinstance(report, VerifyReport):
            raise ConnectorError(self._returned(report, "VerifyReport"))
        return report

    async def retire(self) -> None:
        """Close once no message is under way, or after a minute; never raises.

        It is for a connector to which no route leads any longer. Messages that reach it all the
        same are delivered until it closes.
        """
        if self._rested is None:
            self._rested = asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(_RETIRE):
                while self._under_way:
                    self._rested.clear()
                    await self._rested.wait()
        await self.close()

    async def close(self) -> None:
        """Let the connector give back what it holds, once, in bounded time; never raises."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(_CLOSE):
                await self._close()
        # A plugin may raise anything, and the others must close.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            _LOG.warning("%s did not close cleanly: %s", self.name, type(error).__name__)

    def _require_open(self) -> None:
        if self._closed:
            raise HostClosedError
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            raise RuntimeError(
                "an AsyncHost belongs to one event loop; make one in each, or use Host"
            )

    def _uncertain(self, reason: str) -> UncertainDeliveryError:
        connector = self.connector
        hint = _("report it to the author of {distribution} {version}").format(
            distribution=connector.distribution, version=connector.version
        )
        return UncertainDeliveryError(reason, stage="connector", operator=True, hint=hint)

    def _returned(self, value: object, wanted: str) -> str:
        return _("{connector} returned {type} in place of a {wanted}").format(
            connector=self.connector.id, type=type(value).__name__, wanted=wanted
        )

    def _broke(self, error: BaseException) -> str:
        return _("{connector} broke with {error}").format(
            connector=self.connector.id, error=type(error).__name__
        )


def _bound(hook: HookCaller, state: Any, *others: str) -> Callable[..., Awaitable[Any]]:
    """The one implementation of a hook, to be awaited; it gives None where there is none.

    pluggy, which looks for it at each call, is asked once. What is no coroutine function runs in a
    thread.

    Args:
        hook: the hook.
        state: what is handed to it first.
        others: the names of its other arguments, in the order in which they are given.
    """
    implementation = next(iter(hook.get_hookimpls()), None)
    if implementation is None:
        return _nothing
    call = _with_state(implementation, state, others)
    if inspect.iscoroutinefunction(implementation.function):
        return call

    async def in_a_thread(*given: Any) -> Any:
        result = await off_the_loop(lambda: call(*given))
        return await result if inspect.isawaitable(result) else result

    return in_a_thread


def _with_state(
    implementation: HookImpl, state: Any, others: tuple[str, ...]
) -> Callable[..., Any]:
    """A function that takes the other arguments; like pluggy it passes on those that are wanted."""
    function, wanted = implementation.function, implementation.argnames
    if wanted == ("state", *others):
        return partial(function, state)

    def call(*given: Any) -> Any:
        arguments = {"state": state, **dict(zip(others, given, strict=True))}
        return function(*map(arguments.__getitem__, wanted))

    return call


async def _nothing(*_given: Any) -> None:
    """What a hook gives that is not implemented."""


def _on_this_thread(on_stage: Callable[[Stage], None]) -> Callable[[Stage], None]:
    """The callback for a hook that may run in a thread: it is called on the event loop's."""
    loop, here = asyncio.get_running_loop(), threading.get_ident()

    def tell(stage: Stage) -> None:
        try:
            on_stage(stage)
        except Exception:  # noqa: BLE001 - the caller's own; the verification goes on
            _LOG.exception("on_stage failed at the stage %s", stage.name)

    def from_any_thread(stage: Stage) -> None:
        if threading.get_ident() == here:
            tell(stage)
        else:
            loop.call_soon_threadsafe(tell, stage)

    return from_any_thread


def _is_cancelled() -> bool:
    """Whether somebody cancelled this task; a connector may also raise CancelledError by itself."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _without_text(told: E, cause: BaseException) -> E:
    """Tell where it happened, for the author; the cause's own text may hold a secret."""
    told.add_note("".join(traceback.format_tb(cause.__traceback__)).rstrip())
    return told
