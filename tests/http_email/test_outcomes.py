"""What each answer comes to, and how often a message is sent."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
import urllib.parse
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core import AsyncHost, DeliveryError, TemporaryDeliveryError
from connectors.http_email.outcomes import retry_after
from tests.http_email.webhook import CODE, TOKEN, Webhook, hosting, send
from tests.smtp.helpers import Outcome, shown
from tests.smtp.token_server import Exchange, answer

BOTH_LOOPS = True

DOWN = answer(503, b"")
STATUSES = {
    300: "PFA",
    301: "PFA",
    304: "PFA",
    307: "PFA",
    400: "PF",
    401: "PFA",
    403: "PFA",
    404: "PFA",
    405: "PFA",
    408: "RF",
    410: "PFA",
    413: "PFA",
    422: "PF",
    425: "RF",
    429: "RF",
    451: "PF",
    500: "RF",
    502: "RF",
    503: "RF",
    504: "U",
    524: "U",
    599: "RF",
}


async def refused(host: AsyncHost, **arguments: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await send(host, **arguments)
    assert "never-shown" not in shown(caught.value)
    assert CODE not in shown(caught.value)
    return caught.value


@pytest.mark.parametrize("status", STATUSES)
async def test_a_status_says_what_to_do(status: int) -> None:
    elsewhere = "Location: https://127.0.0.1:9/never-shown"
    async with Webhook(answer(status, b"", elsewhere)) as webhook, hosting(webhook) as host:
        error = await refused(host)
        Outcome(STATUSES[status], "content").check(error)
        assert (error.code, error.command) == (status, "POST")
        assert f"127.0.0.1:{webhook.port} replied {status}" in error.reason
        assert error.hint or STATUSES[status] == "PF"
        assert (await send(host)).response == "200 OK"
    assert len(webhook.requests) == 2


@pytest.mark.parametrize(("status", "named"), [(401, "authorization"), (404, "endpoint")])
async def test_a_remedy_names_the_option(status: int, named: str) -> None:
    async with Webhook(answer(status, b"")) as webhook, hosting(webhook) as host:
        error = await refused(host)
        assert named in error.hint
        assert (named,) in host.registry["http"].suspects(error)


# Again, or not


async def test_a_temporary_answer_is_asked_again_with_the_same_key() -> None:
    async with Webhook(DOWN, DOWN) as webhook, hosting(webhook, retries=2) as host:
        receipt = await send(host)
    assert len(webhook.requests) == 3
    assert {item.headers["idempotency-key"] for item in webhook.requests} == {
        f'"{receipt.message_id}"'
    }
    assert len({item.body for item in webhook.requests}) == 1


async def test_it_is_asked_no_more_often_than_the_config_says() -> None:
    async with Webhook(*[DOWN] * 9) as webhook, hosting(webhook, retries=2) as host:
        assert isinstance(await refused(host), TemporaryDeliveryError)
    assert len(webhook.requests) == 3


@pytest.mark.parametrize("status", [302, 400, 401, 504])
async def test_what_is_permanent_or_uncertain_is_not_asked_again(status: int) -> None:
    async with Webhook(answer(status, b"")) as webhook, hosting(webhook, retries=5) as host:
        await refused(host)
    assert len(webhook.requests) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_retry_after_is_kept(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    now = time.time()
    monkeypatch.setattr("connectors.http_email.outcomes.time.time", lambda: now)
    wanted = {"seconds": "7", "date": formatdate(int(now) + 7, usegmt=True)}[form]
    later = answer(429, b"", f"Retry-After: {wanted}")
    async with Webhook(later) as webhook, hosting(webhook, retries=1) as host:
        await send(host)
    assert len(webhook.requests) == 2
    assert 6 <= max(slept) <= 7


@pytest.mark.parametrize("wanted", ["31", "999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_one_that_asks_for_too_long_is_not_waited_for(wanted: str) -> None:
    later = answer(503, b"", f"Retry-After: {wanted}")
    async with Webhook(later) as webhook, hosting(webhook, retries=5) as host:
        assert (await refused(host)).failover
    assert len(webhook.requests) == 1


async def test_a_pause_that_the_deadline_does_not_leave_is_not_begun() -> None:
    later = answer(503, b"", "Retry-After: 20")
    async with Webhook(later) as webhook, hosting(webhook, retries=5) as host:
        assert isinstance(await refused(host, timeout=15), TemporaryDeliveryError)
    assert len(webhook.requests) == 1


async def test_a_pause_ends_with_the_task() -> None:
    later = answer(503, b"", "Retry-After: 30")
    async with Webhook(later) as webhook, hosting(webhook, retries=5) as host:
        sending = asyncio.create_task(send(host))
        await webhook.until(lambda: len(webhook.requests) == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert len(webhook.requests) == 1


@given(st.text(max_size=40) | st.integers().map(str))
def test_any_retry_after_is_a_time_or_none(text: str) -> None:
    found = retry_after({"retry-after": text})
    assert found is None or found >= 0


# What an answer may show


def forms(value: str) -> list[str]:
    return [value, urllib.parse.quote(value, safe=""), base64.b64encode(value.encode()).decode()]


async def test_a_webhook_that_echoes_secrets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = [TOKEN, "never-shown-key", CODE, "https://app.example.com/in?t=never-shown-link"]
    said = [form for secret in secrets for form in forms(secret)]
    answers = []
    for text in said:

        async def echo(exchange: Exchange, text: str = text) -> None:
            body = f"no:\r\n\x1b[31m {text} {exchange.request.body.decode()}".encode()
            await exchange.reply(400, body, f"X-Echo: {text}", f"Set-Cookie: a={text}")

        answers.append(echo)
    errors = []
    async with Webhook(*answers) as webhook, hosting(webhook) as host:
        for _ in said:
            payload = {"code": CODE, "deep": [{"link": secrets[-1]}]}
            with pytest.raises(DeliveryError) as caught:
                await send(host, payload=payload)
            errors.append(caught.value)
            assert caught.value.response.startswith("no: ")
            assert "***" in caught.value.response
            assert caught.value.response.isprintable()
        assert "never-shown" not in repr(host.configured["http"])
    everything = "\n".join([caplog.text, *map(shown, errors)])
    for form in said:
        assert form not in everything
    assert "cookie" not in webhook.requests[-1].headers


async def test_an_answer_is_cut_off() -> None:
    long = json.dumps({"error": "x" * 5000}).encode()
    async with Webhook(answer(400, long)) as webhook, hosting(webhook) as host:
        error = await refused(host)
        assert len(error.response) == 200
        assert error.response.endswith("…")


async def test_the_phrase_of_a_status_is_not_shown() -> None:
    async def strange(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 400 never-shown\r\nContent-Length: 0\r\n\r\n")

    async with Webhook(strange) as webhook, hosting(webhook) as host:
        assert "replied 400 Bad Request" in (await refused(host)).reason
