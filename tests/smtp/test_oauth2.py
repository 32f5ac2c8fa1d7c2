"""Access tokens: how they are asked for, kept and renewed, and what a bad endpoint comes to."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import logging
import subprocess
import sys
import time
import urllib.parse
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import jwt
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from connector_core import (
    DeliveryError,
    HostClosedError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
)
from connectors.smtp.config import SmtpConfig
from connectors.smtp.oauth2 import answers, endpoint, grants
from connectors.smtp.oauth2 import tokens as tokens_module
from connectors.smtp.oauth2.checks import problems
from connectors.smtp.oauth2.tokens import TokenSource
from tests.smtp import certificates
from tests.smtp.helpers import config, shown
from tests.smtp.token_server import (
    Answer,
    Deaf,
    Exchange,
    Held,
    Proxy,
    TokenServer,
    answer,
    drip,
    endless,
    granting,
    raw,
    reset,
    stall,
)

BOTH_LOOPS = True

REFRESH = {
    "type": "OAuth2",
    "user": "ann@example.org",
    "clientId": "client-id",
    "clientSecret": "never-shown secret/ü",
    "refreshToken": "never-shown-refresh+token==",
}
CLIENT = {key: value for key, value in REFRESH.items() if key != "refreshToken"}
PASSPHRASE = "never-shown passphrase"
REVOKED = answer(400, {"error": "invalid_grant"})
DOWN = answer(503, b"")
# What a test waits for that must come; no test passes by waiting so long.
LONG = 60.0


class Clock:
    """Stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    passphrase: str = "",
    form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8,
) -> str:
    protection = (
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, form, protection).decode()


def service(key: Any) -> dict[str, Any]:
    return {"user": "ann@example.org", "serviceClient": "robot", "privateKey": key}


@asynccontextmanager
async def tokens(
    server: TokenServer | None, auth: dict[str, Any], clock: Clock | None = None, **more: Any
) -> AsyncIterator[TokenSource]:
    url = {} if server is None else {"accessUrl": server.url}
    parsed = SmtpConfig.model_validate(config(auth={**auth, **url}, **more))
    source = TokenSource.of(parsed, clock=clock or Clock())
    assert source is not None
    try:
        yield source
    finally:
        await source.close()


