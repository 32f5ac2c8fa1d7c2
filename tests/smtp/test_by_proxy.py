"""Messages sent through a proxy: mail, TLS and log-in as without one, faults told apart."""

from __future__ import annotations

import logging
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from connector_core import AsyncHost, DeliveryError, PermanentDeliveryError
from tests.smtp import certificates
from tests.smtp.helpers import (
    AUTH,
    PASSWORD,
    Outcome,
    assert_secret,
    config,
    hosting,
    new_host,
    patiently,
    send,
    shown,
    within,
)
from tests.smtp.peer import Peer
from tests.smtp.proxies import Answer, ScriptedProxy, close, reset, stall
from tests.smtp.token_server import TokenServer

BOTH_LOOPS = True

SCHEMES = ("http", "https", "socks4", "socks5")
NAME = "localhost"  # what the peer's certificate is for, and the proxy looks up
SECRET = "proxy-pass-word"


def proxied(scheme: str, peer: Peer, **more: Any) -> ScriptedProxy:
    tls = certificates.valid() if scheme == "https" else None
    return ScriptedProxy(scheme, names={NAME: peer.port}, tls=tls, **more)


def through(
    peer: Peer, proxy: ScriptedProxy, scheme: str, login: str = "", **changes: Any
) -> AbstractAsyncContextManager[AsyncHost]:
    url = f"{scheme}://{login}127.0.0.1:{proxy.port}"
    return hosting(peer, **{"host": NAME, "proxy": url, **changes})


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_mail_goes_through(scheme: str, together: bool) -> None:
    async with (
        Peer() as peer,
        proxied(scheme, peer, together=together) as proxy,
        through(peer, proxy, scheme) as host,
    ):
        for _ in range(3):
            await send(host)
        assert len(peer.mails) == 3
        assert [client.host for client in proxy.clients] == [NAME]


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_tls_and_the_log_in_are_with_the_server(scheme: str, implicit: bool) -> None:
    tls: dict[str, Any] = {"implicit_tls" if implicit else "starttls": certificates.valid()}
    async with (
        Peer(mechanisms="PLAIN", **tls) as peer,
        proxied(scheme, peer) as proxy,
        through(peer, proxy, scheme, secure=implicit, auth=AUTH) as host,
    ):
        await send(host)
        assert len(peer.mails) == 1
        assert peer.connections[0].encrypted_from is not None
        report = await host.configured["smtp"].verify()
        assert report.ok
        stages = {stage.name: stage.detail for stage in report.stages}
        assert "resolve" not in stages
        assert f"{NAME}:{peer.port} through the proxy 127.0.0.1" in stages["connect"]
        assert "TLSv1.3" in stages["tls"]


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_no_credentials_in_the_clear_through_a_proxy_on_loopback(scheme: str) -> None:
    """Behind the proxy, and even with TLS up to it, the way goes on in the clear."""
    async with (
        Peer(mechanisms="PLAIN") as peer,
        proxied(scheme, peer) as proxy,
        through(peer, proxy, scheme, auth=AUTH) as host,
    ):
        with pytest.raises(PermanentDeliveryError, match="in the clear") as caught:
            await send(host)
        Outcome("PFA", "auth").check(caught.value)
        assert peer.count("AUTH") == 0
        assert PASSWORD.encode() not in peer.received


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
async def test_a_proxy_with_a_password(scheme: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        Peer() as peer,
        proxied(scheme, peer, user="ann", password=SECRET) as proxy,
    ):
        async with through(peer, proxy, scheme, f"ann:{SECRET}@") as host:
            await send(host)
            assert len(peer.mails) == 1
        async with through(peer, proxy, scheme, "ann:wr0ng-canary@") as host:
            with pytest.raises(PermanentDeliveryError) as caught:
                await send(host)
            Outcome("PFA", "connect").check(caught.value)
            assert "`proxy`" in caught.value.hint
    for text in (caplog.text, shown(caught.value)):
        assert SECRET not in text
        assert "wr0ng-canary" not in text
    assert_secret(caplog)


