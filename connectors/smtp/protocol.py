"""SMTP without I/O: bytes to replies, replies to capabilities, commands to bytes.

Sources: RFC 5321 (SMTP), RFC 2034 and 3463 (enhanced status codes), RFC 1870 (SIZE), RFC 4954
(AUTH), RFC 2920 (PIPELINING), RFC 6531 (SMTPUTF8).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from connector_core.mail.addresses import control_in
from connectors.smtp.i18n import mark

__all__ = [
    "Capabilities",
    "ProtocolError",
    "Reply",
    "ReplyParser",
    "command",
    "command_lines",
    "dot_stuff",
    "from_base64",
    "require_lines",
]

MAX_LINE = 8 * 1024
MAX_REPLY = 64 * 1024
MAX_UNREAD = 64  # replies that nobody took yet
_MOST_KNOWN = 16  # lines, and as many pieces of several, that need not be taken apart again
_LONGEST_KNOWN = 256  # octets of one

_CLOSING = 421
_TOO_LONG = mark("a reply, or a line of one, is too long")
_REPLY_LINE = re.compile(r"([2-5][0-5][0-9])([ -]|$)(.*)", re.DOTALL)
_ENHANCED = {
    code_class: re.compile(rf"({code_class}\.[0-9]{{1,3}}\.[0-9]{{1,3}})(?: |$)")
    for code_class in (2, 4, 5)
}
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class ProtocolError(Exception):
    """The server broke the protocol; the connection cannot be used any longer.

    Attributes:
        seen: how the line began that is none of SMTP, to tell which protocol it is.
    """

    def __init__(self, reason: str, seen: bytes = b"") -> None:
        self.seen = seen[:16]
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of a server, all its lines (RFC 5321 section 4.2).

    Attributes:
        code: the reply code, 200 to 559.
        lines: the text of each line; what is no UTF-8 is replaced, controls too.
    """

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines joined by spaces; the enhanced status code, which each repeats, once."""
        if len(self.lines) == 1:
            return self.lines[0]
        code = self.enhanced_code
        if code is None:
            return " ".join(line for line in self.lines if line)
        first, *others = self.lines
        rest = (line.removeprefix(code).lstrip() for line in others)
        return " ".join([first, *(line for line in rest if line)])

    @property
    def enhanced_code(self) -> str | None:
        """The enhanced status code (RFC 3463), if the reply has one of its own class."""
        pattern = _ENHANCED.get(self.code // 100)
        found = pattern.match(self.lines[0]) if pattern and self.lines else None
        return found[1] if found else None

    @property
    def closing(self) -> bool:
        """Whether the server closes the connection (421, RFC 5321 section 3.8)."""
        return self.code == _CLOSING

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


class ReplyParser:
    """Makes replies of the bytes that arrive, however they are split.

    A line has at most 8 KiB, a reply 64 KiB, and 64 replies may wait to be taken; more is a
    protocol error, so that a hostile server cannot fill the memory.

    Attributes:
        replies: those that are complete; whoever takes one removes it.
        partial: whether something follows them that is no whole reply.
        error: why it never will be one, if so.
    """

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.partial = False
        self.error: ProtocolError | None = None
        self._rest = b""
        self._code = 0
        self._lines: list[str] = []
        self._size = 0
        # Most servers say to every MAIL, RCPT and DATA the same again, and all of it at once.
        self._known: dict[bytes, Reply] = {}
        self._known_at_once: dict[bytes, tuple[Reply, ...]] = {}

    @property
    def pending(self) -> bool:
        """Whether anything came that nobody took yet."""
        return self.partial or bool(self.replies)

    def feed(self, data: bytes) -> None:
        """Take bytes as they arrived; behind an error nothing is read."""
        if not (self.partial or self.replies) and (known := self._known_at_once.get(data)):
            self.replies.extend(known)
        elif self.error is None:
            try:
                self._read(self._rest + data)
            except ProtocolError as error:
                self.error, self.partial = error, True

    def _read(self, data: bytes) -> None:
        lines = data.split(b"\n")
        self._rest = lines.pop()
        all_known = not self.replies
        for line in lines:
            if self._lines or (reply := self._known.get(line)) is None:
                all_known = False
                if not self._take_line(line.removesuffix(b"\r")):
                    continue
                reply = self._whole_reply(line)
            self.replies.append(reply)
            if len(self.replies) > MAX_UNREAD:
                raise ProtocolError(mark("the server floods this client with replies"))
        self.partial = bool(self._rest or self._lines)
        # The CR of its end may have come without the LF.
        if len(self._rest) > MAX_LINE + self._rest.endswith(b"\r"):
            raise ProtocolError(_TOO_LONG)
        if all_known and not self.partial and _fits(self._known_at_once, data):
            self._known_at_once[data] = tuple(self.replies)

    def _whole_reply(self, last: bytes) -> Reply:
        reply = Reply(self._code, tuple(self._lines))
        if len(self._lines) == 1 and _fits(self._known, last):
            self._known[last] = reply
        self._lines, self._size = [], 0
        return reply

    def _take_line(self, raw: bytes) -> bool:
        """Add one line to the reply; True where it is the last one."""
        self._size += len(raw) + 2
        if len(raw) > MAX_LINE or self._size > MAX_REPLY:
            raise ProtocolError(_TOO_LONG)
        found = _REPLY_LINE.fullmatch(raw.decode("utf-8", "replace"))
        if not found:
            raise ProtocolError(mark("the server sent a line that is no SMTP reply"), raw)
        code = int(found[1])
        if self._lines and code != self._code:
            raise ProtocolError(mark("the lines of one reply have different codes"))
        self._code = code
        self._lines.append(_UNPRINTABLE.sub("?", found[3]))
        return found[2] != "-"


def _fits(known: Mapping[bytes, object], said: bytes) -> bool:
    """Whether there is room for one more."""
    return len(said) <= _LONGEST_KNOWN and len(known) < _MOST_KNOWN


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server announced in its reply to EHLO: parameters by keyword, in upper case."""

    extensions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, reply: Reply) -> Capabilities:
        """The capabilities in a reply to EHLO (RFC 5321 section 4.1.1.1)."""
        extensions: dict[str, str] = {}
        for line in reply.lines[1:]:
            keyword, _, parameters = line.strip().partition(" ")
            # Old servers announce AUTH=LOGIN beside AUTH LOGIN.
            keyword, equals, legacy = keyword.partition("=")
            keyword = keyword.upper()
            if equals:
                parameters = f"{legacy} {parameters}"
            known = extensions.get(keyword)
            extensions[keyword] = f"{known} {parameters}".strip() if known else parameters.strip()
        return cls(extensions)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.extensions

    @property
    def mechanisms(self) -> frozenset[str]:
        """The SASL mechanisms offered (RFC 4954 section 3)."""
        return frozenset(self.extensions.get("AUTH", "").upper().split())

    @property
    def size(self) -> int | None:
        """The largest message in octets that the server takes (RFC 1870); None if it says none."""
        text = self.extensions.get("SIZE", "")
        return int(text) or None if text.isascii() and text.isdigit() and len(text) < 20 else None


