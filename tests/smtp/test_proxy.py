"""Connections through a proxy: what it is asked, what it may answer, and what is left behind."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.smtp.protocol import Reply
from connectors.smtp.proxy.connect import connect_through
from connectors.smtp.proxy.faults import ProxyError
from connectors.smtp.proxy.tunnel import MAX_ANSWER, Connect, _Tunnel
from connectors.smtp.proxy.url import Proxy, missing
from connectors.smtp.transaction import Flight
from connectors.smtp.wire import ConnectionLost, Wire
from tests.smtp import certificates, proxies
from tests.smtp.helpers import MARK, shown, within
from tests.smtp.peer import Peer
from tests.smtp.proxies import OK, Answer, Deliver, ScriptedProxy

BOTH_LOOPS = True

SCHEMES = ("http", "https", "socks4", "socks5")
NAME = "mail.example.org"  # which nobody but the scripted proxies knows
LONG = 60.0
GREETING = b"220 peer.test ESMTP\r\n"


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=certificates.authority_pem())


def wire() -> Wire:
    return Wire(mask=str, log_dialogue=False)


def scripted(scheme: str, peer: Peer | None = None, **more: Any) -> ScriptedProxy:
    """A proxy that knows the peer by name; with TLS, where its scheme says so."""
    more.setdefault("tls", certificates.valid() if scheme == "https" else None)
    return ScriptedProxy(scheme, names={NAME: peer.port} if peer else None, **more)


async def through(
    proxy: ScriptedProxy | str,
    host: str = NAME,
    port: int = 587,
    *,
    login: str = "",
    make: Callable[[], Wire] = wire,
    local_address: str | None = None,
) -> Wire:
    """A connection, by the proxy's URL with the login in it."""
    url = proxy if isinstance(proxy, str) else proxy.url
    parsed = Proxy.parse(url.replace("://", f"://{login}@") if login else url)
    async with asyncio.timeout(LONG):
        return await connect_through(
            parsed, host, port, make, context=trusting(), local_address=local_address
        )


async def failure(proxy: ScriptedProxy | str, **more: Any) -> ProxyError:
    with within(), pytest.raises(ProxyError) as caught:
        await through(proxy, **more)
    assert str(caught.value) == caught.value.reason
    return caught.value


async def read(wire: Wire) -> Reply:
    return await wire.reply(time.monotonic() + LONG)


async def ask(wire: Wire, line: bytes) -> int:
    wire.write(Flight(line, line))
    return (await read(wire)).code


async def left(proxy: ScriptedProxy) -> None:
    """Nothing is left of any connection."""
    await proxy.until(lambda: proxy.open == 0)
    gc.collect()  # an open socket that nobody holds would be a warning, which is an error


