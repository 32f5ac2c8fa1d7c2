"""The asynchronous host: configured connectors, and messages sent through them."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from connector_core.configured import AsyncConfiguredConnector
from connector_core.discovery import discover
from connector_core.errors import (
    ConnectorError,
    DeliveryError,
    HostClosedError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
    UnknownConnectorError,
)
from connector_core.guard import Guard
from connector_core.i18n import gettext as _
from connector_core.messages import MessageMaker, TemplateSource
from connector_core.models import ConnectorType, Receipt
from connector_core.routes import Routes

if TYPE_CHECKING:
    from types import TracebackType

    from connector_core.hostfile.loading import FileChange, FileLoader
    from connector_core.models import Message, Template
    from connector_core.registry import Registry

__all__ = ["AsyncHost"]

_LOG = logging.getLogger("connector_core")


class AsyncHost:
    """Finds connectors, configures them and sends messages through them.

    Use it from one event loop, as an asynchronous context manager or with `aclose`.
    """

    def __init__(
        self, registry: Registry, *, template_source: TemplateSource | None = None
    ) -> None:
        self._registry = registry
        self._messages = MessageMaker(template_source)
        self._routes: Routes[Guard] = Routes()
        self._configured: dict[str, AsyncConfiguredConnector] = {}
        self._file: FileLoader | None = None
        self._retiring: dict[Guard, asyncio.Task[None]] = {}
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    def discover(
        cls, *, strict: bool = False, template_source: TemplateSource | None = None
    ) -> Self:
        """A host with every connector whose plugin is installed.

        Args:
            strict: raise if a plugin fails, instead of recording it in `registry.failures`.
            template_source: called once a message with usage type and locale; gives a template
                that goes before the connector's own, as a Template or a mapping with the keys of
                a config template, or None. A function that is not asynchronous runs in a thread.
                If it raises, the error is logged and the connector's own template serves.

        Raises:
            DiscoveryError: `strict` was asked for and a plugin failed.
        """
        return cls(discover(strict=strict), template_source=template_source)

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        strict: bool = False,
        template_source: TemplateSource | None = None,
    ) -> Self:
        """A host with all that a host file says: configured connectors, routes and templates.

        Args:
            path: the host file, such as `connectors.toml`. Its references to the environment and
                to files are resolved.
            strict: as in `discover`.
            template_source: as in `discover`; it goes before the templates of the file.

        Raises:
            ConfigError: with every problem of the file.
            DiscoveryError: `strict` was asked for and a plugin failed.
        """
        # Not for those who have no host file: it needs a schema library and more.
        from connector_core.hostfile.loading import FileLoader

        host = cls(discover(strict=strict), template_source=template_source)
        host._file = FileLoader(Path(path), host._registry)
        host._take(host._file.load(host._routes))
        return host

    async def reload(self) -> None:
        """Read the host file again and go over to what it says now.

        Connectors whose config is unchanged keep their connections; the others are replaced, and
        messages that are under way through those that go end undisturbed. Handles of `configured`
        go on to lead to the connector of their name.

        Raises:
            ConfigError: with every problem of the file; everything stays as it was.
            RuntimeError: the host was not made by `from_file`.
            HostClosedError: the host is closed.
        """
        self._require_open()
        if self._file is None:
            raise RuntimeError("only a host made by from_file can be reloaded")
        file = self._file
        async with file.lock:  # of two that run at once the later must win
            change = await asyncio.to_thread(file.load, self._routes)
            self._require_open()
            self._take(change)
        _LOG.info("%s was read again", file.path)

    def _take(self, change: FileChange) -> None:
        if self._file is not None:
            self._file.took(change)
        old, self._routes = self._routes, change.routes(self._routes)
        for name, guard in change.guards.items():
            known = self._configured.get(name)
            if known is None:
                self._configured[name] = AsyncConfiguredConnector(self._messages, guard)
            else:
                known._guard = guard  # noqa: SLF001 - of this module
        for name in change.gone:
            self._configured.pop(name, None)
        for name, guard in old.configured.items():
            if self._routes.configured.get(name) is not guard:
                self._retiring[guard] = asyncio.ensure_future(self._retire(guard))

    async def _retire(self, guard: Guard) -> None:
        try:
            await guard.retire()
        finally:
            del self._retiring[guard]

    async def __aenter__(self) -> Self:
        self._require_open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    @property
    def registry(self) -> Registry:
        """Every connector found; its `failures` are the plugins that could not be loaded."""
        return self._registry

    @property
    def configured(self) -> Mapping[str, AsyncConfiguredConnector]:
        """The configured connectors by name, in the order in which they were configured."""
        return dict(self._configured)

    def configure(
        self, connector: str, config: Mapping[str, Any], name: str | None = None
    ) -> AsyncConfiguredConnector:
        """Check a config and make a configured connector of it; nothing is sent or opened.

        Args:
            connector: the connector's id or target.
            config: its config; a deep copy is made. Secrets are given in clear; see
                `resolve_secrets` for references.
            name: a name of your own, unique in this host; the target, numbered if need be,
                without it.

        Raises:
            ConfigError: with every problem of the config.
            UnknownConnectorError: there is no such connector.
            ValueError: the name is taken.
        """
        self._require_open()
        found = self._registry[connector]
        if name is not None and (not name or name in self._routes.configured):
            raise ValueError(f"the name {name!r} is empty or taken; names are unique in a host")
        state = found.configure(config)
        chosen = name or self._routes.unused_name(found.target)
        guard = Guard(chosen, found, state)
        self._routes.add(chosen, guard)
        configured = self._configured[chosen] = AsyncConfiguredConnector(self._messages, guard)
        return configured

    def enable(self, connector: AsyncConfiguredConnector | str, usage_types: Iterable[str]) -> None:
        """Let a configured connector serve these usage types, and no others than it is enabled for.

        The connectors of a usage type are tried in the order in which they were enabled for it;
        those never enabled at all serve every usage type, after the enabled ones.

        Args:
            connector: the configured connector or its name.
            usage_types: the usage types.

        Raises:
            UnknownConnectorError: no configured connector has this name.
            TypeError: `usage_types` is one string and not several.
        """
        self._require_open()
        if isinstance(usage_types, str):
            raise TypeError(f"usage_types must be a list of usage types: [{usage_types!r}]")
        name = connector if isinstance(connector, str) else connector.name
        known = self._routes[name].name
        if not isinstance(connector, str) and connector is not self._configured[known]:
            raise UnknownConnectorError(
                _("{name} of another host").format(name=name), list(self._routes.configured)
            )
        self._routes.enable(name, usage_types)

    async def send_message(
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
        """Send one message through the first connector that serves its usage type.

        Where a connector fails with an error that says `failover`, the next one is tried.

        Args:
            usage_type: why the message is sent; chooses connector and template.
            to: one recipient: an addr-spec (RFC 5322 section 3.4.1) or a telephone number.
            payload: the values the template may show.
            locale: language tag (BCP 47) of the template; goes before `payload["locale"]`.
            timeout: seconds it may take in all. Past it the message is given up:
                TemporaryDeliveryError if it was certainly not sent, else UncertainDeliveryError.
            type: the channel, `Email` or `Sms`.
            ip: the address of the client that asked for the message.
            message_id: an id to keep when the same message is sent again.
            template: what this message says, as a Template or a mapping with the keys of a config
                template; goes before the template source and the connector's own.

        Raises:
            NoConnectorForUsageError: no configured connector serves the usage type.
            MessageError: the data is bad; nothing was written to the network.
            TemplateNotFoundError: there is no template for the usage type.
            DeliveryError: it was not, or not surely, delivered. Where several connectors failed,
                this is the error that leaves the most hope; its notes tell the others.
            HostClosedError: the host is closed.
        """
        if self._closing is not None:
            raise HostClosedError
        message = self._messages.make(
            type=type,
            usage_type=usage_type,
            to=to,
            payload=payload,
            locale=locale,
            timeout=timeout,
            ip=ip,
            message_id=message_id,
            template=template,
        )
        if self._messages.asks and message.template is None:
            message = await self._messages.with_template(message)
            self._require_open()  # it may have been closed meanwhile
        candidates = self._routes.candidates(usage_type, type)
        failures: list[tuple[str, DeliveryError]] = []
        for first in candidates:
            candidate = self._next(first, message) if failures else first
            if candidate is None:
                continue
            try:
                return await candidate.deliver(message)
            except DeliveryError as error:
                failures.append((candidate.name, error))
                if not error.failover or isinstance(error, UncertainDeliveryError):
                    break
                _LOG.warning("%s failed for %r: %s", candidate.name, usage_type, error)
            except ConnectorError as error:
                if not failures:
                    raise
                failures[-1][1].add_note(
                    _("{name} failed after it: {error}").format(name=candidate.name, error=error)
                )
        raise _most_hopeful(failures)

    def _next(self, candidate: Guard, message: Message) -> Guard | None:
        """The next one to try after a failure, as it is now: the file may have been reloaded."""
        if message.deadline is not None and message.deadline <= time.monotonic():
            return None
        return self._routes.configured.get(candidate.name)

    async def aclose(self) -> None:
        """Close every configured connector, in bounded time. Closing twice is harmless."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close(self._routes))
            self._routes = Routes()
            self._configured.clear()
        await asyncio.shield(self._closing)

    async def _close(self, routes: Routes[Guard]) -> None:
        guards = [*routes.configured.values(), *self._retiring]
        await asyncio.gather(*(guard.close() for guard in guards))
        retiring = list(self._retiring.values())
        for task in retiring:
            task.cancel()
        await asyncio.gather(*retiring, return_exceptions=True)

    def _require_open(self) -> None:
        if self._closing is not None:
            raise HostClosedError


def _most_hopeful(failures: list[tuple[str, DeliveryError]]) -> DeliveryError:
    """The error of a connector that may still deliver later, else the last one."""
    chosen = next(
        (error for _, error in failures if isinstance(error, UncertainDeliveryError)),
        next(
            (error for _, error in failures if isinstance(error, TemporaryDeliveryError)),
            failures[-1][1],
        ),
    )
    if len(failures) > 1:
        tried = "; ".join(f"{name}: {error}" for name, error in failures)
        chosen.add_note(_("tried in this order: {tried}").format(tried=tried))
    return chosen