FAULTS: dict[str, tuple[str, Answer, str]] = {
    "http reset": ("http", reset, "RF"),
    "http closes": ("http", close, "RF"),
    "http garbage": ("http", b"220 mail.test ESMTP\r\n", "RF"),
    "http 403": ("http", b"HTTP/1.1 403 Forbidden\r\n\r\n", "PFA"),
    "http 407": ("http", b"HTTP/1.1 407 Authenticate\r\n\r\n", "PFA"),
    "http 502": ("http", b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "RF"),
    "http 504": ("http", b"HTTP/1.1 504 Gateway Timeout\r\n\r\n", "RF"),
    "socks5 not allowed": ("socks5", b"\5\2\0\1\0\0\0\0\0\0", "PFA"),
    "socks5 host unreachable": ("socks5", b"\5\4\0\1\0\0\0\0\0\0", "RF"),
    "socks5 refused": ("socks5", b"\5\5\0\1\0\0\0\0\0\0", "RF"),
    "socks4 refused": ("socks4", b"\0\x5b\0\0\0\0\0\0", "RF"),
    "socks4 reset": ("socks4", reset, "RF"),
}


@pytest.mark.parametrize("case", FAULTS)
async def test_a_proxy_that_does_not_let_it_through(case: str) -> None:
    scheme, answer, letters = FAULTS[case]
    async with Peer() as peer, proxied(scheme, peer, connect=answer) as proxy:
        async with through(peer, proxy, scheme) as host:
            with within(), pytest.raises(DeliveryError) as caught:
                await send(host)
            Outcome(letters, "connect").check(caught.value)
            assert caught.value.hint
        assert peer.connections == []
        async with proxied(scheme, peer) as sound, through(peer, sound, scheme) as host:
            await send(host)
            assert len(peer.mails) == 1


@pytest.mark.parametrize("scheme", SCHEMES)
@patiently
async def test_a_proxy_that_takes_its_time(scheme: str, brief: int) -> None:
    async with (
        Peer() as peer,
        proxied(scheme, peer, connect=stall) as proxy,
        through(peer, proxy, scheme, connectionTimeout=brief) as host,
    ):
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host)
        Outcome("RF", "connect").check(caught.value)
        assert peer.connections == []


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_proxy_that_is_not_there(scheme: str) -> None:
    async with Peer() as peer, proxied(scheme, peer) as proxy:
        port = proxy.port
    async with new_host() as host:
        host.configure("smtp", config(25, proxy=f"{scheme}://127.0.0.1:{port}"))
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host)
    Outcome("RF", "connect").check(caught.value)


async def test_a_proxy_whose_certificate_is_wrong() -> None:
    async with (
        Peer() as peer,
        ScriptedProxy("https", names={NAME: peer.port}, tls=certificates.expired()) as proxy,
        through(peer, proxy, "https", tls={"rejectUnauthorized": False}) as host,
    ):
        # What is said of the mail server's certificate says nothing of the proxy's.
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
        Outcome("PFA", "connect").check(caught.value)
        assert peer.connections == []


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
async def test_the_token_comes_through_the_proxy_too(scheme: str) -> None:
    auth = {"type": "OAuth2", "user": "ann", "clientId": "c", "refreshToken": "r"}
    async with (
        TokenServer() as tokens,
        Peer(mechanisms="XOAUTH2", starttls=certificates.valid()) as peer,
        proxied(scheme, peer, user="ann", password=SECRET) as proxy,
        through(
            peer, proxy, scheme, f"ann:{SECRET}@", auth={**auth, "accessUrl": tokens.url}
        ) as host,
    ):
        await send(host)
        assert len(tokens.requests) == 1
        assert {client.host for client in proxy.clients} == {NAME, certificates.NAME}
        assert len(peer.mails) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://127.0.0.1:21", "must start with"),
        ("127.0.0.1:3128", "must start with"),
        (f"http://ann:{SECRET}@", "has no host"),
        (f"http://ann:{SECRET}@proxy.test/path", "a path"),
        (f"socks4://ann:{SECRET}@proxy.test", "SOCKS4"),
        (f"http://ann:{SECRET}\r\nX: y@proxy.test", "control character"),
        ("http://proxy.test:99999", "port"),
    ],
)
async def test_a_url_that_is_none_is_told_by_the_config(url: str, said: str) -> None:
    async with new_host() as host:
        _, (problem,) = host.registry["smtp"].check_config(config(25, proxy=url))
    assert problem.path == "$.proxy"
    assert said in problem.message
    assert SECRET not in repr(problem)