async def failure(source: TokenSource, **more: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await source.token(None, **more)
    error = caught.value
    assert error.stage == "token"
    assert error.failover
    assert error.operator == isinstance(error, PermanentDeliveryError)
    assert error.hint
    assert "never-shown" not in shown(error)
    return error


def _all_gone(server: TokenServer) -> Callable[[], bool]:
    return lambda: server.open == 0


async def several_senders(source: TokenSource, count: int) -> list[asyncio.Task[str]]:
    """Senders that wait."""
    waiting = [asyncio.create_task(source.token(None)) for _ in range(count)]
    await asyncio.sleep(0)
    return waiting


# What is asked


async def test_a_refresh_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody listens
    async with TokenServer() as server, tokens(server, REFRESH) as source:
        assert await source.token(None) == "token-1"
        assert await source.token(None) == "token-1"
    assert server.forms == [
        {
            "grant_type": "refresh_token",
            "refresh_token": REFRESH["refreshToken"],
            "client_id": REFRESH["clientId"],
            "client_secret": REFRESH["clientSecret"],
        }
    ]
    request = server.requests[0]
    assert request.line == "POST /token HTTP/1.1"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert "authorization" not in request.headers
    assert "cookie" not in request.headers


@pytest.mark.parametrize("scope", [{}, {"scope": "https://outlook.office365.com/.default"}])
async def test_client_credentials(scope: dict[str, str]) -> None:
    async with TokenServer() as server, tokens(server, {**CLIENT, **scope}) as source:
        assert await source.token(None) == "token-1"
    assert server.forms == [
        {
            "grant_type": "client_credentials",
            "client_id": CLIENT["clientId"],
            "client_secret": CLIENT["clientSecret"],
            **scope,
        }
    ]


@pytest.mark.parametrize("protected", [False, True])
@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
async def test_a_service_account(*, form: str, protected: bool) -> None:
    written = pem(
        private_key(), PASSPHRASE if protected else "", getattr(serialization.PrivateFormat, form)
    )
    key = {"key": written, "passphrase": PASSPHRASE} if protected else written
    before = int(time.time())
    async with TokenServer() as server, tokens(server, service(key)) as source:
        assert await source.token(None) == "token-1"
    form_sent = server.forms[0]
    assertion = form_sent.pop("assertion")
    assert form_sent == {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    claims = jwt.decode(
        assertion,
        private_key().public_key(),
        algorithms=["RS256"],
        audience=server.url,
        issuer="robot",
        subject="ann@example.org",
        options={"require": ["iss", "sub", "aud", "iat", "exp"]},
    )
    assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "scope"}
    assert claims["scope"] == "https://mail.google.com/"
    assert before <= claims["iat"] <= int(time.time())
    assert 0 < claims["exp"] - claims["iat"] <= 3600
    assert jwt.get_unverified_header(assertion) == {"alg": "RS256", "typ": "JWT"}


async def test_custom_headers_and_parameters_are_added() -> None:
    auth = {
        **REFRESH,
        "customHeaders": {"X-Tenant": "t-1", "User-Agent": "ours", "accept": "*/*"},
        "customParams": {"resource": "mail & more", "client_id": "another"},
    }
    async with TokenServer() as server, tokens(server, auth) as source:
        await source.token(None)
    headers = server.requests[0].headers
    assert (headers["x-tenant"], headers["user-agent"], headers["accept"]) == (
        "t-1",
        "ours",
        "*/*",
    )
    assert server.forms[0]["resource"] == "mail & more"
    # As in nodemailer, a parameter of the config's takes the place of one of ours.
    assert server.forms[0]["client_id"] == "another"
    assert server.forms[0]["grant_type"] == "refresh_token"


@pytest.mark.parametrize(
    ("auth", "grant"),
    [
        (REFRESH, grants.RefreshToken),
        ({**CLIENT, "accessUrl": "https://login.example/token"}, grants.ClientCredentials),
        ({**REFRESH, "accessUrl": "https://login.example/token"}, grants.RefreshToken),
        ({**CLIENT, "accessToken": "static"}, None),
        ({"user": "ann", "accessToken": "static"}, None),
        (service("a key"), grants.ServiceKey),
        (service(""), None),
    ],
)
def test_the_grant_follows_from_the_config(auth: dict[str, Any], grant: type | None) -> None:
    source = TokenSource.of(SmtpConfig.model_validate(config(auth=auth)))
    assert source is not None
    assert type(source._grant) is (grant or type(None))
    assert "never-shown" not in repr(source) + repr(source._grant) + repr(source._endpoint)


@pytest.mark.parametrize("auth", [None, {"user": "ann", "pass": "secret"}])
def test_there_is_no_source_without_oauth2(auth: dict[str, str] | None) -> None:
    assert TokenSource.of(SmtpConfig.model_validate(config(auth=auth))) is None


# How long a token is kept


@pytest.mark.parametrize(
    ("lifetime", "kept", "over"),
    [(3600, 3539, 3541), (20, 17.9, 18.1), ("3600", 3539, 3541), (None, 3539, 3541)],
)
async def test_a_token_is_renewed_before_it_expires(
    lifetime: Any, kept: float, over: float
) -> None:
    clock = Clock()
    first = granting("first", **({} if lifetime is None else {"expires_in": lifetime}))
    async with TokenServer(first) as server, tokens(server, REFRESH, clock) as source:
        assert await source.token(None) == "first"
        clock.now += kept
        assert await source.token(None) == "first"
        clock.now += over - kept
        assert await source.token(None) == "token-1"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("given", "lifetime"),
    [
        (3600, 3600.0),
        ("3600", 3600.0),
        (0.5, 0.5),
        (1e300, 30 * 86400.0),
        (10**300, 30 * 86400.0),
        *((value, None) for value in (0, -3600, True, False, None, "soon", "-1", "", "1e3", [60])),
    ],
)
def test_what_lifetimes_servers_write(given: object, lifetime: float | None) -> None:
    granted = read({"access_token": "t", "expires_in": given})
    assert isinstance(granted, answers.Granted)
    assert granted.lifetime == lifetime


@pytest.mark.parametrize("bad", [DOWN, REVOKED])
async def test_a_valid_token_outlives_a_renewal_that_fails(
    bad: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    first = granting("first", expires_in=3600)
    async with TokenServer(first, bad, bad) as server, tokens(server, REFRESH, clock) as source:
        await source.token(None)
        clock.now += 3550
        assert [await source.token(None) for _ in range(3)] == ["first"] * 3
        # Not asked again for each message.
        assert len(server.requests) == 2
        assert "was not renewed" in caplog.text
        clock.now += 50
        await failure(source)


async def test_a_slow_renewal_does_not_hold_up_who_has_a_valid_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokens_module, "EARLY_WAIT", 0.05)
    clock, held = Clock(), Held(granting("second"))
    first = granting("first", expires_in=3600)
    async with TokenServer(first, held) as server, tokens(server, REFRESH, clock) as source:
        await source.token(None)
        clock.now += 3550
        assert await source.token(None) == "first"
        assert await source.token(None) == "first"
        await server.until(lambda: len(server.requests) == 2)
        held.release()
        await server.until(_all_gone(server))
        clock.now += 50
        assert await source.token(clock.now + LONG) == "second"
    assert len(server.requests) == 2


async def test_a_configured_token_is_used_until_it_expires() -> None:
    clock = Clock()
    auth = {**REFRESH, "accessToken": "configured", "expires": int(time.time() + 3600) * 1000}
    async with TokenServer() as server, tokens(server, auth, clock) as source:
        assert await source.token(None) == "configured"
        clock.now += 3600
        assert await source.token(None) == "token-1"


