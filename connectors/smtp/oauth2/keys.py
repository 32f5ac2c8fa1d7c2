"""The private key of a service account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.smtp.i18n import _
from connectors.smtp.pem import KeyFault, load_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["read_key"]

MIN_BITS = 2048  # RFC 7518 section 3.3


def read_key(pem: str, passphrase: str | None) -> RSAPrivateKey | KeyFault:
    """The key in a PEM text, or why there is none that can sign by RS256."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    key = load_key(pem, passphrase)
    if isinstance(key, KeyFault):
        return key
    if not isinstance(key, RSAPrivateKey):
        return KeyFault(
            _("is not an RSA key"), _("give the key that the service account was made with")
        )
    if key.key_size < MIN_BITS:
        return KeyFault(_("has less than {limit} bits").format(limit=MIN_BITS), _("make a new key"))
    return key
