"""The asynchronous host: configured connectors, and messages sent through them."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import secrets
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Self, TypeVar, get_args

from connector_core.connector import off_the_loop
from connector_core.discovery import discover
from connector_core.errors import (
    ConnectorError,
    DeliveryError,
    HostClosedError,
    MessageError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
    UnknownConnectorError,
)
from connector_core.models import Channel, Message, Receipt, Stage, VerifyReport
from connector_core.routes import Routes
from connector_core.templates import template_from

if TYPE_CHECKING:
    from types import TracebackType

    from connector_core.connector import Connector
    from connector_core.models import Template
    from connector_core.registry import Registry

__all__ = ["AsyncHost", "ConfiguredConnector", "TemplateSource"]

E = TypeVar("E", bound=Exception)

TemplateSource = Callable[[str, str | None], "Awaitable[object] | object"]

_LOG = logging.getLogger("connector_core")
_GRACE = 0.25  # seconds that a connector has to notice a deadline by itself and say more exactly
_CLOSE = 15.0  # seconds that a connector has to close
_MESSAGE_ID = re.compile(r"[!-~]{1,900}")


class ConfiguredConnector:
    """A connector with one validated config; it owns its connections.

    Attributes:
        name: its name, unique in its host.
        connector: the connector behind it.
    """

    def __init__(self, host: AsyncHost, name: str, connector: Connector, state: Any) -> None:
        self._host = host
        self._state = state
        self._closed = False
        self.name = name
        self.connector = connector

    def __repr__(self) -> str:
        return f"<ConfiguredConnector {self.name} ({self.connector.id})>"

    @property
    def channel(self) -> Channel:
        """The channel it sends on, `Email` or `Sms`."""
        return self.connector.metadata.type

    async def send_message(
        self,
        usage_type: str,
        *,
        to: str,
        payload: Mapping[str, Any] | None = None,
        locale: str | None = None,
        timeout: float | None = None,
        ip: str | None = None,
        message_id: str | None = None,
    ) -> Receipt:
        """Send one message through this connector, whatever the routes say.

        Args:
            usage_type: why the message is sent; chooses the template.
            to: one recipient: an addr-spec (RFC 5322 section 3.4.1) or a telephone number.
            payload: the values the template may show.
            locale: language tag (BCP 47) of the template; goes before `payload["locale"]`.
            timeout: seconds it may take in all.
            ip: the address of the client that asked for the message.
            message_id: an id to keep when the same message is sent again.

        Raises:
            MessageError: the data is bad; nothing was written to the network.
            TemplateNotFoundError: there is no template for the usage type.
            DeliveryError: it was not, or not surely, delivered; see its subclasses.
            HostClosedError: the host is closed.
        """
        message = await self._host.compose(
            self.channel, usage_type, to, payload, locale, timeout, ip, message_id
        )
        return await self.deliver(message)

    async def verify(self, on_stage: Callable[[Stage], None] | None = None) -> VerifyReport:
        """Try the connection as far as authentication, without a message, stage by stage.

        Args:
            on_stage: called with each stage as it ends, from the event loop.

        Raises:
            ConnectorError: the connector cannot verify itself, or broke while doing so.
        """
        self._host.require_open()
        try:
            report = await self.connector.verify(self._state, on_stage or (lambda _stage: None))
        except DeliveryError as error:
            stage = Stage(name=error.stage, ok=False, seconds=0.0, error=error)
            return VerifyReport((stage,))
        except ConnectorError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is told in words of our own
            raise _without_text(ConnectorError(self._broke(error)), error) from None
        if report is None:
            raise ConnectorError(
                f"{self.connector.id} cannot verify its connection; send a test message instead"
            )
        if not isinstance(report, VerifyReport):
            raise ConnectorError(self._returned(report, "VerifyReport"))
        return report

    async def deliver(self, message: Message) -> Receipt:
        """Hand a message to the connector and hold it to the contract.

        Raises:
            ConnectorError: what the connector raised; whatever else it raised or returned becomes
                UncertainDeliveryError.
        """
        timer = (
            nullcontext()
            if message.deadline is None
            else asyncio.timeout(message.deadline - time.monotonic() + _GRACE)
        )
        try:
            async with timer:
                receipt = await self.connector.send_message(self._state, message)
        except ConnectorError:
            raise
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            if isinstance(timer, asyncio.Timeout) and timer.expired():
                reason = f"{self.connector.id} did not end within the time allowed"
                raise UncertainDeliveryError(reason, stage="connector") from None
            raise _without_text(self._uncertain(self._broke(error)), error) from None
        if not isinstance(receipt, Receipt):
            raise self._uncertain(self._returned(receipt, "Receipt"))
        return receipt

    async def close(self) -> None:
        """Let the connector give back what it holds, once, in bounded time; never raises."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(_CLOSE):
                await self.connector.close(self._state)
        # A plugin may raise anything, and the others must close.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            _LOG.warning("%s did not close cleanly: %s", self.name, type(error).__name__)

    def _uncertain(self, reason: str) -> UncertainDeliveryError:
        return UncertainDeliveryError(reason, stage="connector", operator=True, hint=self._report)

    def _returned(self, value: object, wanted: str) -> str:
        return f"{self.connector.id} returned {type(value).__name__} in place of a {wanted}"

    def _broke(self, error: BaseException) -> str:
        # Only the kind of error: the text of an unknown one may hold a secret.
        return f"{self.connector.id} broke with {type(error).__name__}"

    @property
    def _report(self) -> str:
        return f"report it to the author of {self.connector.distribution} {self.connector.version}"


