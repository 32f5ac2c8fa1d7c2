"""Keys to sign with, the DNS records that go with them, and dkimpy's verdict on a mail."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicNumbers,
    generate_private_key,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.hazmat.primitives.serialization.ssh import SSHPrivateKeyTypes

from connectors.smtp.config import DkimOptions
from connectors.smtp.dkim.canonical import relaxed_body
from connectors.smtp.dkim.signer import Signer

DOMAIN = "example.com"
NOW = 1_767_225_600
RSA = "rsa"  # the selectors of the keys, and what they are made of
SHORT = "short"
ED25519 = "ed25519"
FIELDS = (
    b"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n",
    b"From: Ann <ann@example.com>\r\n",
    b"To: bob@example.org\r\n",
    b"Subject: Your code: 123456\r\n",
    b"Message-ID: <one@example.com>\r\n",
    b"MIME-Version: 1.0\r\n",
    b"Content-Type: text/plain; charset=utf-8\r\n",
    b"Content-Transfer-Encoding: 7bit\r\n",
)
BODY = b"Your code is 123456.\r\n\r\nIt is valid for 10 minutes.\r\n"


@cache
def key(selector: str) -> RSAPrivateKey | Ed25519PrivateKey:
    if selector == ED25519:
        return Ed25519PrivateKey.generate()
    return generate_private_key(65537, 1024 if selector == SHORT else 2048)


def pem(
    private: SSHPrivateKeyTypes | Ed448PrivateKey, passphrase: str = "", *, old: bool = False
) -> str:
    """A private key as PEM text: PKCS #8, or the older form of its kind."""
    forms = serialization.PrivateFormat
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption()
    )
    form = forms.TraditionalOpenSSL if old else forms.PKCS8
    return private.private_bytes(Encoding.PEM, form, encryption).decode()


@cache
def mersenne(one: int, other: int) -> str:
    """An RSA key of two Mersenne primes: nobody makes keys of such lengths, and this is quick."""
    p, q = 2**one - 1, 2**other - 1
    d = pow(65537, -1, (p - 1) * (q - 1))
    numbers = RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa_crt_dmp1(d, p),
        dmq1=rsa_crt_dmq1(d, q),
        iqmp=rsa_crt_iqmp(p, q),
        public_numbers=RSAPublicNumbers(65537, p * q),
    )
    return pem(numbers.private_key(unsafe_skip_rsa_key_validation=True))


def one(selector: str, domain: str = DOMAIN) -> dict[str, Any]:
    """The options of one key."""
    return {
        "domainName": domain,
        "keySelector": selector,
        "privateKey": pem(key(selector.partition(".")[0])),
    }


def several(*selectors: str) -> dict[str, Any]:
    return {"keys": [one(selector) for selector in selectors]}


def signer(options: Mapping[str, Any]) -> Signer:
    return Signer.of(DkimOptions.model_validate(options), lambda: NOW + 0.9)


def signed(
    options: Mapping[str, Any], fields: Sequence[bytes] = FIELDS, body: bytes = BODY
) -> bytes:
    """A whole mail, signed."""
    written = signer(options).sign(fields, sha256(relaxed_body(body)).digest())
    return written + b"".join(fields) + b"\r\n" + body


def record(selector: str) -> bytes:
    """What stands in DNS for a key (RFC 6376 section 3.6.1, RFC 8463 section 4)."""
    public = key(selector).public_key()
    if isinstance(key(selector), Ed25519PrivateKey):
        kind, raw = b"ed25519", public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    else:
        kind = b"rsa"
        raw = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=%b; p=%b" % (kind, base64.b64encode(raw))


def verdicts(mail: bytes, records: Mapping[str, bytes] | None = None) -> list[bool]:
    """Whether each signature of a mail holds, from the top.

    Args:
        mail: as it arrived.
        records: what DNS has by name; else the records of the keys above, in any domain.
    """

    def look_up(name: bytes, timeout: int = 5) -> bytes | None:
        asked = name.decode("ascii").removesuffix(".")
        return records.get(asked) if records is not None else record(asked.split(".")[0])

    message = dkim.DKIM(mail)
    count = sum(name.lower() == b"dkim-signature" for name, _ in message.headers)
    return [_holds(message, index, look_up) for index in range(count)]


def _holds(message: Any, index: int, look_up: Any) -> bool:
    try:
        return bool(message.verify(index, look_up))
    except dkim.ValidationError:
        return False
