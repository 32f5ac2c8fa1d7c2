"""Every key of the config does something, or is refused by name: none is accepted and ignored."""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest
import trustme

from connector_core import AsyncHost, DeliveryError, PermanentDeliveryError, TemporaryDeliveryError
from connectors.smtp.endpoint import Endpoint
from tests.config.configs import (
    REQUIRED,
    check,
    config,
    endpoint,
    problems,
    property_schemas,
    template,
)
from tests.config.conftest import Pems
from tests.config.handshake import handshake
from tests.config.server import Recorder, recording

LOGIN = {"user": "ann", "pass": "secret"}
TOKEN = {"type": "OAuth2", "user": "ann", "accessToken": "token"}

# Key by path, what the config is without it, what is added.
ENDPOINT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "host": ({}, {"host": "other.example.com"}),
    "port": ({}, {"port": 2525}),
    "secure": ({"port": 2465}, {"secure": True}),
    "requireTLS": ({}, {"requireTLS": True}),
    "ignoreTLS": ({}, {"ignoreTLS": True}),
    "opportunisticTLS": ({}, {"opportunisticTLS": True}),
    "servername": ({}, {"servername": "mx.example.com"}),
    "name": ({}, {"name": "app.example.com"}),
    "localAddress": ({}, {"localAddress": "127.0.0.2"}),
    "connectionTimeout": ({}, {"connectionTimeout": 1000}),
    "greetingTimeout": ({}, {"greetingTimeout": 1000}),
    "socketTimeout": ({}, {"socketTimeout": 1000}),
    "dnsTimeout": ({}, {"dnsTimeout": 1000}),
    "debug": ({}, {"debug": True}),
    "transactionLog": ({}, {"transactionLog": True}),
    "service": ({}, {"service": "gmail"}),
    "url": ({"host": None, "service": "gmail"}, {"url": "smtp://other.example.com"}),
    "auth": ({}, {"auth": LOGIN}),
    "auth.user": ({"auth": LOGIN}, {"auth": {**LOGIN, "user": "bob"}}),
    "auth.pass": ({"auth": LOGIN}, {"auth": {**LOGIN, "pass": "other"}}),
    "auth.method": ({"auth": LOGIN}, {"auth": {**LOGIN, "method": "LOGIN"}}),
    "authMethod": ({"auth": LOGIN}, {"authMethod": "LOGIN"}),
    "forceAuth": ({"auth": LOGIN}, {"forceAuth": True}),
    "auth.accessToken": ({"auth": TOKEN}, {"auth": {**TOKEN, "accessToken": "other"}}),
    "auth.expires": ({"auth": TOKEN}, {"auth": {**TOKEN, "expires": 4_102_444_800_000}}),
    "tls": ({}, {"tls": {"rejectUnauthorized": False}}),
    "tls.rejectUnauthorized": ({}, {"tls": {"rejectUnauthorized": False}}),
    "tls.ciphers": ({}, {"tls": {"ciphers": "ECDHE+AESGCM"}}),
    "tls.minVersion": ({}, {"tls": {"minVersion": "TLSv1.3"}}),
    "tls.maxVersion": ({}, {"tls": {"maxVersion": "TLSv1.2"}}),
    "tls.servername": ({}, {"tls": {"servername": "mx.example.com"}}),
}
MAIL: dict[str, dict[str, Any]] = {
    "fromEmail": {"fromEmail": "Ann <ann@example.com>"},
    "replyTo": {"replyTo": "help@example.com"},
    "customHeaders": {"customHeaders": {"X-Tag": "code"}},
    "templates": {"templates": [template(usage, subject="Other") for usage in REQUIRED]},
    **{
        f"templates.{key}": {
            "templates": [template("Generic", **{key: value}), *map(template, REQUIRED)]
        }
        for key, value in {
            "contentType": "text/html",
            "subject": "Other",
            "content": "Other",
            "sendFrom": "bob@example.com",
            "replyTo": "help@example.com",
        }.items()
    },
    # a second one without a locale would not count
    "templates.locale": {
        "templates": [*map(template, REQUIRED), template("Generic", locale="fr", subject="Other")]
    },
    "templates.usageType": {"templates": [template("Asked"), *map(template, REQUIRED)]},
}
REFUSED: dict[str, Any] = {
    "lmtp": True,
    "proxy": "socks5://127.0.0.1:1080",
    "dkim": {"domainName": "example.com", "keySelector": "a", "privateKey": "b"},
    "dsn": {"notify": "never", "ret": "HDRS"},
    "requireTLSExtensionEnabled": True,
    "tls.pfx": "MIIK",
}
# What it takes to renew a token: a send says that this is not there yet.
RENEWAL: dict[str, dict[str, Any]] = {
    "auth.refreshToken": {"refreshToken": "r", "clientId": "c"},
    "auth.clientId": {"refreshToken": "r", "clientId": "c"},
    "auth.clientSecret": {"refreshToken": "r", "clientId": "c", "clientSecret": "s"},
    "auth.accessUrl": {
        "refreshToken": "r",
        "clientId": "c",
        "accessUrl": "https://example.com/token",
    },
    "auth.scope": {"refreshToken": "r", "clientId": "c", "scope": "mail"},
    "auth.customHeaders": {
        "refreshToken": "r",
        "clientId": "c",
        "customHeaders": {"X-Tenant": "a"},
    },
    "auth.customParams": {"refreshToken": "r", "clientId": "c", "customParams": {"tenant": "a"}},
    "auth.serviceClient": {"serviceClient": "c", "privateKey": "k"},
    "auth.privateKey": {"serviceClient": "c", "privateKey": "k"},
    "auth.privateKey.key": {"serviceClient": "c", "privateKey": {"key": "k", "passphrase": "p"}},
    "auth.privateKey.passphrase": {
        "serviceClient": "c",
        "privateKey": {"key": "k", "passphrase": "p"},
    },
}
# Those that have a test of their own below.
ALONE = {
    "auth.type",
    "tls.ca",
    "tls.cert",
    "tls.key",
    "tls.passphrase",
    "tls.ALPNProtocols",
    "pool",
    "maxConnections",
    "maxMessages",
    "rateLimit",
    "rateDelta",
    "maxRequeues",
    "logger",
    "disableFileAccess",
    "disableUrlAccess",
}
# The lists of nodemailer and Logto, in which nothing may be missing.
ELSEWHERE = """
host port secure requireTLS ignoreTLS opportunisticTLS requireTLSExtensionEnabled servername name
tls tls.rejectUnauthorized tls.ca tls.cert tls.key tls.passphrase tls.pfx tls.ciphers
tls.minVersion tls.maxVersion tls.servername tls.ALPNProtocols localAddress connectionTimeout
greetingTimeout socketTimeout dnsTimeout proxy auth auth.user auth.pass auth.method auth.type
auth.clientId auth.clientSecret auth.refreshToken auth.accessToken auth.expires auth.accessUrl
auth.customHeaders auth.customParams auth.serviceClient auth.privateKey auth.privateKey.key
auth.privateKey.passphrase auth.scope authMethod forceAuth lmtp pool maxConnections maxMessages
rateLimit rateDelta maxRequeues service url dkim dsn logger debug transactionLog
disableFileAccess disableUrlAccess fromEmail replyTo customHeaders templates templates.usageType
templates.contentType templates.subject templates.content templates.sendFrom templates.replyTo
"""


