"""Host, port, TLS on the wire, and the client's own names."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.smtp.endpoint import TlsMode
from tests.config.configs import config, connector, endpoint, problems


@pytest.mark.parametrize(
    ("changes", "port", "mode"),
    [
        ({}, 587, TlsMode.OFFERED),
        ({"secure": False}, 587, TlsMode.OFFERED),
        ({"secure": True}, 465, TlsMode.IMPLICIT),
        ({"port": 465}, 465, TlsMode.IMPLICIT),
        ({"port": "465"}, 465, TlsMode.IMPLICIT),
        ({"port": "00465"}, 465, TlsMode.IMPLICIT),
        ({"port": 465, "secure": True}, 465, TlsMode.IMPLICIT),
        ({"port": 465, "requireTLS": True}, 465, TlsMode.IMPLICIT),
        ({"port": 2465, "secure": True}, 2465, TlsMode.IMPLICIT),
        ({"port": 2465}, 2465, TlsMode.OFFERED),
        ({"port": 587, "requireTLS": True}, 587, TlsMode.REQUIRED),
        ({"port": 25.0}, 25, TlsMode.OFFERED),
        ({"port": 25, "ignoreTLS": True}, 25, TlsMode.NEVER),
        ({"port": 25, "opportunisticTLS": True}, 25, TlsMode.OPPORTUNISTIC),
        ({"port": 1}, 1, TlsMode.OFFERED),
        ({"port": 65535}, 65535, TlsMode.OFFERED),
        (
            {"requireTLS": True, "ignoreTLS": False, "opportunisticTLS": False},
            587,
            TlsMode.REQUIRED,
        ),
    ],
)
def test_port_and_security_go_together(changes: dict[str, Any], port: int, mode: TlsMode) -> None:
    found = endpoint(**changes)
    assert (found.port, found.tls) == (port, mode)


@pytest.mark.parametrize(
    "port",
    [
        0,
        -1,
        65536,
        70000,
        10**30,
        587.5,
        True,
        [587],
        {},
        "0",
        "00",
        "65536",
        "70000",
        "99999",
        "25x",
        "",
        " 25",
        "587\n",
        "+25",
        "-1",
        "1e3",
        "0x19",
        "2_5",
        "٥٨٧",
        "smtp",
        "123456",
    ],
)
def test_what_is_no_port_is_told(port: Any) -> None:
    (problem,) = problems(port=port).values()
    assert problem.path == "$.port"
    assert problem.message.startswith("must ")


@pytest.mark.parametrize(
    ("changes", "path", "said", "hint"),
    [
        ({"port": 465, "secure": False}, "secure", "port 465 expects TLS", "secure to true"),
        ({"port": "465", "secure": False}, "secure", "port 465 expects TLS", "secure to true"),
        ({"port": 587, "secure": True}, "secure", "port 587 begins in the clear", "requireTLS"),
        ({"port": "587", "secure": True}, "secure", "port 587 begins in the clear", "requireTLS"),
        ({"port": 25, "secure": True}, "secure", "port 25 begins in the clear", "requireTLS"),
        ({"requireTLS": True, "ignoreTLS": True}, "ignoreTLS", "contradicts requireTLS", "keep"),
        (
            {"requireTLS": True, "opportunisticTLS": True},
            "opportunisticTLS",
            "contradicts requireTLS",
            "keep",
        ),
        (
            {"servername": "a.example", "tls": {"servername": "b.example"}},
            "tls.servername",
            "contradicts servername",
            "keep",
        ),
    ],
)
def test_what_contradicts_itself_is_told_with_a_way_out(
    changes: dict[str, Any], path: str, said: str, hint: str
) -> None:
    (problem,) = problems(**changes).values()
    assert problem.path == f"$.{path}"
    assert said in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize("key", ["secure", "requireTLS", "ignoreTLS", "pool", "logger"])
@pytest.mark.parametrize("value", ["true", "false", 0, 1, "", []])
def test_truth_is_strictly_boolean(key: str, value: Any) -> None:
    (problem,) = problems(**{key: value}).values()
    assert problem.path == f"$.{key}"
    assert problem.message.startswith("must be true or false, not ")


@pytest.mark.parametrize(
    ("host", "wire"),
    [
        ("mail.example.com", "mail.example.com"),
        ("localhost", "localhost"),
        ("mail_1.local", "mail_1.local"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("2001:db8::25", "2001:db8::25"),
        ("smtp.bücher.example", "smtp.xn--bcher-kva.example"),
    ],
)
def test_a_host_is_a_name_or_an_address(host: str, wire: str) -> None:
    found = endpoint(host=host)
    assert (found.host, found.server_name) == (wire, wire)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "smtp://mail.example.com",
        "mail.example.com/",
        "mail.example.com:587",
        "ann@example.com",
        "[::1]",
        "[::1]:25",
        "a:b:c",
        "mail example.com",
        "mail.example.com\n",
        "a\x00b",
        5,
        ["a"],
    ],
)
def test_what_is_no_host_is_told(host: Any) -> None:
    (problem,) = problems(host=host).values()
    assert problem.path == "$.host"
    assert problem.hint


@pytest.mark.parametrize("name", ["app.example.com", "app", "a_b-c.9", "[127.0.0.1]", "[IPv6:::1]"])
def test_names_for_ehlo_are_taken(name: str) -> None:
    assert endpoint(name=name).client_name == name


@pytest.mark.parametrize("name", ["bücher", "two words", "a\r\nQUIT", "-", "Müller GmbH", "a..", 5])
def test_others_are_told(name: Any) -> None:
    (problem,) = problems(name=name).values()
    assert problem.path == "$.name"
    assert problem.hint


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "192.0.2.1"])
def test_a_local_address_is_taken(address: str) -> None:
    assert endpoint(localAddress=address).local_address == address


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1:0", "eth0", "127.1", 5])
def test_what_is_none_is_told(address: Any) -> None:
    assert list(problems(localAddress=address)) == ["$.localAddress"]


@pytest.mark.parametrize("key", ["servername", "tls.servername"])
@pytest.mark.parametrize("name", ["a b", "https://a.example", "a.example:465", "a\n"])
def test_what_is_no_server_name_is_told(key: str, name: str) -> None:
    changes: dict[str, Any] = {"tls": {"servername": name}} if "." in key else {key: name}
    assert list(problems(**changes)) == [f"$.{key}"]


@pytest.mark.parametrize("key", ["connection", "greeting", "socket", "dns"])
def test_times_are_in_milliseconds_and_0_is_the_default(key: str) -> None:
    attribute = {"connection": "connect", "dns": "resolve"}.get(key, key) + "_timeout"
    default = {"connection": 120, "greeting": 30, "socket": 600, "dns": 30}[key]
    assert getattr(endpoint(), attribute) == default
    assert getattr(endpoint(**{f"{key}Timeout": 0}), attribute) == default
    assert getattr(endpoint(**{f"{key}Timeout": 1500}), attribute) == 1.5


@pytest.mark.parametrize(
    "key",
    [
        "connectionTimeout",
        "greetingTimeout",
        "socketTimeout",
        "dnsTimeout",
        "rateDelta",
        "rateLimit",
        "maxRequeues",
        "maxConnections",
        "maxMessages",
    ],
)
@pytest.mark.parametrize("value", [-1, "1000", 0.5, True, 10**12])
def test_numbers_are_strictly_whole_and_bounded(key: str, value: Any) -> None:
    assert list(problems(**{key: value})) == [f"$.{key}"]


@pytest.mark.parametrize("key", ["maxConnections", "maxMessages"])
def test_the_pool_holds_at_least_one(key: str) -> None:
    assert list(problems(**{key: 0})) == [f"$.{key}"]
    assert problems(**{key: 1}) == {}


@pytest.mark.parametrize(
    ("key", "near"),
    [
        *[("requireTls", "requireTLS"), ("ignoreTls", "ignoreTLS"), ("secured", "secure")],
        *[("from", "fromEmail"), ("from_email", "fromEmail"), ("conectionTimeout", "connection")],
        *[("Host", "host"), ("template", "templates"), ("replyto", "replyTo")],
    ],
)
def test_an_unknown_key_is_told_with_the_nearest(key: str, near: str) -> None:
    found = problems(**{key: "x"})
    assert list(found) == [f"$.{key}"]
    assert near in found[f"$.{key}"].hint


@pytest.mark.parametrize("value", [None, [], "text", 5, [["host", "a"]]])
def test_what_is_no_object_is_no_config(value: Any) -> None:
    plain, found = connector().check_config(value)
    assert plain == {}
    assert [problem.path for problem in found] == ["$"]


def test_checking_changes_nothing() -> None:
    given = config(url="smtp://a:b@other.example:26?tls.minVersion=TLSv1.3", tls={"ca": None})
    before = repr(given)
    connector().check_config(given)
    assert repr(given) == before
