"""How a message is handed over: CHUNKING, LMTP, notifications, REQUIRETLS."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from connector_core import (
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
)
from tests.smtp import certificates
from tests.smtp.helpers import AUTH, Outcome, hosting, patiently, send, short, templates, within
from tests.smtp.peer import EXTENSIONS, Answers, Connection, Peer, drop, reset, stall

BOTH_LOOPS = True

CHUNKING = (*EXTENSIONS, "CHUNKING")
LONG_BODY = "".join(f".{number} {'x' * 60}\n" for number in range(8000))


# -- CHUNKING (RFC 3030) -----------------------------------------------------------------------


async def test_after_the_first_message_all_leaves_in_one_flight() -> None:
    async with Peer(extensions=CHUNKING) as peer, hosting(peer) as host:
        for _ in range(3):
            await send(host)
        verbs = [line.split(" ")[0] for line in peer.commands]
        assert verbs == ["EHLO", "MAIL", "RCPT", "DATA", *["MAIL", "RCPT", "BDAT"] * 2]
        first, *others = (mail.content for mail in peer.mails)
        assert {len(mail) for mail in others} == {len(first)}
        assert all(mail.endswith(b"\r\nYour code is 123456\r\n") for mail in others)


async def test_no_reply_is_waited_for_within_a_flight() -> None:
    """The server answers nothing until it has the whole message."""
    seen: list[bytes] = []

    async def one_flight(connection: Connection) -> None:
        await connection.reply("220 peer.test")
        await connection.line()
        await connection.reply("250-peer.test", "250-PIPELINING", "250 CHUNKING")
        for count in range(2):
            lines = [await connection.line(), await connection.line(), await connection.line()]
            if count == 0:
                await connection.reply("250 ok", "250 ok", "354 go")
                await connection.content()
                await connection.reply("250 ok")
                continue
            seen.append(await connection.exactly(int(lines[2].split(" ")[1])))
            await connection.reply("250 2.1.0 ok", "250 2.1.5 ok", "250 2.0.0 queued")
        await connection.stall()

    async with Peer(script=one_flight) as peer, hosting(peer) as host:
        await send(host)
        with within():
            receipt = await send(host)
    assert receipt.response == "250 2.0.0 queued"
    assert len(seen) == 1


async def test_chunking_may_be_turned_off() -> None:
    async with Peer(extensions=CHUNKING) as peer, hosting(peer, chunking=False) as host:
        for _ in range(2):
            await send(host)
        assert (peer.count("BDAT"), peer.count("DATA")) == (0, 2)


async def test_a_sender_that_was_not_taken_yet_is_asked_for_first() -> None:
    """Some servers break off where a refused sender is followed by BDAT in the same flight."""
    async with (
        Peer(extensions=CHUNKING, MAIL=["550 5.7.1 not you"] * 2) as peer,
        hosting(peer) as host,
    ):
        for _ in range(2):
            with pytest.raises(PermanentDeliveryError):
                await send(host)
        await send(host)
        assert peer.count("BDAT") == 0
        await send(host)
        assert peer.count("BDAT") == 1


@pytest.mark.parametrize("content", ["a long one", "with dots"])
@pytest.mark.parametrize("tls", [False, True])
async def test_a_chunk_arrives_as_it_is(content: str, tls: bool) -> None:
    body = LONG_BODY if content == "a long one" else ".\n..\n.a\n"
    secure: dict[str, Any] = {"implicit_tls": certificates.valid()} if tls else {}
    async with (
        Peer(extensions=CHUNKING, **secure) as peer,
        hosting(peer, secure=tls, templates=templates(content=body)) as host,
    ):
        for _ in range(2):
            await send(host)
        by_data, by_chunk = (mail.content.partition(b"\r\n\r\n")[2] for mail in peer.mails)
        assert by_data == by_chunk
        assert peer.count("BDAT") == 1


FAULTS: dict[str, tuple[dict[str, Answers], Outcome]] = {
    "recipient refused": ({"RCPT": [None, "550 5.1.1 no"]}, Outcome("P", "recipient")),
    "recipient deferred": ({"RCPT": [None, "450 4.2.0 no"]}, Outcome("R", "recipient")),
    "sender refused": ({"MAIL": [None, "550 5.7.0 no"]}, Outcome("PF", "sender")),
    "message refused": ({"content": [None, "554 5.6.0 no"]}, Outcome("PF", "content")),
    "message deferred": ({"content": [None, "451 4.3.0 no"]}, Outcome("RF", "content")),
    "drop at MAIL": ({"MAIL": [None, drop]}, Outcome("U", "content")),
    "reset at RCPT": ({"RCPT": [None, reset]}, Outcome("U", "content")),
    "drop after the message": ({"content": [None, drop]}, Outcome("U", "content")),
    "garbage after the message": ({"content": [None, "hello"]}, Outcome("U", "content")),
    "354 to the message": ({"content": [None, "354 go on"]}, Outcome("U", "content")),
    "too many replies": ({"content": [None, "250 ok\r\n250 ok"]}, Outcome("U", "content")),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_goes_wrong_with_a_chunk(fault: str) -> None:
    answers, outcome = FAULTS[fault]
    async with Peer(extensions=CHUNKING, answers=answers) as peer, hosting(peer) as host:
        await send(host)
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host)
        error = caught.value
        assert (
            type(error)
            is {
                "R": TemporaryDeliveryError,
                "P": PermanentDeliveryError,
                "U": UncertainDeliveryError,
            }[outcome.letters[0]]
        )
        assert (error.stage, error.failover) == (outcome.stage, "F" in outcome.letters)
        assert peer.count("BDAT") <= 1
        mails = len(peer.mails)
        await send(host)
        assert len(peer.mails) == mails + 1


async def test_a_refusal_before_the_connection_broke_stays_a_refusal() -> None:
    async with (
        Peer(extensions=CHUNKING, RCPT=[None, "550 5.1.1 no"], content=[None, drop]) as peer,
        hosting(peer) as host,
    ):
        await send(host)
        with pytest.raises(PermanentDeliveryError, match=r"5\.1\.1"):
            await send(host)
        await send(host)


async def test_a_chunk_after_a_refused_recipient_is_never_success() -> None:
    async with (
        Peer(extensions=CHUNKING, RCPT=[None, "550 5.1.1 no"], content=[None, "250 ok"]) as peer,
        hosting(peer) as host,
    ):
        await send(host)
        with pytest.raises(PermanentDeliveryError, match=r"5\.1\.1"):
            await send(host)
        assert len(peer.mails) == 1
        # The refused transaction was cleared.
        await send(host)
        assert peer.count("RSET") == 1
        assert len(peer.connections) == 1


async def test_a_server_that_closes_before_a_chunk_gets_a_fresh_try() -> None:
    async with (
        Peer(extensions=CHUNKING, MAIL=[None, "421 4.3.2 closing"]) as peer,
        hosting(peer) as host,
    ):
        for _ in range(2):
            await send(host)
        assert len(peer.connections) == 2
        assert len(peer.mails) == 2


@patiently
async def test_a_chunk_that_did_not_leave_is_not_uncertain(brief: int) -> None:
    """The server reads no further, so that most of the message is still here."""

    async def freezes(connection: Connection) -> bool:
        await connection.freeze()
        return False

    # Beyond what sockets on loopback hold.
    large = {"templates": templates(subject="Code", content="{{code}}\n" * 150)}
    async with (
        Peer(extensions=CHUNKING, MAIL=[None, freezes]) as peer,
        hosting(peer, **large, **short("socketTimeout", brief)) as host,
    ):
        await send(host)
        with within(), pytest.raises(TemporaryDeliveryError) as caught:
            await send(host, payload={"code": "x" * 60_000})
        Outcome("RF", "sender").check(caught.value)
        assert len(peer.connections) == 1


async def test_said_goodbye_before_the_message_is_certain() -> None:
    """The reply to AUTH, 421 and the end in one segment: nothing of a message was written."""

    async def farewell(connection: Connection) -> bool:
        await connection.reply("235 2.7.0 in", "421 4.4.0 no relay server")
        connection.drop()
        return False

    async with (
        Peer(extensions=CHUNKING, mechanisms="PLAIN", AUTH=[farewell]) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        with pytest.raises(TemporaryDeliveryError) as caught:
            await send(host)
        assert caught.value.failover
        await send(host)
        assert len(peer.mails) == 1


# -- LMTP (RFC 2033) ---------------------------------------------------------------------------


async def test_lmtp() -> None:
    async with Peer(extensions=CHUNKING) as peer, hosting(peer, lmtp=True) as host:
        receipts = [await send(host) for _ in range(2)]
        assert [line.split(" ")[0] for line in peer.commands] == [
            "LHLO",
            *["MAIL", "RCPT", "DATA"] * 2,
        ]
        assert len(peer.mails) == 2
    assert receipts[0].accepted == ("ann@example.org",)


async def test_lmtp_has_no_reply_to_a_message_without_recipients() -> None:
    async def no_reply(connection: Connection) -> bool:
        pytest.fail("DATA came although the recipient was refused")

    async with (
        Peer(RCPT=["550 5.1.1 no such user"], DATA=[None, no_reply]) as peer,
        hosting(peer, lmtp=True) as host,
    ):
        with within(), pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
        assert (caught.value.stage, caught.value.failover) == ("recipient", False)
        await send(host)
        assert len(peer.connections) == 1


async def test_lmtp_refuses_one_recipient_after_the_message() -> None:
    async with Peer(content=["552 5.2.2 mailbox full"]) as peer, hosting(peer, lmtp=True) as host:
        with pytest.raises(PermanentDeliveryError, match="mailbox full"):
            await send(host)
        await send(host)
        assert len(peer.mails) == 1


async def test_an_smtp_server_does_not_know_lhlo() -> None:
    async with Peer(LHLO="502 5.5.1 no") as peer, hosting(peer, lmtp=True) as host:
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
        assert (caught.value.stage, caught.value.command) == ("ehlo", "LHLO")
        assert peer.count("HELO") == 0


# -- Notifications (RFC 3461) ------------------------------------------------------------------

DSN: dict[str, Any] = {
    "ret": "hdrs",
    "envid": "sign+in",
    "notify": ["failure", "delay"],
    "orcpt": "ann@example.org",
}


async def test_notifications_are_asked_for() -> None:
    async with Peer(extensions=(*EXTENSIONS, "DSN")) as peer, hosting(peer, dsn=DSN) as host:
        await send(host)
        mail, rcpt = peer.commands[1:3]
    assert mail.endswith(" RET=HDRS ENVID=sign+2Bin")
    assert rcpt == ("RCPT TO:<ann@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;ann@example.org")


async def test_a_server_without_notifications_is_warned_about_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Peer() as peer, hosting(peer, dsn=DSN, maxMessages=1) as host:
        for _ in range(2):
            await send(host)
        assert len(peer.connections) == 2
        assert not [line for line in peer.commands if "NOTIFY" in line or "RET=" in line]
    warnings = [record for record in caplog.records if "DSN" in record.getMessage()]
    assert [record.levelno for record in warnings] == [logging.WARNING]


async def test_what_is_announced_after_the_log_in_counts() -> None:
    """Dovecot offers DSN, and says how large a mail may be, only to whom it knows."""

    async def announces(connection: Connection) -> bool:
        await connection.reply("250-peer.test", "250-DSN", "250 SIZE 50")
        return True

    async with (
        Peer(extensions=("SIZE",), mechanisms="PLAIN", EHLO=[None, announces]) as peer,
        hosting(peer, auth=AUTH, dsn=DSN) as host,
    ):
        with pytest.raises(PermanentDeliveryError, match="takes 50"):
            await send(host)
        assert [line.split(" ")[0] for line in peer.commands][:3] == ["EHLO", "AUTH", "EHLO"]


async def test_a_server_that_refuses_ehlo_after_the_log_in_is_taken_at_its_first_word() -> None:
    async with (
        Peer(extensions=("SIZE",), mechanisms="PLAIN", EHLO=[None, "503 5.5.1 no"]) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        await send(host)
        assert peer.count("EHLO") == 2
        assert len(peer.mails) == 1


# -- REQUIRETLS (RFC 8689) ---------------------------------------------------------------------


async def test_requiretls_is_asked_for_over_tls() -> None:
    async with (
        Peer(extensions=(*EXTENSIONS, "REQUIRETLS"), starttls=certificates.valid()) as peer,
        hosting(peer, requireTLSExtensionEnabled=True) as host,
    ):
        await send(host)
        assert peer.commands[3].endswith(" REQUIRETLS")


@pytest.mark.parametrize(
    ("extensions", "tls"), [(EXTENSIONS, True), ((*EXTENSIONS, "REQUIRETLS"), False)]
)
async def test_without_requiretls_nothing_is_sent(extensions: tuple[str, ...], tls: bool) -> None:
    secure: dict[str, Any] = {"starttls": certificates.valid()} if tls else {}
    async with (
        Peer(extensions=extensions, **secure) as peer,
        hosting(peer, requireTLSExtensionEnabled=True) as host,
    ):
        with pytest.raises(PermanentDeliveryError, match="REQUIRETLS") as caught:
            await send(host)
        Outcome("PFA", "ehlo").check(caught.value)
        assert peer.count("MAIL") == 0


# -- silence -----------------------------------------------------------------------------------


@patiently
async def test_silence_after_a_chunk_is_uncertain(brief: int) -> None:
    async with (
        Peer(extensions=CHUNKING, content=[None, stall]) as peer,
        hosting(peer, **short("socketTimeout", brief)) as host,
    ):
        await send(host)
        with within(), pytest.raises(UncertainDeliveryError):
            await send(host)
        assert peer.played == ["content"]
        await send(host)