def command(*words: str) -> bytes:
    """A command line.

    Raises:
        ValueError: a word holds a control character, which could start another command.
    """
    return command_lines(" ".join(words))


def command_lines(*lines: str) -> bytes:
    """Several command lines, to be written at once.

    Raises:
        ValueError: a line holds a control character, which could start another command.
    """
    if control_in("".join(lines)):
        raise ValueError("a control character must not stand in a command")
    return "\r\n".join([*lines, ""]).encode()


def from_base64(text: str) -> bytes | None:
    """What a challenge says (RFC 4954 section 4); None where it is no base64.

    Not an exception: that would hold the text, which may echo a secret.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def require_lines(content: bytes) -> None:
    """Hold the content to whole lines.

    Raises:
        ValueError: the content has NUL, a CR or LF that is not part of CRLF, or no CRLF at its
            end. Servers disagree on what these mean, which lets one mail pass for two.
    """
    # Two octets for each CRLF, and none besides: one look at the whole for all three.
    suspicious = len(content) - len(content.translate(None, b"\r\n\0"))
    if suspicious != 2 * content.count(b"\r\n"):
        raise ValueError("the content must have CRLF line ends only, and no NUL")
    if not content.endswith(b"\r\n"):
        raise ValueError("the content must end with CRLF")


def dot_stuff(content: bytes) -> bytes:
    """The content as DATA carries it: leading dots doubled, the final dot added (RFC 5321 4.5.2).

    Raises:
        ValueError: it is not whole lines: see `require_lines`.
    """
    require_lines(content)
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    return (b"." if stuffed.startswith(b".") else b"") + stuffed + b".\r\n"
