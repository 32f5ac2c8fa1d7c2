"""Every fault that one sender meets, and the outcome it must have."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from connector_core import (
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
)
from tests.smtp import certificates
from tests.smtp.helpers import AUTH, SHORT, Outcome, assert_secret, hosting, send, templates, within
from tests.smtp.peer import EXTENSIONS, Answer, Connection, Peer, drop, freeze, reset, stall

BOTH_LOOPS = True
LARGE: dict[str, Any] = {"templates": templates(subject="Hi", content="{{code}}" * 150)}
PIPELINED = {"pipelined": EXTENSIONS, "one by one": ("SIZE",)}


async def fails(
    peer: Peer, outcome: Outcome, caplog: pytest.LogCaptureFixture, **changes: Any
) -> DeliveryError:
    """The send comes to the outcome, in time and without a secret, and the next one works."""
    arguments = changes.pop("arguments", {})
    async with hosting(peer, **{**SHORT, **changes}) as host:
        with within(3), pytest.raises(DeliveryError) as caught:
            await send(host, **arguments)
        outcome.check(caught.value)
        assert_secret(caplog, caught.value)
        before = len(peer.mails)
        await send(host)
        assert len(peer.mails) == before + 1
    return caught.value


# Network


async def test_refused() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        peer = Peer()
        peer.port = closed.getsockname()[1]
        async with hosting(peer, **SHORT) as host:
            with within(2), pytest.raises(DeliveryError) as caught:
                await send(host)
    Outcome("RF", "connect").check(caught.value)
    assert "no mail server listens" in caught.value.hint


async def test_blackhole() -> None:
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        peer = Peer()
        peer.port = full.getsockname()[1]
        async with hosting(peer, **SHORT) as host:
            with within(2), pytest.raises(DeliveryError) as caught:
                await send(host)
    Outcome("RF", "connect").check(caught.value)
    assert "firewall" in caught.value.hint


async def dripping_greeting(connection: Connection) -> None:
    await connection.drip(b"220 " + b"a" * 10_000)


@pytest.mark.parametrize("fault", [reset, drop, stall, dripping_greeting])
async def test_at_the_greeting(fault: Answer, caplog: pytest.LogCaptureFixture) -> None:
    async with Peer(greeting=[fault]) as peer:
        await fails(peer, Outcome("RF", "greeting"), caplog)


@pytest.mark.parametrize("extensions", list(PIPELINED.values()), ids=list(PIPELINED))
@pytest.mark.parametrize("fault", [reset, drop, stall, freeze])
@pytest.mark.parametrize(
    ("place", "stage"),
    [("EHLO", "ehlo"), ("MAIL", "sender"), ("RCPT", "recipient"), ("DATA", "content")],
)
async def test_before_the_content(
    place: str,
    stage: str,
    fault: Answer,
    extensions: Sequence[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Peer(extensions=extensions, answers={place: [fault]}) as peer:
        await fails(peer, Outcome("RF", stage), caplog)


async def reset_after_a_bit(connection: Connection) -> None:
    await connection.reply("354 go on")
    await connection.anything()
    connection.reset()


async def freeze_inside(connection: Connection) -> None:
    await connection.reply("354 go on")
    await connection.freeze()


@pytest.mark.parametrize("fault", [reset_after_a_bit, freeze_inside])
async def test_inside_the_content(fault: Answer, caplog: pytest.LogCaptureFixture) -> None:
    """The message is larger than what the network holds, so that its end has not left."""
    async with Peer(DATA=[fault]) as peer:
        large = {"payload": {"code": "x" * 60_000}}
        await fails(peer, Outcome("RF", "content"), caplog, arguments=large, **LARGE)


@pytest.mark.parametrize("extensions", list(PIPELINED.values()), ids=list(PIPELINED))
@pytest.mark.parametrize("fault", [reset, drop, stall, lambda c: c.reply("what?")])
async def test_after_the_final_dot(
    fault: Answer, extensions: Sequence[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with Peer(extensions=extensions, content=[fault]) as peer:
        await fails(peer, Outcome("U", "content"), caplog)
        assert peer.count("DATA") == 2


async def test_250_then_reset() -> None:
    async def accept_and_reset(connection: Connection) -> None:
        connection.peer.mails.append(connection.mail)
        await connection.reply("250 2.0.0 queued")
        connection.reset()

    async with Peer(content=[accept_and_reset]) as peer, hosting(peer) as host:
        await send(host)
        await send(host)
        assert len(peer.mails) == 2
        assert len(peer.connections) == 2


# Protocol and policy: replies


@pytest.mark.parametrize(
    ("answers", "letters", "stage"),
    [
        ({"greeting": "554 5.7.1 go away"}, "PFA", "greeting"),
        ({"greeting": "421 4.3.2 busy"}, "RF", "greeting"),
        ({"EHLO": "550 5.7.1 who?", "HELO": "550 5.7.1 who?"}, "PFA", "ehlo"),
        ({"EHLO": "421 4.3.2 busy"}, "RF", "ehlo"),
        ({"MAIL": "550 5.7.1 not you"}, "PF", "sender"),
        ({"MAIL": "530 5.7.0 authentication required"}, "PFA", "sender"),
        ({"MAIL": "452 4.3.1 disk full"}, "RF", "sender"),
        ({"MAIL": "421 4.3.2 busy"}, "RF", "sender"),
        ({"MAIL": "552 5.3.4 too big"}, "P", "sender"),
        ({"RCPT": "550 5.1.1 no such user"}, "P", "recipient"),
        ({"RCPT": "450 4.7.1 greylisted"}, "R", "recipient"),
        ({"RCPT": "452 4.2.2 mailbox full"}, "R", "recipient"),
        ({"DATA": "451 4.3.0 try again"}, "RF", "content"),
        ({"DATA": "250 what?"}, "RF", "content"),
        ({"DATA": "354 go on", "content": "554 5.7.1 spam"}, "PF", "content"),
        ({"content": "552 5.3.4 too big"}, "P", "content"),
        ({"content": "451 4.3.0 try again"}, "RF", "content"),
        ({"content": "421 4.3.2 closing"}, "RF", "content"),
        ({"AUTH": "535 5.7.8 wrong"}, "PFA", "auth"),
        ({"AUTH": "454 4.7.0 later"}, "RF", "auth"),
        ({"AUTH": "534 5.7.9 app password"}, "PFA", "auth"),
        ({"AUTH": "250 what?"}, "RF", "auth"),
    ],
)
@pytest.mark.parametrize("extensions", list(PIPELINED.values()), ids=list(PIPELINED))
async def test_a_refusal(
    answers: dict[str, Answer],
    letters: str,
    stage: str,
    extensions: Sequence[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    once = {name: [answer] for name, answer in answers.items()}
    auth = {"auth": AUTH} if "AUTH" in answers else {}
    async with (
        Peer(extensions=extensions, mechanisms="PLAIN", answers=once) as peer,
        hosting(peer, **auth) as host,
    ):
        with within(2), pytest.raises(DeliveryError) as caught:
            await send(host)
        Outcome(letters, stage).check(caught.value)
        assert not peer.mails
        if letters != "PFA" or stage != "auth":
            await send(host)
            assert len(peer.mails) == 1
    code, _, rest = str(list(answers.values())[-1]).partition(" ")
    if int(code) >= 400:
        assert caught.value.code == int(code)
        assert rest in caught.value.response
        assert caught.value.enhanced_code == rest.partition(" ")[0]
    assert_secret(caplog, caught.value)


@pytest.mark.parametrize("fault", [drop, reset, stall])
async def test_a_refusal_stays_one_when_the_connection_ends_after_it(fault: Answer) -> None:
    """RCPT was refused within a flight; what comes of DATA no longer matters."""
    async with (
        Peer(RCPT=["550 5.1.1 no such user"], DATA=[fault]) as peer,
        hosting(peer, **SHORT) as host,
    ):
        with within(2), pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
        Outcome("P", "recipient").check(caught.value)
        await send(host)


@pytest.mark.parametrize("answer", ["250 2.0.0 queued", "550 5.0.0 no", "421 4.3.2 bye"])
async def test_a_lone_dot_is_never_success(answer: str) -> None:
    async with (
        Peer(RCPT=["550 5.1.1 no such user"], DATA=["354 go on"], content=[answer]) as peer,
        hosting(peer) as host,
    ):
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
        Outcome("P", "recipient").check(caught.value)
        assert not peer.mails
        await send(host)
        assert len(peer.mails) == 1


@pytest.mark.parametrize("answer", [stall, "502 no", drop])
async def test_a_refusal_is_told_in_time_whatever_rset_does(answer: Answer) -> None:
    async with (
        Peer(RCPT=["550 5.1.1 no such user"], RSET=[answer]) as peer,
        hosting(peer) as host,
    ):
        with within(2), pytest.raises(PermanentDeliveryError):
            await send(host, timeout=0.4)
        await send(host)
        assert len(peer.connections) == 2


async def test_helo_serves_where_ehlo_does_not() -> None:
    async with Peer(EHLO="502 5.5.1 what?") as peer, hosting(peer) as host:
        await send(host)
        assert peer.count("HELO") == 1


async def test_helo_does_not_serve_where_credentials_must_go() -> None:
    async with Peer(EHLO="502 5.5.1 what?") as peer, hosting(peer, auth=AUTH) as host:
        with pytest.raises(PermanentDeliveryError):
            await send(host)
        assert peer.count("HELO") == 0


async def test_an_announced_size_that_is_too_small() -> None:
    async with Peer(extensions=["SIZE 100"]) as peer, hosting(peer) as host:
        for _ in range(2):
            with pytest.raises(PermanentDeliveryError) as caught:
                await send(host)
            Outcome("P", "content").check(caught.value)
        assert peer.count("MAIL") == 0


async def test_a_session_that_refused_by_size_may_still_turn_out_dead() -> None:
    async with Peer(extensions=["SIZE 2000"]) as peer, hosting(peer) as host:
        with pytest.raises(PermanentDeliveryError):
            await send(host, payload={"code": "x" * 2000})
        peer.answers["MAIL"] = [drop]
        await send(host)
        assert len(peer.connections) == 2


# The time that the caller gives


@pytest.mark.parametrize("place", ["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
async def test_past_the_time_before_the_dot_it_is_temporary(place: str) -> None:
    async with (
        Peer(mechanisms="PLAIN", answers={place: [stall]}) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        with within(1.5), pytest.raises(TemporaryDeliveryError) as caught:
            await send(host, timeout=0.2)
        assert caught.value.failover
        await send(host)


async def test_past_the_time_after_the_dot_it_is_uncertain() -> None:
    async with Peer(content=[stall]) as peer, hosting(peer) as host:
        with within(1.5), pytest.raises(UncertainDeliveryError):
            await send(host, timeout=0.2)
        await send(host)


async def test_past_the_time_while_another_logs_in_it_is_temporary() -> None:
    async with Peer(mechanisms="PLAIN", AUTH=[stall]) as peer, hosting(peer, auth=AUTH) as host:
        first = asyncio.create_task(send(host, timeout=1.0))
        await peer.until(lambda: bool(peer.connections))
        with within(1.0), pytest.raises(TemporaryDeliveryError):
            await send(host, timeout=0.2)
        with pytest.raises(TemporaryDeliveryError):
            await first


async def test_a_stalled_server_does_not_hold_up_one_after_the_other() -> None:
    async with (
        Peer(script=stall, mechanisms="PLAIN") as peer,
        hosting(peer, auth=AUTH, **SHORT) as host,
    ):
        with within(1.0):
            errors = await asyncio.gather(*(send(host) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(error, TemporaryDeliveryError) for error in errors)


async def test_a_drip_does_not_extend_the_transaction() -> None:
    async def drip(connection: Connection) -> None:
        await connection.drip(b"250-more\r\n" * 1000)

    async with Peer(MAIL=[drip]) as peer, hosting(peer, **SHORT) as host:
        with within(1.5), pytest.raises(TemporaryDeliveryError):
            await send(host)


async def test_verify_tells_each_stage() -> None:
    told: list[str] = []
    async with (
        Peer(starttls=certificates.valid(), mechanisms="PLAIN") as peer,
        hosting(peer, requireTLS=True, auth=AUTH) as host,
    ):
        report = await host.configured["smtp"].verify(lambda stage: told.append(stage.name))
        assert report.ok
        assert told == ["resolve", "connect", "greeting", "ehlo", "tls", "auth"]
        assert peer.count("QUIT") == 1
        assert peer.count("MAIL") == 0
