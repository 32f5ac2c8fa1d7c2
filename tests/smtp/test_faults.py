"""Every fault that one sender meets, and the outcome it must have."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import pytest

from connector_core import (
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
)
from connectors.smtp.connect import _first
from tests.smtp import certificates
from tests.smtp.helpers import AUTH, SHORT, assert_secret, hosting, send, templates, within
from tests.smtp.peer import EXTENSIONS, Answer, Connection, Peer, drop, freeze, reset, stall

BOTH_LOOPS = True
LARGE: dict[str, Any] = {"templates": templates(subject="Hi", content="{{code}}" * 150)}
PIPELINED = {"pipelined": EXTENSIONS, "one by one": ("SIZE",)}


class Outcome(NamedTuple):
    """What a fault comes to: R, P or U, then F for failover and A for the operator."""

    letters: str
    stage: str

    def check(self, error: DeliveryError) -> None:
        kinds = {
            "R": TemporaryDeliveryError,
            "P": PermanentDeliveryError,
            "U": UncertainDeliveryError,
        }
        assert type(error) is kinds[self.letters[0]]
        assert error.stage == self.stage
        assert error.failover == ("F" in self.letters)
        assert error.operator == ("A" in self.letters)


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


# DNS


def _in_thread(look_up: Callable[..., Any]) -> Callable[..., Any]:
    async def getaddrinfo(host: str, port: int, **more: Any) -> Any:
        return await asyncio.to_thread(look_up, host, port, **more)

    return getaddrinfo


@contextmanager
def names(monkeypatch: pytest.MonkeyPatch, look_up: Callable[..., Any]) -> Iterator[None]:
    """Names are looked up by the function, where the event loop lets itself be changed."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, asyncio.BaseEventLoop):
        pytest.skip("uvloop looks names up by itself")
    with monkeypatch.context() as patch:
        patch.setattr(loop, "getaddrinfo", _in_thread(look_up))
        yield


async def test_ipv6_dead_and_ipv4_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(_host: str, port: int, **_more: Any) -> Any:
        dead = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("100::1", port, 0, 0))
        alive = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        return [dead, dead, alive]

    async with Peer() as peer, hosting(peer, host="mail.example.org") as host:
        with names(monkeypatch, look_up), within(3):
            await send(host)
        assert len(peer.mails) == 1


@pytest.mark.parametrize(
    ("code", "letters"),
    [
        ("EAI_AGAIN", "RF"),
        ("EAI_FAIL", "RF"),
        ("EAI_SYSTEM", "RF"),
        ("EAI_MEMORY", "RF"),
        ("EAI_NONAME", "PFA"),
        ("EAI_NODATA", "PFA"),
    ],
)
async def test_a_name_that_is_not_found(
    code: str, letters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(*_args: Any, **_more: Any) -> Any:
        raise socket.gaierror(getattr(socket, code), "as the test wants it")

    async with Peer() as peer, hosting(peer, host="mail.example.org") as host:
        with names(monkeypatch, look_up), pytest.raises(DeliveryError) as caught:
            await send(host)
        Outcome(letters, "resolve").check(caught.value)
        assert not peer.connections


async def test_a_name_server_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def look_up(*_args: Any, **_more: Any) -> Any:
        ended.wait(10)
        return []

    try:
        async with Peer() as peer, hosting(peer, host="mail.example.org", **SHORT) as host:
            with (
                names(monkeypatch, look_up),
                within(2),
                pytest.raises(DeliveryError) as caught,
            ):
                await send(host)
            Outcome("RF", "resolve").check(caught.value)
    finally:
        ended.set()


async def test_an_address_that_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ["127.0.0.1", "127.0.0.2"]

    def look_up(_host: str, port: int, **_more: Any) -> Any:
        address = addresses.pop(0) if addresses else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async with Peer() as peer, hosting(peer, host="mail.example.org", pool=False) as host:
        with names(monkeypatch, look_up):
            await send(host)
            with pytest.raises(TemporaryDeliveryError):
                await send(host)  # nothing listens there
            await send(host)
    assert not addresses


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".test", "a" * 300])
async def test_a_name_that_cannot_exist(name: str) -> None:
    async with Peer() as peer, hosting(peer, host=name) as host:
        with within(3), pytest.raises(DeliveryError) as caught:
            await send(host)
        assert caught.value.stage == "resolve"
        assert caught.value.failover


async def test_two_addresses_that_answer_at_once_leave_one_connection() -> None:
    class Made:
        def __init__(self) -> None:
            self.transport = self
            self.aborted = False

        def abort(self) -> None:
            self.aborted = True

    made: list[Made] = []
    both = asyncio.Event()

    async def attempt(_address: Any) -> Any:
        made_here = Made()
        made.append(made_here)
        if len(made) == 2:
            both.set()
        await both.wait()
        return made_here

    addresses: Any = [(socket.AF_INET, "a"), (socket.AF_INET, "b")]
    won, _ = await _first(addresses, attempt)
    assert sum(not item.aborted for item in made) == 1
    assert won is not None


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
