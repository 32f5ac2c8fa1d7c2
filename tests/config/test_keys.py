"""Every key of the config does something, or is refused by name: none is accepted and ignored."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import ssl
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest
import trustme
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connector_core import AsyncHost, DeliveryError, TemporaryDeliveryError
from connectors.smtp.account import Account
from connectors.smtp.config import SmtpConfig
from connectors.smtp.endpoint import Endpoint
from tests.config.configs import (
    REQUIRED,
    check,
    config,
    context_of,
    credentials,
    endpoint,
    private_pem,
    problems,
    property_schemas,
    template,
)
from tests.config.conftest import Pems
from tests.config.handshake import handshake
from tests.config.server import Recorder, recording
from tests.smtp import certificates
from tests.smtp.dkim.oracle import ED25519, FIELDS, RSA, one, several, signer
from tests.smtp.peer import Peer
from tests.smtp.token_server import TokenServer

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
    "forceAuth": ({"auth": LOGIN}, {"forceAuth": True}),
    "tls": ({}, {"tls": {"rejectUnauthorized": False}}),
    "tls.rejectUnauthorized": ({}, {"tls": {"rejectUnauthorized": False}}),
    "tls.ciphers": ({}, {"tls": {"ciphers": "ECDHE+AESGCM"}}),
    "tls.minVersion": ({}, {"tls": {"minVersion": "TLSv1.3"}}),
    "tls.maxVersion": ({}, {"tls": {"maxVersion": "TLSv1.2"}}),
    "tls.servername": ({}, {"tls": {"servername": "mx.example.com"}}),
    "proxy": ({}, {"proxy": "socks5://127.0.0.1:1080"}),
    "lmtp": ({"port": 2424}, {"lmtp": True}),
    "chunking": ({}, {"chunking": False}),
    "requireTLSExtensionEnabled": ({}, {"requireTLSExtensionEnabled": True}),
    "dsn": ({}, {"dsn": {"ret": "HDRS"}}),
    **{
        f"dsn.{key}": ({}, {"dsn": {key: value}})
        for key, value in {
            "ret": "FULL",
            "return": "full",
            "envid": "one",
            "id": "one",
            "notify": ["FAILURE", "DELAY"],
            "orcpt": "rfc822;ann@example.org",
            "recipient": "ann@example.org",
        }.items()
    },
}
CREDENTIALS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "auth.user": (LOGIN, {"user": "bob"}),
    "auth.pass": (LOGIN, {"pass": "other"}),
    "auth.method": (LOGIN, {"method": "LOGIN"}),
    "auth.accessToken": (TOKEN, {"accessToken": "other"}),
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
    "dkim": {"dkim": one(RSA)},
    "list": {"list": {"unsubscribe": "https://example.com/u"}},
    "list.unsubscribe": {"list": {"unsubscribe": "mailto:u@example.com"}},
}
# The same of mails in HTML: what the config is without the key, what is added.
HTML: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "list.oneClick": (MAIL["list"], {"list": {**MAIL["list"]["list"], "oneClick": False}}),
    "textAlternative": ({}, {"textAlternative": False}),
    "attachDataUrls": ({}, {"attachDataUrls": False}),
    "inlineCss": ({}, {"inlineCss": True}),
}
CONTENT = (
    "<style>p { color: red }</style>"
    '<p>{{code}}<img src="data:image/png;base64,iVBORw0KGgo=" alt=""></p>'
)
# What a mail is signed with: the options without the key, what is added.
SIGNING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "dkim.domainName": (one(RSA), {"domainName": "example.org"}),
    "dkim.keySelector": (one(RSA), {"keySelector": "other"}),
    "dkim.privateKey": (one(RSA), {"privateKey": one(ED25519)["privateKey"]}),
    "dkim.keys": (several(RSA), several(RSA, ED25519)),
    "dkim.keys.domainName": (several(RSA), {"keys": [one(RSA, "example.org")]}),
    "dkim.keys.keySelector": (several(RSA), {"keys": [{**one(RSA), "keySelector": "other"}]}),
    "dkim.keys.privateKey": (several(RSA), {"keys": [{**one(ED25519), "keySelector": RSA}]}),
    "dkim.headerFieldNames": (one(RSA), {"headerFieldNames": "From:To"}),
    "dkim.skipFields": (one(RSA), {"skipFields": "date"}),
}
REFUSED: dict[str, Any] = {
    "tls.pfx": "MIIK",
}
REFRESH = {"refreshToken": "r", "clientId": "c", "clientSecret": "s"}
KEY = rsa.generate_private_key(65537, 2048)
SERVICE = {"serviceClient": "c", "privateKey": private_pem(KEY)}
# What it takes to renew a token: what there is without the key, what is added.
RENEWAL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "auth.refreshToken": (REFRESH, {"refreshToken": "other"}),
    "auth.clientId": (REFRESH, {"clientId": "other"}),
    "auth.clientSecret": (REFRESH, {"clientSecret": "other"}),
    "auth.scope": (REFRESH, {"scope": "mail"}),
    "auth.customHeaders": (REFRESH, {"customHeaders": {"X-Tenant": "a"}}),
    "auth.customParams": (REFRESH, {"customParams": {"tenant": "a"}}),
    "auth.serviceClient": (SERVICE, {"serviceClient": "other"}),
    "auth.privateKey": (
        SERVICE,
        {"privateKey": private_pem(rsa.generate_private_key(65537, 2048))},
    ),
    "auth.expires": ({**REFRESH, "accessToken": "t"}, {"expires": 1000}),
}
# Those that have a test of their own below.
ALONE = {
    "auth.type",
    "auth.accessUrl",
    "auth.privateKey.key",
    "auth.privateKey.passphrase",
    "authMethod",
    "dkim.hashAlgo",
    "dkim.privateKey.key",
    "dkim.privateKey.passphrase",
    "dkim.keys.privateKey.key",
    "dkim.keys.privateKey.passphrase",
    "poolMinConnections",
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
rateLimit rateDelta maxRequeues service url dkim dkim.domainName dkim.keySelector dkim.privateKey
dkim.keys dkim.hashAlgo dkim.headerFieldNames dkim.skipFields dsn logger debug transactionLog
disableFileAccess disableUrlAccess fromEmail replyTo customHeaders list list.unsubscribe
attachDataUrls templates templates.usageType
templates.contentType templates.subject templates.content templates.sendFrom templates.replyTo
"""


