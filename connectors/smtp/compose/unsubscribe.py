"""List-Unsubscribe (RFC 2369), and unsubscribing with one click (RFC 8058)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connector_core import MessageError
from connector_core.mail.headers import MAX_HEADER_VALUE, folded
from connector_core.templates import CompiledText
from connectors.smtp.i18n import _

if TYPE_CHECKING:
    from connectors.smtp.config import ListOptions

__all__ = ["UnsubscribeFields", "is_one_click", "unsubscribe_problem"]

_MAX_URL = 900  # characters, so that its line stays below 998 octets
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_URL = re.compile(r"https://[^/?#]+.*|mailto:[^@?]+@[^@?]+(?:\?.*)?")
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*")  # RFC 3986 section 2
_ONE_CLICK = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"  # RFC 8058 section 3.1


def _with_scheme(url: str) -> str:
    """As nodemailer does: an address alone is one to mail to."""
    return url if _SCHEME.match(url) else f"mailto:{url}"


def is_one_click(url: str) -> bool:
    """Whether the URL can be one that is asked with one click (RFC 8058 section 3.1)."""
    return url.startswith("https:")


def unsubscribe_problem(text: str) -> str | None:
    """Why a text, with its variables, cannot be the URL to unsubscribe at, if so."""
    compiled = CompiledText(_with_scheme(text))
    # A variable can stand where a letter can.
    shape = compiled.fill(["x"] * len(compiled.paths))
    if not _URL_CHARACTERS.fullmatch(shape):
        return _("contains a character that no URL has: write it percent-encoded")
    if not _URL.fullmatch(shape):
        return _("is not an https:// or mailto: URL")
    if "=?" in shape:
        return _("contains =?, the beginning of an encoded-word: write %3F for the ?")
    if len(shape) > _MAX_URL:
        return _("has more than {limit} characters").format(limit=_MAX_URL)
    return None


class UnsubscribeFields:
    """The header fields that say how to unsubscribe, prepared.

    Args:
        options: the config's `list`; the rules found nothing wrong with it.
    """

    def __init__(self, options: ListOptions) -> None:
        given = options.unsubscribe
        urls = [_with_scheme(url) for url in ([given] if isinstance(given, str) else given)]
        self._urls = [CompiledText(url) for url in urls]
        one_click = options.one_click is not False and any(map(is_one_click, urls))
        self._post = (_ONE_CLICK,) if one_click else ()
        constant = not any(url.paths for url in self._urls)
        self._constant = self._written(urls) if constant else None

    def fields(self, payload: Mapping[str, Any]) -> tuple[bytes, ...]:
        """The fields, each with its CRLF; values are percent-encoded.

        Raises:
            MessageError: a value is missing or too long.
        """
        return self._constant or self._written([_filled(url, payload) for url in self._urls])

    def _written(self, urls: Sequence[str]) -> tuple[bytes, ...]:
        *others, last = (f"<{url}>" for url in urls)
        words = [*(f"{url}," for url in others), last]
        return (folded("List-Unsubscribe", words).encode("ascii"), *self._post)


def _filled(url: CompiledText, payload: Mapping[str, Any]) -> str:
    values = url.values(payload)
    for path, value in zip(url.paths, values, strict=True):
        if not value:
            raise MessageError(f"payload.{path}", _("has no value, which List-Unsubscribe needs"))
        if len(value) > MAX_HEADER_VALUE:
            raise _too_long(path)
    try:
        filled = url.fill(values, lambda value: quote(value, safe=""))
    except UnicodeEncodeError:
        reason = _("contains half of a surrogate pair")
        raise MessageError(f"payload.{url.paths[0]}", reason) from None
    if len(filled) > _MAX_URL:
        raise _too_long(url.paths[0])
    return filled


def _too_long(path: str) -> MessageError:
    return MessageError(f"payload.{path}", _("makes the URL in List-Unsubscribe too long"))
