"""The pool: bounded, frugal, and never the owner of a connection that is half used."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from connector_core import (
    DeliveryError,
    HostClosedError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
)
from connectors.smtp import limits, pool, session
from connectors.smtp.wire import Wire
from tests.smtp.helpers import (
    AUTH,
    config,
    hosting,
    new_host,
    runs_out,
    send,
    within,
)
from tests.smtp.peer import Answer, Answers, Connection, Peer, drop, reset, stall

BOTH_LOOPS = True


class Barrier:
    """An answer that waits until the test lets it go on."""

    def __init__(self, reply: str) -> None:
        self.waiting = 0
        self.changed = asyncio.Condition()
        self.open = asyncio.Event()
        self._reply = reply

    async def __call__(self, connection: Connection) -> bool:
        async with self.changed:
            self.waiting += 1
            self.changed.notify_all()
        await self.open.wait()
        await connection.reply(self._reply)
        return True

    async def until(self, count: int) -> None:
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(lambda: self.waiting >= count)


async def turns() -> None:
    """Let everything go on that waits for nothing outside this event loop: no network, no time."""
    for _ in range(20):
        await asyncio.sleep(0)


class Client:
    """What arrived at the client's side of its connections."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.octets = 0
        self.lost = 0
        self._changed = asyncio.Event()
        received, lost = Wire.data_received, Wire.connection_lost

        def data_received(wire: Wire, data: bytes) -> None:
            received(wire, data)
            self.octets += len(data)
            self._changed.set()

        def connection_lost(wire: Wire, exc: Exception | None) -> None:
            lost(wire, exc)
            self.lost += 1
            self._changed.set()

        monkeypatch.setattr(Wire, "data_received", data_received)
        monkeypatch.setattr(Wire, "connection_lost", connection_lost)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    return Client(monkeypatch)


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_no_more_connections_than_max_connections(limit: int) -> None:
    async with Peer() as peer, hosting(peer, maxConnections=limit) as host:
        await asyncio.gather(*(send(host) for _ in range(30)))
        assert len(peer.mails) == 30
        assert peer.most_at_once <= limit
        assert len(peer.connections) <= limit


async def test_as_many_at_once_as_max_connections() -> None:
    held = Barrier("354 go on")
    async with Peer(DATA=held) as peer, hosting(peer, maxConnections=3) as host:
        sends = [asyncio.create_task(send(host)) for _ in range(9)]
        await held.until(3)
        assert peer.open == 3
        held.open.set()
        await asyncio.gather(*sends)
        assert len(peer.mails) == 9
        assert peer.most_at_once == 3


async def test_a_connection_serves_one_message_after_the_other() -> None:
    async with Peer() as peer:
        async with hosting(peer) as host:
            for _ in range(10):
                await send(host)
        assert len(peer.connections) == 1
        assert peer.count("EHLO") == 1
        assert peer.count("RSET") == 0
        assert peer.count("QUIT") == 1


async def test_max_messages() -> None:
    async with Peer() as peer:
        async with hosting(peer, maxMessages=3, maxConnections=1) as host:
            for _ in range(7):
                await send(host)
        assert len(peer.connections) == 3
        assert [line.commands.count("DATA") for line in peer.connections] == [3, 3, 1]
        assert peer.most_at_once == 1
        assert peer.count("QUIT") == 3


async def test_without_a_pool_each_message_has_its_own_connection() -> None:
    async with Peer() as peer:
        async with hosting(peer, pool=False) as host:
            for _ in range(3):
                await send(host)
        assert len(peer.connections) == 3
        assert peer.count("QUIT") == 3


@pytest.mark.parametrize("fault", [drop, reset])
@pytest.mark.parametrize("place", ["MAIL", "RCPT", "DATA"])
async def test_a_kept_connection_that_is_dead_gets_one_fresh_try(place: str, fault: Answer) -> None:
    async with Peer(answers={place: [None, fault]}) as peer, hosting(peer) as host:
        await send(host)
        with within():
            await send(host)
        assert len(peer.mails) == 2
        assert len(peer.connections) == 2


async def test_not_more_than_one_fresh_try() -> None:
    async with Peer(MAIL=[None, drop, drop, drop]) as peer, hosting(peer) as host:
        await send(host)
        with within(), pytest.raises(TemporaryDeliveryError):
            await send(host)
        assert len(peer.connections) == 2


async def test_no_fresh_try_on_a_fresh_connection_or_where_none_is_wanted() -> None:
    async with Peer(MAIL=[drop]) as peer, hosting(peer) as host:
        with pytest.raises(TemporaryDeliveryError):
            await send(host)
        assert len(peer.connections) == 1
    async with Peer(MAIL=[None, drop]) as peer, hosting(peer, maxRequeues=0) as host:
        await send(host)
        with pytest.raises(TemporaryDeliveryError):
            await send(host)
        assert len(peer.connections) == 1