class AsyncHost:
    """Finds connectors, configures them and sends messages through them.

    Use it from one event loop, as an asynchronous context manager or with `aclose`.
    """

    def __init__(
        self, registry: Registry, *, template_source: TemplateSource | None = None
    ) -> None:
        self._registry = registry
        self._template_source = template_source
        self._routes: Routes[ConfiguredConnector] = Routes()
        self._closed = False

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

    async def __aenter__(self) -> Self:
        self.require_open()
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
    def configured(self) -> Mapping[str, ConfiguredConnector]:
        """The configured connectors by name, in the order in which they were configured."""
        return dict(self._routes.configured)

    def configure(
        self, connector: str, config: Mapping[str, Any], name: str | None = None
    ) -> ConfiguredConnector:
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
        self.require_open()
        found = self._registry[connector]
        if name is not None and (not name or name in self._routes.configured):
            raise ValueError(f"the name {name!r} is empty or taken; names are unique in a host")
        state = found.configure(config)
        chosen = name or self._routes.unused_name(found.target)
        configured = ConfiguredConnector(self, chosen, found, state)
        self._routes.configured[chosen] = configured
        return configured

    def enable(self, connector: ConfiguredConnector | str, usage_types: Iterable[str]) -> None:
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
        self.require_open()
        if isinstance(usage_types, str):
            raise TypeError(f"usage_types must be a list of usage types: [{usage_types!r}]")
        name = connector if isinstance(connector, str) else connector.name
        configured = self._routes[name]
        if not isinstance(connector, str) and connector is not configured:
            raise UnknownConnectorError(f"{name} of another host", list(self._routes.configured))
        self._routes.enable(name, usage_types)

    async def send_message(
        self,
        usage_type: str,
        *,
        to: str,
        payload: Mapping[str, Any] | None = None,
        locale: str | None = None,
        timeout: float | None = None,
        type: Channel = "Email",  # noqa: A002 - the contract's word
        ip: str | None = None,
        message_id: str | None = None,
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

        Raises:
            NoConnectorForUsageError: no configured connector serves the usage type.
            MessageError: the data is bad; nothing was written to the network.
            TemplateNotFoundError: there is no template for the usage type.
            DeliveryError: it was not, or not surely, delivered. Where several connectors failed,
                this is the error that leaves the most hope; its notes tell the others.
            HostClosedError: the host is closed.
        """
        message = await self.compose(type, usage_type, to, payload, locale, timeout, ip, message_id)
        self.require_open()
        candidates = self._routes.candidates(usage_type, type)
        failures: list[tuple[str, DeliveryError]] = []
        for candidate in candidates:
            if failures and message.deadline is not None and message.deadline <= time.monotonic():
                break
            try:
                return await candidate.deliver(message)
            except DeliveryError as error:
                failures.append((candidate.name, error))
                if not error.failover:
                    break
        raise _most_hopeful(failures)

    async def aclose(self) -> None:
        """Close every configured connector, in bounded time. Closing twice is harmless."""
        self._closed = True
        connectors = list(self._routes.configured.values())
        self._routes = Routes()
        await asyncio.gather(*(connector.close() for connector in connectors))

    def require_open(self) -> None:
        """Raise HostClosedError if the host is closed."""
        if self._closed:
            raise HostClosedError

    async def compose(
        self,
        channel: Channel,
        usage_type: str,
        to: str,
        payload: Mapping[str, Any] | None,
        locale: str | None,
        timeout: float | None,
        ip: str | None,
        message_id: str | None,
    ) -> Message:
        """Check the caller's data and make the message that a connector is handed.

        Raises:
            MessageError: it cannot become a message; the error names the argument.
            TemporaryDeliveryError: the template source took all the time there was.
            HostClosedError: the host is closed.
        """
        self.require_open()
        payload = {} if payload is None else payload
        if not isinstance(payload, Mapping):
            raise MessageError("payload", "must be a mapping of names to values")
        if locale is None and isinstance(payload.get("locale"), str):
            locale = payload["locale"]
        _check_message(channel, usage_type, to, locale, timeout, message_id)
        deadline = None if timeout is None else time.monotonic() + timeout
        return Message(
            type=channel,
            usage_type=usage_type,
            to=to,
            payload=payload,
            locale=locale,
            template=await self._template(usage_type, locale, timeout),
            ip=ip,
            message_id=message_id or secrets.token_hex(16),
            deadline=deadline,
        )

    async def _template(
        self, usage_type: str, locale: str | None, timeout: float | None
    ) -> Template | None:
        source = self._template_source
        if source is None:
            return None
        timer = asyncio.timeout(timeout)
        try:
            async with timer:
                if _is_async(source):
                    given = source(usage_type, locale)
                else:
                    given = await off_the_loop(lambda: source(usage_type, locale))
                if isinstance(given, Awaitable):
                    given = await given
        except Exception:  # noqa: BLE001 - the caller's own function may raise anything
            if timer.expired():
                reason = "the template source did not end within the time allowed"
                raise TemporaryDeliveryError(reason, stage="template") from None
            _LOG.exception(
                "the template source failed for %s; the connector's own template serves",
                usage_type,
            )
            return None
        return template_from(given)


def _is_cancelled() -> bool:
    """Whether somebody cancelled this task; a connector may also raise CancelledError by itself."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _without_text(told: E, cause: BaseException) -> E:
    """Tell where it happened, for the author; the cause's own text may hold a secret."""
    told.add_note("".join(traceback.format_tb(cause.__traceback__)).rstrip())
    return told


def _is_async(source: TemplateSource) -> bool:
    if inspect.iscoroutinefunction(source):
        return True
    # An instance whose class defines `async def __call__`.
    return inspect.iscoroutinefunction(type(source).__call__)


def _check_message(
    channel: object,
    usage_type: object,
    to: object,
    locale: object,
    timeout: object,
    message_id: object,
) -> None:
    if channel not in get_args(Channel):
        raise MessageError("type", f"must be one of {', '.join(get_args(Channel))}")
    if not isinstance(usage_type, str) or not usage_type:
        raise MessageError("usage_type", "must be text, for example 'SignIn'")
    if not isinstance(to, str) or not to:
        raise MessageError("to", "must be one recipient")
    if locale is not None and not isinstance(locale, str):
        raise MessageError("locale", "must be a language tag such as 'fr-CA'")
    if timeout is not None and not (
        isinstance(timeout, int | float) and not isinstance(timeout, bool) and timeout > 0
    ):
        raise MessageError("timeout", "must be a number of seconds above 0")
    if message_id is not None and not (
        isinstance(message_id, str) and _MESSAGE_ID.fullmatch(message_id)
    ):
        raise MessageError("message_id", "must be printable ASCII without spaces")


def _most_hopeful(failures: list[tuple[str, DeliveryError]]) -> DeliveryError:
    """The error of a connector that may still deliver later, else the last one."""
    chosen = next(
        (error for _, error in failures if isinstance(error, UncertainDeliveryError)),
        next(
            (error for _, error in failures if isinstance(error, TemporaryDeliveryError)),
            failures[-1][1],
        ),
    )
    for name, error in failures:
        if error is not chosen:
            chosen.add_note(f"{name} failed before or after it: {error}")
    return chosen
