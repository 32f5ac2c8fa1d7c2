"""Configs to start from, and what is found wrong with one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connector_core import AsyncHost, ConfigProblem, UsageType
from connector_core.connector import Connector
from connectors.smtp.account import Account
from connectors.smtp.auth import Credentials
from connectors.smtp.config import SmtpConfig
from connectors.smtp.endpoint import Endpoint
from connectors.smtp.url import expand

REQUIRED = ("Register", "SignIn", "ForgotPassword", "Generic")
USAGES = tuple(str(usage) for usage in UsageType)


@lru_cache(maxsize=1)
def connector() -> Connector:
    """The SMTP connector, found as an application finds it."""
    return AsyncHost.discover(strict=True).registry["smtp"]


def template(usage_type: str, **changes: Any) -> dict[str, Any]:
    return {
        "usageType": usage_type,
        "contentType": "text/plain",
        "subject": f"{usage_type}",
        "content": "Your code: {{code}}",
        **changes,
    }


def config(**changes: Any) -> dict[str, Any]:
    """The least that is a whole config, changed; a key set to None is left out."""
    least = {
        "host": "mail.example.com",
        "fromEmail": "noreply@example.com",
        "templates": [template(usage) for usage in REQUIRED],
    }
    return {key: value for key, value in {**least, **changes}.items() if value is not None}


def check(value: object) -> list[ConfigProblem]:
    return connector().check_config(value)[1]


def problems(**changes: Any) -> dict[str, ConfigProblem]:
    """What is wrong with the least config so changed, by path."""
    return {problem.path: problem for problem in check(config(**changes))}


def endpoint(**changes: Any) -> Endpoint:
    """Where the least config so changed leads; nothing is wrong with it."""
    plain, found = connector().check_config(config(**changes))
    assert found == []
    expanded, found = expand(plain)
    assert found == []
    return Endpoint.of(SmtpConfig.model_validate(expanded))


def credentials(**changes: Any) -> Credentials | None:
    """What the least config so changed logs in with; a token it has is still valid."""
    plain, found = connector().check_config(config(**changes))
    assert found == []
    whole = SmtpConfig.model_validate(expand(plain)[0])
    account = Account.of(whole, Endpoint.of(whole))
    return asyncio.run(account.credentials(None)) if account else None


def context_of(found: Endpoint) -> ssl.SSLContext:
    """The context for TLS with the server."""
    return asyncio.run(found.tls_client.context())


def private_pem(key: rsa.RSAPrivateKey, passphrase: str = "") -> str:
    """A private key as PEM text, encrypted where there is a passphrase."""
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    ).decode()


def property_schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of the schema with its path, those of alternatives and lists included."""
    schema = connector().schema

    def walk(prefix: str, place: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for key, sub in place.get("properties", {}).items():
            path = f"{prefix}{key}"
            yield path, sub
            for branch in [sub, *sub.get("anyOf", ()), sub.get("items", {})]:
                if "$ref" in branch:
                    yield from walk(f"{path}.", schema["$defs"][branch["$ref"].split("/")[-1]])

    yield from walk("", schema)