@pytest.mark.parametrize("expires", [{}, {"expires": 0}])
async def test_without_a_date_a_configured_token_is_good_until_refused(
    expires: dict[str, int],
) -> None:
    clock = Clock()
    auth = {**REFRESH, "accessToken": "configured", **expires}
    async with TokenServer() as server, tokens(server, auth, clock) as source:
        clock.now += 1e9
        assert await source.token(None) == "configured"
        assert await source.renewed("configured", None) == "token-1"
        assert await source.token(None) == "token-1"


async def test_an_expired_token_without_a_grant() -> None:
    auth = {"user": "ann", "accessToken": "never-shown-token", "expires": 1000}
    async with tokens(None, auth) as source:
        error = await failure(source)
        assert await source.renewed("never-shown-token", None) is None
    assert isinstance(error, PermanentDeliveryError)
    assert "expired" in error.reason
    assert "fresh accessToken" in error.hint
    assert "refreshToken" in error.hint


async def test_no_token_and_no_grant() -> None:
    async with tokens(None, {"user": "ann", "clientId": "c"}) as source:
        error = await failure(source)
    assert "there is no OAuth2 access token" in error.reason


async def test_a_change_of_the_machines_clock_does_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    auth = {"user": "ann", "accessToken": "static", "expires": int(time.time() + 3600) * 1000}
    async with tokens(None, auth, clock) as source:
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: 9e9)
            assert await source.token(None) == "static"
        clock.now += 3601
        assert "expired" in (await failure(source)).reason


async def test_a_rotated_refresh_token_replaces_the_old_one() -> None:
    rotating = granting("first", refresh_token="next-one")
    ignored = [granting(f"other-{n}", refresh_token=bad) for n, bad in enumerate(["", 5, "a\nb"])]
    async with TokenServer(rotating, *ignored) as server, tokens(server, REFRESH) as source:
        token: str | None = await source.token(None)
        for _ in range(4):
            assert token is not None
            token = await source.renewed(token, None)
    assert [form["refresh_token"] for form in server.forms] == [
        REFRESH["refreshToken"],
        *["next-one"] * 4,
    ]


# A token that the mail server refused


async def test_a_refused_token_is_renewed_once_for_all() -> None:
    async with TokenServer() as server, tokens(server, REFRESH) as source:
        first = await source.token(None)
        several = await asyncio.gather(*(source.renewed(first, None) for _ in range(20)))
        assert set(several) == {"token-2"}
        # Whoever comes late with the old one gets the one that there is.
        assert await source.renewed(first, None) == "token-2"
        assert len(server.requests) == 2


async def test_an_endpoint_that_gives_the_refused_token_again() -> None:
    same = granting("same")
    async with TokenServer(same, same) as server, tokens(server, REFRESH) as source:
        assert await source.renewed(await source.token(None), None) is None


async def test_a_refused_token_that_cannot_be_renewed() -> None:
    async with (
        TokenServer(granting("first"), DOWN) as server,
        tokens(server, REFRESH) as source,
    ):
        first = await source.token(None)
        with pytest.raises(TemporaryDeliveryError):
            await source.renewed(first, None)
        # The refused one is not used again.
        assert await source.token(None) == "token-1"


# Many senders


async def test_one_renewal_serves_all_who_wait() -> None:
    held = Held()
    async with TokenServer(held) as server, tokens(server, REFRESH) as source:
        waiting = await several_senders(source, 50)
        await server.until(lambda: len(server.requests) == 1)
        held.release()
        assert set(await asyncio.gather(*waiting)) == {"granted"}
    assert len(server.requests) == 1


async def test_one_failure_reaches_all_who_wait() -> None:
    held = Held(DOWN)
    async with TokenServer(held) as server, tokens(server, REFRESH) as source:
        waiting = await several_senders(source, 50)
        await server.until(lambda: len(server.requests) == 1)
        held.release()
        errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(error) for error in errors} == {TemporaryDeliveryError}
    assert len({id(error) for error in errors}) == 50
    assert len(server.requests) == 1


async def test_senders_that_are_cancelled_leave_the_renewal_to_the_others() -> None:
    held = Held()
    async with TokenServer(held) as server, tokens(server, REFRESH) as source:
        waiting = await several_senders(source, 3)
        await server.until(lambda: len(server.requests) == 1)
        for task in waiting[:2]:
            task.cancel()
        await asyncio.wait(waiting[:2])
        held.release()
        assert await waiting[2] == "granted"
        assert all(task.cancelled() for task in waiting[:2])
    assert len(server.requests) == 1


async def test_each_sender_waits_by_its_own_deadline() -> None:
    clock, held = Clock(), Held()
    async with TokenServer(held) as server, tokens(server, REFRESH, clock) as source:
        patient = asyncio.create_task(source.token(clock.now + LONG))
        for left in (0.05, 0, -1):
            with pytest.raises(TemporaryDeliveryError, match="time was up") as caught:
                await source.token(clock.now + left)
            assert caught.value.failover
            assert caught.value.stage == "token"
        assert not patient.done()
        held.release()
        assert await patient == "granted"
    assert len(server.requests) == 1


