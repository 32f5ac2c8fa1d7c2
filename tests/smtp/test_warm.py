"""Connections kept open and ready: `poolMinConnections`."""

from __future__ import annotations

import asyncio

import pytest

from connector_core import DeliveryError, HostClosedError
from connectors.smtp import pool, upkeep
from connectors.smtp.upkeep import Upkeep
from tests.smtp.helpers import AUTH, config, hosting, new_host, send, within
from tests.smtp.peer import Peer, drop, stall

BOTH_LOOPS = True


async def test_the_first_message_opens_them_all() -> None:
    async with Peer() as peer, hosting(peer, poolMinConnections=3, maxConnections=3) as host:
        await send(host)
        await peer.until(lambda: peer.count("EHLO") == 3)
        await asyncio.gather(*(send(host) for _ in range(3)))
        assert len(peer.connections) == 3


async def test_a_test_opens_them_too() -> None:
    async with (
        Peer(mechanisms="PLAIN") as peer,
        hosting(peer, poolMinConnections=2, auth=AUTH) as host,
    ):
        assert (await host.configured["smtp"].verify()).ok
        await peer.until(lambda: peer.count("AUTH") == 3)
        receipt = await send(host)
        while "connect" in receipt.seconds:  # its own, while the others were still at AUTH
            receipt = await send(host)
        assert "connect" not in receipt.seconds


async def test_without_it_none_is_opened_ahead() -> None:
    async with Peer() as peer, hosting(peer) as host:
        await host.configured["smtp"].verify()
        await send(host)
        assert len(peer.connections) == 2


async def test_nothing_is_opened_when_it_is_configured() -> None:
    async with Peer() as peer, hosting(peer, poolMinConnections=2):
        await asyncio.sleep(0)
        assert peer.connections == []


async def test_idle_ones_are_asked_before_the_server_forgets_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "NOOP_AFTER", 0.05)
    monkeypatch.setattr(pool, "IDLE_LIFETIME", 0.5)
    async with Peer() as peer, hosting(peer, poolMinConnections=1) as host:
        await send(host)
        await peer.until(lambda: peer.count("NOOP") >= 3)
        assert len(peer.connections) == 1


async def test_one_that_died_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "NOOP_AFTER", 0.05)
    async with Peer(NOOP=[drop]) as peer, hosting(peer, poolMinConnections=1) as host:
        await send(host)
        await peer.until(lambda: peer.count("NOOP") >= 2)
        assert len(peer.connections) >= 2
        await send(host)
        assert len(peer.mails) == 2


async def test_one_that_was_asked_often_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "NOOP_AFTER", 0.02)
    monkeypatch.setattr(pool, "MOST_PINGS", 2)
    async with Peer() as peer, hosting(peer, poolMinConnections=1) as host:
        await send(host)
        await peer.until(lambda: len(peer.connections) >= 3)
        first = peer.connections[0].commands
        assert first.count("NOOP") <= 2
        assert first[-1] == "QUIT"


async def test_one_that_has_served_its_messages_is_replaced() -> None:
    async with Peer() as peer, hosting(peer, poolMinConnections=1, maxMessages=1) as host:
        for _ in range(2):
            await send(host)
        await peer.until(lambda: len(peer.connections) == 3)
        await peer.until(lambda: peer.open == 1)


async def test_a_server_that_is_away_is_asked_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    asked = asyncio.Event()
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            asked.set()
            await asyncio.Event().wait()
        await real(0)

    async def fails() -> None:
        raise DeliveryError("away", stage="connect")

    monkeypatch.setattr(asyncio, "sleep", sleep)
    job = Upkeep(fails, 0.01)
    job.ask()
    await asyncio.wait_for(asked.wait(), 30)
    await job.close()
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    job.ask()  # closed: nothing begins again


async def test_refused_credentials_are_not_tried_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The upkeep tries again at each turn of the event loop.
    monkeypatch.setattr(upkeep, "FIRST_PAUSE", 0.0)
    async with (
        Peer(mechanisms="PLAIN", AUTH="535 5.7.8 no") as peer,
        hosting(peer, poolMinConnections=2, auth=AUTH) as host,
    ):
        for _ in range(10):
            with pytest.raises(DeliveryError):
                await send(host)
        assert peer.count("AUTH") == 1


async def test_closing_ends_the_opening_of_one() -> None:
    async with Peer(EHLO=stall) as peer:
        host = new_host()
        host.configure("smtp", config(peer.port, poolMinConnections=3))
        sending = asyncio.create_task(send(host))
        # That of the message, and the first that is opened ahead.
        await peer.until(lambda: peer.count("EHLO") == 2)
        with within():
            await host.aclose()
            with pytest.raises(HostClosedError):
                await sending
        await peer.until(lambda: peer.open == 0)


async def test_messages_that_wait_get_those_opened_ahead() -> None:
    async with Peer() as peer, hosting(peer, poolMinConnections=2, maxConnections=2) as host:
        await asyncio.gather(*(send(host) for _ in range(30)))
        assert len(peer.mails) == 30
        assert peer.most_at_once <= 2