def test_no_key_is_left_out_of_these_tests() -> None:
    tested = {*ENDPOINT, *CREDENTIALS, *MAIL, *HTML, *SIGNING, *REFUSED, *RENEWAL, *ALONE}
    known = {path for path, _ in property_schemas()}
    assert tested == known
    assert known >= set(ELSEWHERE.split())


@pytest.mark.parametrize("key", REFUSED)
def test_what_cannot_be_done_is_refused_by_name(key: str) -> None:
    outer, dot, inner = key.partition(".")
    value = REFUSED[key]
    found = problems(**{outer: {inner: value} if dot else value})
    assert list(found) == [f"$.{key}"]
    assert found[f"$.{key}"].hint or "leave it out" in found[f"$.{key}"].message


@pytest.mark.parametrize("key", ["lmtp", "requireTLSExtensionEnabled"])
def test_what_is_a_flag_may_be_switched_off(key: str) -> None:
    assert seen(endpoint(**{key: False})) == seen(endpoint())


def seen(found: Endpoint) -> dict[str, Any]:
    """What an endpoint holds, in values that can be compared."""
    shown = {field.name: getattr(found, field.name) for field in fields(found)}
    del shown["tls_client"]
    context = context_of(found)
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


@pytest.mark.parametrize("key", CREDENTIALS)
def test_it_changes_what_to_log_in_with(key: str) -> None:
    auth, added = CREDENTIALS[key]
    assert credentials(auth=auth) == credentials(auth=auth)
    assert credentials(auth=auth) != credentials(auth={**auth, **added})


@pytest.mark.parametrize("method", ["LOGIN", "scram-sha-256", "SCRAM-SHA-1", "CRAM-MD5"])
def test_auth_method_changes_what_to_log_in_with(method: str) -> None:
    found = credentials(auth=LOGIN, authMethod=method)
    assert found is not None
    assert found.method == method.upper()
    assert found == credentials(auth={**LOGIN, "method": method})


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


@pytest.mark.parametrize("key", HTML)
async def test_it_changes_a_mail_in_html(host: AsyncHost, key: str) -> None:
    without, added = HTML[key]
    html = [template(usage, contentType="text/html", content=CONTENT) for usage in REQUIRED]
    async with recording() as server:
        for changes in (without, without, added):
            changed = {"templates": html, **changes}
            await send(host, server, changed, message_id="one@example.com")
        await host.aclose()
    one, same, other = (re.sub("^Date: .*$", "", mail, flags=re.MULTILINE) for mail in server.mails)
    assert one == same
    assert one != other


def signature(dkim: dict[str, Any]) -> bytes:
    """What the options make of one mail; nothing is wrong with them."""
    assert problems(dkim=dkim) == {}
    return signer(dkim).sign(FIELDS, bytes(32))