async def test_close_while_a_renewal_is_under_way() -> None:
    async with TokenServer(stall) as server, tokens(server, REFRESH) as source:
        waiting = await several_senders(source, 3)
        await server.until(lambda: len(server.requests) == 1)
        await source.close()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {HostClosedError}
        await server.until(_all_gone(server))
        for ask in (source.token(None), source.renewed("t", None)):
            with pytest.raises(HostClosedError):
                await ask


async def test_close_ends_a_renewal_that_nobody_waits_for_any_more() -> None:
    async with TokenServer(stall) as server, tokens(server, REFRESH) as source:
        (waiting,) = await several_senders(source, 1)
        await server.until(lambda: len(server.requests) == 1)
        waiting.cancel()
        await asyncio.wait({waiting})
        renewal = source._renewal
        assert renewal is not None
        assert not renewal.done()
        await source.close()
        assert renewal.done()
        await server.until(_all_gone(server))


async def test_close_within_the_handshake() -> None:
    async with Deaf() as server, tokens(server, REFRESH) as source:
        (waiting,) = await several_senders(source, 1)
        await server.until(lambda: server.open == 1)
        await source.close()
        await server.until(_all_gone(server))
        with pytest.raises(HostClosedError):
            await waiting


async def test_close_at_once() -> None:
    async with TokenServer() as server, tokens(server, REFRESH) as source:
        (waiting,) = await several_senders(source, 1)
        await source.close()
        with pytest.raises(HostClosedError):
            await waiting


# Endpoints that refuse


@pytest.mark.parametrize(
    ("auth", "status", "error", "hint"),
    [
        (REFRESH, 400, "invalid_grant", "give consent again"),
        (REFRESH, 401, "invalid_client", "clientSecret"),
        (REFRESH, 400, "unauthorized_client", "clientSecret"),
        (REFRESH, 400, "invalid_scope", "auth.scope"),
        (REFRESH, 200, "invalid_grant", "give consent again"),
        (CLIENT, 401, "invalid_client", "clientSecret"),
        (CLIENT, 400, "invalid_scope", ".default"),
        (CLIENT, 400, "unsupported_grant_type", "accessUrl"),
        (service(...), 400, "invalid_grant", "domain-wide delegation"),
        (service(...), 401, "unauthorized_client", "domain-wide delegation"),
        (service(...), 403, "", "accessUrl"),
        (REFRESH, 403, "access_denied", "accessUrl"),
    ],
)
async def test_a_refusal_says_what_to_do(
    auth: dict[str, Any], status: int, error: str, hint: str
) -> None:
    if "privateKey" in auth:
        auth = {**auth, "privateKey": pem(private_key())}
    said = answer(status, {"error": error, "error_description": "Said\r\n\x1b[31m why"})
    async with TokenServer(said) as server, tokens(server, auth) as source:
        found = await failure(source)
    assert isinstance(found, PermanentDeliveryError)
    assert hint in found.hint
    assert str(status) in found.reason
    if error:
        assert found.response == f"{error}: Said [31m why"
        assert found.response in found.reason


def html(status: int) -> Answer:
    return answer(status, b"<html>Sign in!</html>", "Content-Type: text/html")


PERMANENT = {
    "404": (html(404), "replied 404", "accessUrl"),
    "403 html": (html(403), "replied 403", "accessUrl"),
    "302": (answer(302, b"", "Location: /elsewhere"), "sends elsewhere", "accessUrl"),
    "307": (answer(307, b"", "Location: https://127.0.0.1/"), "sends elsewhere", "accessUrl"),
    "304": (answer(304, b""), "sends elsewhere", "accessUrl"),
}
TEMPORARY = {
    "500": (answer(500, b"oops"), "replied 500"),
    "503": (answer(503, {"error": "invalid_grant"}), "replied 503"),
    "429": (answer(429, {"error": "invalid_client"}), "replied 429"),
    "408": (answer(408, b""), "replied 408"),
    "later": (answer(400, {"error": "temporarily_unavailable"}), "temporarily_unavailable"),
    "html": (html(200), "no JSON"),
    "empty": (answer(200, b""), "no JSON"),
    "204": (raw(b"HTTP/1.1 204 No\r\n\r\n"), "no JSON"),
    "list": (answer(200, ["access_token"]), "no JSON object"),
    "NaN": (answer(200, b'{"access_token": "t", "expires_in": NaN}'), "no JSON object"),
    "nested": (answer(200, b"[" * 60000), "no JSON object"),
    "digits": (answer(200, b'{"expires_in": ' + b"9" * 9999 + b"}"), "no JSON object"),
    "bytes": (answer(200, b'{"access_token": "\xff"}'), "no JSON object"),
    "compressed": (answer(200, b"\x1f\x8b\x08", "Content-Encoding: gzip"), "no JSON object"),
    "none": (answer(200, {"token_type": "Bearer"}), "without an access_token"),
    "number": (granting(5), "without an access_token"),  # type: ignore[arg-type]
    "line break": (granting("never-shown\r\nRSET"), "is none"),
    "U+0001": (granting("never-shown\x01auth"), "is none"),
    "not ASCII": (granting("never-shown-é"), "is none"),
    "surrogate": (granting("never-shown\ud800"), "is none"),
    "long": (granting("never-shown" * 1500), "is none"),
    "type": (granting("never-shown", token_type="mac"), "no bearer token"),
    "type of another type": (granting("never-shown", token_type=["Bearer"]), "no bearer token"),
    "huge": (answer(200, b" " * 70_000), "more than 64 KiB"),
    "endless": (endless, "more than 64 KiB"),
    "reset": (reset, "closed the connection"),
    "no HTTP": (raw(b"220 mail.example ESMTP\r\n"), "gave no whole HTTP answer"),
    "silence": (raw(b""), "gave no whole HTTP answer"),
    "cut off": (
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        "gave no whole HTTP answer",
    ),
    "long head": (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500_000), "gave no whole HTTP answer"),
}


