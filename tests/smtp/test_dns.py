"""Names: what comes of a look-up that fails, is slow, or gives dead addresses."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from connector_core import (
    AsyncHost,
    ConfigError,
    DeliveryError,
    TemporaryDeliveryError,
)
from tests.smtp.helpers import Outcome, config, hosting, send, short, within
from tests.smtp.peer import Peer


def _in_thread(look_up: Callable[..., Any]) -> Callable[..., Any]:
    async def getaddrinfo(host: str, port: int, **more: Any) -> Any:
        return await asyncio.to_thread(look_up, host, port, **more)

    return getaddrinfo


@contextmanager
def names(monkeypatch: pytest.MonkeyPatch, look_up: Callable[..., Any]) -> Iterator[None]:
    """Names are looked up by the function; on asyncio's loop, for uvloop's cannot be changed."""
    with monkeypatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "getaddrinfo", _in_thread(look_up))
        yield


async def test_ipv6_dead_and_ipv4_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(_host: str, port: int, **_more: Any) -> Any:
        dead = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("100::1", port, 0, 0))
        alive = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        return [dead, dead, alive]

    async with Peer() as peer, hosting(peer, host="mail.example.org") as host:
        with names(monkeypatch, look_up), within():
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
        ended.wait(60)
        return []

    try:
        async with (
            Peer() as peer,
            hosting(peer, host="mail.example.org", **short("dnsTimeout")) as host,
        ):
            with (
                names(monkeypatch, look_up),
                within(),
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
    async with AsyncHost.discover() as host:
        with pytest.raises(ConfigError) as caught:
            host.configure("smtp", config(25, host=name))
    assert [problem.path for problem in caught.value.problems] == ["$.host"]
