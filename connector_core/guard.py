"""A connector at work: its hooks with one state, held to the contract."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
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
    from pluggy import HookImpl

    from connector_core.connector import Connector
    from connector_core.models import ConnectorType, Message

__all__ = ["Guard"]

E = TypeVar("E", bound=Exception)

_LOG = logging.getLogger("connector_core")
_GRACE = 1.0  # seconds that a connector has to notice a deadline by itself and say more exactly
_ASK = mark("the message may have been delivered: ask before you send again")
_HOOKS = ("send_message", "verify", "close")  # those that take a state
_CLOSE = 15.0  # seconds that a connector has to close


class _Hook:
    """The one implementation of a hook, called as pluggy does, which looks for it at each call.

    Attributes:
        asynchronous: whether it is a coroutine function; others must not block the event loop.
    """

    __slots__ = ("_function", "_names", "asynchronous")

    def __init__(self, implementation: HookImpl) -> None:
        self._function = implementation.function
        self._names = implementation.argnames
        self.asynchronous = inspect.iscoroutinefunction(self._function)

    def __call__(self, **given: Any) -> Any:
        """What it returns, given those of the arguments that it takes."""
        return self._function(*map(given.__getitem__, self._names))


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
        self._state = state
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hooks = {
            name: _Hook(implementation)
            for name in _HOOKS
            for implementation in getattr(connector.hook, name).get_hookimpls()
        }

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
        self._require_open()
        timer: asyncio.Timeout | None = None
        broke: BaseException | None = None
        try:
            if message.deadline is None:
                receipt = await self._call("send_message", message=message)
            else:
                left = message.deadline - time.monotonic()
                async with asyncio.timeout(left + _GRACE) as timer:
                    receipt = await self._call("send_message", message=message)
        except ConnectorError:
            raise
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            broke = error
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
            report = await self._call("verify", on_stage=_on_this_thread(on_stage))
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

    async def close(self) -> None:
        """Let the connector give back what it holds, once, in bounded time; never raises."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(_CLOSE):
                await self._call("close")
        # A plugin may raise anything, and the others must close.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            _LOG.warning("%s did not close cleanly: %s", self.name, type(error).__name__)

    def _call(self, name: str, **arguments: Any) -> Awaitable[Any]:
        """What a hook gives; None where it is not implemented."""
        hook = self._hooks.get(name)
        if hook is not None and hook.asynchronous:
            called: Awaitable[Any] = hook(state=self._state, **arguments)
            return called
        return self._call_off_the_loop(hook, arguments)

    async def _call_off_the_loop(self, hook: _Hook | None, arguments: Mapping[str, Any]) -> Any:
        if hook is None:
            return None
        result = await off_the_loop(lambda: hook(state=self._state, **arguments))
        return await result if inspect.isawaitable(result) else result

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