@pytest.mark.parametrize("case", PERMANENT)
async def test_what_needs_somebody(case: str) -> None:
    bad, reason, hint = PERMANENT[case]
    async with TokenServer(bad) as server, tokens(server, REFRESH) as source:
        error = await failure(source)
        assert isinstance(error, PermanentDeliveryError)
        assert reason in error.reason
        assert hint in error.hint
        assert len(server.requests) == 1


@pytest.mark.parametrize("case", TEMPORARY)
async def test_what_may_pass(case: str) -> None:
    bad, reason = TEMPORARY[case]
    async with TokenServer(bad) as server, tokens(server, REFRESH) as source:
        error = await failure(source)
        assert isinstance(error, TemporaryDeliveryError)
        assert reason in error.reason
        assert "127.0.0.1" in error.reason
        assert await source.token(None) == "token-1"


@pytest.mark.parametrize("kind", ["bearer", "BEARER", "Bearer", None])
async def test_bearer_is_written_in_any_case(kind: str | None) -> None:
    async with (
        TokenServer(granting("t" * 16384, token_type=kind)) as server,
        tokens(server, REFRESH) as source,
    ):
        assert await source.token(None) == "t" * 16384


@pytest.mark.parametrize("bad", [stall, drip])
async def test_a_request_has_an_end(bad: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds in (0.3, 1.0, 4.0, 16.0):
        monkeypatch.setattr(endpoint, "REQUEST_TIMEOUT", seconds)
        async with TokenServer(bad) as server, tokens(server, REFRESH) as source:
            error = await failure(source)
            assert isinstance(error, TemporaryDeliveryError)
            assert "in time" in error.reason
            await server.until(_all_gone(server))
        if server.requests:
            return
    pytest.fail("the request never arrived")


async def test_a_handshake_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "REQUEST_TIMEOUT", 0.5)
    async with Deaf() as server, tokens(server, REFRESH) as source:
        assert "in time" in (await failure(source)).reason
        await server.until(_all_gone(server))


async def test_an_endpoint_that_is_not_there() -> None:
    async with TokenServer() as server:
        pass
    async with tokens(server, REFRESH) as source:
        error = await failure(source)
    assert isinstance(error, TemporaryDeliveryError)
    assert "could not be reached" in error.reason


@pytest.mark.parametrize(
    "kind", ["expired", "other_name", "unknown_authority", "missing_intermediate", "self_signed"]
)
@pytest.mark.parametrize("reject", [True, False])
async def test_certificates_are_always_verified(kind: str, *, reject: bool) -> None:
    context = getattr(certificates, kind)()
    tls = {"ca": certificates.authority_pem(), "rejectUnauthorized": reject}
    async with TokenServer(tls=context) as server, tokens(server, REFRESH, tls=tls) as source:
        error = await failure(source)
    assert isinstance(error, PermanentDeliveryError)
    assert "certificate" in error.reason
    assert server.requests == []


async def test_a_private_authority_is_needed_for_a_private_endpoint() -> None:
    async with TokenServer() as server:
        async with tokens(server, REFRESH, tls={"rejectUnauthorized": False}) as source:
            assert "tls.ca" in (await failure(source)).hint
        other = trustme.CA().cert_pem.bytes().decode()
        both = [other, f"# Zürich\n{certificates.authority_pem()}"]
        async with tokens(server, REFRESH, tls={"ca": both}) as source:
            assert await source.token(None) == "token-1"


async def test_after_a_refusal_the_endpoint_is_left_alone() -> None:
    clock = Clock()
    async with (
        TokenServer(*[REVOKED] * 9) as server,
        tokens(server, REFRESH, clock) as source,
    ):
        for count, pause in enumerate((30, 60, 120, 240, 480, 900, 900), start=1):
            first = await failure(source)
            assert len(server.requests) == count
            clock.now += pause - 0.5
            again = await failure(source)
            assert again.reason == f"{first.reason}; not asked again for 1 s"
            assert again.hint == first.hint
            assert len(server.requests) == count
            clock.now += 0.5
        await failure(source, patient=False)
        await failure(source, patient=False)
        assert len(server.requests) == 9
        assert await source.token(None, patient=False) == "token-1"


