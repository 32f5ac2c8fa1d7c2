"""Gmail, SendGrid and Alibaba Cloud Direct Mail, emulated on loopback: their dialogue and replies.

And mail.example.com, the documentation's server of one's own.

    with gmail() as server:
        host.configure("smtp", {**config, **server.reach})

Each has one account, whose credentials stand in the classes below, and refuses all others in the
provider's own words (the sources are those of `tests/smtp/test_causes.py`). They run in a thread of
their own, so that blocking programs can talk to them. Microsoft 365 and Amazon SES are in
`tests/servers/emulated_clouds.py`, token endpoints in `tests/servers/emulated_tokens.py`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import ssl
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from threading import Thread
from typing import Any, ClassVar

from tests.servers.ports import HOST
from tests.smtp.certificates import authority, authority_pem
from tests.smtp.peer import Answer, Connection, Peer
from tests.smtp.scripted import Scripted

__all__ = [
    "Aliyun",
    "Emulated",
    "Example",
    "Gmail",
    "Received",
    "SendGrid",
    "aliyun",
    "example",
    "example_tls",
    "gmail",
    "running",
    "running_as",
    "sendgrid",
]

_SECONDS = 30.0


@dataclass(frozen=True)
class Received:
    """A mail that the provider accepted: its envelope, and the mail as it goes on from there."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage


class Emulated(ABC):
    """A provider that runs.

    Attributes:
        provider: the name of its preset.
        host: the name of its server, for which its certificate is valid, as for loopback.
        user: the user name of its account.
        password: the account's password or key for SMTP; empty where it takes none.
        access_token: the token that it takes by XOAUTH2; empty where it takes none.
        port: where it listens on loopback.
        mails: what it accepted; a mail is there before its reply is sent.
        log_ins: user and password of each attempt.
    """

    provider: ClassVar[str]
    host: ClassVar[str]
    user: ClassVar[str]
    password: ClassVar[str]
    access_token: ClassVar[str] = ""
    starttls: ClassVar[bool]
    greeting: ClassVar[str]
    extensions: ClassVar[tuple[str, ...]]
    welcome: ClassVar[str]
    queued: ClassVar[str]

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[Received] = []
        self.log_ins: list[tuple[str, str]] = []
        self._logged_in: set[Connection] = set()

    @property
    def reach(self) -> dict[str, Any]:
        """What a config needs, over the provider's preset, to come here and trust what it finds."""
        return {"host": HOST, "port": self.port, "tls": {"ca": authority_pem()}}

    @abstractmethod
    def refusal(self, user: str, password: str) -> str:
        """The reply to wrong credentials."""

    def of_token(self) -> tuple[str, str]:
        """The challenge before the refusal of an access token, as JSON or empty; the refusal."""
        return "", self.refusal(self.user, "")

    def offered(self, *, encrypted: bool) -> list[str]:
        """What EHLO announces."""
        return [*self.extensions, *([] if encrypted else ["STARTTLS"])]

    def of_sender(self, address: str) -> str:
        """The refusal of an envelope's sender; empty where it is taken."""
        return ""

    def of_author(self, address: str) -> str:
        """The refusal of a From, which comes after the whole mail; empty where it is taken."""
        return ""

    def passed_on(self, content: bytes) -> bytes:
        """The mail as it leaves the provider."""
        return content

    def peer(self) -> Peer:
        """The server, not yet started."""
        # As long as those that are renewed by themselves, with which such servers mostly run.
        expires = datetime.now(UTC) + timedelta(days=60)
        certificate = authority().issue_cert(self.host, HOST, "localhost", not_after=expires)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        answers: dict[str, Answer] = {
            "greeting": self.greeting,
            "EHLO": self._ehlo,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "content": self._content,
        }
        if self.starttls:
            return Peer(starttls=context, answers=answers)
        return Peer(implicit_tls=context, answers=answers)

    async def _ehlo(self, connection: Connection) -> bool:
        lines = [self.host, *self.offered(encrypted=connection.encrypted_from is not None)]
        await connection.reply(*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}")
        return True

    async def _auth(self, connection: Connection) -> bool:
        by_token = connection.commands[-1].upper().startswith("AUTH XOAUTH2")
        user, secret = await (_token if by_token else _credentials)(connection)
        self.log_ins.append((user, secret))
        known = self.access_token if by_token else self.password
        if known and (user, secret) == (self.user, known):
            self._logged_in.add(connection)
            await connection.reply(self.welcome)
            return True
        refusal = self.refusal(user, secret)
        if by_token:
            challenge, refusal = self.of_token()
            if challenge:  # the client answers with an empty line
                await connection.reply(f"334 {base64.b64encode(challenge.encode()).decode()}")
                await connection.line()
        await connection.reply(refusal)
        return False

    async def _mail(self, connection: Connection) -> bool:
        reply = "530 5.7.0 Authentication Required."
        if connection in self._logged_in:
            reply = self.of_sender(_address(connection.mail.sender))
        await connection.reply(reply or "250 2.1.0 OK")
        return not reply

    async def _content(self, connection: Connection) -> bool:
        mail = connection.mail
        refusal = self.of_author(_author(mail.content).addr_spec)
        if not refusal:
            recipients = tuple(_address(item) for item in mail.recipients)
            message = _parsed(self.passed_on(mail.content))
            self.mails.append(Received(_address(mail.sender), recipients, message))
        await connection.reply(refusal or self.queued)
        return not refusal


