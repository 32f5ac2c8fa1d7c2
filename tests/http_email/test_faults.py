"""What the network, TLS and a hostile webhook come to: that outcome, and the next message goes."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any

import pytest

from connector_core import AsyncHost, DeliveryError, HostClosedError, UncertainDeliveryError
from connector_core.network import https
from tests.http_email.webhook import TOKEN, Webhook, config, hosting, send, taking
from tests.smtp import certificates
from tests.smtp.helpers import Outcome, new_host, shown, within
from tests.smtp.token_server import Answer, drip, endless, raw, reset, stall

BOTH_LOOPS = True
NAME = "mail.example.org"
LONGER = (300, 1000, 4000, 16_000)  # milliseconds: one of them is enough on any machine


class DeafWebhook(Webhook):
    """Takes connections, and does not answer the handshake."""

    def __init__(self) -> None:
        super().__init__()
        self._context = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass


class PlainWebhook(DeafWebhook):
    """Answers in the clear, whatever it was told."""

    def __init__(self, said: bytes = b"HTTP/1.1 400 Bad Request\r\n\r\n") -> None:
        super().__init__()
        self._said = said

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(self._said)
        await writer.drain()


class ClosingWebhook(DeafWebhook):
    """Goes away within the handshake."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)


async def failure(host: AsyncHost, **arguments: Any) -> DeliveryError:
    with within(), pytest.raises(DeliveryError) as caught:
        await send(host, **arguments)
    error = caught.value
    assert "never-shown" not in shown(error)
    assert error.hint
    return error


def leading(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
    """Let each look-up find these addresses, in turn; the last of them for ever."""
    left = list(answers)

    async def look_up(_host: str, port: int, _local: str | None) -> list[Any]:
        found = left.pop(0) if len(left) > 1 else left[0]
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in address], (address, port)) for address in found]

    monkeypatch.setattr(https, "look_up", look_up)


UNCERTAIN: dict[str, tuple[Answer, str]] = {
    "reset": (reset, "closed the connection"),
    "closed": (raw(b""), "gave no whole HTTP answer"),
    "no HTTP": (raw(b"220 mail.example ESMTP\r\n"), "gave no whole HTTP answer"),
    "half a head": (raw(b"HTTP/1.1 200 OK\r\nX: y"), "gave no whole HTTP answer"),
    "long head": (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500_000), "gave no whole HTTP answer"),
}


@pytest.mark.parametrize("case", UNCERTAIN)
async def test_without_a_status_it_is_uncertain_and_not_sent_again(case: str) -> None:
    bad, reason = UNCERTAIN[case]
    async with Webhook(bad) as webhook, hosting(webhook, retries=5) as host:
        error = await failure(host)
        Outcome("U", "content").check(error)
        assert reason in error.reason
        assert len(webhook.requests) == 1
        await send(host)


@pytest.mark.parametrize("bad", [drip, endless], ids=["drip", "endless"])
async def test_the_status_counts_whatever_the_body_does(
    bad: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "_BODY_TIME", 0.05)
    async with Webhook(bad) as webhook, hosting(webhook) as host:
        with within():
            assert (await send(host)).response == "200 OK"
        await webhook.until(webhook.is_alone)
        await send(host)
        assert webhook.connections == 2


@pytest.mark.parametrize("by", ["timeout", "deadline"])
async def test_silence_after_the_request_is_uncertain(by: str) -> None:
    for brief in LONGER:
        limits = {"timeout": brief} if by == "timeout" else {}
        arguments = {"timeout": brief / 1000} if by == "deadline" else {}
        async with Webhook(stall) as webhook, hosting(webhook, **limits) as host:
            error = await failure(host, **arguments)
            await webhook.until(webhook.is_alone)
            if webhook.requests:
                Outcome("U", "content").check(error)
                assert "did not answer in time" in error.reason
                return
    pytest.fail("the request never arrived")


async def test_a_handshake_that_is_not_answered_is_certain() -> None:
    for brief in LONGER:
        async with DeafWebhook() as webhook, hosting(webhook, timeout=brief) as host:
            error = await failure(host)
            await webhook.until(webhook.is_alone)
            if error.stage == "tls":
                Outcome("RF", "tls").check(error)
                return
    pytest.fail("the handshake never began")


async def test_a_webhook_that_is_not_there_is_asked_again() -> None:
    async with Webhook() as webhook:
        pass
    async with hosting(webhook, retries=2) as host:
        error = await failure(host)
    Outcome("RF", "connect").check(error)
    assert "could not be reached: Connection refused" in error.reason


