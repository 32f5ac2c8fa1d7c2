"""Hosts, certificates, and the servers that many tests share."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult

from connector_core import AsyncHost
from connector_core.inbox import Inbox
from tests.interop.mails import config
from tests.servers import (
    Dovecot,
    Exim,
    OpenSmtpd,
    Postfix,
    ServerTls,
    SmtpServer,
    start_dovecot,
    start_exim,
    start_opensmtpd,
    start_postfix,
    start_smtp_server,
)


@dataclass(frozen=True)
class Authority:
    """An authority of our own: what a client trusts, and a server's certificate by it."""

    pem: str
    server: ServerTls


def settings(
    server: SmtpServer | Dovecot, authority: Authority, auth: dict[str, Any], **changes: Any
) -> dict[str, Any]:
    """A config for a server that authenticates after STARTTLS."""
    whole: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "requireTLS": True,
        "tls": {"ca": authority.pem},
        "auth": auth,
        **changes,
    }
    return config(**whole)


@pytest.fixture
async def host() -> AsyncIterator[AsyncHost]:
    async with AsyncHost.discover(strict=True) as host:
        yield host


def authority_for(*names: str) -> Authority:
    authority = trustme.CA()
    server = ServerTls.from_trustme(authority.issue_cert(*names))
    return Authority(authority.cert_pem.bytes().decode(), server)


@pytest.fixture(scope="session")
def authority() -> Authority:
    return authority_for("127.0.0.1", "localhost", "mail.example.com")


@pytest.fixture(scope="session")
def postfix(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Postfix]:
    """With STARTTLS offered, and implicit TLS on a port of its own."""
    with start_postfix(tmp_path_factory.mktemp("postfix"), tls=authority.server) as server:
        yield server


@pytest.fixture(scope="session")
def postfix_auth(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Postfix]:
    """With AUTH as well, by every mechanism that a Dovecot beside it knows."""
    with (
        start_dovecot(
            tmp_path_factory.mktemp("dovecot"), tls=authority.server, users=USERS
        ) as dovecot,
        start_postfix(
            tmp_path_factory.mktemp("postfix"), tls=authority.server, sasl_port=dovecot.sasl_port
        ) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def smtp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmtpServer]:
    """With neither TLS nor AUTH."""
    with start_smtp_server(tmp_path_factory.mktemp("smtp-server")) as server:
        yield server


@pytest.fixture(scope="session")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmtpServer]:
    """For small mails alone, and without PIPELINING and SMTPUTF8."""
    folder = tmp_path_factory.mktemp("smtp-server")
    with start_smtp_server(folder, size=2000, hide=["PIPELINING", "SMTPUTF8"]) as server:
        yield server


USERS = {"ann": "pässwörd: 1", "bob@example.com": "x" * 300}
TOKENS = {"ann": "token-1"}


@pytest.fixture(scope="session")
def auth_server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[SmtpServer]:
    """With STARTTLS, and AUTH by every mechanism it knows."""
    with start_smtp_server(
        tmp_path_factory.mktemp("smtp-server"),
        tls=authority.server,
        users=USERS,
        tokens=TOKENS,
        auth_methods=["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"],
    ) as server:
        yield server


@pytest.fixture(scope="session")
def secure_server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[SmtpServer]:
    """With TLS from the first byte, and AUTH."""
    folder = tmp_path_factory.mktemp("smtp-server")
    with start_smtp_server(folder, secure=True, tls=authority.server, users=USERS) as server:
        yield server


@pytest.fixture(scope="session")
def exim(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Exim]:
    """With STARTTLS, TLS from the first byte on a port of its own, and AUTH under either."""
    with start_exim(tmp_path_factory.mktemp("exim"), tls=authority.server, users=USERS) as server:
        yield server


@pytest.fixture(scope="session")
def opensmtpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSmtpd]:
    """With neither TLS nor AUTH, and no PIPELINING, which it does not know."""
    with start_opensmtpd(tmp_path_factory.mktemp("opensmtpd")) as server:
        yield server


@pytest.fixture(scope="session")
def opensmtpd_tls(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[OpenSmtpd]:
    """With STARTTLS, TLS from the first byte on a port of its own, and AUTH under either."""
    folder = tmp_path_factory.mktemp("opensmtpd")
    with start_opensmtpd(folder, tls=authority.server, users=USERS) as server:
        yield server


class AioServer(Inbox):
    """aiosmtpd in the test's own event loop, with what the inbox lacks: TLS and AUTH."""

    port = 0
    smtps_port = 0

    def __init__(self, users: Mapping[str, str]) -> None:
        super().__init__()
        self.users = users

    def authenticate(self, server: Any, session: Any, envelope: Any, kind: str, given: Any) -> Any:
        """Called by aiosmtpd with what PLAIN or LOGIN said."""
        right = self.users.get(given.login.decode()) == given.password.decode()
        return AuthResult(success=right, handled=False)

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address.startswith("refused@"):
            return "550 5.1.1 Mailbox unavailable"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"


@asynccontextmanager
async def aio_server(context: ssl.SSLContext, users: Mapping[str, str]) -> AsyncIterator[AioServer]:
    """Listen until the block ends, on one port with STARTTLS and on one with TLS at once."""
    loop = asyncio.get_running_loop()
    running = AioServer(users)
    protocols: list[Any] = []

    def serve(**settings: Any) -> Any:
        check = running.authenticate
        protocol = SMTP(running, enable_SMTPUTF8=True, authenticator=check, loop=loop, **settings)
        protocols.append(protocol)
        return protocol

    async with (
        await loop.create_server(lambda: serve(tls_context=context), running.host, 0) as clear,
        # of TLS that it did not begin itself it knows nothing
        await loop.create_server(
            lambda: serve(auth_require_tls=False), running.host, 0, ssl=context
        ) as secure,
    ):
        running.port, running.smtps_port = (
            server.sockets[0].getsockname()[1] for server in (clear, secure)
        )
        yield running
        for protocol in protocols:
            # clients keep connections open, and a server waits for them (Python 3.12)
            if protocol.transport is not None:
                protocol.transport.abort()


@pytest.fixture
async def aiosmtpd(tmp_path: Path, authority: Authority) -> AsyncIterator[AioServer]:
    """With STARTTLS, TLS from the first byte on a port of its own, and AUTH under either."""
    chain = tmp_path / "chain.pem"
    chain.touch(0o600)
    chain.write_bytes(authority.server.key_pem + authority.server.cert_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    async with aio_server(context, USERS) as server:
        yield server
