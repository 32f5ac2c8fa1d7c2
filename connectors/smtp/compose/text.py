"""A text of a template, prepared: to fill it in, its values alone are encoded.

A text is its literals and, between them, its values, each with its line ends made CRLF by itself:
a CR at the end of a value and an LF at the beginning of the literal behind it are two line ends. A
template that does not end with a line end gets one.

In quoted-printable every literal is written from the first column of a line, whatever the values
are: behind each value comes a soft line break, unless the literal behind it begins with a line end.
A value is written from the column on which the literal before it ends. So `<b>{{code}}</b>` becomes

    <b>123456=
    </b>

How long a text is and how much of it has to be quoted is counted by literal and by value, which
makes the choice of what carries it that of the whole text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

from connector_core import MessageError
from connector_core.templates import CompiledText, escape_html
from connectors.smtp.compose.encodings import (
    Encoding,
    base64_lines,
    crlf,
    has_short_lines,
    quoted_octets,
    quoted_printable,
    shorter,
)
from connectors.smtp.compose.limits import MAX_MESSAGE, too_large
from connectors.smtp.i18n import _

__all__ = ["MARK", "FilledText", "Text", "encoded"]

# Every boundary has it in it. Quoted-printable and base64 never do (RFC 2045 section 6.7), and no
# text goes as 7bit that does: so none has a boundary in it, whatever its values are.
MARK = b"=_"


class FilledText(NamedTuple):
    """A text with values.

    Attributes:
        encoding: what carries it.
        written: what goes between the text's `literals` for that encoding.
    """

    encoding: Encoding
    written: list[bytes]


class _Value(NamedTuple):
    """A value as a text shows it.

    Attributes:
        data: escaped where it is for HTML, its line ends CRLF.
        quoted: how many of its octets quoted-printable quotes.
    """

    data: bytes
    quoted: int


class Text:
    """A text whose values are looked up elsewhere.

    Attributes:
        places: for each of its variables the place of its value among those that `fill` is given.

    Args:
        source: the text with its variables.
        paths: of all the values that `fill` is given, in their order.
        html: whether values are escaped for HTML.

    Raises:
        ValueError: the text holds what no mail can.
    """

    def __init__(self, source: str, paths: Sequence[str], *, html: bool) -> None:
        compiled = CompiledText(source)
        *literals, last = compiled.literals
        if not last.endswith(("\r", "\n")):
            last += "\n"
        self._literals = [encoded(literal) for literal in (*literals, last)]
        places = {path: place for place, path in enumerate(paths)}
        self.places = [places[path] for path in compiled.paths]
        self._distinct = tuple(dict.fromkeys(self.places))
        sources = {text: _value(text, str) for text in dict.fromkeys(compiled.sources)}
        self._sources = [sources[text] for text in compiled.sources]
        self._escape = escape_html if html else str
        whole = b"".join(self._literals)
        self._size, self._quoted = len(whole), quoted_octets(whole)
        # Whether it may be so for some values.
        self._seven_bit = all(_is_seven_bit(literal + b"\r\n") for literal in self._literals)

    def literals(self, encoding: Encoding) -> list[bytes]:
        """What is written whatever the values are: before, between and behind them."""
        if encoding == "7bit":
            return self._literals
        if encoding == "quoted-printable":
            return self._quoted_literals()
        # Base64 has no place for a value of its own: all of it is one.
        return [b"", b""] if self.places else [base64_lines(self._literals[0])]

    @cached_property
    def _columns(self) -> list[int]:
        """In quoted-printable, the column on which each value begins."""
        literals = self._quoted_literals()[:-1]
        return [len(literal) - literal.rfind(b"\n") - 1 for literal in literals]

    def _quoted_literals(self) -> list[bytes]:
        quoted = [quoted_printable(literal) for literal in self._literals]
        return [
            item if place == 0 or item.startswith(b"\r\n") else b"=\r\n" + item
            for place, item in enumerate(quoted)
        ]

    def fill(self, values: Sequence[str | None]) -> FilledText:
        """The text with these values; a variable whose value is None stays as it stands.

        7bit carries it where it can, else quoted-printable or base64, whichever is shorter.

        Raises:
            MessageError: a value holds what no mail can, or the text is too large.
        """
        shown = {place: self._shown(values[place]) for place in self._distinct}
        slots = zip(self.places, self._sources, strict=True)
        filled = [shown[place] or source for place, source in slots]
        size = self._size + sum([len(value.data) for value in filled])
        if size > MAX_MESSAGE:
            # Before it is encoded: escaping may have made it six times as long.
            raise too_large()
        if self._seven_bit and _is_seven_bit(self._whole(filled)):
            return FilledText("7bit", [value.data for value in filled])
        encoding = shorter(size, self._quoted + sum([value.quoted for value in filled]))
        if encoding == "base64":
            return FilledText(encoding, [base64_lines(self._whole(filled))] if filled else [])
        beginnings = zip(filled, self._columns, strict=True)
        written = [quoted_printable(value.data, column) for value, column in beginnings]
        return FilledText(encoding, written)

    def _shown(self, value: str | None) -> _Value | None:
        if value is None:
            return None
        try:
            return _value(value, self._escape)
        except ValueError as error:
            raise MessageError("content", str(error)) from None

    def _whole(self, values: Sequence[_Value]) -> bytes:
        pieces = [self._literals[0]]
        for value, literal in zip(values, self._literals[1:], strict=True):
            pieces += (value.data, literal)
        return b"".join(pieces)


def _is_seven_bit(data: bytes) -> bool:
    return has_short_lines(data) and MARK not in data


def _value(text: str, escape: Callable[[str], str]) -> _Value:
    data = encoded(escape(text))
    return _Value(data, quoted_octets(data))


def encoded(text: str) -> bytes:
    """The text in UTF-8, its line ends CRLF.

    Raises:
        ValueError: it holds what no mail can.
    """
    try:
        data = crlf(text).encode()
    except UnicodeEncodeError:
        raise ValueError(_("contains half of a surrogate pair")) from None
    if b"\0" in data:
        raise ValueError(_("contains NUL"))
    return data