async def test_no_fresh_try_after_the_final_dot() -> None:
    async with Peer(content=[None, drop]) as peer, hosting(peer) as host:
        await send(host)
        with pytest.raises(UncertainDeliveryError):
            await send(host)
        assert len(peer.connections) == 1
        await send(host)
        assert len(peer.mails) == 2


async def test_a_connection_that_the_server_closed_is_not_used(client: Client) -> None:
    async def accept_and_close(connection: Connection) -> bool:
        await connection.reply("250 2.0.0 queued")
        connection.peer.mails.append(connection.mail)
        connection.drop()
        return True

    async with Peer(content=accept_and_close) as peer, hosting(peer, maxRequeues=0) as host:
        for count in range(1, 4):
            await send(host)
            await client.until(lambda: client.lost == count)  # noqa: B023 - awaited at once
            assert len(peer.connections) == count


@pytest.mark.parametrize(
    "said",
    [b"421 4.4.2 timeout\r\n", b"250 ok\r\n", b"250 half", b"garbage\r\n", b"250 a\r\n" * 100],
)
async def test_what_nobody_asked_for_between_two_messages(said: bytes, client: Client) -> None:
    spoke = asyncio.Event()

    async def accept_and_talk(connection: Connection) -> bool:
        await connection.reply("250 2.0.0 queued")
        await connection.write(said)
        spoke.set()
        return True

    async with Peer(content=[accept_and_talk]) as peer, hosting(peer) as host:
        await send(host)
        await spoke.wait()
        await client.until(lambda: client.octets == peer.sent or client.lost > 0)
        await send(host)
        assert len(peer.mails) == 2
        assert len(peer.connections) == 2
        assert b"MAIL" in peer.connections[1].received


@pytest.mark.parametrize("place", ["MAIL", "RCPT", "DATA"])
async def test_421_within_a_session_reopens_at_once(place: str) -> None:
    async with Peer(answers={place: [None, "421 4.3.2 closing"]}) as peer, hosting(peer) as host:
        await send(host)
        with within():
            await send(host)
        assert len(peer.mails) == 2
        assert len(peer.connections) == 2


async def test_a_flight_never_waits_for_what_was_written_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nagle's algorithm holds a short write back until the one before is acknowledged."""
    options: list[int] = []
    made = Wire.connection_made

    def connection_made(wire: Wire, transport: asyncio.BaseTransport) -> None:
        made(wire, transport)
        handle = transport.get_extra_info("socket")
        options.append(handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(Wire, "connection_made", connection_made)
    async with Peer() as peer, hosting(peer) as host:
        await send(host)
    assert len(options) == 1
    assert options[0]


async def test_idle_connections_are_asked_before_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "NOOP_AFTER", -1.0)
    monkeypatch.setattr(session, "_NOOP_TIMEOUT", 60.0)
    async with Peer(NOOP=[None, drop, "421 4.4.2 closing", stall]) as peer:
        async with hosting(peer) as host:
            for _ in range(4):
                await send(host)
            monkeypatch.setattr(session, "_NOOP_TIMEOUT", 0.25)
            await send(host)
        assert len(peer.mails) == 5
        assert len(peer.connections) == 4


async def test_idle_connections_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE_LIFETIME", 0.02)
    async with Peer() as peer, hosting(peer) as host:
        await send(host)
        await peer.until(lambda: peer.open == 0)
        assert peer.count("QUIT") == 1
        await send(host)


