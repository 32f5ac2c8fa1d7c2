"""Taking secrets out of text before it is logged or put into an error."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Iterable
from unicodedata import category

__all__ = ["Redactor", "excerpt"]

MASK = "***"
_MIN_LENGTH = 4
_UNSEEN = ("Cc", "Cf")  # controls, and such as the zero-width space
_PIECE = 8  # characters of a secret that give it away even without the rest
_MARK = 5  # characters of a piece by which it is noticed
_SHOWN = 200  # characters of a stranger's text in an error


class Redactor:
    """Replaces known secrets in text by `***`, plain and in the forms they take on the wire.

    A server may echo what it was sent: encoded in base64 or percent-encoding, cut off, broken over
    lines, in capitals. So a piece of eight characters counts as the whole, and neither case nor
    white space nor what cannot be printed makes a difference. Secrets of less than four characters,
    white space apart, are not looked for: masking them would make any text unreadable.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        short: set[str] = set()
        pieces: set[str] = set()
        for secret in secrets:
            for form in _forms(secret):
                plain = _squeezed(form)
                if _MIN_LENGTH <= len(plain) < _PIECE:
                    short.add(plain)
                pieces.update(plain[at : at + _PIECE] for at in range(len(plain) - _PIECE + 1))
        self._short = tuple(short)
        self._pieces = frozenset(pieces)
        # Every fourth place of a text is looked at: a piece of eight has five characters there.
        self._marks = frozenset(
            piece[at : at + _MARK] for piece in pieces for at in range(_PIECE - _MARK + 1)
        )

    def __repr__(self) -> str:
        return "<Redactor>"

    def __call__(self, text: str) -> str:
        """The text with every known secret masked."""
        if not (self._short or self._pieces):
            return text
        squeezed = _squeezed(text)
        hits = self._whole_pieces(squeezed)
        for form in self._short:
            at = squeezed.find(form)
            while at >= 0:
                hits.append((at, at + len(form)))
                at = squeezed.find(form, at + 1)
        if not hits:
            return text
        places, shown, masked = _places(text), 0, []
        for start, end in _merged(hits):
            masked += [text[shown : places[start]], MASK]
            shown = places[end - 1] + 1
        return "".join([*masked, text[shown:]])

    def _whole_pieces(self, squeezed: str) -> list[tuple[int, int]]:
        """Where a piece of eight characters begins and ends."""
        steps = range(0, len(squeezed) - _MARK + 1, _PIECE - _MARK + 1)
        if self._marks.isdisjoint([squeezed[at : at + _MARK] for at in steps]):
            return []
        known = self._pieces
        return [
            (at, at + _PIECE)
            for at in range(len(squeezed) - _PIECE + 1)
            if squeezed[at : at + _PIECE] in known
        ]


def excerpt(text: str, mask: Redactor) -> str:
    """What an error may show of a stranger's text: secrets masked, on one line, cut off.

    Masking takes time that grows with the text: bound it first.
    """
    plain = " ".join("".join(c if c.isprintable() else " " for c in mask(text)).split())
    return plain if len(plain) <= _SHOWN else f"{plain[: _SHOWN - 1]}…"


def _squeezed(text: str) -> str:
    """What counts of a text, in lower case."""
    if text.isascii() and text.isprintable():
        return text.lower().replace(" ", "")
    return "".join(_lower(text[at]) for at in _places(text))


def _places(text: str) -> list[int]:
    """The place in the text of each character that counts."""
    return [
        at
        for at, char in enumerate(text)
        if not char.isspace() and (char.isprintable() or category(char) not in _UNSEEN)
    ]


def _lower(char: str) -> str:
    """In lower case; a letter of which that makes two stays, so that each has its place."""
    lower = char.lower()
    return lower if len(lower) == 1 else char


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in their order, those that overlap as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _forms(secret: str) -> set[str]:
    if len(secret) < _MIN_LENGTH:
        return set()
    data = secret.encode("utf-8", "surrogatepass")
    return {secret, repr(secret)[1:-1], *_url_forms(data), *_base64_forms(data)}


def _url_forms(data: bytes) -> Iterable[str]:
    for quote in (urllib.parse.quote, urllib.parse.quote_plus):
        for safe in ("", "/"):
            yield quote(data, safe=safe)


def _base64_forms(data: bytes) -> Iterable[str]:
    """What base64 makes of the secret at each of the three offsets it may have in a longer text.

    The characters at the edges also depend on what stands beside the secret, so they are left out.
    """
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + data).decode("ascii").rstrip("=")
        start = (offset * 8 + 5) // 6
        end = (offset + len(data)) * 8 // 6
        form = encoded[start:end]
        if len(form) >= _MIN_LENGTH:
            yield form