def test_no_key_is_left_out_of_these_tests() -> None:
    tested = {*ENDPOINT, *MAIL, *REFUSED, *RENEWAL, *ALONE}
    # What is within an option that is refused has no effect of its own.
    known = {path for path, _ in property_schemas() if not path.startswith(("dkim.", "dsn."))}
    assert tested == known
    assert known >= set(ELSEWHERE.split())


@pytest.mark.parametrize("key", REFUSED)
def test_what_cannot_be_done_is_refused_by_name(key: str) -> None:
    outer, dot, inner = key.partition(".")
    value = REFUSED[key]
    found = problems(**{outer: {inner: value} if dot else value})
    assert list(found) == [f"$.{key}"]
    assert "cannot do it yet" in found[f"$.{key}"].message


@pytest.mark.parametrize("key", ["lmtp", "requireTLSExtensionEnabled"])
def test_and_may_be_switched_off(key: str) -> None:
    assert problems(**{key: False}) == {}


@pytest.mark.parametrize("method", ["SCRAM-SHA-1", "scram-sha-256", "OAUTHBEARER"])
@pytest.mark.parametrize("inside", [False, True])
def test_mechanisms_that_are_not_there_are_refused(method: str, inside: bool) -> None:
    changes: dict[str, Any] = (
        {"auth": {**LOGIN, "method": method}} if inside else {"auth": LOGIN, "authMethod": method}
    )
    found = problems(**changes)
    path = "$.auth.method" if inside else "$.authMethod"
    assert list(found) == [path]
    assert "cannot do it yet" in found[path].message
    assert "PLAIN, LOGIN, CRAM-MD5, XOAUTH2" in found[path].hint


