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
from connectors.smtp import session
from tests.smtp import certificates
from tests.smtp.helpers import (
    AUTH,
    Outcome,
    TooSlowError,
    assert_secret,
    fault,
    hosting,
    patiently,
    runs_out,
    send,
    short,
    templates,
    within,
    works,
)
from tests.smtp.peer import EXTENSIONS, Answer, Connection, Peer, drop, freeze, reset, stall

BOTH_LOOPS = True
LARGE: dict[str, Any] = {"templates": templates(subject="Hi", content="{{code}}" * 150)}
PIPELINED = {"pipelined": EXTENSIONS, "one by one": ("SIZE",)}


async def fails(
    peer: Peer, outcome: Outcome, caplog: pytest.LogCaptureFixture, **changes: Any
) -> None:
    """The send comes to the outcome, in time and without a secret, and the next one works."""
    arguments = changes.pop("arguments", {})
    async with hosting(peer, **changes) as host:
        error = await fault(peer, host, outcome.stage, **arguments)
        outcome.check(error)
        assert_secret(caplog, error)
        await works(peer, host)


def if_silent(answer: Answer, stage: str, brief: int) -> dict[str, int]:
    """The stage's time-out is short where the server says nothing; all others are long."""
    return short(stage, brief) if answer in SILENT else {}


# Network


async def test_refused() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        peer = Peer()
        peer.port = closed.getsockname()[1]
        async with hosting(peer) as host:
            with within(), pytest.raises(DeliveryError) as caught:
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
        async with hosting(peer, **short("connectionTimeout")) as host:
            with within(), pytest.raises(DeliveryError) as caught:
                await send(host)
    Outcome("RF", "connect").check(caught.value)
    assert "firewall" in caught.value.hint


async def dripping_greeting(connection: Connection) -> None:
    await connection.drip(b"220 " + b"a" * 10_000)


@pytest.mark.parametrize("answer", [reset, drop, stall, dripping_greeting])
@patiently
async def test_at_the_greeting(
    answer: Answer, caplog: pytest.LogCaptureFixture, brief: int
) -> None:
    times = if_silent(answer, "greetingTimeout", brief)
    async with Peer(greeting=[answer]) as peer:
        await fails(peer, Outcome("RF", "greeting"), caplog, **times)


@pytest.mark.parametrize("extensions", list(PIPELINED.values()), ids=list(PIPELINED))
@pytest.mark.parametrize("answer", [reset, drop, stall, freeze])
@pytest.mark.parametrize(
    ("place", "stage"),
    [("EHLO", "ehlo"), ("MAIL", "sender"), ("RCPT", "recipient"), ("DATA", "content")],
)
@patiently
async def test_before_the_content(
    place: str,
    stage: str,
    answer: Answer,
    extensions: Sequence[str],
    caplog: pytest.LogCaptureFixture,
    brief: int,
) -> None:
    times = if_silent(answer, "socketTimeout", brief)
    async with Peer(extensions=extensions, answers={place: [answer]}) as peer:
        await fails(peer, Outcome("RF", stage), caplog, **times)


async def reset_after_a_bit(connection: Connection) -> None:
    await connection.reply("354 go on")
    await connection.anything()
    connection.reset()


async def freeze_inside(connection: Connection) -> None:
    await connection.reply("354 go on")
    await connection.freeze()


SILENT: list[Answer] = [stall, freeze, dripping_greeting, freeze_inside]


@pytest.mark.parametrize("answer", [reset_after_a_bit, freeze_inside])
@patiently
async def test_inside_the_content(
    answer: Answer, caplog: pytest.LogCaptureFixture, brief: int
) -> None:
    """The message is larger than what the network holds, so that its end has not left."""
    times = if_silent(answer, "socketTimeout", brief)
    async with Peer(DATA=[answer]) as peer:
        large = {"payload": {"code": "x" * 60_000}}
        await fails(peer, Outcome("RF", "content"), caplog, arguments=large, **LARGE, **times)


@pytest.mark.parametrize("extensions", list(PIPELINED.values()), ids=list(PIPELINED))
@pytest.mark.parametrize("answer", [reset, drop, stall, lambda c: c.reply("what?")])
@patiently
async def test_after_the_final_dot(
    answer: Answer, extensions: Sequence[str], caplog: pytest.LogCaptureFixture, brief: int
) -> None:
    times = if_silent(answer, "socketTimeout", brief)
    async with Peer(extensions=extensions, content=[answer]) as peer:
        await fails(peer, Outcome("U", "content"), caplog, **times)
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
        with within(), pytest.raises(DeliveryError) as caught:
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


@pytest.mark.parametrize("answer", [drop, reset, stall])
@patiently
async def test_a_refusal_stays_one_when_the_connection_ends_after_it(
    answer: Answer, brief: int
) -> None:
    """RCPT was refused within a flight; what comes of DATA no longer matters."""
    async with (
        Peer(RCPT=["550 5.1.1 no such user"], DATA=[answer]) as peer,
        hosting(peer, **if_silent(answer, "socketTimeout", brief)) as host,
    ):
        error = await fault(peer, host)
        if "DATA" not in peer.played:
            raise TooSlowError(error)
        Outcome("P", "recipient").check(error)
        await works(peer, host)


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
async def test_a_refusal_is_told_in_time_whatever_rset_does(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_RESET_TIMEOUT", 60.0)
    async with (
        Peer(RCPT=["550 5.1.1 no such user"], RSET=[answer]) as peer,
        hosting(peer) as host,
    ):
        await runs_out(host, lambda error: isinstance(error, PermanentDeliveryError))
        assert peer.played == ["RCPT", "RSET"]
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
        error = await runs_out(host, lambda _: bool(peer.played))
        assert isinstance(error, TemporaryDeliveryError)
        assert error.failover
        await works(peer, host)


async def test_past_the_time_after_the_dot_it_is_uncertain() -> None:
    async with Peer(content=[stall]) as peer, hosting(peer) as host:
        error = await runs_out(host, lambda _: bool(peer.played))
        assert isinstance(error, UncertainDeliveryError)
        await works(peer, host)


async def test_past_the_time_while_another_logs_in_it_is_temporary() -> None:
    async with Peer(mechanisms="PLAIN", AUTH=[stall]) as peer, hosting(peer, auth=AUTH) as host:
        first = asyncio.create_task(send(host))
        await peer.until(lambda: "AUTH" in peer.played)
        error = await runs_out(host, lambda error: error.stage == "auth")
        assert isinstance(error, TemporaryDeliveryError)
        assert "another log-in" in error.reason
        assert peer.count("AUTH") == 1
        assert not first.done()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first


@patiently
async def test_a_stalled_server_does_not_hold_up_one_after_the_other(brief: int) -> None:
    async with (
        Peer(script=stall, mechanisms="PLAIN") as peer,
        hosting(peer, auth=AUTH, **short("greetingTimeout", brief)) as host,
    ):
        with within():
            errors = await asyncio.gather(*(send(host) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(error, TemporaryDeliveryError) for error in errors)
        if peer.most_at_once < 5:
            raise TooSlowError


@patiently
async def test_a_drip_does_not_extend_the_transaction(brief: int) -> None:
    async def drip(connection: Connection) -> None:
        await connection.drip(b"250-more\r\n" * 1000)

    async with Peer(MAIL=[drip]) as peer, hosting(peer, **short("socketTimeout", brief)) as host:
        error = await fault(peer, host, "sender")
        Outcome("RF", "sender").check(error)
        assert "in time" in error.reason


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
