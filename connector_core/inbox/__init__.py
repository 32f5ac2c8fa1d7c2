"""The embedded development inbox: an SMTP server on loopback that keeps what it is sent.

It is for trying templates and for tests; it authenticates nobody, relays nothing and listens on
loopback only. It needs the extra `inbox`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any, Self, cast
from weakref import WeakSet

from connector_core.errors import ConnectorError
from connector_core.i18n import gettext as _

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Inbox", "ReceivedMail"]

_LOG = logging.getLogger("connector_core.inbox")

MAX_SIZE = 32 * 1024 * 1024  # octets of one mail


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A mail as it arrived.

    Attributes:
        sender: the address in MAIL FROM.
        recipients: the addresses in RCPT TO.
        content: its bytes.
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """The mail parsed, headers decoded."""
        return BytesParser(EmailMessage, policy=policy.default).parsebytes(self.content)

    @property
    def body(self) -> str:
        """The text of its text or HTML part, decoded."""
        try:
            part = self.message.get_body(("plain", "html"))
            return "" if part is None else str(part.get_content())
        except (LookupError, ValueError, AttributeError):
            # An encoding that nobody knows, or a mail that is none: as it stands.
            return self.content.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers decoded; one that cannot be, as it stands."""
        raw = BytesParser(policy=policy.compat32).parsebytes(self.content)
        return [(name, _decoded(name, str(value))) for name, value in raw.items()]


def _decoded(name: str, value: str) -> str:
    try:
        return str(policy.default.header_factory(name, value))
    except Exception:  # noqa: BLE001 - the parser of the standard library breaks in many ways
        return value


class Inbox:
    """A server that keeps the mails it receives; use it as an asynchronous context manager.

    Attributes:
        mails: what was received, oldest first.
        on_mail: called with each mail as it arrives, if set.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        on_mail: Callable[[ReceivedMail], None] | None = None,
    ) -> None:
        """Prepare an inbox.

        Args:
            host: a loopback address.
            port: the port; 0 takes a free one.
            on_mail: called with each mail as it arrives.

        Raises:
            ValueError: the host is not a loopback address.
            ConnectorError: the extra `inbox` is not installed.
        """
        if not _is_loopback(host):
            raise ValueError("the inbox listens on loopback only: give 127.0.0.1 or ::1")
        self._server_class = _server_class()
        self._host, self._port = host, port
        self.on_mail = on_mail
        self._server: asyncio.Server | None = None
        self._protocols: WeakSet[Any] = WeakSet()
        self._arrived = asyncio.Condition()
        self.mails: list[ReceivedMail] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._serve, self._host, self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is None:
            return
        self._server.close()
        for protocol in self._protocols:
            # Clients keep connections open, and `wait_closed` waits for them (Python 3.12).
            if protocol.transport is not None:
                protocol.transport.abort()
        await self._server.wait_closed()

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._host

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            raise RuntimeError("the inbox is not open: use it with `async with`")
        return int(self._server.sockets[0].getsockname()[1])

    async def wait_for(self, count: int, timeout: float = 10.0) -> list[ReceivedMail]:
        """The mails, as soon as there are this many.

        Raises:
            TimeoutError: they did not arrive within `timeout` seconds.
        """
        async with asyncio.timeout(timeout), self._arrived:
            await self._arrived.wait_for(lambda: len(self.mails) >= count)
        return list(self.mails)

    def _serve(self) -> asyncio.BaseProtocol:
        protocol = self._server_class(
            self,
            hostname="inbox.localhost",
            ident="connector-core inbox",
            enable_SMTPUTF8=True,
            data_size_limit=MAX_SIZE,
            loop=asyncio.get_running_loop(),
        )
        self._protocols.add(protocol)
        return cast("asyncio.BaseProtocol", protocol)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a mail; called by aiosmtpd."""
        mail = ReceivedMail(
            envelope.mail_from or "", tuple(envelope.rcpt_tos), bytes(envelope.original_content)
        )
        async with self._arrived:
            self.mails.append(mail)
            self._arrived.notify_all()
        if self.on_mail is not None:
            try:
                self.on_mail(mail)
            except Exception:  # noqa: BLE001 - the caller's own; the mail is kept all the same
                _LOG.exception("on_mail failed")
        return "250 2.0.0 Ok: kept in the inbox"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _server_class() -> Any:
    try:
        from aiosmtpd.smtp import SMTP
    except ImportError:
        raise ConnectorError(
            _("the inbox needs aiosmtpd: {command}").format(
                command="pip install 'connector-core[inbox]'"
            )
        ) from None
    return SMTP