@pytest.mark.parametrize("key", SIGNING)
def test_it_changes_how_a_mail_is_signed(key: str) -> None:
    without, added = SIGNING[key]
    assert signature(without) == signature(without)
    assert signature({**without, **added}) != signature(without)


@pytest.mark.parametrize("listed", [False, True])
def test_a_key_to_sign_with_may_have_a_passphrase(listed: bool) -> None:
    def given(passphrase: str) -> dict[str, Any]:
        text = private_pem(KEY, "open")
        key = {**one(RSA), "privateKey": {"key": text, "passphrase": passphrase}}
        return {"keys": [key]} if listed else key

    assert signature(given("open")) == signature({**one(RSA), "privateKey": private_pem(KEY)})
    (path,) = problems(dkim=given("shut"))
    assert path == f"$.dkim{'.keys[0]' if listed else ''}.privateKey.passphrase"


def test_hash_algo_is_sha256_or_refused() -> None:
    assert signature({**one(RSA), "hashAlgo": "sha256"}) == signature(one(RSA))
    assert list(problems(dkim={**one(RSA), "hashAlgo": "sha1"})) == ["$.dkim.hashAlgo"]


async def token_request(auth: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]] | None:
    """The headers and parameters by which a token is asked for; None where it is not."""
    async with TokenServer() as server:
        whole = SmtpConfig.model_validate(
            config(
                auth={"type": "OAuth2", "user": "ann", "accessUrl": server.url, **auth},
                tls={"ca": certificates.authority_pem()},
            )
        )
        account = Account.of(whole, Endpoint.of(whole))
        assert account is not None
        await account.credentials(None)
        await account.close()
        if not server.requests:
            return None
        (request,) = server.requests
    form = request.form
    if "assertion" in form:
        head, claims, signature = form.pop("assertion").split(".")
        known = json.loads(base64.urlsafe_b64decode(claims + "=="))
        form |= {"iss": known["iss"], "key": str(_signed_by_ours(f"{head}.{claims}", signature))}
    return {key: value for key, value in request.headers.items() if key[:2] == "x-"}, form


def _signed_by_ours(message: str, signature: str) -> bool:
    try:
        KEY.public_key().verify(
            base64.urlsafe_b64decode(signature + "=="),
            message.encode(),
            padding.PKCS1v15(),
            hashes.SHA256(),
        )
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("key", RENEWAL)
async def test_it_changes_how_a_token_is_asked_for(key: str) -> None:
    auth, added = RENEWAL[key]
    without = await token_request(auth)
    assert await token_request(auth) == without
    assert await token_request({**auth, **added}) != without


async def test_a_key_may_have_a_passphrase() -> None:
    encrypted = {"key": private_pem(KEY, "open"), "passphrase": "open"}
    assert await token_request({**SERVICE, "privateKey": encrypted}) == await token_request(SERVICE)
    wrong = {**encrypted, "passphrase": "shut"}
    found = problems(auth={"user": "ann", **SERVICE, "privateKey": wrong})
    assert list(found) == ["$.auth.privateKey.passphrase"]


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
    assert handshake(context_of(trusting), server_context) == (None, None)
    assert len(context_of(trusting).get_ca_certs()) == 1
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(context_of(endpoint()), server_context)


@pytest.mark.parametrize("encrypted", [False, True])
def test_tls_cert_key_and_passphrase_are_shown_to_the_server(
    authority: trustme.CA, server_context: ssl.SSLContext, pems: Pems, encrypted: bool
) -> None:
    ca = authority.cert_pem.bytes().decode()
    tls: dict[str, Any] = {"ca": ca, "cert": pems.cert, "key": pems.key}
    if encrypted:
        tls |= {"key": pems.encrypted_key, "passphrase": pems.passphrase}
    certificate, _ = handshake(context_of(endpoint(tls=tls)), server_context)
    assert certificate == ssl.PEM_cert_to_DER_cert(pems.cert)


def test_tls_alpn_protocols_are_offered(
    authority: trustme.CA, server_context: ssl.SSLContext
) -> None:
    ca = authority.cert_pem.bytes().decode()
    context = context_of(endpoint(tls={"ca": ca, "ALPNProtocols": ["other", "smtp"]}))
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


async def test_pool_min_connections_are_opened_beside_the_first(host: AsyncHost) -> None:
    async with Peer() as server:
        given = config(host="127.0.0.1", port=server.port, poolMinConnections=3)
        smtp = host.configure("smtp", given)
        await smtp.send_message("Generic", to="ann@example.org")
        await server.until(lambda: server.count("EHLO") == 3)
        await host.aclose()
        assert len(server.connections) == 3
        assert len(server.mails) == 1


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
