"""What the webhook is sent: byte for byte what Logto's connector sends, and once."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core import Message, MessageError, Template
from connectors.http_email.request import MAX_BODY, body_of, headers_of
from tests.http_email.webhook import CODE, TOKEN, Webhook, config, hosting, send, taking
from tests.smtp.helpers import new_host
from tests.smtp.token_server import Held

BOTH_LOOPS = True


def message(**changes: Any) -> Message:
    given = {
        "type": "Email",
        "usage_type": "SignIn",
        "to": "foo@example.org",
        "payload": {"code": "123456"},
        "message_id": "m-1",
    }
    return Message(**{**given, **changes})


async def test_the_request_is_that_of_logto() -> None:
    async with Webhook() as webhook, hosting(webhook) as host:
        receipt = await send(
            host, payload={"code": CODE, "user": {"name": "Zoé"}}, locale="fr", ip="192.0.2.1"
        )
    (request,) = webhook.requests
    assert request.line == "POST /send?key=never-shown-key HTTP/1.1"
    assert request.headers == {
        "host": f"127.0.0.1:{webhook.port}",
        "accept-encoding": "identity",
        "authorization": f"Bearer {TOKEN}",
        "content-length": str(len(request.body)),
        "content-type": "application/json",
        "idempotency-key": f'"{receipt.message_id}"',
        "user-agent": "connector-core",
    }
    assert request.body.decode() == (
        '{"to":"ann@example.org","type":"SignIn",'
        f'"payload":{{"code":"{CODE}","user":{{"name":"Zoé"}},"locale":"fr"}},"ip":"192.0.2.1"}}'
    )
    assert (receipt.connector_id, receipt.accepted) == ("http-email", ("ann@example.org",))
    assert receipt.response == "200 OK"
    assert set(receipt.seconds) == {"content"}


def test_what_is_not_known_is_left_out() -> None:
    assert body_of(message()) == (
        b'{"to":"foo@example.org","type":"SignIn","payload":{"code":"123456"}}'
    )
    assert "Authorization" not in headers_of(message(), "")
    assert "Authorization" not in headers_of(message(), None)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_success(status: int) -> None:
    body = b"" if status == 204 else b"anything"
    async with Webhook(taking(status, body)) as webhook, hosting(webhook) as host:
        assert (await send(host)).response.startswith(str(status))


async def test_a_logto_config_works_unchanged() -> None:
    async with Webhook(plain=True) as webhook, new_host() as host:
        host.configure(
            "http-email", {"endpoint": webhook.url, "authorization": "Bearer your-token"}
        )
        await send(host)
        host.configure("http-email", {"endpoint": webhook.url}, name="open")
        await host.configured["open"].send_message("Generic", to="ann@example.org")
    assert [item.headers.get("authorization") for item in webhook.requests] == [
        "Bearer your-token",
        None,
    ]


async def test_a_template_of_the_hosts_source_changes_nothing() -> None:
    template = Template(subject="s", content="c")
    async with Webhook() as webhook, new_host(lambda _usage, _locale: template) as host:
        host.configure("http", config(webhook.url))
        await send(host)
    assert webhook.messages == [
        {"to": "ann@example.org", "type": "SignIn", "payload": {"code": CODE}}
    ]


def test_a_message_id_with_quotes_is_quoted() -> None:
    assert headers_of(message(message_id='a"b\\c'), None)["Idempotency-Key"] == '"a\\"b\\\\c"'


async def test_connections_are_kept() -> None:
    async with Webhook() as webhook, hosting(webhook) as host:
        for _ in range(5):
            await send(host)
        assert webhook.connections == 1
        assert len(webhook.requests) == 5
        await host.aclose()
        await webhook.until(webhook.is_alone)


async def test_messages_at_once_go_over_connections_of_their_own() -> None:
    held = [Held(taking()) for _ in range(3)]
    async with Webhook(*held) as webhook, hosting(webhook) as host:
        sending = [asyncio.create_task(send(host, to=f"a{n}@example.org")) for n in range(3)]
        await webhook.until(lambda: len(webhook.requests) == 3)
        assert webhook.connections == 3
        for one in held:
            one.release()
        receipts = await asyncio.gather(*sending)
    assert sorted(item.accepted[0] for item in receipts) == sorted(
        item["to"] for item in webhook.messages
    )


@pytest.mark.parametrize(
    "to", ["ann", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example"]
)
async def test_one_recipient_is_one_address(to: str) -> None:
    async with Webhook() as webhook, hosting(webhook) as host:
        with pytest.raises(MessageError) as caught:
            await send(host, to=to)
    assert caught.value.field == "to"
    assert webhook.requests == []


class Silent:
    def __str__(self) -> str:
        raise RuntimeError("never-shown")


@pytest.mark.parametrize(
    "payload",
    [{"code": "\ud800"}, {"code": "x" * MAX_BODY}, {"\ud800": 1}, {"code": Silent()}],
    ids=["surrogate", "size", "key", "no text"],
)
def test_a_payload_that_cannot_be_sent(payload: dict[str, Any]) -> None:
    with pytest.raises(MessageError) as caught:
        body_of(message(payload=payload))
    assert caught.value.field == "payload"
    assert "never-shown" not in str(caught.value)


def test_values_are_those_of_json() -> None:
    payload = {"n": 5.0, "day": date(2026, 1, 2), "sum": Decimal("1.50"), "none": None, "yes": True}
    assert json.loads(body_of(message(payload=payload)))["payload"] == {
        "n": 5,
        "day": "2026-01-02",
        "sum": "1.50",
        "none": None,
        "yes": True,
    }


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)


@given(payload=st.dictionaries(TEXT, VALUES, max_size=4), usage=TEXT.filter(bool))
def test_what_is_sent_is_what_was_given(payload: dict[str, Any], usage: str) -> None:
    sent = json.loads(body_of(message(payload=payload, usage_type=usage)))
    assert sent == {"to": "foo@example.org", "type": usage, "payload": payload}
