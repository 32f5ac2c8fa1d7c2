"""Taking secrets out of text before it is logged or put into an error."""

from __future__ import annotations

import base64
import re
import urllib.parse
from collections.abc import Iterable, Iterator

__all__ = ["Redactor"]

MASK = "***"
_MIN_LENGTH = 4


class Redactor:
    """Replaces known secrets in text by `***`, plain and in the forms they take on the wire.

    A server may echo what it was sent, so base64 and percent-encoding are looked for too. Secrets
    shorter than four characters are not looked for: masking them would make any text unreadable.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        plain: set[str] = set()
        folded: set[str] = set()
        for secret in secrets:
            if len(secret) >= _MIN_LENGTH:
                plain.update((secret, repr(secret)[1:-1], *_url_forms(secret)))
                folded.update(_base64_forms(secret))
        self._plain = tuple(plain)
        self._folded = tuple(folded)

    def __repr__(self) -> str:
        return "<Redactor>"

    def __call__(self, text: str) -> str:
        """The text with every known secret masked."""
        spans = [span for form in self._plain for span in _places(form, text)]
        if self._folded:
            spans += self._folded_places(text)
        if not spans:
            return text
        pieces, shown = [], 0
        for start, end in _merged(spans):
            pieces += [text[shown:start], MASK]
            shown = end
        return "".join([*pieces, text[shown:]])

    def _folded_places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where base64 stands, which may be broken over the lines of a reply."""
        squeezed = "".join(text.split())
        found = [form for form in self._folded if form in squeezed]
        if not found:
            return
        places = [place for place, char in enumerate(text) if not char.isspace()]
        for form in found:
            for start, end in _places(form, squeezed):
                yield places[start], places[end - 1] + 1


def _places(form: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + 1)


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in their order, those that overlap as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _url_forms(secret: str) -> Iterable[str]:
    data = secret.encode("utf-8", "surrogatepass")
    for quote in (urllib.parse.quote, urllib.parse.quote_plus):
        for safe in ("", "/"):
            form = quote(data, safe=safe)
            yield form
            yield re.sub("%..", lambda found: found[0].lower(), form)


def _base64_forms(secret: str) -> Iterable[str]:
    """What base64 makes of the secret at each of the three offsets it may have in a longer text.

    The characters at the edges also depend on what stands beside the secret, so they are left out.
    """
    data = secret.encode("utf-8", "surrogatepass")
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + data).decode("ascii").rstrip("=")
        start = (offset * 8 + 5) // 6
        end = (offset + len(data)) * 8 // 6
        form = encoded[start:end]
        if len(form) >= _MIN_LENGTH:
            yield form
