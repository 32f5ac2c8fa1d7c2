"""STARTTLS and certificates: what is wrong ends the session before anything worth reading."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Any

import pytest

from connector_core import (
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
)
from tests.smtp import certificates
from tests.smtp.helpers import (
    AUTH,
    Outcome,
    assert_secret,
    config,
    fault,
    hosting,
    new_host,
    patiently,
    send,
    short,
    templates,
    within,
    works,
)
from tests.smtp.peer import Answer, Connection, Peer, drop, reset, stall

BOTH_LOOPS = True
STARTTLS = {"requireTLS": True, "auth": AUTH}
IMPLICIT = {"secure": True, "auth": AUTH}


def assert_nothing_given_away(
    peer: Peer, caplog: pytest.LogCaptureFixture, *errors: BaseException
) -> None:
    """No AUTH, no sender, no recipient in the clear or to a stranger, and no password shown."""
    assert b"AUTH" not in peer.received
    assert b"MAIL" not in peer.received
    assert_secret(caplog, *errors)


def assert_operator(error: DeliveryError, stage: str = "tls") -> None:
    assert isinstance(error, PermanentDeliveryError)
    assert (error.stage, error.failover, error.operator) == (stage, True, True)
    assert error.hint


async def test_a_mail_goes_by_starttls() -> None:
    async with (
        Peer(starttls=certificates.valid(), mechanisms="PLAIN") as peer,
        hosting(peer, **STARTTLS) as host,
    ):
        for _ in range(4):
            await send(host)
        (connection,) = peer.connections
        assert len(peer.mails) == 4
        assert connection.encrypted_from is not None
        clear = connection.received[: connection.encrypted_from]
        assert clear.count(b"\r\n") == 2
        assert clear.endswith(b"STARTTLS\r\n")
        # What was learned in the clear was asked for again.
        assert peer.count("EHLO") == 2


async def test_a_mail_goes_by_implicit_tls() -> None:
    async with (
        Peer(implicit_tls=certificates.valid(), mechanisms="PLAIN") as peer,
        hosting(peer, **IMPLICIT) as host,
    ):
        for _ in range(4):
            await send(host)
        assert len(peer.mails) == 4
        assert len(peer.connections) == 1


@pytest.mark.parametrize("sent_before", [0, 1, 2, 3])
@pytest.mark.parametrize("answer", [drop, reset, stall])
@pytest.mark.parametrize("implicit", [True, False], ids=["implicit", "starttls"])
@patiently
async def test_lost_after_the_final_dot_is_uncertain_over_tls(
    implicit: bool, answer: Answer, sent_before: int, brief: int
) -> None:
    tls: dict[str, Any] = {"implicit_tls" if implicit else "starttls": certificates.valid()}
    options: dict[str, Any] = {"secure": True} if implicit else {"requireTLS": True}
    options |= short("socketTimeout", brief) if answer is stall else {}
    async with (
        Peer(**tls, content=[None] * sent_before + [answer]) as peer,
        hosting(peer, **options) as host,
    ):
        for _ in range(sent_before):
            await works(peer, host)
        error = await fault(peer, host, "content")
        assert isinstance(error, UncertainDeliveryError)
        await works(peer, host)


@pytest.mark.parametrize("implicit", [True, False], ids=["implicit", "starttls"])
@patiently
async def test_a_stall_inside_a_large_message_is_certain_over_tls(
    implicit: bool, brief: int
) -> None:
    async def accept_and_freeze(connection: Connection) -> None:
        await connection.reply("354 go on")
        await connection.freeze()

    tls: dict[str, Any] = {"implicit_tls" if implicit else "starttls": certificates.valid()}
    options: dict[str, Any] = {"secure": True} if implicit else {"requireTLS": True}
    large = {"code": "x" * 60_000}
    content = "{{code}}" * 150
    async with Peer(**tls, DATA=[accept_and_freeze]) as peer:
        options["templates"] = templates(subject="Hello", content=content)
        async with hosting(peer, **options, **short("socketTimeout", brief)) as host:
            error = await fault(peer, host, "content", payload=large)
            assert isinstance(error, TemporaryDeliveryError)
            assert error.stage == "content"
            await works(peer, host)


@pytest.mark.parametrize(
    "injected",
    [
        b"250 OK\r\n",
        b"250-mail.test\r\n250 AUTH PLAIN\r\n",
        b"250 half a li",
        b"2",
        b"\x16\x03\x01",
        b"\r\n",
        b"garbage\r\n",
        b"250 a\r\n" * 5000,
    ],
    ids=["reply", "capabilities", "half", "one byte", "a record", "empty", "garbage", "flood"],
)
async def test_bytes_behind_the_220_end_the_session(
    injected: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def inject(connection: Connection) -> None:
        await connection.write(b"220 go ahead\r\n" + injected)
        await connection.start_tls(certificates.valid())
        await connection.stall()

    async with (
        Peer(starttls=certificates.valid(), mechanisms="PLAIN", STARTTLS=[inject]) as peer,
        hosting(peer, **STARTTLS) as host,
    ):
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host)
        assert_operator(caught.value)
        assert_nothing_given_away(peer, caplog, caught.value)
        await send(host)
        assert len(peer.mails) == 1


async def test_bytes_that_follow_the_220_in_their_own_segment_end_the_session(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def inject(connection: Connection) -> None:
        await connection.write(b"220 go ahead\r\n")
        await connection.write(b"250-mail.test\r\n250 AUTH PLAIN\r\n")
        await connection.stall()

    async with (
        Peer(starttls=certificates.valid(), mechanisms="PLAIN", STARTTLS=[inject]) as peer,
        hosting(peer, **STARTTLS) as host,
    ):
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host)
        assert_operator(caught.value)
        assert_nothing_given_away(peer, caplog, caught.value)
        await send(host)


async def test_a_reply_to_starttls_before_it_was_asked_ends_the_session() -> None:
    async def hello(connection: Connection) -> None:
        await connection.reply("250-peer.test", "250 STARTTLS", "220 go ahead")
        await connection.stall()

    async with (
        Peer(starttls=certificates.valid(), EHLO=[hello]) as peer,
        hosting(peer, **STARTTLS) as host,
    ):
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host)
        assert caught.value.failover
        assert b"STARTTLS" not in peer.received


async def test_capabilities_learned_in_the_clear_are_forgotten() -> None:
    """AUTH was offered in the clear, by whoever; over TLS the server has none."""

    async def clear(connection: Connection) -> None:
        await connection.reply("250-peer.test", "250-AUTH PLAIN", "250-SIZE 1", "250 STARTTLS")

    async with (
        Peer(starttls=certificates.valid(), EHLO=[clear]) as peer,
        hosting(peer, **STARTTLS) as host,
    ):
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
        assert_operator(caught.value, "auth")
        assert b"AUTH" not in peer.received


@pytest.mark.parametrize(
    ("answers", "stage", "permanent"),
    [
        ({}, "tls", True),
        ({"STARTTLS": "502 5.5.1 no"}, "tls", True),
        ({"STARTTLS": "454 4.7.0 not now"}, "tls", False),
        ({"EHLO": "502 5.5.1 no"}, "ehlo", True),
        ({"EHLO": "421 4.3.2 busy"}, "ehlo", False),
    ],
    ids=["stripped", "502", "454", "EHLO 502", "EHLO 421"],
)
async def test_no_starttls_fails_before_auth(
    answers: dict[str, Answer],
    stage: str,
    permanent: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    starttls = certificates.valid() if "STARTTLS" in answers else None
    async with (
        Peer(starttls=starttls, mechanisms="PLAIN", answers=answers) as peer,
        hosting(peer, **STARTTLS) as host,
    ):
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host)
        error = caught.value
        assert isinstance(error, PermanentDeliveryError if permanent else TemporaryDeliveryError)
        assert (error.stage, error.failover, error.operator) == (stage, True, permanent)
        assert_nothing_given_away(peer, caplog, error)


@pytest.mark.parametrize("answer", ["502 5.5.1 no", "454 4.7.0 not now"])
async def test_starttls_that_is_refused_is_no_reason_to_go_on_in_the_clear(answer: str) -> None:
    async with Peer(starttls=certificates.valid(), STARTTLS=answer) as peer, hosting(peer) as host:
        with pytest.raises(DeliveryError) as caught:
            await send(host)
        assert caught.value.stage == "tls"
        assert b"MAIL" not in peer.received


async def test_opportunistic_tls_goes_on_in_the_clear() -> None:
    async with (
        Peer(starttls=certificates.valid(), STARTTLS="454 4.7.0 not now") as peer,
        hosting(peer, opportunisticTLS=True) as host,
    ):
        await send(host)
        await send(host)
        assert len(peer.mails) == 2


WRONG = {
    "expired": (certificates.expired, "expired"),
    "wrong name": (certificates.other_name, "servername"),
    "unknown authority": (certificates.unknown_authority, "tls.ca"),
    "self-signed": (certificates.self_signed, "tls.ca"),
    "missing intermediate": (certificates.missing_intermediate, "intermediate"),
}


@pytest.mark.parametrize("wrong", list(WRONG))
@pytest.mark.parametrize("implicit", [True, False], ids=["implicit", "starttls"])
async def test_a_wrong_certificate(
    wrong: str, implicit: bool, caplog: pytest.LogCaptureFixture
) -> None:
    make, hint = WRONG[wrong]
    tls: dict[str, Any] = {"implicit_tls" if implicit else "starttls": make()}
    async with (
        Peer(**tls, mechanisms="PLAIN") as peer,
        hosting(peer, **(IMPLICIT if implicit else STARTTLS)) as host,
    ):
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host)
        assert_operator(caught.value)
        assert hint in caught.value.hint
        assert_nothing_given_away(peer, caplog, caught.value)


async def test_the_authorities_of_the_config_stand_in_place_of_the_systems() -> None:
    async with (
        Peer(implicit_tls=certificates.valid()) as peer,
        hosting(peer, secure=True, tls={}) as host,
    ):
        with pytest.raises(DeliveryError) as caught:
            await send(host)
        assert_operator(caught.value)


async def test_the_configured_name_is_what_is_verified() -> None:
    async with (
        Peer(implicit_tls=certificates.other_name()) as peer,
        hosting(peer, secure=True, servername="mail.example.org") as host,
    ):
        await send(host)
    async with (
        Peer(implicit_tls=certificates.valid()) as peer,
        hosting(peer, secure=True, servername="mail.example.org") as host,
    ):
        with pytest.raises(PermanentDeliveryError):
            await send(host)


async def test_verification_is_given_up_only_where_the_config_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with (
        Peer(implicit_tls=certificates.self_signed()) as peer,
        hosting(peer, secure=True, tls={"rejectUnauthorized": False}) as host,
    ):
        assert sum("not verified" in record.getMessage() for record in caplog.records) == 1
        await send(host)


@pytest.mark.parametrize(
    ("alert", "hint"), [(70, "1.2"), (40, "tls.ciphers")], ids=["protocol version", "handshake"]
)
async def test_a_server_that_speaks_no_tls_that_is_safe(
    alert: int, hint: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As one of TLS 1.0 and 1.1 only answers: with an alert (RFC 8446 section 6.2)."""

    async def refuse(connection: Connection) -> None:
        await connection.anything()
        await connection.write(bytes([21, 3, 1, 0, 2, 2, alert]))
        await connection.stall()

    async with Peer(script=refuse) as peer, hosting(peer, **IMPLICIT) as host:
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host)
        assert_operator(caught.value)
        assert hint in caught.value.hint
        assert_nothing_given_away(peer, caplog, caught.value)