@pytest.mark.parametrize(
    "kind", ["expired", "other_name", "unknown_authority", "missing_intermediate", "self_signed"]
)
async def test_certificates_are_verified(kind: str) -> None:
    tls = getattr(certificates, kind)()
    async with Webhook(tls=tls) as webhook, hosting(webhook, retries=5) as host:
        error = await failure(host)
        Outcome("PFA", "tls").check(error)
        assert "certificate" in error.reason
        assert "tls.ca" in error.hint
        assert webhook.requests == []
        assert host.registry["http"].suspects(error) == (("endpoint",), ("tls", "ca"))


async def test_tls_where_there_is_none() -> None:
    async with PlainWebhook() as webhook, hosting(webhook) as host:
        error = await failure(host)
    Outcome("PFA", "tls").check(error)
    assert "wrong version number" in error.reason
    assert "HTTPS" in error.hint


async def test_an_end_within_the_handshake_may_pass() -> None:
    async with ClosingWebhook() as webhook, hosting(webhook) as host:
        error = await failure(host)
    Outcome("RF", "tls").check(error)
    assert "closed the connection" in error.reason


async def test_a_server_with_no_tls_that_is_new_enough() -> None:
    refusal = b"\x15\x03\x01\x00\x02\x02\x46"  # alert 70, protocol_version: RFC 8446 section 6
    async with PlainWebhook(refusal) as webhook, hosting(webhook) as host:
        error = await failure(host)
    Outcome("PFA", "tls").check(error)
    assert "protocol version" in error.reason


async def test_a_client_certificate_that_is_wanted_is_no_uncertainty() -> None:
    wanting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority().issue_cert(certificates.NAME).configure_cert(wanting)
    certificates.authority().configure_trust(wanting)
    wanting.verify_mode = ssl.CERT_REQUIRED
    async with Webhook(tls=wanting) as webhook, hosting(webhook) as host:
        error = await failure(host)
        # Whether the alert or the end of the connection is seen first is up to the system.
        assert error.stage in ("tls", "content")
        assert "certificate required" in error.reason or isinstance(error, UncertainDeliveryError)
        assert webhook.requests == []


async def test_a_redirect_is_not_followed() -> None:
    async with Webhook() as other:
        there = raw(f"HTTP/1.1 307 See\r\nLocation: {other.url}\r\n\r\n".encode())
        async with Webhook(there) as webhook, hosting(webhook, retries=5) as host:
            error = await failure(host)
            assert "redirects are not followed" in error.hint
        assert other.requests == []
        assert len(webhook.requests) == 1


# Names and addresses


async def test_a_name_that_does_not_exist() -> None:
    async with new_host() as host:
        host.configure("http", config("https://webhook.invalid/never-shown"))
        error = await failure(host)
    assert error.stage == "resolve"
    assert error.failover
    assert "webhook.invalid" in error.reason


async def test_the_name_is_verified_and_the_address_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leading(monkeypatch, ["127.0.0.1"])
    async with Webhook(tls=certificates.other_name(), name=NAME) as webhook:
        async with hosting(webhook) as host:
            await send(host)
        assert webhook.requests[0].headers["host"] == f"{NAME}:{webhook.port}"


