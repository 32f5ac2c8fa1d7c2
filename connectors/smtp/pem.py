"""Private keys as PEM text, with or without a passphrase, as a config has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector_core import ConfigProblem
from connectors.smtp.i18n import _, mark

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["KeyFault", "load_key"]

# OpenSSL takes seconds to validate RSA of 8192 bits, and minutes for more.
_MAX_VALIDATED = 4096

_PASTE = mark("give the PEM text itself, from -----BEGIN to -----END, with its line breaks")


@dataclass(frozen=True, slots=True)
class KeyFault:
    """Why a key cannot be used; `of_passphrase` says that its passphrase is at fault."""

    message: str
    hint: str
    of_passphrase: bool = False

    def at(self, path: str) -> ConfigProblem:
        """The problem that it is for the key at this path."""
        suffix = ".passphrase" if self.of_passphrase else ""
        return ConfigProblem(path + suffix, self.message, self.hint)


def load_key(pem: str, passphrase: str | None) -> PrivateKeyTypes | KeyFault:
    """The key in a PEM text, or why there is none; OpenSSL's own words may show parts of it.

    RSA keys of more than 4096 bits are not validated.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    encrypted = "ENCRYPTED" in pem
    if encrypted and not passphrase:
        hint = _("give privateKey as an object with key and passphrase")
        given = passphrase is not None
        return KeyFault(_("is encrypted, and there is no passphrase"), hint, of_passphrase=given)
    # Node, too, takes a passphrase that nothing needs.
    password = passphrase.encode("utf-8", "replace") if encrypted and passphrase else None
    data = pem.encode("utf-8", "replace")
    try:
        key = load_pem_private_key(data, password, unsafe_skip_rsa_key_validation=True)
        if isinstance(key, RSAPrivateKey) and key.key_size <= _MAX_VALIDATED:
            key = load_pem_private_key(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return _no_key(pem, encrypted=encrypted)
    return key


def _no_key(pem: str, *, encrypted: bool) -> KeyFault:
    """Why there is no key in a text, as far as it shows."""
    if encrypted:
        message = _("does not open the private key, or the key is damaged")
        return KeyFault(message, _("check the passphrase"), of_passphrase=True)
    if "PUBLIC KEY-----" in pem:
        return KeyFault(_("is a public key"), _("give the private key that belongs to it"))
    return KeyFault(_("is not a private key as PEM text"), _(_PASTE))