@pytest.mark.parametrize("implicit", [True, False], ids=["implicit", "starttls"])
@patiently
async def test_a_handshake_that_stalls(
    implicit: bool, caplog: pytest.LogCaptureFixture, brief: int
) -> None:
    async def silent(connection: Connection) -> None:
        await connection.reply("220 go ahead")
        await connection.stall()

    faulty = (
        Peer(script=stall) if implicit else Peer(starttls=certificates.valid(), STARTTLS=silent)
    )
    async with (
        faulty as peer,
        hosting(
            peer, **(IMPLICIT if implicit else STARTTLS), **short("greetingTimeout", brief)
        ) as host,
    ):
        error = await fault(peer, host, "tls")
        assert isinstance(error, TemporaryDeliveryError)
        assert (error.stage, error.failover) == ("tls", True)
        assert_nothing_given_away(peer, caplog, error)


@pytest.mark.parametrize("end", [drop, reset])
async def test_a_handshake_that_is_broken_off(end: Answer) -> None:
    async def go(connection: Connection) -> None:
        await connection.reply("220 go ahead")
        assert not isinstance(end, str)
        await end(connection)

    async with (
        Peer(starttls=certificates.valid(), mechanisms="PLAIN", STARTTLS=[go]) as peer,
        hosting(peer, **STARTTLS) as host,
    ):
        with within(), pytest.raises(TemporaryDeliveryError) as caught:
            await send(host)
        assert (caught.value.stage, caught.value.failover) == ("tls", True)
        await send(host)


