"""The digest of a body for DKIM, of which what never changes is worked out once."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from connectors.smtp.dkim.canonical import relaxed_body

__all__ = ["PreparedDigest", "body_digest"]


def body_digest(body: bytes) -> bytes:
    """The SHA-256 of a body in the relaxed canonical form (RFC 6376 section 3.4.4)."""
    return sha256(relaxed_body(body)).digest()


class PreparedDigest:
    """The same for bodies that have their constants in common.

    What is filled in between them begins and ends with something that is no white space, and has no
    two spaces beside each other. So no run of white space, and no end of a line, lies partly in a
    constant, and each constant has a canonical form of its own.

    Args:
        constants: what is before, between and behind what is filled in.
    """

    def __init__(self, constants: Sequence[bytes]) -> None:
        first, *others = constants
        if not others:
            self._beginning = sha256(relaxed_body(first))
            self._others: list[bytes] = []
            return
        *between, last = others
        # An x stands in for what is filled in.
        self._beginning = sha256(relaxed_body(b"%bx\r\n" % first)[:-3])
        self._others = [relaxed_body(b"x%bx\r\n" % piece)[1:-3] for piece in between]
        self._others.append(relaxed_body(b"x%b" % last)[1:])

    def of(self, filled: Sequence[bytes]) -> bytes:
        """The digest of the body with this filled in."""
        digest = self._beginning.copy()
        for piece, constant in zip(filled, self._others, strict=True):
            digest.update(piece)
            digest.update(constant)
        return digest.digest()
