"""Hosts, certificates, and the servers that many tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import trustme

from connector_core import AsyncHost
from tests.servers import Postfix, ServerTls, SmtpServer, start_postfix, start_smtp_server


@dataclass(frozen=True)
class Authority:
    """An authority of our own: what a client trusts, and a server's certificate by it."""

    pem: str
    server: ServerTls


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