def seen(found: Endpoint) -> dict[str, Any]:
    """What an endpoint holds, in values that can be compared."""
    shown = {field.name: getattr(found, field.name) for field in fields(found)}
    context = shown.pop("context")
    return shown | {
        "verify": context.verify_mode,
        "names": context.check_hostname,
        "versions": (context.minimum_version, context.maximum_version),
        "ciphers": [cipher["name"] for cipher in context.get_ciphers()],
    }


@pytest.mark.parametrize("key", ENDPOINT)
def test_it_changes_how_to_connect(key: str) -> None:
    without, added = ENDPOINT[key]
    assert seen(endpoint(**without)) == seen(endpoint(**without))
    assert seen(endpoint(**without)) != seen(endpoint(**{**without, **added}))


async def send(host: AsyncHost, server: Recorder, changes: Mapping[str, Any], **more: Any) -> None:
    """One message through a config of its own to a recording server."""
    given = config(**{"host": "127.0.0.1", "port": server.port, **changes})
    smtp = host.configure("smtp", given)
    await smtp.send_message(
        "Asked", to="ann@example.org", payload={"code": "1"}, locale="fr", **more
    )


@pytest.mark.parametrize("key", MAIL)
async def test_it_changes_the_mail(host: AsyncHost, key: str) -> None:
    async with recording() as server:
        plain: dict[str, Any] = {"message_id": "one@example.com"}
        await send(host, server, {}, **plain)
        await send(host, server, MAIL[key], **plain)
        await host.aclose()
    one, other = (re.sub("^Date: .*$", "", mail, flags=re.MULTILINE) for mail in server.mails)
    assert one != other


@pytest.mark.parametrize("key", RENEWAL)
async def test_a_send_says_that_tokens_cannot_be_renewed_yet(host: AsyncHost, key: str) -> None:
    async with recording(["AUTH XOAUTH2"]) as server:
        auth = {"type": "OAuth2", "user": "ann", **RENEWAL[key]}
        with pytest.raises(PermanentDeliveryError) as raised:
            await send(host, server, {"auth": auth})
        assert server.dialogues == []
    assert raised.value.stage == "auth"
    assert "cannot renew a token yet" in raised.value.hint


@pytest.mark.parametrize("kind", ["login", "Login", "LOGIN", "oauth2", "OAuth2", "OAUTH2"])
def test_auth_type_says_what_is_needed(kind: str) -> None:
    (path,) = problems(auth={"type": kind, "user": "ann"})
    assert path == ("$.auth.pass" if kind.lower() == "login" else "$.auth.accessToken")


# -- TLS, by a handshake without a network -----------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_context(authority: trustme.CA, pems: Pems) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("mail.example.com").configure_cert(context)
    context.set_alpn_protocols(["smtp"])
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=pems.authority)
    return context


@pytest.mark.parametrize("as_list", [False, True])
def test_tls_ca_is_trusted_in_place_of_the_systems(
    authority: trustme.CA, server_context: ssl.SSLContext, as_list: bool
) -> None:
    pem = authority.cert_pem.bytes().decode()
    trusting = endpoint(tls={"ca": [pem] if as_list else pem})
    assert handshake(trusting.context, server_context) == (None, None)
    assert len(trusting.context.get_ca_certs()) == 1
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(endpoint().context, server_context)


@pytest.mark.parametrize("encrypted", [False, True])
def test_tls_cert_key_and_passphrase_are_shown_to_the_server(
    authority: trustme.CA, server_context: ssl.SSLContext, pems: Pems, encrypted: bool
) -> None:
    ca = authority.cert_pem.bytes().decode()
    tls: dict[str, Any] = {"ca": ca, "cert": pems.cert, "key": pems.key}
    if encrypted:
        tls |= {"key": pems.encrypted_key, "passphrase": pems.passphrase}
    certificate, _ = handshake(endpoint(tls=tls).context, server_context)
    assert certificate == ssl.PEM_cert_to_DER_cert(pems.cert)


def test_tls_alpn_protocols_are_offered(
    authority: trustme.CA, server_context: ssl.SSLContext
) -> None:
    ca = authority.cert_pem.bytes().decode()
    context = endpoint(tls={"ca": ca, "ALPNProtocols": ["other", "smtp"]}).context
    assert handshake(context, server_context)[1] == "smtp"


