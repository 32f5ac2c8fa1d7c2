"""What carries a text as 7-bit lines: line ends, quoted-printable and base64 (RFC 2045 section 6).

What leaves never depends on what a server on the way can carry, so 8bit is not among them.
"""

from __future__ import annotations

import binascii
import re
from typing import Literal

__all__ = [
    "Encoding",
    "base64_lines",
    "crlf",
    "has_short_lines",
    "quoted_octets",
    "quoted_printable",
    "shorter",
]

Encoding = Literal["7bit", "quoted-printable", "base64"]

_MAX_LINE = 76  # RFC 2045 section 6.7, rule 5, and section 6.8
_MAX_COLUMN = _MAX_LINE - 1  # leaves room for the = of a soft line break

_LINE_END = re.compile(r"\r\n|\r|\n")
_SEVEN_BIT = re.compile(rb"(?:[\t -~]{0,%d}+\r\n)*+" % _MAX_LINE)
_BARE = bytes([0x09, 0x0A, 0x0D, *range(0x20, 0x3D), *range(0x3E, 0x7F)])
_BARE_LINE = re.compile(rb"(?:[\t -<>-~]*[!-<>-~])?")
_NOT_BARE = re.compile(rb"[^\t\n\r -<>-~]")
_QUOTED = {bytes([octet]): b"=%02X" % octet for octet in range(256)}


def crlf(text: str) -> str:
    """The text with each line end, be it CRLF, CR or LF, made CRLF."""
    return _LINE_END.sub("\r\n", text) if "\n" in text or "\r" in text else text


def has_short_lines(data: bytes) -> bool:
    """Whether it is lines of at most 76 printable ASCII characters and TABs, each with CRLF."""
    return _SEVEN_BIT.fullmatch(data) is not None


def quoted_octets(data: bytes) -> int:
    """How many octets quoted-printable writes as =XX, white space at the ends of lines aside."""
    return len(data.translate(None, _BARE))


def shorter(size: int, quoted: int) -> Encoding:
    """Which encoding is the shorter for so many octets of which so many are quoted."""
    as_base64 = (size + 2) // 3 * 4 * 77 // 76
    return "quoted-printable" if size + 3 * quoted <= as_base64 else "base64"


def quoted_printable(data: bytes, column: int = 0) -> bytes:
    """The data in quoted-printable, to be written behind so many octets of a line.

    White space is quoted at the end of each line and of the data, so that it does not matter what
    is written behind it. No line has more than 75 octets before its end or soft line break.

    Args:
        data: its line ends are CRLF.
        column: how many octets the line has already, up to 75.
    """
    first, *others = data.split(b"\r\n")
    lines = [_folded(_quoted(line), 0) for line in others]
    return b"\r\n".join([_folded(_quoted(first), column), *lines])


def _quoted(line: bytes) -> bytes:
    if _BARE_LINE.fullmatch(line):
        return line
    quoted = _NOT_BARE.sub(lambda found: _QUOTED[found[0]], line)
    if quoted.endswith((b" ", b"\t")):
        return quoted[:-1] + _QUOTED[quoted[-1:]]
    return quoted


def _folded(line: bytes, column: int) -> bytes:
    """The quoted line with soft line breaks in it, none within an =XX."""
    if column + len(line) <= _MAX_COLUMN:
        return line
    pieces, start, room = [], 0, _MAX_COLUMN - column
    while len(line) - start > room:
        end = start + room
        cut = line.find(b"=", max(end - 2, start), end)
        end = end if cut < 0 else cut
        pieces.append(line[start:end])
        start, room = end, _MAX_COLUMN
    return b"=\r\n".join([*pieces, line[start:]])


def base64_lines(data: bytes) -> bytes:
    """The data in base64, in lines with CRLF."""
    encoded = binascii.b2a_base64(data, newline=False)
    lines = [encoded[start : start + _MAX_LINE] for start in range(0, len(encoded), _MAX_LINE)]
    return b"\r\n".join([*lines, b""])
