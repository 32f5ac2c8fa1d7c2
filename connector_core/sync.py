"""The blocking host: the same surface as AsyncHost, for programs without an event loop.

It runs one event loop in a thread of its own, so that connections outlive the calls and any thread
may send.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakSet

from connector_core.configured import AsyncConfiguredConnector
from connector_core.discovery import discover
from connector_core.errors import ConnectorError, HostClosedError, UncertainDeliveryError
from connector_core.host import AsyncHost
from connector_core.i18n import gettext as _
from connector_core.models import ConnectorType, Receipt, Stage, VerifyReport

if TYPE_CHECKING:
    from types import TracebackType

    from connector_core.connector import Connector
    from connector_core.messages import TemplateSource
    from connector_core.models import Template
    from connector_core.registry import Registry

__all__ = ["ConfiguredConnector", "Host", "new_event_loop"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_WAKE = 0.5  # seconds between looks for Ctrl-C
_CANCEL = 1.0  # seconds that a cancelled task has to end


def new_event_loop() -> asyncio.AbstractEventLoop:
    """An event loop of uvloop where it is installed, else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _documented_by(source: Callable[..., Any]) -> Callable[[F], F]:
    def take_over(function: F) -> F:
        function.__doc__ = source.__doc__
        return function

    return take_over


class _LoopThread:
    """An event loop in a thread, and a way to wait for coroutines on it from other threads."""

    def __init__(self) -> None:
        _refuse_inside_a_loop()
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._closing = self._stopped = False
        self._futures: WeakSet[Future[Any]] = WeakSet()
        self._loop = new_event_loop()
        # Of our own, for `close` must not wait for a connector that blocks for ever.
        self._executor = ThreadPoolExecutor(thread_name_prefix="connector_core.Host")
        self._loop.set_default_executor(self._executor)
        # A daemon: a program that forgets to close its host must still be able to end.
        self._thread = threading.Thread(
            target=self._run_loop, name="connector_core.Host", daemon=True
        )
        self._thread.start()

    def _run_loop(self) -> None:
        while not self._stopped:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt):
                # A plugin raised it. Its task has it too, and whoever waits for that is told.
                continue

    def run(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        *,
        cut_off: Callable[[], ConnectorError] = HostClosedError,
    ) -> T:
        """The result of the coroutine that `work` makes; Ctrl-C cancels it.

        Where another thread closes the host before it ends, `cut_off` is raised.
        """
        _refuse_inside_a_loop()
        if self.left_behind:
            raise RuntimeError(
                "this Host was made before the process forked, and its thread stayed behind; "
                "make one in each process"
            )
        with self._lock:  # what is handed over before the loop is stopped is also ended
            if self._closing:
                raise HostClosedError
            future = asyncio.run_coroutine_threadsafe(work(), self._loop)
            self._futures.add(future)
        try:
            return _result(future)
        except CancelledError:
            raise cut_off() from None
        except BaseException:
            future.cancel()
            raise

    def call(self, work: Callable[[], T]) -> T:
        """The result of a function called on the loop's thread."""

        async def once() -> T:
            return work()

        return self.run(once)

    def close(self) -> None:
        """Cancel what still runs, stop the loop and end the thread."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        self._stopped = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for future in list(self._futures):
            future.cancel()  # a task that did not end in time: nobody shall wait for it
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    @property
    def left_behind(self) -> bool:
        """Whether this is a forked process, without the thread."""
        return os.getpid() != self._process


def _result(future: Future[T]) -> T:
    """The future's result. Wakes now and then: Ctrl-C just before the wait does not end it."""
    while not future.done():
        with suppress(TimeoutError):
            return future.result(timeout=_WAKE)
    return future.result()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=_CANCEL)


def _cut_off() -> UncertainDeliveryError:
    return UncertainDeliveryError(
        _("the host was closed before the connector ended"), stage="connector"
    )


def _refuse_inside_a_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "Host blocks, and here an event loop is running that it would stop: use AsyncHost, whose "
        "methods have the same names, or call Host from a thread (asyncio.to_thread)"
    )


