"""Taking secrets out of text before it is logged or put into an error."""

from __future__ import annotations

import base64
import re
import urllib.parse
from collections.abc import Iterable

__all__ = ["Redactor"]

MASK = "***"
_MIN_LENGTH = 4


class Redactor:
    """Replaces known secrets in text by `***`, plain and in the forms they take on the wire.

    A server may echo what it was sent, so base64 and percent-encoding are looked for too. Secrets
    shorter than four characters are not looked for: masking them would make any text unreadable.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms: dict[str, str] = {}
        for secret in secrets:
            if len(secret) >= _MIN_LENGTH:
                for form in (secret, repr(secret)[1:-1], *_url_forms(secret)):
                    forms[form] = re.escape(form)
                for form in _base64_forms(secret):
                    # It may be broken over the lines of a reply.
                    forms[form] = r"\s*".join(map(re.escape, form))
        longest_first = sorted(forms, key=len, reverse=True)
        pattern = "|".join(forms[form] for form in longest_first)
        self._pattern = re.compile(pattern) if pattern else None

    def __repr__(self) -> str:
        return "<Redactor>"

    def __call__(self, text: str) -> str:
        """The text with every known secret masked."""
        return self._pattern.sub(MASK, text) if self._pattern else text


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
