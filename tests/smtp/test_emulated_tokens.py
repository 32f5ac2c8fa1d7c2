"""Gmail and Microsoft 365 by access token, from the token endpoint to the receipt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connector_core import DeliveryError, Host, PermanentDeliveryError
from tests.servers.emulated import Emulated, gmail
from tests.servers.emulated_clouds import Microsoft365, microsoft365
from tests.servers.emulated_tokens import (
    GoogleTokens,
    MicrosoftTokens,
    google_tokens,
    microsoft_tokens,
)
from tests.smtp.helpers import RECIPIENT, registry, within

GOOGLE = {
    "refresh token": {
        "clientId": GoogleTokens.client_id,
        "clientSecret": GoogleTokens.client_secret,
        "refreshToken": GoogleTokens.refresh_token,
    },
    "service account": {"serviceClient": GoogleTokens.service_client, "privateKey": ""},
}
MICROSOFT = {
    "clientId": MicrosoftTokens.client_id,
    "clientSecret": MicrosoftTokens.client_secret,
    "scope": MicrosoftTokens.scope,
}


@pytest.fixture(scope="module")
def key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    return made.private_bytes(serialization.Encoding.PEM, form, plain).decode()


@contextmanager
def hosting(server: Emulated, auth: dict[str, Any], **own: Any) -> Iterator[Host]:
    """A host with the provider's preset, turned to the emulation."""
    connector = registry()["smtp"]
    sample = connector.sample_config(server.provider)
    config = {**sample, **server.reach, "fromEmail": server.user, **own}
    config["auth"] = {"type": "OAuth2", "user": server.user, **auth}
    with Host(registry()) as host:
        host.configure("smtp", config)
        yield host


def send(host: Host) -> None:
    with within():
        host.send_message("SignIn", to=RECIPIENT, payload={"code": "123456"})


def refused(host: Host, stage: str, gist: str) -> DeliveryError:
    with pytest.raises(PermanentDeliveryError) as caught:
        send(host)
    error = caught.value
    assert (error.stage, error.failover, error.operator) == (stage, True, True)
    assert gist in error.hint
    return error


@pytest.mark.parametrize("way", list(GOOGLE))
def test_gmail_takes_a_token_of_google(way: str, key: str) -> None:
    with gmail() as server, google_tokens() as tokens:
        auth = {**GOOGLE[way], "accessUrl": tokens.url}
        if "privateKey" in auth:
            auth |= {"privateKey": key}
        with hosting(server, auth) as host:
            send(host)
            send(host)
        assert len(server.mails) == 2
        assert server.log_ins == [(server.user, server.access_token)]


@pytest.mark.parametrize(
    ("way", "wrong", "gist"),
    [
        ("refresh token", {"refreshToken": "1//0g-revoked"}, "give consent again"),
        ("refresh token", {"clientSecret": "GOCSPX-other"}, "a secret may have expired"),
        ("service account", {"scope": "https://mail.example/"}, "domain-wide delegation"),
        ("service account", {"serviceClient": "other@example.com"}, "auth.serviceClient"),
    ],
)
def test_google_says_what_is_wrong(way: str, wrong: dict[str, str], gist: str, key: str) -> None:
    with gmail() as server, google_tokens() as tokens:
        auth = {**GOOGLE[way], **wrong, "accessUrl": tokens.url}
        if "privateKey" in auth:
            auth |= {"privateKey": key}
        with hosting(server, auth) as host:
            refused(host, "token", gist)
        assert (server.mails, server.log_ins) == ([], [])


def test_gmail_refuses_a_token_that_is_not_its_own() -> None:
    with gmail() as server, hosting(server, {"accessToken": "ya29.stale"}) as host:
        assert refused(host, "auth", "refused the access token").code == 535


def test_microsoft_takes_the_token_of_an_application() -> None:
    with microsoft365() as server, microsoft_tokens() as tokens:
        with hosting(server, {**MICROSOFT, "accessUrl": tokens.url}) as host:
            send(host)
        assert len(server.mails) == 1
        assert server.log_ins == [(server.user, server.access_token)]


@pytest.mark.parametrize(
    ("wrong", "gist", "told"),
    [
        ({"clientSecret": "the-secret-id"}, "a secret may have expired", "AADSTS7000215"),
        ({"clientId": "other"}, "check auth.clientId", "AADSTS700016"),
        ({"scope": "https://mail.example/"}, "office365.com/.default", "AADSTS1002012"),
    ],
)
def test_microsoft_says_what_is_wrong(wrong: dict[str, str], gist: str, told: str) -> None:
    with microsoft365() as server, microsoft_tokens() as tokens:
        with hosting(server, {**MICROSOFT, **wrong, "accessUrl": tokens.url}) as host:
            assert told in refused(host, "token", gist).response
        assert server.log_ins == []


def test_microsoft_refuses_the_token_of_another_mailbox() -> None:
    with microsoft365() as server, microsoft_tokens() as tokens:
        auth = {**MICROSOFT, "accessUrl": tokens.url, "user": "other@example.com"}
        with hosting(server, auth) as host:
            assert refused(host, "auth", "another user than auth.user").code == 535


def test_microsoft_lets_nobody_send_as_another() -> None:
    with microsoft365() as server, microsoft_tokens() as tokens:
        auth = {**MICROSOFT, "accessUrl": tokens.url}
        with hosting(server, auth, fromEmail="other@example.com") as host:
            assert refused(host, "content", "does not let this account send as").code == 554
        assert server.mails == []


def test_microsoft_takes_no_password() -> None:
    with microsoft365() as server:
        auth = {"type": "login", "pass": "tr0ub4dor-and-3"}
        with hosting(server, auth) as host:
            assert refused(host, "auth", "use OAuth2").code == 535


def test_microsoft_offers_no_log_in_before_tls() -> None:
    clear, behind = (Microsoft365().offered(encrypted=encrypted) for encrypted in (False, True))
    assert "STARTTLS" in clear
    assert not [line for line in clear if line.startswith("AUTH")]
    assert "AUTH LOGIN XOAUTH2" in behind