class Gmail(Emulated):
    """TLS from the first byte; app passwords alone; its own address in place of another's."""

    provider = "gmail"
    host = "smtp.gmail.com"
    user = "app@gmail.com"
    password = "abcdefghijklmnop"
    own_password = "tr0ub4dor-and-3"
    access_token = "ya29.a0AfB_byC-emulated"
    starttls = False
    greeting = "220 smtp.gmail.com ESMTP c7sm19648018pfp.164 - gsmtp"
    extensions = (
        "SIZE 35882577",
        "8BITMIME",
        "AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH",
        "ENHANCEDSTATUSCODES",
        "PIPELINING",
        "CHUNKING",
        "SMTPUTF8",
    )
    welcome = "235 2.7.0 Accepted"
    queued = "250 2.0.0 OK  1763843257 c7sm19648018pfp.164 - gsmtp"

    def refusal(self, user: str, password: str) -> str:
        if (user, password) == (self.user, self.own_password):
            return (
                "534-5.7.9 Application-specific password required. For more information, go to\r\n"
                "534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor "
                "c7sm19648018pfp.164 - gsmtp"
            )
        return (
            "535-5.7.8 Username and Password not accepted. For more information, go to\r\n"
            "535 5.7.8  https://support.google.com/mail/?p=BadCredentials "
            "c7sm19648018pfp.164 - gsmtp"
        )

    def of_token(self) -> tuple[str, str]:
        challenge = {"status": "400", "schemes": "Bearer", "scope": "https://mail.google.com/"}
        return json.dumps(challenge), self.refusal(self.user, "")

    def passed_on(self, content: bytes) -> bytes:
        if _author(content).addr_spec == self.user:
            return content
        own = f"From: {self.user}\r\n".encode()
        return re.sub(rb"^From:.*\r\n(?:[ \t].*\r\n)*", own, content, count=1, flags=re.MULTILINE)


class SendGrid(Emulated):
    """STARTTLS; the user is the word apikey; From must be verified."""

    provider = "sendgrid"
    host = "smtp.sendgrid.net"
    user = "apikey"
    password = "SG.aaaaaaaa.bbbbbbbbbbbb"
    verified_domain = "example.com"
    starttls = True
    greeting = "220 SG ESMTP service ready at geopod-ismtpd-7"
    extensions = ("8BITMIME", "PIPELINING", "SIZE 31457280", "AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN")
    welcome = "235 Authentication successful"
    queued = "250 Ok: queued as HqLzMqPSQ6y0Yl3i5WJ3Jw"

    def refusal(self, user: str, password: str) -> str:
        if user == self.user and password.startswith("SG."):
            return (
                "535 Authentication failed: The provided authorization grant is invalid, expired, "
                "or revoked"
            )
        return "535 Authentication failed: Bad username / password"

    def of_author(self, address: str) -> str:
        if address.endswith(f"@{self.verified_domain}"):
            return ""
        return (
            "550 The from address does not match a verified Sender Identity. Mail cannot be sent "
            "until this error is resolved. Visit https://sendgrid.com/docs/for-developers/"
            "sending-email/sender-identity/ to see the Sender Identity requirements"
        )


class Aliyun(Emulated):
    """TLS from the first byte; the envelope's sender must be the user."""

    provider = "aliyun"
    host = "smtpdm.aliyun.com"
    user = "no-reply@mail.example.com"
    password = "SmtpPassword1"
    starttls = False
    greeting = "220 smtp.aliyun-inc.com MX AliMail Server"
    extensions = ("8BITMIME", "AUTH=PLAIN LOGIN", "AUTH PLAIN LOGIN", "PIPELINING", "DSN")
    welcome = "235 Authentication successful"
    queued = "250 Data Ok: queued as freedom"

    def refusal(self, user: str, password: str) -> str:
        return "526 Authentication failure[0]"

    def of_sender(self, address: str) -> str:
        if address == self.user:
            return ""
        return '436 "MAIL FROM" doesn\'t conform with authentication [@sm060104]'


