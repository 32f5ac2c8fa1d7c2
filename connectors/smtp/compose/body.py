"""The body: line ends made CRLF, and the transfer encoding that carries it (RFC 2045)."""

from __future__ import annotations

import base64
import binascii
import re

__all__ = ["encode_body"]

_LINE_END = re.compile(r"\r\n|\r|\n")
# ASCII text with lines of at most 76 characters needs no encoding.
_SEVEN_BIT = re.compile(rb"(?:[\t\x20-\x7e]{0,76}\r\n)*+")
_QUOTED = re.compile(rb"[^\t\n\r\x20-\x3c\x3e-\x7e]")


def encode_body(text: str) -> tuple[str, bytes]:
    """The transfer encoding and the encoded body, which ends with CRLF.

    7bit where it can be, else quoted-printable or base64, whichever is shorter: what leaves is
    always 7-bit and never depends on what a server on the way can carry.

    Raises:
        UnicodeEncodeError: the text holds half of a surrogate pair.
        ValueError: the text holds NUL.
    """
    data = _LINE_END.sub("\r\n", text).encode()
    if b"\0" in data:
        raise ValueError("contains NUL")
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    if _SEVEN_BIT.fullmatch(data):
        return "7bit", data
    quoted = 3 * len(_QUOTED.findall(data)) + len(data)
    if quoted <= (len(data) + 2) // 3 * 4 * 77 // 76:
        return "quoted-printable", binascii.b2a_qp(data, istext=True)
    return "base64", _base64(data)


def _base64(data: bytes) -> bytes:
    encoded = base64.b64encode(data)
    lines = [encoded[start : start + 76] for start in range(0, len(encoded), 76)]
    return b"\r\n".join(lines) + b"\r\n"