class ConfiguredConnector:
    """A connector with one validated config; it owns its connections.

    Attributes:
        name: its name, unique in its host.
    """

    def __init__(self, thread: _LoopThread, inner: AsyncConfiguredConnector) -> None:
        self._thread = thread
        self._inner = inner
        self.name = inner.name

    def __repr__(self) -> str:
        return f"<ConfiguredConnector {self.name} ({self.connector.id})>"

    @property
    def connector(self) -> Connector:
        """The connector behind it."""
        return self._inner.connector

    @property
    def type(self) -> ConnectorType:
        """The channel it sends on, `Email` or `Sms`."""
        return self._inner.type

    @_documented_by(AsyncConfiguredConnector.send_message)
    def send_message(  # noqa: D102
        self,
        usage_type: str,
        *,
        to: str,
        payload: Mapping[str, Any] | None = None,
        locale: str | None = None,
        timeout: float | None = None,
        ip: str | None = None,
        message_id: str | None = None,
        template: Template | Mapping[str, str | None] | None = None,
    ) -> Receipt:
        return self._thread.run(
            lambda: self._inner.send_message(
                usage_type,
                to=to,
                payload=payload,
                locale=locale,
                timeout=timeout,
                ip=ip,
                message_id=message_id,
                template=template,
            ),
            cut_off=_cut_off,
        )

    @_documented_by(AsyncConfiguredConnector.preview)
    def preview(  # noqa: D102
        self,
        usage_type: str,
        *,
        to: str,
        payload: Mapping[str, Any] | None = None,
        locale: str | None = None,
        ip: str | None = None,
        message_id: str | None = None,
        template: Template | Mapping[str, str | None] | None = None,
    ) -> bytes:
        return self._thread.run(
            lambda: self._inner.preview(
                usage_type,
                to=to,
                payload=payload,
                locale=locale,
                ip=ip,
                message_id=message_id,
                template=template,
            )
        )

    @_documented_by(AsyncConfiguredConnector.verify)
    def verify(  # noqa: D102
        self, on_stage: Callable[[Stage], None] | None = None
    ) -> VerifyReport:
        return self._thread.run(lambda: self._inner.verify(on_stage))


class Host:
    """Finds connectors, configures them and sends messages through them; every call blocks.

    Use it as a context manager or with `close`. Any number of threads may share one.
    """

    def __init__(
        self, registry: Registry, *, template_source: TemplateSource | None = None
    ) -> None:
        self._thread = _LoopThread()
        self._inner = AsyncHost(registry, template_source=template_source)
        self._configured: dict[str, ConfiguredConnector] = {}

    @classmethod
    @_documented_by(AsyncHost.discover)
    def discover(  # noqa: D102
        cls, *, strict: bool = False, template_source: TemplateSource | None = None
    ) -> Self:
        return cls(discover(strict=strict), template_source=template_source)

    @classmethod
    @_documented_by(AsyncHost.from_file)
    def from_file(  # noqa: D102
        cls,
        path: str | os.PathLike[str],
        *,
        strict: bool = False,
        template_source: TemplateSource | None = None,
    ) -> Self:
        inner = AsyncHost.from_file(path, strict=strict, template_source=template_source)
        host = cls(inner.registry)
        host._inner = inner
        host._follow()
        return host

    @_documented_by(AsyncHost.reload)
    def reload(self) -> None:  # noqa: D102
        self._thread.run(self._inner.reload)
        self._follow()

    def _follow(self) -> None:
        """Have a handle for each configured connector; those there were stay the same."""
        self._configured = {
            name: self._configured.get(name) or ConfiguredConnector(self._thread, inner)
            for name, inner in self._inner.configured.items()
        }

    def __enter__(self) -> Self:
        self._thread.call(lambda: None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def registry(self) -> Registry:
        """Every connector found; its `failures` are the plugins that could not be loaded."""
        return self._inner.registry

    @property
    def configured(self) -> Mapping[str, ConfiguredConnector]:
        """The configured connectors by name, in the order in which they were configured."""
        return dict(self._configured)

    @_documented_by(AsyncHost.configure)
    def configure(  # noqa: D102
        self, connector: str, config: Mapping[str, Any], name: str | None = None
    ) -> ConfiguredConnector:
        inner = self._thread.call(lambda: self._inner.configure(connector, config, name))
        configured = self._configured[inner.name] = ConfiguredConnector(self._thread, inner)
        return configured

    @_documented_by(AsyncHost.enable)
    def enable(  # noqa: D102
        self, connector: ConfiguredConnector | str, usage_types: Iterable[str]
    ) -> None:
        inner = connector if isinstance(connector, str) else connector._inner  # noqa: SLF001
        self._thread.call(lambda: self._inner.enable(inner, usage_types))

    @_documented_by(AsyncHost.send_message)
    def send_message(  # noqa: D102
        self,
        usage_type: str,
        *,
        to: str,
        payload: Mapping[str, Any] | None = None,
        locale: str | None = None,
        timeout: float | None = None,
        type: ConnectorType = "Email",
        ip: str | None = None,
        message_id: str | None = None,
        template: Template | Mapping[str, str | None] | None = None,
    ) -> Receipt:
        return self._thread.run(
            lambda: self._inner.send_message(
                usage_type,
                to=to,
                payload=payload,
                locale=locale,
                timeout=timeout,
                type=type,
                ip=ip,
                message_id=message_id,
                template=template,
            ),
            cut_off=_cut_off,
        )

    @_documented_by(AsyncHost.aclose)
    def close(self) -> None:  # noqa: D102
        if self._thread.left_behind:
            return
        try:
            self._thread.run(self._inner.aclose)
        except HostClosedError:
            return
        self._configured.clear()
        self._thread.close()
