"""The relaxed canonical form (RFC 6376 section 3.4): what servers do to white space is forgiven."""

from __future__ import annotations

import re

__all__ = ["relaxed_body", "relaxed_field"]

# Two spaces and more, as a literal that the engine can look for: several times faster than ` {2,}`.
_RUN = re.compile(b"   *")
_BLANK = bytes.maketrans(b"\t\r\n", b"   ")


def relaxed_body(body: bytes) -> bytes:
    """The body as it is hashed (RFC 6376 section 3.4.4), in linear time.

    Each run of white space becomes one space and goes at the end of a line, as do the empty lines
    at the end of the body.

    Args:
        body: as it leaves, its line ends CRLF; that of the last line may be missing.

    Returns:
        Lines, each with its CRLF; empty where the body has nothing but white space.
    """
    spaced = _RUN.sub(b" ", body.replace(b"\t", b" ")) + b"\r\n"
    lines = spaced.replace(b" \r\n", b"\r\n").rstrip(b"\r\n")
    return lines + b"\r\n" if lines else b""


def relaxed_field(field: bytes) -> bytes:
    """One header field as it is signed (RFC 6376 section 3.4.2): `subject:Your code` with CRLF.

    Nothing is kept from one call to the next: fields hold recipients and codes.

    Args:
        field: as it leaves, folded or not, with its CRLF.
    """
    name, _, value = field.translate(_BLANK).partition(b":")
    return b"%b:%b\r\n" % (name.rstrip(b" ").lower(), _RUN.sub(b" ", value.strip(b" ")))
