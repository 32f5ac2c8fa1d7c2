"""The private keys that sign: RSA (RFC 8301) and Ed25519 (RFC 8463)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from connector_core import ConfigProblem, extras
from connectors.smtp.i18n import _, mark
from connectors.smtp.pem import KeyFault, load_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["SigningKey", "missing", "read_key"]

# Of RSA, all by RFC 8301 section 3.2: what is refused, what is warned of, what verifiers need take.
_MIN_BITS = 1024
_GOOD_BITS = 2048
_MAX_BITS = 4096
_NEW_KEY = mark("make a new one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, ready to sign.

    Attributes:
        algorithm: as `a=` names it.
        weakness: what is wrong with a key that may be used all the same, or empty.
        sign: from the data to the signature.
    """

    algorithm: str
    weakness: str
    sign: Callable[[bytes], bytes] = field(repr=False)


def missing() -> ConfigProblem | None:
    """What to say where signing is not possible for want of a package."""
    return extras.missing("$.dkim", "dkim", "cryptography")


def read_key(pem: str, passphrase: str | None) -> SigningKey | KeyFault:
    """The key in a PEM text, or why there is none that can sign mails."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    loaded = load_key(pem, passphrase)
    if isinstance(loaded, KeyFault):
        return loaded
    if isinstance(loaded, Ed25519PrivateKey):
        return _ed25519(loaded)
    if not isinstance(loaded, RSAPrivateKey):
        return KeyFault(_("is neither an RSA nor an Ed25519 key"), _(_NEW_KEY))
    if loaded.key_size < _MIN_BITS:
        message = _("has fewer than {limit} bits, which no server accepts (RFC 8301)").format(
            limit=_MIN_BITS
        )
        return KeyFault(message, _(_NEW_KEY))
    if loaded.key_size > _MAX_BITS:
        message = _("has more than {limit} bits, which servers need not accept (RFC 8301)").format(
            limit=_MAX_BITS
        )
        return KeyFault(message, _(_NEW_KEY))
    return _rsa(loaded)


def _rsa(key: RSAPrivateKey) -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    padding, digest = PKCS1v15(), SHA256()
    weakness = ""
    if key.key_size < _GOOD_BITS:
        weakness = f"has {key.key_size} bits; RFC 8301 wants {_GOOD_BITS}"
    return SigningKey("rsa-sha256", weakness, lambda data: key.sign(data, padding, digest))


def _ed25519(key: Ed25519PrivateKey) -> SigningKey:
    # The digest is signed and not the data: RFC 8463 section 3.
    return SigningKey("ed25519-sha256", "", lambda data: key.sign(sha256(data).digest()))