CANCELLED_AT = ["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "content", "RSET"]


# A kept connection has greeting, EHLO and AUTH behind it.
@pytest.mark.parametrize(
    ("place", "warm"),
    [*((place, False) for place in CANCELLED_AT), *((place, True) for place in CANCELLED_AT[3:])],
)
async def test_a_send_that_is_called_off_leaves_no_half_used_connection(
    place: str, warm: bool
) -> None:
    held = Barrier("250 late")
    refused: dict[str, Answers] = (
        {"RCPT": ([None] if warm else []) + ["550 5.1.1 no"]} if place == "RSET" else {}
    )
    answers: dict[str, Answers] = {place: [None, held] if warm and place != "RSET" else [held]}
    async with (
        Peer(extensions=(), mechanisms="PLAIN", answers={**refused, **answers}) as peer,
        hosting(peer, auth=AUTH, maxConnections=1, maxRequeues=0) as host,
    ):
        if warm:
            await send(host)
        called_off = asyncio.create_task(send(host))
        await held.until(1)
        called_off.cancel()
        with pytest.raises(asyncio.CancelledError):
            await called_off
        with within():
            # The late reply comes while the next message is under way, and is none of its own.
            following = asyncio.create_task(send(host))
            await peer.until(lambda: len(peer.connections) == 2)
            held.open.set()
            await following
            await send(host)
        assert peer.mails[-1].recipients == ["<ann@example.org>"]
        assert len(peer.mails) == 2 + warm + (place == "content")
        assert len(peer.connections) == 2


async def test_senders_that_are_called_off_while_they_wait_free_their_place() -> None:
    held = Barrier("354 go on")
    async with Peer(DATA=held) as peer, hosting(peer, maxConnections=1) as host:
        first = asyncio.create_task(send(host))
        await held.until(1)
        waiting = [asyncio.create_task(send(host)) for _ in range(4)]
        await turns()
        for task in waiting[:2]:
            task.cancel()
        held.open.set()
        results = await asyncio.gather(first, *waiting, return_exceptions=True)
        assert [isinstance(item, asyncio.CancelledError) for item in results] == [
            *(False, True, True, False, False)
        ]
        await send(host)
        assert len(peer.mails) == 4


async def test_waiting_for_a_connection_ends_in_time() -> None:
    held = Barrier("354 go on")
    async with Peer(DATA=[held]) as peer, hosting(peer, maxConnections=1) as host:
        first = asyncio.create_task(send(host))
        await held.until(1)
        error = await runs_out(host, lambda error: error.stage == "pool")
        assert isinstance(error, TemporaryDeliveryError)
        assert not first.done()
        held.open.set()
        await first
        await send(host)


async def test_closing_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "CLOSE_GRACE", 0.1)
    async with Peer(DATA=stall) as peer, new_host() as host:
        host.configure("smtp", config(peer.port, maxConnections=2))
        sends = [asyncio.create_task(send(host)) for _ in range(6)]
        await peer.until(lambda: peer.count("DATA") == 2)
        with within():
            await host.aclose()
            results = await asyncio.gather(*sends, return_exceptions=True)
        assert all(isinstance(item, HostClosedError | DeliveryError) for item in results)
        with pytest.raises(HostClosedError):
            await send(host)
        await peer.until(lambda: peer.open == 0)


async def test_closing_as_a_connection_is_handed_from_one_message_to_the_next() -> None:
    async with Peer() as peer, new_host() as host:
        guard = host.configure("smtp", config(peer.port, maxConnections=1))._guard

        async def send_and_close() -> None:
            await send(host)
            await guard.close()  # at once: the host would let the others go on before

        first = asyncio.create_task(send_and_close())
        await turns()  # it is the first to ask for the connection
        others = [asyncio.create_task(send(host)) for _ in range(3)]
        with within():
            await first
            results = await asyncio.gather(*others, return_exceptions=True)
        assert [type(result) for result in results] == [HostClosedError] * 3
        assert len(peer.mails) == 1
        await peer.until(lambda: peer.open == 0)
        assert peer.count("QUIT") == 1


@pytest.mark.parametrize("place", ["greeting", "EHLO", "AUTH"])
async def test_closing_ends_a_log_in(place: str) -> None:
    held = Barrier("250 late")
    async with Peer(mechanisms="PLAIN", answers={place: held}) as peer, new_host() as host:
        host.configure("smtp", config(peer.port, auth=AUTH))
        sends = [asyncio.create_task(send(host)) for _ in range(3)]
        await held.until(1)
        with within():
            await host.aclose()
            results = await asyncio.gather(*sends, return_exceptions=True)
        assert all(isinstance(item, HostClosedError) for item in results)
        held.open.set()
        await peer.until(lambda: peer.open == 0)


async def test_closing_lets_a_message_under_way_end() -> None:
    held = Barrier("354 go on")
    async with Peer(DATA=held) as peer, new_host() as host:
        host.configure("smtp", config(peer.port))
        under_way = asyncio.create_task(send(host))
        await held.until(1)
        closing = asyncio.create_task(host.aclose())
        await turns()
        held.open.set()
        with within():
            await under_way
            await closing
        assert len(peer.mails) == 1
        assert peer.count("QUIT") == 1


async def test_closing_ends_the_wait_of_a_rate_limit() -> None:
    async with Peer() as peer, new_host() as host:
        host.configure("smtp", config(peer.port, rateLimit=1, rateDelta=60_000))
        await send(host)
        waiting = asyncio.create_task(send(host))
        await turns()
        with within():
            await host.aclose()
            with pytest.raises(HostClosedError):
                await waiting
        assert len(peer.mails) == 1


