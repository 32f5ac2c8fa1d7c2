"""What is sent, and a mail as it arrived, whichever server took it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, Protocol

from connector_core import UsageType
from connector_core.inbox import Inbox
from tests.servers import SmtpServer

USAGES = tuple(str(usage) for usage in UsageType)
# Who got it, as Postfix, Exim and OpenSMTPD file it; where there are two, the one that stands
# first here is what the client said.
RECIPIENT = ("x-original-to", "envelope-to", "delivered-to")
# What they file in front of the mail.
ADDED = ("return-path", "received", *RECIPIENT)

PAYLOAD: dict[str, Any] = {
    "code": "042317",
    "link": "https://example.com/join?token=a&b=<c>\"d\"'e'",
    "locale": "de",
    "application": {"name": "Größenwahn & Söhne"},
    "organization": {"name": "株式会社 例"},
    "user": {"name": "Zoë <b>O’Neil</b>", "primaryEmail": None},
    "list": ["eins", {"zwei": 2.5}],
    "true": True,
}


@dataclass(frozen=True)
class Arrived:
    """A mail as a server took it.

    Attributes:
        sender: the address in MAIL FROM.
        recipient: the address in RCPT TO.
        content: its bytes with CRLF, without what the server added.
    """

    sender: str
    recipient: str
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return BytesParser(EmailMessage, policy=policy.default).parsebytes(self.content)

    def part(self, kind: str) -> EmailMessage:
        """The part of a type such as `text/html`, or the whole mail where that is its type."""
        (found,) = (part for part in self.message.walk() if part.get_content_type() == kind)
        assert isinstance(found, EmailMessage)
        return found

    def text(self, kind: str) -> str:
        """The text of that part, its line ends included."""
        payload = self.part(kind).get_payload(decode=True)
        assert isinstance(payload, bytes)
        return payload.decode("utf-8")


def from_filed(raw: bytes) -> Arrived:
    """A mail that a server filed, taken apart into envelope and content."""
    lines = raw.split(b"\n")
    added: dict[str, str] = {}
    for line in list(lines):
        name, _, value = line.decode("utf-8", "replace").partition(":")
        if name.lower() in ADDED:
            added[name.lower()] = value.strip()
        elif not name.startswith((" ", "\t")):
            break
        lines.pop(0)
    recipient = next(added[name] for name in RECIPIENT if name in added)
    return Arrived(added["return-path"].strip("<>"), recipient, b"\r\n".join(lines))


class FilingServer(Protocol):
    """A server that files each mail as its own program would: Postfix, Exim, OpenSMTPD."""

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...

    def messages(self) -> list[bytes]: ...

    def wait_for_messages(self, n: int, timeout: float = ...) -> list[bytes]: ...


class Destination:
    """One of the servers that mails are sent to, and what arrived there for a recipient."""

    def __init__(self, server: Inbox | FilingServer | SmtpServer) -> None:
        self._server = server
        self.config: dict[str, Any] = {"host": server.host, "port": server.port}

    async def mails_for(self, *recipients: str, count: int = 1) -> list[Arrived]:
        """The mails for any of these; waits until there are this many."""
        while True:
            mails = await self.mails()
            found = [mail for mail in mails if mail.recipient in recipients]
            if len(found) >= count:
                return found
            await self._wait(len(mails) + count - len(found))

    async def mails(self) -> list[Arrived]:
        server = self._server
        if isinstance(server, Inbox):
            return [Arrived(item.sender, item.recipients[0], item.content) for item in server.mails]
        if isinstance(server, SmtpServer):
            return [
                Arrived(item.mail_from, item.rcpt_to[0], item.raw) for item in server.messages()
            ]
        return [from_filed(raw) for raw in await asyncio.to_thread(server.messages)]

    async def _wait(self, count: int) -> None:
        if isinstance(self._server, Inbox):
            await self._server.wait_for(count)
        else:
            await asyncio.to_thread(self._server.wait_for_messages, count)


def template(usage_type: str, content_type: str = "text/plain", **changes: Any) -> dict[str, Any]:
    return {
        "usageType": usage_type,
        "contentType": content_type,
        "subject": f"{usage_type}: {{{{code}}}} für {{{{ organization.name }}}} – ✓",
        "content": f"{usage_type}\nGrüße an {{{{user.name}}}}{{{{user.primaryEmail}}}},\n"
        "{{code}} / {{link}} / {{list.1.zwei}} / {{list}} / {{true}} / {{unknown}}\n",
        **changes,
    }


def config(**changes: Any) -> dict[str, Any]:
    """A config with a template for each usage type; what is None is left out."""
    whole = {
        "fromEmail": "Ünïcode Versand, GmbH <noreply@example.com>".replace(",", ""),
        "replyTo": '"Hilfe, 24/7 – Köln" <help@example.com>',
        "templates": [template(usage) for usage in USAGES],
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}