async def test_a_grant_ends_the_pause() -> None:
    clock = Clock()
    async with (
        TokenServer(REVOKED, granting("good", expires_in=10), REVOKED) as server,
        tokens(server, REFRESH, clock) as source,
    ):
        await failure(source)
        clock.now += 30
        assert await source.token(None) == "good"
        clock.now += 10
        await failure(source)
        clock.now += 30
        assert await source.token(None) == "token-1"


async def test_a_temporary_failure_begins_no_pause() -> None:
    async with TokenServer(DOWN, DOWN) as server, tokens(server, REFRESH) as source:
        await failure(source)
        await failure(source)
        assert await source.token(None) == "token-1"


# Secrets


def echoes(exchange: Exchange) -> list[str]:
    """What the endpoint was sent, as it may come back."""
    request = exchange.request
    pieces = [request.body.decode(), json.dumps(request.form), repr(request.form)]
    sent = [*request.form.values(), request.headers["x-key"], request.headers["authorization"]]
    for value in [*sent, sent[-1].removeprefix("Bearer ")]:
        pieces += [value, *wire_forms(value)]
    return pieces


def wire_forms(value: str) -> list[str]:
    return [
        urllib.parse.quote(value),
        urllib.parse.quote_plus(value),
        base64.b64encode(value.encode()).decode(),
    ]


