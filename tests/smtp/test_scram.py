"""SCRAM and OAUTHBEARER: vectors of the RFCs, and servers that do not keep to them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import os
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core import DeliveryError, PermanentDeliveryError, TemporaryDeliveryError
from connectors.smtp.auth import MECHANISMS, Credentials, choose
from connectors.smtp.scram import ScramClient, ScramError, saslprep
from tests.smtp.helpers import (
    AUTH,
    PASSWORD,
    Outcome,
    assert_secret,
    hosting,
    send,
    within,
)
from tests.smtp.peer import Connection, Peer

BOTH_LOOPS = True

VECTORS = {
    # RFC 5802 section 5
    "sha1": (
        "fyko+d2lbbFgONRv9qkxdawL",
        "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    # RFC 7677 section 3
    "sha256": (
        "rOprNGfwEbeRWgbNEkqO",
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


@pytest.mark.parametrize("digest", VECTORS)
def test_the_vectors_of_the_rfcs(digest: str) -> None:
    nonce, server_first, client_final, server_final = VECTORS[digest]
    client = ScramClient("user", "pencil", digest, nonce=nonce)
    assert client.first() == f"n,,n=user,r={nonce}".encode()
    assert client.respond(server_first.encode()) == client_final.encode()
    assert not client.proven
    assert client.respond(server_final.encode()) == b""
    assert client.proven


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"hello",
        b"\xff",
        b"r=nonce,s=QSXC,i=4096",  # the client's own, not continued
        b"r=other1,s=QSXC,i=4096",
        b"r=nonce1,s=QSXC,i=0",
        b"r=nonce1,s=QSXC,i=1",
        b"r=nonce1,s=QSXC,i=4095",
        b"r=nonce1,s=QSXC,i=999999999",
        b"r=nonce1,s=QSXC,i=-4096",
        b"r=nonce1,s=QSX,i=4096",
        b"r=nonce1,s=!,i=4096",
        b"r=nonce1,i=4096,s=QSXC",
        b"m=ext,r=nonce1,s=QSXC,i=4096",
        b"r=nonce1 2,s=QSXC,i=4096",
        "r=nonceé,s=QSXC,i=4096".encode(),
    ],
)
def test_a_first_message_that_is_none(challenge: bytes) -> None:
    client = ScramClient("user", "pencil", "sha256", nonce="nonce")
    with pytest.raises(ScramError):
        client.respond(challenge)
    assert not client.proven


@pytest.mark.parametrize("final", [b"", b"v=", b"v=AAAA", b"x", b"v=\xff", b"v=!", b"r=a"])
def test_a_server_that_does_not_know_the_password(final: bytes) -> None:
    nonce, server_first, _, _ = VECTORS["sha256"]
    client = ScramClient("user", "pencil", "sha256", nonce=nonce)
    client.respond(server_first.encode())
    with pytest.raises(ScramError):
        client.respond(final)
    assert not client.proven


@given(messages=st.lists(st.binary(max_size=60), max_size=4))
def test_whatever_the_server_says(messages: list[bytes]) -> None:
    client = ScramClient("user", "pencil", "sha1", nonce="nonce")
    try:
        for message in messages:
            client.respond(message)
    except ScramError:
        pass
    assert not client.proven


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        # RFC 4013 section 3
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        # what it prohibits stays as it stands: the server has the last word
        ("\u0007é", "\u0007é"),
        ("\u0627\u0031", "\u0627\u0031"),
        ("a\u00a0é", "a é"),
        ("e\u0301", "é"),
        ("\u0627\u0628", "\u0627\u0628"),
        ("\u0221", "\u0221"),
        ("\u00ad", "\u00ad"),
    ],
)
def test_saslprep(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


def test_names_are_escaped() -> None:
    assert b"n=a=2Cb=3Dc," in ScramClient("a,b=c", "p", "sha1").first()
    assert ScramClient("a", "p", "sha1").first() != ScramClient("a", "p", "sha1").first()


# -- over the wire -------------------------------------------------------------------------------


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def server(
    digest: str = "sha256",
    *,
    password: str = PASSWORD,
    iterations: int = 4096,
    forge: Callable[[str], str] = lambda final: final,
    prove: bool = True,
) -> Callable[[Connection], Any]:
    """The server's side of SCRAM, as RFC 5802 section 3 has it; `forge` changes its proof."""

    async def play(connection: Connection) -> bool:
        initial = connection.commands[-1].split(" ")[2]
        bare = base64.b64decode(initial).decode().removeprefix("n,,")
        nonce = bare.partition(",r=")[2] + encoded(os.urandom(9))
        salt = os.urandom(12)
        first = f"r={nonce},s={encoded(salt)},i={iterations}"
        await connection.reply(f"334 {encoded(first)}")
        final = base64.b64decode(await connection.line()).decode()
        without, _, proof = final.partition(",p=")
        message = f"{bare},{first},{without}".encode()

        def mac(key: bytes, data: bytes) -> bytes:
            return hmac.new(key, data, digest).digest()

        salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations)
        client_key = mac(salted, b"Client Key")
        signature = mac(hashlib.new(digest, client_key).digest(), message)
        expected = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        if without != f"c=biws,r={nonce}" or base64.b64decode(proof) != expected:
            await connection.reply(f"334 {encoded('e=invalid-proof')}")
            await connection.line()
            await connection.reply("535 5.7.8 no")
            return False
        if prove:
            proven = forge(f"v={encoded(mac(mac(salted, b'Server Key'), message))}")
            await connection.reply(f"334 {encoded(proven)}")
            assert await connection.line() == ""
        await connection.reply("235 2.7.0 welcome")
        return True

    return play