# The URL


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy.test", Proxy("http", "proxy.test", 80)),
        ("https://proxy.test/", Proxy("https", "proxy.test", 443)),
        ("HTTP://Proxy.TEST:3128", Proxy("http", "proxy.test", 3128)),
        ("socks4://10.0.0.1", Proxy("socks4", "10.0.0.1", 1080)),
        ("socks4a://proxy.test", Proxy("socks4", "proxy.test", 1080)),
        ("socks5://proxy.test:9050", Proxy("socks5", "proxy.test", 9050)),
        ("socks5h://proxy.test", Proxy("socks5", "proxy.test", 1080)),
        ("socks://proxy.test", Proxy("socks5", "proxy.test", 1080)),
        ("http://[2001:DB8::1]:3128", Proxy("http", "2001:db8::1", 3128)),
        ("http://bücher.example", Proxy("http", "xn--bcher-kva.example", 80)),
        ("http://ann@proxy.test", Proxy("http", "proxy.test", 80, "ann")),
        ("http://ann:p%40%3A%2F%C3%A9@proxy.test", Proxy("http", "proxy.test", 80, "ann", "p@:/é")),
        ("http://ann:a:b@proxy.test", Proxy("http", "proxy.test", 80, "ann", "a:b")),
        ("socks4://ann@proxy.test", Proxy("socks4", "proxy.test", 1080, "ann")),
        ("socks5://ann:pw@proxy.test", Proxy("socks5", "proxy.test", 1080, "ann", "pw")),
    ],
)
def test_a_url_that_names_a_proxy(url: str, proxy: Proxy) -> None:
    assert Proxy.parse(url) == proxy


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"{MARK}", "must start with"),
        (f"{MARK}:3128", "must start with"),
        (f"ftp://{MARK}", "must start with"),
        (f"//{MARK}", "must start with"),
        ("http://", "no host"),
        (f"http://{MARK}@", "no host"),
        (f"http://:{MARK}@:3128", "no host"),
        (f"http://{MARK}:port", "port"),
        (f"http://{MARK}:65536", "port"),
        (f"http://{MARK}:-1", "port"),
        (f"http://{MARK}:0", "port 0"),
        (f"http://{MARK}/path", "path"),
        (f"http://h?{MARK}", "query"),
        (f"http://h/#{MARK}", "fragment"),
        (f"http://u:{MARK}/x@h", "%2F"),
        (f"http://u:{MARK}#x@h", "%23"),
        (f"http://h\r\n{MARK}", "control character"),
        (f"http://h\t{MARK}", "control character"),
        (f" http://{MARK}", "space"),
        (f"http://u:{MARK}%0D%0A@h", "control character"),
        (f"socks4://{MARK}%00@h", "control character"),
        (f"http://u:{MARK}%FF@h", "UTF-8"),
        (f"http://u:{MARK}@::1", "brackets"),
        (f"http://u:{MARK}@[::1", "URL"),
        (f"http://{MARK}@[fe80::1%25eth0]:3128", "IPv6"),
        (f"http://u:{MARK}@[1.2.3.4]", "URL|IPv6"),
        (f"http://h_{MARK}%41", "neither"),
        (f"http://h\\{MARK}", "neither"),
        (f"http://{'x' * 64}.{MARK}", "neither"),
        (f"http://a..{MARK}", "neither"),
        (f"http://{'x.' * 130}{MARK}", "neither"),
        (f"http://u%3A:{MARK}@h", "colon"),
        (f"socks4://u:{MARK}@h", "SOCKS4"),
        (f"socks4://é{MARK}@h", "ASCII"),
        (f"socks5://u:é{MARK}@h", "ASCII"),
        (f"socks5://{MARK}@h", "without a password"),
        (f"socks5://:{MARK}@h", "without a user"),
        (f"socks5://u:{MARK}{'x' * 240}@h", "255"),
        (f"socks5://{MARK}{'x' * 240}:p@h", "255"),
    ],
)
def test_a_url_that_names_none(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        Proxy.parse(url)
    assert MARK not in shown(caught.value)


@given(st.one_of(st.text(), st.text().map(lambda text: f"http://u:{MARK}{text}@h")))
def test_any_text_is_a_proxy_or_none(text: str) -> None:
    try:
        told = repr(Proxy.parse(text))
    except ValueError as error:
        told = shown(error)
    assert MARK not in told


def test_a_proxy_shows_neither_user_nor_password() -> None:
    proxy = Proxy.parse(f"http://{MARK}:{MARK}@[::1]:3128")
    assert MARK not in repr(proxy)
    assert str(proxy) == "http://[::1]:3128"


# The packages


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_package_that_is_not_there(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy(scheme, "127.0.0.1", 1)
    assert missing(proxy) is None
    package = "h11" if scheme.startswith("http") else "python_socks"
    monkeypatch.setitem(sys.modules, package, None)
    assert missing(proxy) == "pip install 'connector-core[proxy]'"
    error = await failure(str(proxy))
    assert error.permanent
    assert error.hint == missing(proxy)


# What works


DELIVERIES: dict[str, Mapping[str, Any]] = {
    "whole": {},
    "together": {"together": True},
    "dripping": {"deliver": proxies.drip},
    "together and dripping": {"deliver": proxies.drip, "together": True},
}


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_the_greeting_is_whole_and_starttls_works(scheme: str, delivery: str) -> None:
    async with (
        Peer(starttls=certificates.valid()) as peer,
        scripted(scheme, peer, **DELIVERIES[delivery]) as proxy,
    ):
        wire = await through(proxy)
        assert (await read(wire)).text == "peer.test ESMTP"
        assert not wire.unread
        assert not wire.unsent
        assert await ask(wire, b"EHLO client.test\r\n") == 250
        wire.hold()
        assert await ask(wire, b"STARTTLS\r\n") == 220
        await wire.start_tls(trusting(), "localhost", LONG)
        assert wire.encrypted
        assert await ask(wire, b"EHLO client.test\r\n") == 250
        assert await ask(wire, b"NOOP " + b"x" * 300_000 + b"\r\n") == 250
        assert not wire.unsent
        assert await ask(wire, b"QUIT\r\n") == 221
        wire.abort()
        assert peer.connections[0].encrypted_from == len(b"EHLO client.test\r\nSTARTTLS\r\n")
        await left(proxy)


@pytest.mark.parametrize("deliver", [None, proxies.drip])
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_tls_from_the_first_byte(scheme: str, deliver: Deliver | None) -> None:
    async with (
        Peer(implicit_tls=certificates.valid()) as peer,
        scripted(scheme, peer, deliver=deliver) as proxy,
    ):
        wire = await through(proxy)
        await wire.start_tls(trusting(), "localhost", LONG)
        assert (await read(wire)).code == 220
        assert await ask(wire, b"NOOP " + b"x" * 300_000 + b"\r\n") == 250
        wire.abort()
        assert peer.connections[0].encrypted_from == 0
        await left(proxy)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_the_proxy_is_no_way_around_the_certificate_of_the_server(scheme: str) -> None:
    async with (
        Peer(implicit_tls=certificates.unknown_authority()) as peer,
        scripted(scheme, peer) as proxy,
    ):
        wire = await through(proxy)
        with pytest.raises(ssl.SSLCertVerificationError):
            await wire.start_tls(trusting(), "127.0.0.1", LONG)
        wire.abort()
        await left(proxy)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_server_that_closes_behind_the_proxy(scheme: str) -> None:
    async with (
        Peer(script=lambda connection: connection.write(GREETING)) as peer,
        scripted(scheme, peer, together=True) as proxy,
    ):
        wire = await through(proxy)
        assert (await read(wire)).code == 220
        with pytest.raises(ConnectionLost):
            await read(wire)
        wire.abort()
        await left(proxy)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_ten_at_once(scheme: str) -> None:
    async with Peer() as peer, scripted(scheme, peer, deliver=proxies.drip) as proxy:
        wires = await asyncio.gather(*(through(proxy) for _ in range(10)))
        assert [(await read(wire)).code for wire in wires] == [220] * 10
        for wire in wires:
            wire.abort()
        await left(proxy)


@pytest.mark.parametrize("at", range(len(OK["socks5"]) + 1))
@pytest.mark.parametrize("scheme", ["socks4", "socks5"])
async def test_an_answer_of_socks_that_is_split(scheme: str, at: int) -> None:
    async with (
        Peer() as peer,
        scripted(scheme, peer, together=True, deliver=proxies.split_at(at)) as proxy,
    ):
        wire = await through(proxy)
        assert (await read(wire)).text == "peer.test ESMTP"
        assert not wire.unread
        wire.abort()


# What the proxy is asked


async def asked(scheme: str, host: str, *, login: str = "", **more: Any) -> proxies.Client:
    """The request that a proxy is sent for the host."""
    async with Peer() as peer, scripted(scheme, peer, **more) as proxy:
        proxy.names[f"[{host}]" if scheme.startswith("http") and ":" in host else host] = peer.port
        wire = await through(proxy, host, 465, login=login)
        assert (await read(wire)).code == 220
        wire.abort()
        assert len(proxy.clients) == 1
        return proxy.clients[0]


@pytest.mark.parametrize(
    ("host", "target"),
    [(NAME, NAME), ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "[2001:db8::1]")],
)
async def test_what_an_http_proxy_is_asked(host: str, target: str) -> None:
    client = await asked("http", host)
    assert client.head.decode() == f"CONNECT {target}:465 HTTP/1.1\r\nHost: {target}:465\r\n\r\n"


@pytest.mark.parametrize(
    ("login", "sent"),
    [("ann:p%40%3A%C3%A9", "ann:p@:é"), ("ann", "ann:"), ("ann:a:b", "ann:a:b")],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_credentials_of_an_http_proxy(scheme: str, login: str, sent: str) -> None:
    user, _, password = sent.partition(":")
    client = await asked(scheme, NAME, login=login, user=user, password=password)
    assert client.login == sent
    assert client.head.count(b"Proxy-Authorization") == 1


async def test_what_a_socks4_proxy_is_asked() -> None:
    by_name = await asked("socks4", NAME, login="ann", user="ann")
    assert by_name.head == b"\4\1\x01\xd1\0\0\0\1ann\0" + NAME.encode() + b"\0"
    by_address = await asked("socks4", "192.0.2.1")
    assert by_address.head == b"\4\1\x01\xd1\xc0\x00\x02\x01\0"


@pytest.mark.parametrize(
    ("host", "kind"), [(NAME, 3), ("a" * 63 + ".x", 3), ("192.0.2.1", 1), ("2001:db8::1", 4)]
)
async def test_what_a_socks5_proxy_is_asked(host: str, kind: int) -> None:
    client = await asked("socks5", host)
    assert (client.address_type, client.host, client.port) == (kind, host, 465)


async def test_the_credentials_of_a_socks5_proxy() -> None:
    user, password = "u" * 255, "p" * 255
    client = await asked("socks5", NAME, login=f"{user}:{password}", user=user, password=password)
    assert client.login == f"{user}:{password}"


async def test_a_socks5_proxy_that_wants_no_password_is_given_none() -> None:
    client = await asked("socks5", NAME, login=f"ann:{MARK}")
    assert MARK.encode() not in client.head


@pytest.mark.parametrize(
    "host",
    [
        "",
        "a b",
        "a\r\nX-Evil: 1",
        "a\0",
        "a:25@b",
        "a/b",
        "[::1]",
        "fe80::1%eth0",
        "é.example",
        "a..b",
        "x" * 64,
        "x." * 130,
    ],
)
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_host_that_is_none_is_refused_with_nothing_written(scheme: str, host: str) -> None:
    async with scripted(scheme) as proxy:
        error = await failure(proxy, host=host)
        assert error.permanent
        assert not proxy.clients


async def test_socks4_is_not_given_an_ipv6_address() -> None:
    async with scripted("socks4") as proxy:
        error = await failure(proxy, host="2001:db8::1")
        assert error.permanent
        assert "socks5" in error.hint
        assert not proxy.clients


# What the proxy may answer


def status(line: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {line}", *headers, "", ""]).encode()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 Connection established\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 200 OK\nVia: proxy\n\n",
        status("299 Anything"),
        status("200 OK", "Content-Length: 1000"),
        status("200 OK", "Transfer-Encoding: chunked"),
        status("200 OK", "Connection: close"),
        status("100 Continue") + status("103 Early Hints", "Link: </x>") + OK["http"],
        status("200 OK", *[f"X-Padding-{number}: {'x' * 500}" for number in range(100)]),
    ],
)
@pytest.mark.parametrize("deliver", [None, proxies.split_at(20)])
async def test_an_answer_that_opens_the_tunnel(answer: bytes, deliver: Deliver | None) -> None:
    async with scripted("http", connect=answer + GREETING, deliver=deliver) as proxy:
        wire = await through(proxy)
        assert (await read(wire)).text == "peer.test ESMTP"
        assert not wire.unread
        wire.abort()
        await left(proxy)


STATUSES = [
    ("300 Multiple Choices", True, "sign in"),
    ("302 Found", True, "sign in"),
    ("400 Bad Request", True, "scheme, host and port"),
    ("401 Unauthorized", True, "http://user:password@"),
    ("403 Forbidden", True, "587 or 465"),
    ("404 Not Found", True, "scheme, host and port"),
    ("405 Method Not Allowed", True, "587 or 465"),
    ("407 Proxy Authentication Required", True, "http://user:password@"),
    ("408 Request Timeout", False, "later"),
    ("418 I'm a Teapot", True, "scheme, host and port"),
    ("429 Too Many Requests", False, "later"),
    ("499", True, "scheme, host and port"),
    ("500 Internal Server Error", False, "check host and port"),
    ("501 Not Implemented", True, "another proxy"),
    ("502 Bad Gateway", False, "check host and port"),
    ("503 Service Unavailable", False, "check host and port"),
    ("504 Gateway Timeout", False, "check host and port"),
    ("511 Network Authentication Required", True, "sign in"),
    ("599", False, ""),
    ("600", False, ""),
]


@pytest.mark.parametrize("deliver", [None, proxies.drip])
@pytest.mark.parametrize(("line", "permanent", "hint"), STATUSES)
async def test_an_http_proxy_that_refuses(
    line: str, permanent: bool, hint: str, deliver: Deliver | None
) -> None:
    code, _, phrase = line.partition(" ")
    answer = status(f"{code} {MARK}", f"X-Reason: {MARK}", "Content-Length: 100000") + MARK.encode()
    async with scripted("http", connect=answer, deliver=deliver) as proxy:
        error = await failure(proxy)
        assert (error.code, error.permanent) == (int(code), permanent)
        assert error.reason.lower() == f"the proxy answered {code} {phrase}".strip().lower()
        assert hint in error.hint
        assert bool(hint) == bool(error.hint)
        assert MARK not in shown(error)
        await left(proxy)


SOCKS_CODES = [
    ("socks4", 91, False, "check host and port"),
    ("socks4", 92, True, "user and password"),
    ("socks4", 93, True, "user and password"),
    ("socks5", 1, False, "check host and port"),
    ("socks5", 2, True, "587 or 465"),
    ("socks5", 3, False, "check host and port"),
    ("socks5", 4, False, "check host and port"),
    ("socks5", 5, False, "check host and port"),
    ("socks5", 6, False, "check host and port"),
    ("socks5", 7, True, "another proxy"),
    ("socks5", 8, True, "as a name"),
]


@pytest.mark.parametrize("rest", [b"", b"\0\1\0\0\0\0\0\0"])
@pytest.mark.parametrize(("scheme", "code", "permanent", "hint"), SOCKS_CODES)
async def test_a_socks_proxy_that_refuses(
    scheme: str, code: int, permanent: bool, hint: str, rest: bytes
) -> None:
    if scheme == "socks4":
        answer = bytes([0, code]) + bytes(6) + rest
    else:
        # Some proxies close after the code, and write nothing of what follows it.
        answer = bytes([5, code, 0]) + rest
    async with scripted(scheme, connect=answer, deliver=proxies.drip) as proxy:
        error = await failure(proxy)
        assert (error.code, error.permanent) == (code, permanent)
        assert str(code) in error.reason
        assert hint in error.hint
        await left(proxy)


LOGINS = [
    ("http", "", {}, 407, "http://user:password@"),
    ("http", f"ann:{MARK}", {}, 407, "check the user and password"),
    ("https", f"{MARK}:{MARK}", {}, 407, "check the user and password"),
    (
        "http",
        f"ann:{MARK}",
        {"connect": status("407 x", "Proxy-Authenticate: NTLM", "Proxy-Authenticate: Negotiate x")},
        407,
        "Basic",
    ),
    ("socks4", MARK, {}, 93, "check the user and password"),
    ("socks5", "", {}, None, "socks5://user:password@"),
    ("socks5", f"ann:{MARK}", {}, None, "check the user and password"),
    ("socks5", f"ann:{MARK}", {"method": b"\5\xff"}, None, "check the user and password"),
    ("socks5", f"ann:{MARK}", {"method": b"\5\1"}, None, "check the user and password"),
    ("socks5", "", {"method": b"\5\2"}, None, "socks5://user:password@"),
    ("socks5", f"ann:{MARK}", {"auth": b"\1\xff"}, None, "check the user and password"),
]


@pytest.mark.parametrize(("scheme", "login", "answers", "code", "hint"), LOGINS)
async def test_credentials_that_are_refused(
    scheme: str, login: str, answers: Mapping[str, Answer], code: int | None, hint: str
) -> None:
    user, password = "somebody", "else" if scheme != "socks4" else ""
    if scheme == "http" and answers:
        user, password = "ann", MARK
    more: dict[str, Any] = {"user": user, "password": password, **answers}
    async with scripted(scheme, **more) as proxy:
        error = await failure(proxy, login=login)
        assert error.permanent
        assert error.code == code
        assert hint in error.hint
        assert MARK not in shown(error)
        await left(proxy)


BROKEN: list[tuple[str, Mapping[str, Answer]]] = [
    ("http", {"connect": b"HTTP/1.1 abc OK\r\n\r\n"}),
    ("http", {"connect": b"HTTP/1.1 200 OK\r\n: no name\r\n\r\n"}),
    ("http", {"connect": b"HTTP/1.1 101 Switching\r\n\r\n"}),
    ("http", {"connect": b"\xff\xfe\r\n\r\n"}),
    ("http", {"connect": b"\5\0\r\n\r\n"}),
    ("http", {"connect": proxies.endless}),
    ("https", {"connect": proxies.endless}),
    ("http", {"connect": proxies.endless_line}),
    ("http", {"connect": proxies.endless_interim}),
    ("socks4", {"connect": b"HTTP/1.1 400 Bad Request\r\n\r\n"}),
    ("socks4", {"connect": b"\0\x5f" + bytes(6)}),
    ("socks5", {"method": proxies.close}),
    ("socks5", {"method": proxies.reset}),
    ("socks5", {"method": b"HTTP/1.1 400 Bad Request\r\n\r\n"}),
    ("socks5", {"method": b"\5\x80"}),
    ("socks5", {"auth": proxies.close}),
    ("socks5", {"auth": proxies.reset}),
    ("socks5", {"auth": b"\7\0"}),
    ("socks5", {"connect": b"\5\x09\0\1" + bytes(6)}),
    ("socks5", {"connect": b"\5\0\1\1" + bytes(6)}),
    ("socks5", {"connect": b"\5\0\0\x02" + bytes(6)}),
    ("socks5", {"connect": b"\5\0\0\3\2\xff\xfe" + bytes(2)}),
]


BY_ANY: list[Answer] = [proxies.close, proxies.reset, GREETING, bytes(300)]
BROKEN += [(scheme, {"connect": answer}) for scheme in SCHEMES for answer in BY_ANY]


@pytest.mark.parametrize(("scheme", "answers"), BROKEN)
async def test_a_proxy_that_breaks_the_protocol(scheme: str, answers: Mapping[str, Answer]) -> None:
    user = {"user": "ann", "password": MARK} if "auth" in answers else {}
    more: dict[str, Any] = {**user, **answers}
    async with scripted(scheme, **more) as proxy:
        error = await failure(proxy, login=f"ann:{MARK}" if user else "")
        assert not error.permanent
        assert error.code is None
        assert error.reason
        assert "check the scheme, host and port" in error.hint
        assert MARK not in shown(error)
        await left(proxy)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_mail_server_in_place_of_the_proxy(scheme: str) -> None:
    async with Peer() as peer:
        error = await failure(f"{scheme}://127.0.0.1:{peer.port}")
        assert error.permanent == (scheme == "https")  # as all that fails in a handshake
        assert error.hint
        await peer.until(lambda: peer.open == 0)


# The way to the proxy


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_nothing_listens(scheme: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        error = await failure(f"{scheme}://127.0.0.1:{closed.getsockname()[1]}")
    assert not error.permanent
    assert "refused" in error.reason.lower()
    assert "`proxy`" in error.hint


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_the_address_to_connect_from(scheme: str) -> None:
    async with Peer() as peer, scripted(scheme, peer) as proxy:
        wire = await through(proxy, local_address="127.0.0.9")
        assert (await read(wire)).code == 220
        assert proxy.clients[0].writer.get_extra_info("peername")[0] == "127.0.0.9"
        wire.abort()
        error = await failure(proxy, local_address="::1")
        assert "could not be reached" in error.reason


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        (certificates.expired, "expired"),
        (certificates.other_name, "it is not for 127.0.0.1"),
        (certificates.unknown_authority, "issuer"),
        (certificates.self_signed, "self"),
    ],
)
async def test_a_proxy_whose_certificate_is_wrong(
    certificate: Callable[[], ssl.SSLContext], reason: str
) -> None:
    async with scripted("https", tls=certificate()) as proxy:
        error = await failure(proxy, login=f"ann:{MARK}")
        assert error.permanent
        assert reason in error.reason
        assert "certificate" in error.hint
        await left(proxy)
        # No credentials for whoever that was.
        assert not any(client.head for client in proxy.clients)


