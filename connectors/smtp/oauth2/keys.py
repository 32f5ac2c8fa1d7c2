"""The private key of a service account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["KeyFault", "read_key"]

MIN_BITS = 2048  # RFC 7518 section 3.3


@dataclass(frozen=True, slots=True)
class KeyFault:
    """Why a key cannot be used; `of_passphrase` says that its passphrase is at fault."""

    message: str
    hint: str
    of_passphrase: bool = False


def read_key(pem: str, passphrase: str | None) -> RSAPrivateKey | KeyFault:
    """The key in a PEM text, or why there is none; OpenSSL's own words may show parts of it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    encrypted = "ENCRYPTED" in pem
    if encrypted and not passphrase:
        hint = "give privateKey as an object with key and passphrase"
        return KeyFault("is encrypted, and there is no passphrase", hint, of_passphrase=True)
    # Node, too, takes a passphrase that nothing needs.
    password = passphrase.encode("utf-8", "replace") if encrypted and passphrase else None
    try:
        key = load_pem_private_key(pem.encode("utf-8", "replace"), password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, RSAPrivateKey) and key.key_size >= MIN_BITS:
        return key
    if isinstance(key, RSAPrivateKey):
        return KeyFault(f"has less than {MIN_BITS} bits", "make a new key")
    if encrypted and key is None:
        message = "does not open the private key, or the key is damaged"
        return KeyFault(message, "check the passphrase", of_passphrase=True)
    return KeyFault(
        "is not an RSA private key as PEM text",
        "give the PEM text itself, from -----BEGIN to -----END, with its line breaks",
    )
