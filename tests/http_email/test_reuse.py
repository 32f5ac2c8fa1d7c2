"""Connections that are used again: an answer is that to its own request, and close leaves none."""

from __future__ import annotations

import asyncio
import threading

import pytest

from connector_core import ConnectorError, HostClosedError, PermanentDeliveryError
from connector_core.network import https
from connector_core.network.streams import Stream
from connectors.http_email.config import HttpEmailConfig
from connectors.http_email.sender import HttpSender
from tests.http_email.webhook import Webhook, config, hosting, send, taking
from tests.smtp.helpers import within
from tests.smtp.token_server import Answer, Exchange

BOTH_LOOPS = True
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
RECORD = 16_384  # octets of plain text in a record of TLS, at most: RFC 8446 section 5.1
LONG = EMPTY[:-2] + b"X: " + b"x" * (RECORD - len(EMPTY) - 5) + b"\r\n\r\n"
ANSWERS = {
    "empty": EMPTY,
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "hinted": b"HTTP/1.1 103 Early Hints\r\n\r\n" + EMPTY,
    "in pieces": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a record": LONG,
}


def writing(data: bytes) -> Answer:
    async def play(exchange: Exchange) -> None:
        await exchange.write(data)

    return play


@pytest.mark.parametrize("plain", [True, False], ids=["http", "https"])
@pytest.mark.parametrize("behind", [EMPTY, EMPTY[:-2], b'{"ok":true}'], ids=["2nd", "half", "junk"])
@pytest.mark.parametrize("answer", ANSWERS)
async def test_what_comes_behind_an_answer_is_none(answer: str, behind: bytes, plain: bool) -> None:
    script = (writing(ANSWERS[answer] + behind), taking(400))
    async with Webhook(*script, plain=plain) as webhook, hosting(webhook) as host:
        await send(host)
        with within(), pytest.raises(PermanentDeliveryError, match="400"):
            await send(host)
        assert (len(webhook.requests), webhook.connections) == (2, 2)


@pytest.mark.parametrize("plain", [True, False], ids=["http", "https"])
@pytest.mark.parametrize("answer", ANSWERS)
async def test_an_answer_alone_keeps_the_connection(answer: str, plain: bool) -> None:
    script = [writing(ANSWERS[answer])] * 3
    async with Webhook(*script, plain=plain) as webhook, hosting(webhook) as host:
        for _ in range(4):
            await send(host)
        assert (len(webhook.requests), webhook.connections) == (4, 1)


@pytest.mark.parametrize("phase", ["connect_tcp", "start_tls"])
async def test_nothing_is_sent_once_it_is_closed(
    phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, free = asyncio.Event(), asyncio.Event()
    owner = {"connect_tcp": https._Network, "start_tls": Stream}[phase]
    there = getattr(owner, phase)

    async def slow(*given: object, **named: object) -> object:
        reached.set()
        await free.wait()
        return await there(*given, **named)

    monkeypatch.setattr(owner, phase, slow)
    async with Webhook() as webhook, hosting(webhook, retries=5) as host:
        sending = asyncio.create_task(send(host))
        await reached.wait()
        await host.aclose()
        free.set()
        with within(), pytest.raises(HostClosedError):
            await sending
        await webhook.until(webhook.is_alone)
        assert webhook.requests == []


async def test_a_client_that_is_made_while_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, reached, free = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    make = HttpSender._make

    def slow(sender: HttpSender) -> object:
        loop.call_soon_threadsafe(reached.set)
        free.wait()
        return make(sender)

    monkeypatch.setattr(HttpSender, "_make", slow)
    async with Webhook() as webhook, hosting(webhook) as host:
        sending = asyncio.create_task(send(host))
        await reached.wait()
        await host.aclose()
        free.set()
        with within(), pytest.raises(HostClosedError):
            await sending
        assert webhook.connections == 0


@pytest.mark.parametrize("code", [918273, "918273", 'q"\\\n"', "é1é2", 55.1234])
async def test_no_form_of_a_code_comes_back(code: object) -> None:
    async def echo(exchange: Exchange) -> None:
        await exchange.reply(400, exchange.request.body)

    async with Webhook(echo) as webhook, hosting(webhook) as host:
        with pytest.raises(ConnectorError) as caught:
            await send(host, payload={"code": code, "user": {"ids": [code]}})
    assert str(caught.value).count("***") == 3
    assert '"SignIn"' in str(caught.value)


def test_no_key_in_the_url_shows() -> None:
    given = config("https://mailer.example.com/never-shown?key=never-shown-key")
    assert "never-shown" not in repr(HttpEmailConfig.model_validate(given))