class Example(Emulated):
    """A server of one's own, STARTTLS; it speaks as Postfix does, and knows no `nobody`."""

    provider = "other"
    host = "mail.example.com"
    user = "app@example.com"
    password = "the password"
    starttls = True
    greeting = "220 mail.example.com ESMTP"
    extensions = (
        "PIPELINING",
        "SIZE 10240000",
        "AUTH PLAIN LOGIN",
        "ENHANCEDSTATUSCODES",
        "8BITMIME",
        "DSN",
        "SMTPUTF8",
        "CHUNKING",
    )
    welcome = "235 2.7.0 Authentication successful"
    queued = "250 2.0.0 Ok: queued as C8F4F21007B"

    def refusal(self, user: str, password: str) -> str:
        return "535 5.7.8 Error: authentication failed: (reason unavailable)"

    def peer(self) -> Peer:
        peer = super().peer()
        peer.answers["RCPT"] = self._rcpt
        return peer

    async def _rcpt(self, connection: Connection) -> bool:
        address = _address(connection.commands[-1])
        known = not address.startswith("nobody@")
        refusal = (
            f"550 5.1.1 <{address}>: Recipient address rejected: User unknown in virtual mailbox "
            "table"
        )
        await connection.reply("250 2.1.5 Ok" if known else refusal)
        return known


class ExampleTls(Example):
    """The same with TLS from the first byte."""

    starttls = False


@contextmanager
def gmail() -> Iterator[Gmail]:
    """Gmail, as long as the block runs."""
    with running_as(server := Gmail()):
        yield server


@contextmanager
def sendgrid() -> Iterator[SendGrid]:
    """SendGrid, as long as the block runs."""
    with running_as(server := SendGrid()):
        yield server


@contextmanager
def aliyun() -> Iterator[Aliyun]:
    """Alibaba Cloud Direct Mail, as long as the block runs."""
    with running_as(server := Aliyun()):
        yield server


@contextmanager
def example() -> Iterator[Example]:
    """mail.example.com with STARTTLS, as long as the block runs."""
    with running_as(server := Example()):
        yield server


@contextmanager
def example_tls() -> Iterator[Example]:
    """mail.example.com with TLS from the first byte, as long as the block runs."""
    with running_as(server := ExampleTls()):
        yield server


@contextmanager
def running_as(server: Emulated) -> Iterator[None]:
    """A provider in a thread of its own, as long as the block runs."""
    with running(server.peer(), server.provider) as port:
        server.port = port
        yield


@contextmanager
def running(peer: Scripted, name: str) -> Iterator[int]:
    """A scripted server in a thread of its own, as long as the block runs; its port."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name=f"emulated {name}", daemon=True)
    thread.start()

    def on_the_loop(work: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(_SECONDS)

    try:
        on_the_loop(peer.__aenter__())
        try:
            yield peer.port
        finally:
            on_the_loop(peer.__aexit__(None, None, None))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_SECONDS)
        loop.close()


async def _credentials(connection: Connection) -> tuple[str, str]:
    """User and password of AUTH PLAIN or LOGIN (RFC 4616), with or without what comes along."""
    _, mechanism, *given = connection.commands[-1].split(" ")

    async def response(challenge: str) -> str:
        if given:
            return base64.b64decode(given.pop()).decode()
        await connection.reply(f"334 {base64.b64encode(challenge.encode()).decode()}")
        return base64.b64decode(await connection.line()).decode()

    if mechanism.upper() == "PLAIN":
        _, user, password = (await response("")).split("\0")
        return user, password
    return await response("Username:"), await response("Password:")


async def _token(connection: Connection) -> tuple[str, str]:
    """User and access token of AUTH XOAUTH2, given with the command as Google describes it."""
    given = base64.b64decode(connection.commands[-1].split(" ")[2]).decode()
    fields = dict(field.split("=", 1) for field in given.split("\x01") if field)
    return fields["user"], fields["auth"].removeprefix("Bearer ")


def _address(argument: str) -> str:
    """The address in the argument of MAIL or RCPT."""
    return argument.partition("<")[2].partition(">")[0]


def _parsed(content: bytes) -> EmailMessage:
    return message_from_bytes(content, policy=policy.default)


def _author(content: bytes) -> Address:
    author: Address = _parsed(content)["From"].addresses[0]
    return author