async def test_tls_with_a_proxy_that_speaks_none() -> None:
    async with Peer(script=lambda connection: connection.write(b"HTTP/1.1 400 No\r\n\r\n")) as peer:
        error = await failure(f"https://127.0.0.1:{peer.port}")
    assert error.permanent
    assert "http://" in error.hint


async def test_a_proxy_that_closes_within_the_handshake() -> None:
    async def closes(connection: Any) -> None:
        await connection.anything()
        connection.drop()

    async with Peer(script=closes) as peer:
        error = await failure(f"https://127.0.0.1:{peer.port}")
    assert not error.permanent


async def test_a_proxy_with_tls_wants_a_context() -> None:
    with pytest.raises(TypeError):
        await connect_through(
            Proxy("https", "127.0.0.1", 1), NAME, 25, wire, context=None, local_address=None
        )


# Called off


@pytest.mark.parametrize(
    ("scheme", "stage"),
    [
        ("http", "connect"),
        ("https", "connect"),
        ("socks4", "connect"),
        ("socks5", "method"),
        ("socks5", "auth"),
        ("socks5", "connect"),
    ],
)
async def test_called_off_while_the_proxy_is_silent(scheme: str, stage: str) -> None:
    user: dict[str, Any] = {"user": "ann", "password": MARK} if stage == "auth" else {}
    user[stage] = proxies.stall
    async with scripted(scheme, **user) as proxy:
        task = asyncio.ensure_future(through(proxy, login=f"ann:{MARK}" if "user" in user else ""))
        await proxy.until(lambda: any(stage in client.reached for client in proxy.clients))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await left(proxy)


