"""What the caller is told, and when: receipts, deadlines, and what may be shown of an exchange."""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from typing import Any

import pytest

from connector_core import (
    DeliveryError,
    HostClosedError,
    MessageError,
    PermanentDeliveryError,
    Stage,
    TemporaryDeliveryError,
)
from connectors.smtp import pool
from tests.smtp.helpers import AUTH, PASSWORD, config, hosting, new_host, send, templates, within
from tests.smtp.peer import Connection, Peer, stall

BOTH_LOOPS = True


async def test_a_receipt_shows_no_secret_that_the_server_echoes() -> None:
    encoded = base64.b64encode(f"\0{AUTH['user']}\0{PASSWORD}".encode()).decode()
    reply = f"250 2.0.0 ok {PASSWORD} {encoded}"
    async with Peer(mechanisms="PLAIN", content=reply) as peer, hosting(peer, auth=AUTH) as host:
        receipt = await send(host)
    assert receipt.enhanced_code == "2.0.0"
    assert PASSWORD not in repr(receipt)
    assert encoded not in repr(receipt)


async def test_base64_broken_over_two_lines_is_masked() -> None:
    encoded = base64.b64encode(f"\0{AUTH['user']}\0{PASSWORD}".encode()).decode()

    async def echo(connection: Connection) -> bool:
        await connection.reply(f"535-could not use {encoded[:30]}", f"535 {encoded[30:]}")
        return True

    async with Peer(mechanisms="PLAIN", AUTH=echo) as peer, hosting(peer, auth=AUTH) as host:
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
    assert encoded[-20:] not in str(caught.value)


async def test_the_digest_of_cram_md5_is_masked() -> None:
    seen: list[str] = []

    async def echo(connection: Connection) -> bool:
        await connection.reply(f"334 {base64.b64encode(b'<1@host>').decode()}")
        seen.append(base64.b64decode(await connection.line()).decode())
        await connection.reply(f"535 5.7.8 bad response: {seen[0]}")
        return True

    async with Peer(mechanisms="CRAM-MD5", AUTH=echo) as peer, hosting(peer, auth=AUTH) as host:
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
    assert seen[0].split()[1] not in str(caught.value)


async def test_the_stages_of_a_receipt_add_up_to_the_time_it_took() -> None:
    async with Peer() as peer, hosting(peer) as host:
        for _ in range(2):
            started = time.perf_counter()
            receipt = await send(host)
            assert sum(receipt.seconds.values()) <= time.perf_counter() - started
        assert set(receipt.seconds) == {"compose", "pool", "envelope", "content"}


async def test_a_message_whose_time_is_up_leaves_a_kept_connection_alone() -> None:
    async with Peer() as peer, new_host(template_source=_late) as host:
        host.configure("smtp", config(peer.port))
        await send(host)
        for _ in range(3):
            with pytest.raises(TemporaryDeliveryError):
                await send(host, timeout=1e-9)
        await send(host)
        assert len(peer.connections) == 1
        assert len(peer.mails) == 2


def _late(_usage_type: str, _locale: str | None) -> None:
    return None


async def test_a_silent_kept_connection_leaves_time_for_a_fresh_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "NOOP_AFTER", 0.0)
    async with Peer(NOOP=stall) as peer, hosting(peer) as host:
        await send(host)
        with within():
            await send(host, timeout=4)
        assert len(peer.mails) == 2


async def test_a_verification_ends_when_the_host_closes() -> None:
    async with Peer(EHLO=stall) as peer:
        host = new_host()
        smtp = host.configure("smtp", config(peer.port))
        verifying = asyncio.create_task(smtp.verify())
        await peer.until(lambda: peer.count("EHLO") == 1)
        with within():
            await host.aclose()
            with pytest.raises(HostClosedError):
                await verifying
        await peer.until(lambda: peer.open == 0)


async def test_a_callback_that_breaks_leaves_no_connection() -> None:
    def broken(_stage: Stage) -> None:
        raise KeyError

    async with Peer() as peer, hosting(peer) as host:
        report = await host.configured["smtp"].verify(broken)
        assert report.ok
        await peer.until(lambda: peer.open == 0)


async def test_sends_that_are_called_off_leave_their_turn_to_others() -> None:
    async with Peer() as peer, hosting(peer, rateLimit=1, rateDelta=60_000) as host:
        await send(host)
        waiting = [asyncio.create_task(send(host)) for _ in range(30)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        # A minute after the first is its turn, and not half an hour.
        with pytest.raises(DeliveryError, match="rateLimit leaves no room"):
            await send(host, timeout=59)
        last = asyncio.create_task(send(host, timeout=120))
        await asyncio.sleep(0)
        assert not last.done()
        last.cancel()
        assert len(peer.mails) == 1


@pytest.mark.parametrize("name", [".example.org", "a..b", ".", "a。。b", f"{'x' * 64}.test", "*"])
@pytest.mark.parametrize("key", ["host", "servername"])
async def test_a_name_that_is_none_is_told_by_the_config(key: str, name: str) -> None:
    async with new_host() as host:
        _, problems = host.registry["smtp"].check_config(config(25, **{key: name}))
    assert [problem.path for problem in problems] == [f"$.{key}"]


async def test_a_huge_html_body_is_refused_before_it_is_encoded() -> None:
    content = "{{a}}" * 150
    changes: dict[str, Any] = {"templates": templates(content=content, contentType="text/html")}
    async with Peer() as peer, hosting(peer, **changes) as host:
        started = time.process_time()
        with pytest.raises(MessageError, match="10 MiB"):
            await send(host, payload={"a": '"' * 65_536, "code": "1"})
        assert time.process_time() - started < 5
        assert not peer.connections


async def test_the_facts_of_a_message_stand_in_its_log_record(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "connectors.smtp")
    async with (
        Peer(RCPT=[None, "550 5.1.1 no such user"]) as peer,
        hosting(peer, logger=True) as host,
    ):
        receipt = await send(host)
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
    sent, failed = (record for record in caplog.records if record.name == "connectors.smtp")
    assert (
        vars(sent).items()
        >= {
            "message_id": receipt.message_id,
            "usage_type": "SignIn",
            "connector": "simple-mail-transfer-protocol",
            "endpoint": f"127.0.0.1:{peer.port}",
            "response": "250 2.0.0 queued",
        }.items()
    )
    assert (
        vars(failed).items()
        >= {
            "stage": "recipient",
            "code": 550,
            "enhanced_code": "5.1.1",
            "retry": "never",
            "hint": caught.value.hint,
            "reason": str(caught.value),
        }.items()
    )
    assert "ann@example.org" not in caplog.text


async def test_the_dialogue_tells_connections_and_sides_apart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "connectors.smtp.dialogue")
    async with Peer() as peer, hosting(peer, maxMessages=1) as host:
        for _ in range(2):
            await send(host)
    said = [vars(record) for record in caplog.records if hasattr(record, "side")]
    assert {record["side"] for record in said} == {"C", "S"}
    assert len({record["connection"] for record in said}) == 2
    assert {record["peer"] for record in said} == {"127.0.0.1"}
    assert said[1]["text"].startswith("EHLO ")