async def test_after_535_no_attempt_goes_out() -> None:
    async with (
        Peer(mechanisms="PLAIN", AUTH=["535 5.7.8 wrong"] * 3) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
        assert caught.value.code == 535
        for _ in range(3):
            with within(), pytest.raises(PermanentDeliveryError) as caught:
                await send(host)
            assert (caught.value.stage, caught.value.code) == ("auth", 535)
            assert caught.value.failover
            assert caught.value.operator
            assert "not tried again" in caught.value.reason
        assert peer.count("AUTH") == 1
        assert len(peer.connections) == 1


async def test_of_many_at_once_one_tries_the_password() -> None:
    async with (
        Peer(mechanisms="PLAIN", AUTH="535 5.7.8 wrong") as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        results = await asyncio.gather(*(send(host) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(item, PermanentDeliveryError) for item in results)
        assert peer.count("AUTH") == 1


async def test_verify_always_tries_and_what_it_finds_counts() -> None:
    async with (
        Peer(mechanisms="PLAIN", AUTH=["535 5.7.8 wrong"] * 3) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        smtp = host.configured["smtp"]
        for tries in range(1, 4):
            assert not (await smtp.verify()).ok
            assert peer.count("AUTH") == tries
            with pytest.raises(PermanentDeliveryError):
                await send(host)
            assert peer.count("AUTH") == tries
        assert (await smtp.verify()).ok
        await send(host)
        assert len(peer.mails) == 1


async def test_the_pause_after_535_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: now))
    gate = limits.LoginGate()
    refusal = PermanentDeliveryError("wrong", stage="auth", code=535)
    for pause in (30, 60, 120, 240, 480, 900, 900):
        gate.require_open()
        with pytest.raises(PermanentDeliveryError, match="wrong"):
            async with gate.turn(None, patient=True):
                raise refusal
        now += pause - 1
        with pytest.raises(PermanentDeliveryError, match="not tried again"):
            gate.require_open()
        now += 1
    gate.require_open()


async def test_a_temporary_refusal_is_no_reason_to_pause() -> None:
    async with (
        Peer(mechanisms="PLAIN", AUTH=["454 4.7.0 later"]) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        with pytest.raises(TemporaryDeliveryError):
            await send(host)
        await send(host)
        assert len(peer.mails) == 1


async def test_new_credentials_are_tried_at_once() -> None:
    async with (
        Peer(mechanisms="PLAIN", AUTH=["535 5.7.8 wrong"]) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        with pytest.raises(PermanentDeliveryError):
            await send(host)
        changed = host.configure("smtp", config(peer.port, auth={**AUTH, "pass": "another"}))
        await changed.send_message("SignIn", to="ann@example.org", payload={"code": "1"})


async def test_a_rate_limit_spaces_messages_evenly() -> None:
    async with Peer() as peer, hosting(peer, rateLimit=20, rateDelta=1000) as host:
        started = time.monotonic()
        await asyncio.gather(*(send(host) for _ in range(6)))
        arrived = sorted(mail.at for mail in peer.mails)
        # However late a message is, none comes before its turn.
        for place, at in enumerate(arrived):
            assert at - started >= place * 0.05 - 0.001


async def test_the_turns_of_a_rate_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += max(seconds, 0.0)

    async def turns_from(start: float, count: int) -> list[float]:
        found = []
        for _ in range(count):
            await pace.wait(None)
            found.append(now - start)
        return found

    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(limits, "asyncio", SimpleNamespace(sleep=sleep, Lock=asyncio.Lock))
    pace = limits.Pace(20, 1.0)
    assert await turns_from(now, 6) == pytest.approx([0, 0.05, 0.1, 0.15, 0.2, 0.25])
    # What was not used is not saved up for a burst.
    now += 10
    assert await turns_from(now, 3) == pytest.approx([0, 0.05, 0.1])


async def test_a_rate_limit_that_leaves_no_room() -> None:
    async with Peer() as peer, hosting(peer, rateLimit=1, rateDelta=60_000) as host:
        await send(host)
        with within(), pytest.raises(TemporaryDeliveryError) as caught:
            await send(host, timeout=20)
        assert (caught.value.stage, caught.value.failover) == ("pool", True)
        assert len(peer.mails) == 1


def test_a_host_belongs_to_one_event_loop() -> None:
    host = new_host()

    async def first() -> None:
        async with Peer() as peer:
            host.configure("smtp", config(peer.port, pool=False))
            await send(host)

    async def second() -> None:
        with pytest.raises(RuntimeError, match="one event loop"):
            await send(host)

    asyncio.run(first())
    asyncio.run(second())


async def test_a_fresh_try_is_fresh_though_others_wait_for_the_place() -> None:
    """The place of the dead connection is kept: no other dead one stands in for it."""
    async with Peer(MAIL=[None, None, drop, drop]) as peer, hosting(peer, maxConnections=2) as host:
        await asyncio.gather(send(host), send(host))
        await asyncio.gather(*(send(host) for _ in range(8)))
        assert len(peer.mails) == 10
        assert peer.most_at_once <= 2