async def test_called_off_while_the_proxy_is_silent_in_the_handshake() -> None:
    async with scripted("https", tls=None) as proxy:
        task = asyncio.ensure_future(through(proxy))
        await proxy.until(lambda: bool(proxy.clients))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await left(proxy)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_called_off_at_every_step(scheme: str) -> None:
    login = {} if scheme == "socks4" else {"user": "ann", "password": "pw"}
    async with (
        Peer() as peer,
        scripted(scheme, peer, **login, together=True, deliver=proxies.split_at(3)) as proxy,
    ):
        steps, finished = 0, False
        while not finished:
            task = asyncio.ensure_future(through(proxy, login="ann:pw" if login else ""))
            for _ in range(steps):
                await asyncio.sleep(0)
            finished = task.done()
            task.cancel()
            (result,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(result, Wire):
                result.abort()
            else:
                assert isinstance(result, asyncio.CancelledError)
            steps += 1
        assert steps > 5
        await left(proxy)
        await peer.until(lambda: peer.open == 0)
        assert asyncio.all_tasks() - proxy.tasks - peer.tasks == {asyncio.current_task()}


# However the answer is split


class Transport:
    """What a protocol needs of one, without a connection."""

    def __init__(self) -> None:
        self.protocol: asyncio.Protocol | None = None
        self.written = b""

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        self.protocol = protocol

    def write(self, data: bytes) -> None:
        self.written += data

    def set_write_buffer_limits(self, **_limits: int) -> None:
        pass

    def get_extra_info(self, _name: str) -> None:
        return None


answers = st.sampled_from(
    [
        OK["http"],
        b"HTTP/1.0 200\r\n\r\n",
        b"HTTP/1.1 200 OK\nVia: x\n\n",
        status("100 Continue") + OK["http"],
        status("200 OK", "Content-Length: 7"),
    ]
)
greetings = st.sampled_from(
    [
        GREETING,
        b"220-peer.test\r\n220-HTTP/1.1 200 OK\r\n220 \r\n",
        b"554 no\r\n\r\n",
        b"220 x\r\n" + status("200 OK"),
    ]
)


@given(answer=answers, greeting=greetings, at=st.lists(st.integers(0, 10_000), max_size=12))
def test_any_split_gives_the_same_greeting(answer: bytes, greeting: bytes, at: list[int]) -> None:
    class Keeping(asyncio.Protocol):
        data = b""

        def data_received(self, data: bytes) -> None:
            assert data
            self.data += data

    async def run() -> None:
        data = answer + greeting
        places = sorted({place % (len(data) + 1) for place in at} - {0, len(data)})
        transport = Transport()
        tunnel = _Tunnel(Connect(NAME, 587, None), Keeping)
        transport.protocol = tunnel
        tunnel.connection_made(cast("asyncio.Transport", transport))
        tunnel.ask()
        for begin, end in zip((0, *places), (*places, len(data)), strict=True):
            transport.protocol.data_received(data[begin:end])
        keeping = await tunnel.opened
        assert keeping.data == greeting
        assert cast("object", transport.protocol) is keeping

    asyncio.run(run())


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_any_bytes_open_the_tunnel_or_not(pieces: list[bytes]) -> None:
    connect = Connect(NAME, 587, None)
    with suppress(ProxyError):  # and no other error
        opened = any(connect.feed(piece) for piece in pieces if piece)
        assert opened == bool(re.match(rb"HTTP/1\.[0-9] 2[0-9][0-9]", b"".join(pieces)))


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_the_answer_is_bounded(size: int) -> None:
    connect = Connect(NAME, 587, None)
    data = b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 3 * MAX_ANSWER
    pieces = iter([data[begin : begin + size] for begin in range(0, len(data), size)])
    with pytest.raises(ProxyError):
        any(connect.feed(piece) for piece in pieces)
    assert len(data) - len(b"".join(pieces)) <= MAX_ANSWER + size