@pytest.mark.parametrize(
    "garbage", [b"\0" * 64, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"421 bye\r\n"]
)
async def test_garbage_in_place_of_a_handshake(garbage: bytes) -> None:
    async def go(connection: Connection) -> None:
        await connection.reply("220 go ahead")
        await connection.drip(garbage, 0)
        await connection.stall()

    async with (
        Peer(starttls=certificates.valid(), STARTTLS=[go]) as peer,
        hosting(peer, **STARTTLS) as host,
    ):
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host)
        assert_operator(caught.value)


async def test_a_plaintext_server_where_tls_was_expected(caplog: pytest.LogCaptureFixture) -> None:
    async with Peer(mechanisms="PLAIN") as peer, hosting(peer, **IMPLICIT) as host:
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host)
        assert_operator(caught.value)
        assert "secure to false" in caught.value.hint
        assert_nothing_given_away(peer, caplog, caught.value)


async def test_a_tls_server_where_plaintext_was_expected() -> None:
    async with (
        Peer(implicit_tls=certificates.valid()) as peer,
        hosting(peer, **short("greetingTimeout")) as host,
    ):
        with within(), pytest.raises(TemporaryDeliveryError) as caught:
            await send(host)
        assert (caught.value.stage, caught.value.failover) == ("greeting", True)
        assert "secure to true" in caught.value.hint


async def test_a_server_that_wants_a_certificate_says_so_after_the_handshake() -> None:
    """With TLS 1.3 its alert comes when the client takes the connection for open."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority().issue_cert(certificates.NAME).configure_cert(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=certificates.authority_pem())

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(ssl.SSLError):
            context.wrap_socket(connection, server_side=True).close()

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        serving = asyncio.create_task(asyncio.to_thread(serve, listening))
        async with new_host() as host:
            host.configure("smtp", config(listening.getsockname()[1], secure=True))
            with within(), pytest.raises(PermanentDeliveryError) as caught:
                await send(host)
        await serving
    Outcome("PFA", "tls").check(caught.value)
    assert "set tls.cert and tls.key" in caught.value.hint