async def test_an_endpoint_that_echoes_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """In a text of the error, in headers that the HTTP library logs, and beside a new token."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []

    async def echo(exchange: Exchange) -> None:
        texts = echoes(exchange)
        said.append(texts[len(said)])
        body = {
            "error": "invalid_grant",
            "error_description": f"{said[-1]} never-shown",
            "access_token": "never-shown",
        }
        await exchange.reply(400, json.dumps(body).encode(), f"X-Echo: {texts[0]}")

    secrets = {
        "clientSecret": "s3cr3t never/told+ü",
        "refreshToken": "1//refresh-never-told",
        "header": "header-never-told",
        "bearer": "bearer-never-told",
        "param": "param-never-told",
    }
    auth = {
        **REFRESH,
        "clientSecret": secrets["clientSecret"],
        "refreshToken": secrets["refreshToken"],
        "customHeaders": {
            "X-Key": secrets["header"],
            "Authorization": f"Bearer {secrets['bearer']}",
        },
        "customParams": {"key": secrets["param"]},
    }
    count = 3 + 8 * 4
    async with TokenServer(*[echo] * count) as server, tokens(server, auth) as source:
        errors = [await failure(source, patient=False) for _ in range(count)]
        assert await source.token(None, patient=False) == "token-1"
    assert {value for value in secrets.values() if value in "\n".join(said)} == set(
        secrets.values()
    )
    everything = "\n".join([caplog.text, *map(shown, errors)])
    assert "***" in everything
    assert "invalid_grant" in everything
    for value in secrets.values():
        for form in (value, *wire_forms(value)):
            assert form not in everything


async def test_an_assertion_and_a_key_are_never_shown() -> None:
    async def echo(exchange: Exchange) -> None:
        text = f"no: {exchange.request.form['assertion']}"
        await answer(400, {"error": "invalid_grant", "error_description": text})(exchange)

    key = {"key": pem(private_key(), PASSPHRASE), "passphrase": PASSPHRASE}
    async with TokenServer(echo) as server, tokens(server, service(key)) as source:
        error = await failure(source)
        assert repr(source._grant).count("never-shown") == 0
        assert "PRIVATE" not in repr(source._grant)
    assert error.response == "invalid_grant: no: ***"


def test_a_long_text_is_cut_after_masking() -> None:
    described = "x" * 190 + str(REFRESH["refreshToken"]) + "y" * 100
    error = read({"error": "e", "error_description": described}, status=400)
    assert isinstance(error, DeliveryError)
    assert error.response == "e: " + "x" * 190 + "***" + "y" * 6 + "…"
    error = read({"error": "e", "error_description": "x" * 3000}, status=400)
    assert isinstance(error, DeliveryError)
    assert error.response == "e"


def test_the_query_and_password_of_the_url_are_not_shown() -> None:
    auth = {**REFRESH, "accessUrl": "https://u:never-shown@login.example:444/t?key=never-shown"}
    source = TokenSource.of(SmtpConfig.model_validate(config(auth=auth)))
    assert source is not None
    assert source._endpoint.name == "the token endpoint login.example:444"
    assert source._endpoint.secrets.count("never-shown") == 2


# Proxies


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_proxy_serves_the_token_request_too(*, encrypted: bool) -> None:
    tls = certificates.valid() if encrypted else None
    async with TokenServer() as server, Proxy(tls=tls) as proxy:
        url = f"http{'s' * encrypted}://joe:p%40ss@127.0.0.1:{proxy.port}"
        async with tokens(server, REFRESH, proxy=url) as source:
            assert await source.token(None) == "token-1"
    assert [request.line for request in proxy.requests] == [
        f"CONNECT 127.0.0.1:{server.port} HTTP/1.1"
    ]
    assert proxy.credentials() == "joe:p@ss"
    assert "proxy-authorization" not in server.requests[0].headers
    # The proxy saw where to, and nothing of the request.
    assert proxy.requests[0].body == b""


@pytest.mark.parametrize(
    ("refusal", "kind", "reason"),
    [
        ("407 Proxy Authentication Required", PermanentDeliveryError, "407"),
        ("403 never-shown", PermanentDeliveryError, "403"),
        ("502 never-shown", TemporaryDeliveryError, "502"),
    ],
)
async def test_a_proxy_that_refuses(refusal: str, kind: type, reason: str) -> None:
    head = f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n".encode()
    async with TokenServer() as server, Proxy(refusal=head) as proxy:
        url = f"http://joe:never-shown@127.0.0.1:{proxy.port}"
        async with tokens(server, REFRESH, proxy=url) as source:
            error = await failure(source)
    assert type(error) is kind
    assert reason in error.reason
    assert "proxy" in error.hint
    assert server.requests == []


async def test_the_certificate_of_a_proxy_is_verified() -> None:
    async with TokenServer() as server, Proxy(tls=certificates.unknown_authority()) as proxy:
        url = f"https://joe:never-shown@127.0.0.1:{proxy.port}"
        async with tokens(server, REFRESH, proxy=url) as source:
            error = await failure(source)
    assert isinstance(error, PermanentDeliveryError)
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("proxy", "named"),
    [
        ("socks4://127.0.0.1:9", "socks4"),
        ("socks4a://127.0.0.1:9", "socks4a"),
        ("never-shown:9", "this kind"),
    ],
)
async def test_a_proxy_that_tokens_cannot_use(proxy: str, named: str) -> None:
    async with TokenServer() as server, tokens(server, REFRESH, proxy=proxy) as source:
        error = await failure(source)
    assert isinstance(error, PermanentDeliveryError)
    assert named in error.reason
    assert "socks5://" in error.hint
    assert server.requests == []


@pytest.mark.parametrize("scheme", ["socks5", "SOCKS5H", "socks"])
async def test_a_socks5_proxy_needs_a_package(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    async with TokenServer() as server:
        proxy = f"{scheme}://joe:never-shown@127.0.0.1:9"
        async with tokens(server, REFRESH, proxy=proxy) as source:
            error = await failure(source)
    assert isinstance(error, PermanentDeliveryError)
    assert error.hint == "pip install 'connector-core[oauth2]'"


# What cannot be asked


@pytest.mark.parametrize(
    "change",
    [
        {"customHeaders": {"X-Key": "never-shown\r\nX: y"}},
        {"customHeaders": {"X-Key": "never-shown-é"}},
        {"customHeaders": {"X Key": "never-shown"}},
        {"accessUrl": "https://[never-shown/"},
        {"accessUrl": "http://127.0.0.1:9/never-shown"},
        {"tls": {"ca": "never-shown"}},
    ],
)
async def test_a_request_that_cannot_be_written(change: dict[str, Any]) -> None:
    async with TokenServer() as server:
        auth = {**REFRESH, "accessUrl": server.url, **change}
        tls = auth.pop("tls", {"ca": certificates.authority_pem()})
        async with tokens(None, auth, tls=tls) as source:
            error = await failure(source)
    assert isinstance(error, PermanentDeliveryError)
    assert server.requests == []


async def test_a_key_that_is_none_is_told_by_the_send_too() -> None:
    async with TokenServer() as server, tokens(server, service("never-shown")) as source:
        error = await failure(source)
    assert "auth.privateKey" in error.reason
    assert server.requests == []


@pytest.mark.parametrize("name", ["httpx2", "jwt", "cryptography.exceptions"])
async def test_a_package_that_is_not_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    async with TokenServer() as server, tokens(server, service(pem(private_key()))) as source:
        error = await failure(source)
    assert isinstance(error, PermanentDeliveryError)
    assert "connector-core[oauth2]" in error.hint


def test_nothing_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, connectors.smtp.oauth2.tokens;"
        "print({'httpx2', 'jwt', 'cryptography', 'anyio'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# Configs


def weak_key() -> str:
    return pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))


KEYS: dict[str, tuple[Any, str | None, str]] = {
    "sound": (pem(private_key()), None, ""),
    "with a passphrase": (
        {"key": pem(private_key(), PASSPHRASE), "passphrase": PASSPHRASE},
        None,
        "",
    ),
    "with a passphrase nothing needs": ({"key": pem(private_key()), "passphrase": "x"}, None, ""),
    "no PEM": ("never-shown", "$.auth.privateKey", "line breaks"),
    "line breaks lost": (
        pem(private_key()).replace("\n", "\\n"),
        "$.auth.privateKey",
        "line breaks",
    ),
    "elliptic": (
        pem(ec.generate_private_key(ec.SECP256R1())),
        "$.auth.privateKey",
        "the key that the service account was made with",
    ),
    "weak": (weak_key(), "$.auth.privateKey", "new key"),
    "surrogate": ("\ud800", "$.auth.privateKey", "PEM"),
    "cut off": (pem(private_key())[:300], "$.auth.privateKey", "PEM"),
    "no passphrase": (pem(private_key(), PASSPHRASE), "$.auth.privateKey", "passphrase"),
    "empty passphrase": (
        {"key": pem(private_key(), PASSPHRASE), "passphrase": ""},
        "$.auth.privateKey.passphrase",
        "passphrase",
    ),
    "wrong passphrase": (
        {"key": pem(private_key(), PASSPHRASE), "passphrase": "never-shown either"},
        "$.auth.privateKey.passphrase",
        "passphrase",
    ),
    "no text": (5, None, ""),
    "no text within": ({"key": ["never-shown"], "passphrase": 5}, None, ""),
}


@pytest.mark.parametrize("case", KEYS)
def test_keys_are_checked_in_the_config(case: str) -> None:
    key, path, hint = KEYS[case]
    found = problems(service(key))
    assert [problem.path for problem in found] == ([path] if path else [])
    for problem in found:
        assert hint in problem.hint
        assert "never-shown" not in str(problem)
        assert "MII" not in str(problem)


@pytest.mark.parametrize(
    ("auth", "named"),
    [
        (service("a key"), True),
        (REFRESH, True),
        ({**CLIENT, "accessUrl": "https://login.example/t"}, True),
        ({**CLIENT, "accessToken": "t"}, False),
        ({"user": "ann", "accessToken": "t"}, False),
        ({"user": "ann", "refreshToken": 5, "privateKey": None, "serviceClient": []}, False),
    ],
)
def test_missing_packages_are_told_where_they_are_needed(
    auth: dict[str, Any], *, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = problems(auth)
    assert [problem.path for problem in found] == ["$.auth"] * named
    assert all(problem.hint == "pip install 'connector-core[oauth2]'" for problem in found)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"customHeaders": {"X-Key": "a\tb", "Authorization": "Basic eA=="}}, None),
        ({"customHeaders": {"X-Key": "a\r\nb"}}, '$.auth.customHeaders["X-Key"]'),
        ({"customHeaders": {"X-Key": "é"}}, '$.auth.customHeaders["X-Key"]'),
        ({"customHeaders": {"X Key": "a"}}, '$.auth.customHeaders["X Key"]'),
        ({"customHeaders": {"Content-length": "1"}}, '$.auth.customHeaders["Content-length"]'),
        ({"customHeaders": {"X-Key": 5}}, None),
        ({"customHeaders": "X-Key"}, None),
        ({"accessUrl": "https://login.example:444/t?x=y"}, None),
        ({"accessUrl": "https://login.example:99999/"}, "$.auth.accessUrl"),
        ({"accessUrl": "https:///token"}, "$.auth.accessUrl"),
        ({"accessUrl": "https://[::1/token"}, "$.auth.accessUrl"),
        ({"accessUrl": "http://login.example/"}, None),  # told by another rule
        ({"accessUrl": 5}, None),
    ],
)
def test_what_else_the_config_is_checked_for(change: dict[str, Any], path: str | None) -> None:
    found = problems({**REFRESH, **change})
    assert [problem.path for problem in found] == ([path] if path else [])


# Any answer


def read(body: object, status: int = 200) -> answers.Granted | DeliveryError:
    auth = SmtpConfig.model_validate(config(auth=REFRESH)).auth
    grant = grants.grant_of(auth)  # type: ignore[arg-type]
    assert grant is not None
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answers.read_answer(answers.Answer(status, data), grant, "the endpoint", ())


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
NAMES = (
    "access_token",
    "token_type",
    "expires_in",
    "refresh_token",
    "error",
    "error_description",
)
ANSWERS = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON))
STATUSES = st.sampled_from([200, 201, 302, 400, 401, 403, 404, 429, 500, 503])


@given(body=ANSWERS | JSON, status=STATUSES)
def test_any_json_is_a_token_or_an_error_of_our_own(body: object, status: int) -> None:
    check(read(body, status))


@given(body=st.binary(max_size=200), status=STATUSES)
def test_any_bytes_are_an_error_of_our_own(body: bytes, status: int) -> None:
    check(read(body, status))


def check(found: answers.Granted | DeliveryError) -> None:
    if isinstance(found, answers.Granted):
        assert found.value.isascii()
        assert found.value.isprintable()
        assert found.lifetime is None or 0 < found.lifetime < 1e7
        return
    assert isinstance(found, PermanentDeliveryError | TemporaryDeliveryError)
    assert found.stage == "token"
    assert found.failover
    assert str(found).isprintable()
    assert len(found.response) < 500
