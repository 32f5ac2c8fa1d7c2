"""Header fields: checked, encoded and folded (RFC 5322 section 2.2, RFC 2047).

The few headers that a mail needs are written here and not with the standard library's `email`
package, which turns some control characters into further headers or recipients (CVE-2024-6923).
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from connector_core.i18n import gettext as _
from connector_core.mail.addresses import Mailbox, control_in

__all__ = [
    "FORBIDDEN_NAMES",
    "MAX_HEADER_VALUE",
    "bare_header",
    "folded",
    "header",
    "header_problem",
    "is_forbidden_name",
    "mailbox_header",
    "name_problem",
]

MAX_HEADER_VALUE = 2 * 1024  # characters of one value in a header
MAX_LINE = 76  # of a line with an encoded-word: RFC 2047 section 2
_MAX_PLAIN_WORD = 900  # so that no line comes near the 998 octets of RFC 5322 section 2.1.1
_WORD_OVERHEAD = len("=?utf-8?q??=")

_FIELD_NAME = re.compile(r"[\x21-\x39\x3b-\x7e]+")
_WORDS = re.compile(r"[!-~]++(?: [!-~]++)*+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
# As leniently as software reads them, spaces and question marks within included.
_ENCODED_WORD = re.compile(r"=\?([^?]*)\?([BbQq])\?(.*?)\?=", re.DOTALL)
_CHARSET = re.compile(r"(?:utf|us|iso|windows|koi)[a-z0-9_-]*", re.ASCII | re.IGNORECASE)
# What may stand bare in an encoded-word within a phrase (RFC 2047 section 5, rule 3).
_Q_BARE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
_Q = [chr(octet) if octet in _Q_BARE else f"={octet:02X}" for octet in range(256)]
_Q[0x20] = "_"

FORBIDDEN_NAMES = frozenset(
    [
        "from",
        "to",
        "cc",
        "bcc",
        "sender",
        "reply-to",
        "subject",
        "date",
        "message-id",
        "return-path",
        "received",
    ]
)
FORBIDDEN_PREFIXES = ("dkim-", "mime-", "content-")


def is_forbidden_name(name: str) -> bool:
    """Whether a custom header must not have this name: the mail sets it itself."""
    return name.lower() in FORBIDDEN_NAMES or name.lower().startswith(FORBIDDEN_PREFIXES)


def name_problem(name: str) -> str | None:
    """Why a custom header cannot have this name, if so (RFC 5322 section 3.6.8)."""
    if not _FIELD_NAME.fullmatch(name) or len(name) > MAX_LINE:
        return _("is not a header name: printable ASCII without spaces and colons")
    if is_forbidden_name(name):
        return _("is a header that the mail sets itself, or that a server sets")
    return None


def header_problem(text: str) -> str | None:
    """Why the text cannot stand in a header, if so; TAB may."""
    if text.isascii() and text.isprintable() and "=?" not in text:
        return None
    if code := control_in(text, allow="\t"):
        return _("contains the control character {code}").format(code=code)
    # Only as far as the last end: behind it, every beginning would be followed to the end of the
    # text, which takes quadratic time.
    for found in _ENCODED_WORD.finditer(text, 0, text.rfind("?=") + 2):
        if control_in(_decoded(*found.groups())):
            return _("hides a control character in an encoded-word")
    return None


def _decoded(charset: str, encoding: str, text: str) -> str:
    raw = text.encode("ascii", "replace")
    try:
        data = base64.b64decode(raw + b"==") if encoding in "Bb" else _unquoted(raw)
    except binascii.Error:
        return ""
    name = charset.partition("*")[0]  # RFC 2231 section 5: a language may follow
    try:
        return data.decode(name if _CHARSET.fullmatch(name) else "utf-8", "replace")
    except (LookupError, UnicodeError):
        return data.decode("latin-1")


def _unquoted(raw: bytes) -> bytes:
    return quopri.decodestring(raw, header=True)


def bare_header(name: str, text: str) -> str | None:
    """An unstructured header with its CRLF, where the text is short, plain and without problem."""
    if len(text) + len(name) + 2 <= MAX_LINE and "=?" not in text and _WORDS.fullmatch(text):
        return f"{name}: {text}\r\n"
    return None


def header(name: str, text: str) -> str:
    """An unstructured header with its CRLF: bare where it can be, else in encoded-words."""
    if bare := bare_header(name, text):
        return bare
    words = text.split(" ") if _is_plain(text) else _encoded_words(text, MAX_LINE - len(name) - 2)
    return folded(name, words)


def mailbox_header(name: str, mailbox: Mailbox) -> str:
    """A header with one mailbox, with its CRLF.

    Display names that are not plain atoms go as encoded-words and never as quoted strings, which
    parsers have taken for several mailboxes.
    """
    address = f"<{mailbox.address}>" if mailbox.name else str(mailbox.address)
    return folded(name, [*_phrase(mailbox.name, MAX_LINE - len(name) - 2), address])


def folded(name: str, words: Sequence[str]) -> str:
    """A header of words, with its CRLF; it is folded where a line would become too long."""
    lines, line = [], f"{name}:"
    for place, word in enumerate(words):
        if place and len(line) + 1 + len(word) > MAX_LINE:
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line]) + "\r\n"


def _phrase(name: str, first: int) -> Sequence[str]:
    if not name:
        return ()
    if _ATOMS.fullmatch(name) and _is_plain(name):
        return name.split(" ")
    return _encoded_words(name, first)


def _is_plain(text: str) -> bool:
    return (
        text.isascii()
        and text == text.strip()
        and "\t" not in text
        and "  " not in text
        and "=?" not in text
        and all(len(word) <= _MAX_PLAIN_WORD for word in text.split(" "))
    )


def _encoded_words(text: str, first: int) -> list[str]:
    """The text as encoded-words of at most 75 characters, the first short enough for its line."""
    raw = text.encode()
    as_q = len(raw) + 2 * len(raw.translate(None, _Q_BARE + b" "))
    as_b = (len(raw) + 2) // 3 * 4
    fitting, written = (_fitting_b, _written_b) if as_b < as_q else (_fitting_q, _written_q)
    words: list[str] = []
    start, room = 0, max(min(first, 75), 40) - _WORD_OVERHEAD
    while start < len(raw) or not words:
        end = start + fitting(raw[start : start + room], room)
        while end < len(raw) and raw[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        words.append(written(raw[start:end]))
        start, room = end, 75 - _WORD_OVERHEAD
    return words


def _fitting_b(_data: bytes, room: int) -> int:
    """How many octets there is room for."""
    return room // 4 * 3


def _fitting_q(data: bytes, room: int) -> int:
    return bisect_right(list(accumulate(len(_Q[octet]) for octet in data)), room)


def _written_b(data: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(data).decode()}?="


def _written_q(data: bytes) -> str:
    return f"=?utf-8?q?{''.join([_Q[octet] for octet in data])}?="
