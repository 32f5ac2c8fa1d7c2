"""SCRAM, the client's side (RFC 5802, RFC 7677), without I/O and without channel binding.

The server proves that it knows the password, too: what it sends last is verified, and an exchange
that ends without it has failed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import stringprep
import unicodedata

from connectors.smtp.i18n import _
from connectors.smtp.protocol import from_base64

__all__ = ["ScramClient", "ScramError", "saslprep"]

MIN_ITERATIONS = 4096  # RFC 5802 section 5.1; fewer help whoever listens to guess the password
MAX_ITERATIONS = 2_000_000  # about a second of work: a hostile server must not ask for hours

_HEADER = "n,,"  # no channel binding, no authorisation identity: RFC 5802 section 7
_FIRST = re.compile(r"r=([!-+\--~]+),s=([A-Za-z0-9/+=]+),i=([1-9][0-9]{0,8})(?:,.*)?", re.DOTALL)
_PROHIBITED = (
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class ScramError(Exception):
    """What the server sent is no step of SCRAM, or proves that it does not know the password."""


class ScramClient:
    """One exchange.

    Attributes:
        proven: whether the server has proved that it knows the password.
    """

    def __init__(self, user: str, password: str, digest: str, *, nonce: str | None = None) -> None:
        self.proven = False
        self._digest = digest
        self._password = saslprep(password).encode()
        self._nonce = nonce or secrets.token_urlsafe(24)
        name = saslprep(user).replace("=", "=3D").replace(",", "=2C")
        self._first_bare = f"n={name},r={self._nonce}"
        self._server_signature: bytes | None = None
        self._refused = False

    def first(self) -> bytes:
        """The client's first message."""
        return f"{_HEADER}{self._first_bare}".encode()

    def respond(self, challenge: bytes) -> bytes:
        """The answer to what the server sent.

        Raises:
            ScramError: it is not what SCRAM has here.
        """
        if self._server_signature is None:
            return self._final(challenge)
        if challenge.startswith(b"e="):
            self._refused = True  # the reply code says the rest
        elif not self.proven and not self._refused:
            self._verify(challenge)
        return b""

    def _final(self, challenge: bytes) -> bytes:
        """The client's last message, which proves that it knows the password."""
        text = challenge.decode("utf-8", "replace")
        found = _FIRST.fullmatch(text)
        if not found:
            raise ScramError(_("its first message has another form"))
        nonce, iterations = found[1], int(found[3])
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise ScramError(_("its nonce does not continue this client's"))
        if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
            raise ScramError(
                _(
                    "it asks for {iterations} iterations, and {minimum} to {maximum} are safe"
                ).format(iterations=iterations, minimum=MIN_ITERATIONS, maximum=MAX_ITERATIONS)
            )
        salted = hashlib.pbkdf2_hmac(self._digest, self._password, _base64(found[2]), iterations)
        bare = f"c={base64.b64encode(_HEADER.encode()).decode()},r={nonce}"
        message = f"{self._first_bare},{text},{bare}".encode()
        client_key = self._hmac(salted, b"Client Key")
        stored_key = hashlib.new(self._digest, client_key).digest()
        signature = self._hmac(stored_key, message)
        proof = bytes(key ^ sign for key, sign in zip(client_key, signature, strict=True))
        self._server_signature = self._hmac(self._hmac(salted, b"Server Key"), message)
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()

    def _verify(self, challenge: bytes) -> None:
        first = challenge.split(b",")[0]
        given = _base64(first[2:].decode("ascii", "replace")) if first[:2] == b"v=" else b""
        if not hmac.compare_digest(given, self._server_signature or b""):
            raise ScramError(_("it does not know the password that it should know"))
        self.proven = True

    def _hmac(self, key: bytes, message: bytes) -> bytes:
        return hmac.new(key, message, self._digest).digest()


def _base64(text: str) -> bytes:
    found = from_base64(text)
    if found is None:
        raise ScramError(_("what it sent is not base64"))
    return found


def saslprep(text: str) -> str:
    """The text as SASL compares it (RFC 4013); as it stands where that does not allow it."""
    if text.isascii():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char
        for char in text
        if not stringprep.in_table_b1(char)
    )
    # Unicode 3.2 is what RFC 3454 fixes: a later one could map what was typed to something else.
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if not prepared or any(table(char) for char in prepared for table in _PROHIBITED):
        return text
    if any(stringprep.in_table_a1(char) for char in prepared):
        return text
    return prepared if _sound_direction(prepared) else text


def _sound_direction(text: str) -> bool:
    """RFC 3454 section 6: right to left throughout, or not at all."""
    if not any(stringprep.in_table_d1(char) for char in text):
        return True
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return ends and not any(stringprep.in_table_d2(char) for char in text)