@pytest.mark.parametrize(
    ("addresses", "public_only", "reached"),
    [
        (["169.254.169.254"], False, False),
        (["::ffff:169.254.169.254"], False, False),
        (["fd00:ec2::254", "100.100.100.200", "0.0.0.0"], False, False),
        (["169.254.169.254", "127.0.0.1"], False, True),
        (["127.0.0.1", "::1"], True, False),
        (["::ffff:127.0.0.1", "10.0.0.1", "192.168.1.1", "fd12::1"], True, False),
    ],
)
async def test_where_a_name_leads_is_looked_at(
    addresses: list[str], public_only: bool, reached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    leading(monkeypatch, addresses)
    async with Webhook(tls=certificates.other_name(), name=NAME) as webhook:
        async with hosting(webhook, publicOnly=public_only, retries=5) as host:
            if reached:
                await send(host)
                return
            error = await failure(host)
            report = await host.configured["http"].verify()
        Outcome("PFA", "resolve").check(error)
        assert [(stage.name, stage.ok) for stage in report.stages] == [("resolve", False)]
        assert webhook.connections == 0


async def test_a_name_that_leads_elsewhere_later(monkeypatch: pytest.MonkeyPatch) -> None:
    leading(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    ending = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    async with Webhook(ending, tls=certificates.other_name(), name=NAME) as webhook:
        async with hosting(webhook) as host:
            await send(host)
            assert (await failure(host)).stage == "resolve"
        assert len(webhook.requests) == 1


async def test_one_family_that_is_dead_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    leading(monkeypatch, ["::1", "127.0.0.2", "127.0.0.1"])
    async with Webhook(tls=certificates.other_name(), name=NAME) as webhook:
        async with hosting(webhook) as host:
            await send(host)
        assert len(webhook.requests) == 1


async def test_the_environments_proxy_and_credentials_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody listens
    async with Webhook() as webhook, hosting(webhook) as host:
        await send(host)


# Verifying


async def test_verify_tells_each_stage_and_posts_nothing() -> None:
    told = []
    async with Webhook() as webhook, hosting(webhook) as host:
        report = await host.configured["http"].verify(lambda stage: told.append(stage.name))
        await webhook.until(webhook.is_alone)
        assert webhook.requests == []
    assert report.ok
    assert told == ["resolve", "connect", "tls"]
    facts = report.stages[-1].facts
    assert facts["version"] == "TLSv1.3"
    assert {"issuer", "expires"} <= set(facts)
    assert report.stages[0].detail == "127.0.0.1"
    assert report.stages[1].detail == f"127.0.0.1:{webhook.port}"


async def test_verify_in_the_clear_has_no_tls() -> None:
    async with Webhook(plain=True) as webhook, hosting(webhook) as host:
        report = await host.configured["http"].verify()
    assert [stage.name for stage in report.stages] == ["resolve", "connect"]


@pytest.mark.parametrize(
    ("webhook", "letters", "stage"),
    [
        (lambda: Webhook(tls=certificates.expired()), "PFA", "tls"),
        (lambda: Webhook(tls=certificates.unknown_authority()), "PFA", "tls"),
    ],
    ids=["expired", "unknown"],
)
async def test_verify_tells_what_fails(
    webhook: Callable[[], Webhook], letters: str, stage: str
) -> None:
    async with webhook() as server, hosting(server) as host:
        report = await host.configured["http"].verify()
        await server.until(server.is_alone)
    assert not report.ok
    assert report.stages[-1].error is not None
    Outcome(letters, stage).check(report.stages[-1].error)


async def test_verify_has_an_end() -> None:
    async with DeafWebhook() as webhook, hosting(webhook, timeout=300) as host:
        with within():
            report = await host.configured["http"].verify()
        await webhook.until(webhook.is_alone)
    assert report.stages[-1].error is not None
    Outcome("RF", report.stages[-1].name).check(report.stages[-1].error)
    assert "in time" in report.stages[-1].error.reason


async def test_verify_where_nobody_listens() -> None:
    async with Webhook() as webhook:
        pass
    async with hosting(webhook) as host:
        report = await host.configured["http"].verify()
    assert [(stage.name, stage.ok) for stage in report.stages] == [
        ("resolve", True),
        ("connect", False),
    ]


# Called off, closed


async def test_a_message_that_is_called_off_closes_its_connection() -> None:
    async with Webhook(stall) as webhook, hosting(webhook) as host:
        sending = asyncio.create_task(send(host))
        await webhook.until(lambda: len(webhook.requests) == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await webhook.until(webhook.is_alone)
        await send(host)


async def test_a_handshake_that_is_called_off_closes_its_connection() -> None:
    async with DeafWebhook() as webhook, hosting(webhook) as host:
        sending = asyncio.create_task(send(host))
        await webhook.until(lambda: webhook.open == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await webhook.until(webhook.is_alone)


async def test_close_ends_what_is_under_way() -> None:
    async with Webhook(stall) as webhook, hosting(webhook) as host:
        sending = asyncio.create_task(send(host))
        await webhook.until(lambda: len(webhook.requests) == 1)
        await host.aclose()
        with within(), pytest.raises(UncertainDeliveryError):
            await sending
        with pytest.raises(HostClosedError):
            await send(host)
        await webhook.until(webhook.is_alone)


# What is logged, and what is missing


async def test_what_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with Webhook(taking(), reset) as webhook, hosting(webhook) as host:
        await send(host)
        await failure(host)
    sent, failed = [item for item in caplog.records if item.name == "connectors.http_email"]
    assert (sent.endpoint, sent.usage_type) == (f"127.0.0.1:{webhook.port}", "SignIn")  # type: ignore[attr-defined]
    assert (failed.stage, failed.retry) == ("content", "uncertain")  # type: ignore[attr-defined]
    assert "never-shown" not in caplog.text
    assert TOKEN not in caplog.text
    assert not [item for item in caplog.records if item.name.startswith("httpcore2")]


async def test_the_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Webhook() as webhook, hosting(webhook) as host:
        monkeypatch.setitem(sys.modules, "connector_core.network.https", None)
        error = await failure(host)
        report = await host.configured["http"].verify()
    assert error.hint == "pip install 'connector-core[http]'"
    assert error.operator
    assert not report.ok
