"""A host for each test, keys and certificates for all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connector_core import AsyncHost


@dataclass(frozen=True)
class Pems:
    """PEM texts: an authority's certificate, and a client's certificate with its key."""

    authority: str
    cert: str
    key: str = field(repr=False)
    encrypted_key: str = field(repr=False)
    passphrase: str = field(repr=False)


@pytest.fixture
async def host() -> AsyncIterator[AsyncHost]:
    async with AsyncHost.discover(strict=True) as host:
        yield host


@pytest.fixture(scope="session")
def pems() -> Pems:
    authority = trustme.CA()
    client = authority.issue_cert("client@example.com")
    passphrase = "a passphrase: é"
    encrypted = load_pem_private_key(client.private_key_pem.bytes(), None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    return Pems(
        authority.cert_pem.bytes().decode(),
        client.cert_chain_pems[0].bytes().decode(),
        client.private_key_pem.bytes().decode(),
        encrypted.decode(),
        passphrase,
    )