# -- the pool, by what a server sees ------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "connections"),
    [
        ({}, 1),
        ({"pool": True}, 1),
        ({"pool": False}, 4),
        ({"maxMessages": 1}, 4),
        ({"maxMessages": 2}, 2),
    ],
)
async def test_pool_and_max_messages_decide_how_often_to_connect(
    host: AsyncHost, changes: dict[str, Any], connections: int
) -> None:
    async with recording() as server:
        smtp = host.configure("smtp", config(host="127.0.0.1", port=server.port, **changes))
        for _ in range(4):
            await smtp.send_message("Generic", to="ann@example.org")
        await host.aclose()
    assert len(server.dialogues) == connections
    assert len(server.mails) == 4


@pytest.mark.parametrize("limit", [1, 2])
async def test_max_connections_are_never_exceeded(host: AsyncHost, limit: int) -> None:
    async with recording() as server:
        given = config(host="127.0.0.1", port=server.port, maxConnections=limit)
        smtp = host.configure("smtp", given)
        sends = [smtp.send_message("Generic", to="ann@example.org") for _ in range(8)]
        await asyncio.gather(*sends)
        await host.aclose()
    assert len(server.dialogues) == limit
    assert len(server.mails) == 8


@pytest.mark.parametrize(
    ("limit", "delta", "passes"), [(1, 60_000, False), (0, 60_000, True), (1, 1, True)]
)
async def test_rate_limit_counts_in_rate_delta(
    host: AsyncHost, limit: int, delta: int, passes: bool
) -> None:
    async with recording() as server:
        given = config(host="127.0.0.1", port=server.port, rateLimit=limit, rateDelta=delta)
        smtp = host.configure("smtp", given)
        await smtp.send_message("Generic", to="ann@example.org", timeout=20)
        second = smtp.send_message("Generic", to="ann@example.org", timeout=20)
        if passes:
            await second
        else:
            with pytest.raises(TemporaryDeliveryError) as raised:
                await second
            assert raised.value.stage == "pool"
        await host.aclose()
    assert len(server.mails) == 1 + passes


@pytest.mark.parametrize(("requeues", "passes"), [(0, False), (1, True), (5, True)])
async def test_max_requeues_allows_a_fresh_connection(
    host: AsyncHost, requeues: int, passes: bool
) -> None:
    async with recording(first_dies=True) as server:
        given = config(host="127.0.0.1", port=server.port, maxRequeues=requeues)
        smtp = host.configure("smtp", given)
        await smtp.send_message("Generic", to="ann@example.org")
        second = smtp.send_message("Generic", to="ann@example.org")
        if passes:
            await second
        else:
            with pytest.raises(DeliveryError):
                await second
        await host.aclose()
    assert len(server.mails) == 1 + passes


# -- the log -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("logger", "level"), [(True, logging.INFO), (False, logging.DEBUG)])
async def test_logger_raises_the_level_of_what_is_logged(
    host: AsyncHost, caplog: pytest.LogCaptureFixture, logger: bool, level: int
) -> None:
    caplog.set_level(logging.DEBUG, "connectors.smtp")
    async with recording() as server:
        await send(host, server, {"logger": logger})
        await host.aclose()
    (record,) = [item for item in caplog.records if item.getMessage().startswith("sent ")]
    assert record.levelno == level


@pytest.mark.parametrize("key", ["debug", "transactionLog"])
async def test_the_dialogue_is_logged_without_secrets_and_bodies(
    host: AsyncHost, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    caplog.set_level(logging.DEBUG)
    async with recording(["AUTH PLAIN"]) as server:
        await send(host, server, {key: True, "auth": {"user": "ann", "pass": "canary-pass"}})
        await host.aclose()
    assert any(line.startswith("AUTH PLAIN ") for line in server.commands)
    assert "MAIL FROM:<noreply@example.com>" in caplog.text
    assert "AUTH PLAIN ***" in caplog.text
    assert "Your code" not in caplog.text
    for line in server.commands:
        if line.startswith("AUTH PLAIN "):
            assert line.split(" ")[2] not in caplog.text
    assert "canary-pass" not in caplog.text


@pytest.mark.parametrize("key", ["disableFileAccess", "disableUrlAccess"])
@pytest.mark.parametrize("value", [True, False])
async def test_file_and_url_access_stay_disabled(
    host: AsyncHost, caplog: pytest.LogCaptureFixture, key: str, value: bool
) -> None:
    host.configure("smtp", config(**{key: value}))
    warned = [record for record in caplog.records if key in record.getMessage()]
    assert len(warned) == (0 if value else 1)
    assert check(config(**{key: value})) == []