MECHANISM = {"sha1": "SCRAM-SHA-1", "sha256": "SCRAM-SHA-256"}


@pytest.mark.parametrize("digest", MECHANISM)
async def test_the_password_is_not_sent(digest: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    name = MECHANISM[digest]
    async with (
        Peer(mechanisms=f"{name} PLAIN", AUTH=server(digest)) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        # In the clear, to loopback: the mechanism that hides the password comes first.
        await send(host)
        assert len(peer.mails) == 1
        assert peer.commands[1].startswith(f"AUTH {name} ")
        assert PASSWORD.encode() not in peer.received
    assert_secret(caplog)
    # Nothing of the exchange is there to guess the password by.
    assert not re.search(r"r=|s=|v=|334 [A-Za-z0-9]", caplog.text.partition("AUTH")[2])


async def test_a_wrong_password_is_refused_once() -> None:
    async with (
        Peer(mechanisms="SCRAM-SHA-256 CRAM-MD5", AUTH=server(password="other")) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        for _ in range(2):
            with pytest.raises(PermanentDeliveryError) as caught:
                await send(host)
            Outcome("PFA", "auth").check(caught.value)
            assert caught.value.code == 535
        assert peer.count("AUTH") == 1


IMPOSTORS: dict[str, dict[str, Any]] = {
    "no proof": {"prove": False},
    "another proof": {"forge": lambda _: "v=" + encoded(b"x" * 32)},
    "an error and then welcome": {"forge": lambda _: "e=other-error"},
    "too few iterations": {"iterations": 1},
}


@pytest.mark.parametrize("case", IMPOSTORS)
async def test_a_server_that_stands_in_for_another(
    case: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Peer(mechanisms="SCRAM-SHA-256", AUTH=server(**IMPOSTORS[case])) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        with within(), pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
        Outcome("PFA", "auth").check(caught.value)
        assert "authMethod PLAIN" in caught.value.hint
        assert peer.count("MAIL") == 0
        await peer.until(lambda: peer.open == 0)
        # It was the server that was refused, not the password: no pause.
        peer.answers["AUTH"] = server()
        await send(host)
    assert_secret(caplog, caught.value)


async def test_a_challenge_that_is_no_base64_is_disorder() -> None:
    async with (
        Peer(mechanisms="SCRAM-SHA-256", AUTH=["334 not base64!"]) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        with pytest.raises(TemporaryDeliveryError):
            await send(host)


async def test_a_server_that_asks_for_ever() -> None:
    async def asks(connection: Connection) -> bool:
        for _ in range(20):
            await connection.reply("334 ")
            await connection.line()
        return False

    async with Peer(mechanisms="LOGIN", AUTH=asks) as peer, hosting(peer, auth=AUTH) as host:
        with within(), pytest.raises(DeliveryError):
            await send(host)
        assert len(peer.commands) < 12


# -- the choice ----------------------------------------------------------------------------------

PASSWORDS = [name for name, mechanism in MECHANISMS.items() if mechanism.needs == "password"]


@given(offered=st.sets(st.sampled_from([*MECHANISMS, "NTLM", "GSSAPI"])), encrypted=st.booleans())
def test_the_first_that_is_offered_in_the_order_of_safety(
    offered: set[str], encrypted: bool
) -> None:
    order = ["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"]
    order = order if encrypted else [*order[2:], *order[:2]]
    chosen = choose(
        Credentials("a", password="b"), frozenset(offered), encrypted=encrypted, forced=False
    )
    expected = next((name for name in order if name in offered), None)
    assert (chosen.name if chosen else None) == expected


@pytest.mark.parametrize("method", PASSWORDS)
def test_a_forced_mechanism_is_the_only_one(method: str) -> None:
    given = Credentials("a", password="b", method=method)
    everything = frozenset(MECHANISMS)
    assert (chosen := choose(given, everything, encrypted=True, forced=False)) is not None
    assert chosen.name == method
    assert choose(given, everything - {method}, encrypted=True, forced=False) is None


# -- OAUTHBEARER (RFC 7628) ----------------------------------------------------------------------

TOKEN = {"type": "OAuth2", "user": "a=b,c@example.org", "accessToken": "never-shown-token"}


async def test_oauthbearer() -> None:
    async with (
        Peer(mechanisms="OAUTHBEARER PLAIN") as peer,
        hosting(peer, auth=TOKEN) as host,
    ):
        await send(host)
        (line,) = [line for line in peer.commands if line.startswith("AUTH")]
        assert base64.b64decode(line.split(" ")[2]) == (
            b"n,a=a=3Db=2Cc@example.org,\x01host=127.0.0.1\x01port=%d\x01"
            b"auth=Bearer never-shown-token\x01\x01" % peer.port
        )


async def test_a_refused_bearer_is_told_why_and_ends_with_its_dummy() -> None:
    async def refuses(connection: Connection) -> bool:
        reason = '{"status":"invalid_token"}'
        await connection.reply(f"334 {encoded(reason)}")
        assert base64.b64decode(await connection.line()) == b"\x01"
        await connection.reply("535 5.7.8 no: never-shown-token")
        return False

    async with (
        Peer(mechanisms="OAUTHBEARER", AUTH=refuses) as peer,
        hosting(peer, auth=TOKEN) as host,
    ):
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
        Outcome("PFA", "auth").check(caught.value)
        assert peer.count("AUTH") == 1
    assert "never-shown-token" not in str(caught.value)


def test_xoauth2_comes_before_oauthbearer() -> None:
    given = Credentials("a", token="t")
    chosen = choose(given, frozenset(MECHANISMS), encrypted=True, forced=False)
    assert chosen is not None
    assert chosen.name == "XOAUTH2"
