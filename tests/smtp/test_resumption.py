"""TLS sessions resumed on the next connection, and looked at anew by a test."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from connectors.smtp import tls
from tests.smtp import certificates
from tests.smtp.helpers import hosting, send
from tests.smtp.peer import Connection, Peer

BOTH_LOOPS = True


def _reused(peer: Peer) -> list[bool]:
    return [connection.resumed for connection in peer.connections]


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("implicit", [False, True])
async def test_the_second_handshake_is_short(version: str, implicit: bool) -> None:
    secure: dict[str, Any] = {"implicit_tls" if implicit else "starttls": certificates.valid()}
    options = {"ca": certificates.authority_pem(), "maxVersion": version, "minVersion": "TLSv1.2"}
    async with (
        Peer(**secure) as peer,
        hosting(peer, secure=implicit, maxMessages=1, tls=options) as host,
    ):
        for _ in range(3):
            await send(host)
        assert _reused(peer) == [False, True, True]
        assert len(peer.mails) == 3


async def test_each_config_has_sessions_of_its_own() -> None:
    async with Peer(starttls=certificates.valid()) as peer:
        for _ in range(2):
            async with hosting(peer, maxMessages=1) as host:
                await send(host)
        assert _reused(peer) == [False, False]


async def test_a_test_sees_the_certificate_as_it_is_now() -> None:
    async with Peer(starttls=certificates.valid()) as peer, hosting(peer, maxMessages=1) as host:
        await send(host)
        assert (await host.configured["smtp"].verify()).ok
        peer.starttls = certificates.expired()
        report = await host.configured["smtp"].verify()
        assert not report.ok
        assert _reused(peer)[:2] == [False, False]


async def test_the_certificate_is_looked_at_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tls, "RESUMED_FOR", 0.0)
    async with Peer(starttls=certificates.valid()) as peer, hosting(peer, maxMessages=1) as host:
        for _ in range(2):
            await send(host)
        assert _reused(peer) == [False, False]


async def test_a_server_that_forgot_the_session_gets_a_whole_handshake() -> None:
    async with Peer(starttls=certificates.valid()) as peer, hosting(peer, maxMessages=1) as host:
        await send(host)
        forgetful = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificates.authority().issue_cert(certificates.NAME).configure_cert(forgetful)
        peer.starttls = forgetful
        await send(host)
        assert _reused(peer) == [False, False]
        assert len(peer.mails) == 2


async def test_another_certificate_is_not_hidden_by_a_session() -> None:
    async with Peer(starttls=certificates.valid()) as peer, hosting(peer, maxMessages=1) as host:
        await send(host)
        peer.starttls = certificates.unknown_authority()
        with pytest.raises(Exception, match=r"certificate|authority"):
            await send(host)
        assert len(peer.mails) == 1


async def test_a_connection_that_fails_in_the_handshake_keeps_nothing() -> None:
    async def breaks(connection: Connection) -> bool:
        await connection.write(b"220 go\r\n")
        connection.drop()
        return False

    async with (
        Peer(starttls=certificates.valid(), STARTTLS=[breaks]) as peer,
        hosting(peer, maxMessages=1) as host,
    ):
        with pytest.raises(Exception, match="handshake"):
            await send(host)
        for _ in range(2):
            await send(host)
        assert _reused(peer) == [False, False, True]
