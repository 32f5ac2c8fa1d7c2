"""One configured connector, as its host hands it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from connector_core.guard import Guard
from connector_core.messages import MessageMaker
from connector_core.models import ConnectorType, Receipt, Stage, VerifyReport

if TYPE_CHECKING:
    from connector_core.connector import Connector
    from connector_core.models import Template

__all__ = ["AsyncConfiguredConnector"]


class AsyncConfiguredConnector:
    """A connector with one validated config; it owns its connections.

    Attributes:
        name: its name, unique in its host.
    """

    def __init__(self, messages: MessageMaker, guard: Guard) -> None:
        self._messages = messages
        self._guard = guard
        self.name = guard.name

    def __repr__(self) -> str:
        return f"<AsyncConfiguredConnector {self.name} ({self.connector.id})>"

    @property
    def connector(self) -> Connector:
        """The connector behind it."""
        return self._guard.connector

    @property
    def type(self) -> ConnectorType:
        """The channel it sends on, `Email` or `Sms`."""
        return self._guard.type

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
        template: Template | Mapping[str, str | None] | None = None,
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
            template: what this message says, as a Template or a mapping with the keys of a config
                template; goes before the template source and the connector's own.

        Raises:
            MessageError: the data is bad; nothing was written to the network.
            TemplateNotFoundError: there is no template for the usage type.
            DeliveryError: it was not, or not surely, delivered; see its subclasses.
            HostClosedError: the host is closed.
        """
        message = self._messages.make(
            type=self.type,
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
        return await self._guard.deliver(message)

    async def preview(
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
        """The complete message (RFC 5322) as `send_message` would send it; nothing is sent.

        Args:
            usage_type: why the message would be sent; chooses the template.
            to: one recipient.
            payload: the values the template may show.
            locale: language tag (BCP 47) of the template; goes before `payload["locale"]`.
            ip: the address of the client that asked for the message.
            message_id: the id it would have.
            template: as in `send_message`.

        Raises:
            MessageError: the data is bad.
            TemplateNotFoundError: there is no template for the usage type.
            ConnectorError: the connector has no preview, or broke while making it.
            HostClosedError: the host is closed.
        """
        message = self._messages.make(
            type=self.type,
            usage_type=usage_type,
            to=to,
            payload=payload,
            locale=locale,
            timeout=None,
            ip=ip,
            message_id=message_id,
            template=template,
        )
        if self._messages.asks and message.template is None:
            message = await self._messages.with_template(message)
        return await self._guard.preview(message)

    async def verify(self, on_stage: Callable[[Stage], None] | None = None) -> VerifyReport:
        """Try the connection as far as authentication, without a message, stage by stage.

        Args:
            on_stage: called with each stage as it ends, from the event loop.

        Raises:
            ConnectorError: the connector cannot verify itself, or broke while doing so.
            HostClosedError: the host is closed.
        """
        return await self._guard.verify(on_stage or (lambda _stage: None))
