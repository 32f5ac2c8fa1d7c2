"""The texts that people read, in their language, by gettext.

English is what stands in the code; a `Catalog` has the translations. A text is translated where it
is made, in the language of the context (PEP 567): in English unless somebody chose another, as the
command does by `LANG` or `--lang`, and as a server may for each request.

    _ = Catalog("my_connector", Path(__file__).parent / "locale").gettext
    raise MessageError("to", _("{address} is no telephone number").format(address=address))
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from connector_core.locales import fallbacks

if TYPE_CHECKING:
    from gettext import NullTranslations

__all__ = [
    "Catalog",
    "environment_language",
    "gettext",
    "in_language",
    "language",
    "mark",
    "ngettext",
    "use_language",
]

_language: ContextVar[str] = ContextVar("connector_core.language", default="en")


def language() -> str:
    """The language tag (BCP 47) of the texts made in this context."""
    return _language.get()


def use_language(tag: str) -> None:
    """Make texts in this language from here on, in this context and those begun from it."""
    _language.set(tag)


@contextmanager
def in_language(tag: str) -> Iterator[None]:
    """Make texts in this language within the block."""
    token = _language.set(tag)
    try:
        yield
    finally:
        _language.reset(token)


def environment_language(environ: Mapping[str, str] = os.environ) -> str | None:
    """The language that the environment asks for (POSIX, section 8.2), as a language tag.

    None where it asks for none, or for the locale `C`.
    """
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(variable):
            tag = value.partition(".")[0].partition("@")[0]
            return None if tag in ("C", "POSIX") else tag.replace("_", "-")
    return None


def mark(text: str) -> str:
    """The text itself: a constant to be found for translation, and translated where it is used."""
    return text


class Catalog:
    """The translations of one package.

    Args:
        domain: the name of its `.mo` files.
        folder: what has them, as `fr/LC_MESSAGES/<domain>.mo`.
    """

    def __init__(self, domain: str, folder: Path) -> None:
        self._domain = domain
        self._folder = folder

    def gettext(self, message: str) -> str:
        """The message in the language of the context; as it stands where it has no translation."""
        tag = _language.get()
        if tag == "en" or not message:  # gettext gives the file's header for an empty message
            return message
        return _translations(self._domain, self._folder, tag).gettext(message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """The form for this number, in the language of the context."""
        tag = _language.get()
        if tag == "en":
            return singular if number == 1 else plural
        return _translations(self._domain, self._folder, tag).ngettext(singular, plural, number)


@lru_cache(maxsize=64)
def _translations(domain: str, folder: Path, tag: str) -> NullTranslations:
    from gettext import translation

    names = [name.replace("-", "_") for name in fallbacks(tag)]
    # English stands in the code, and ends the search: for `en-GB` nothing else may be found.
    return translation(domain, str(folder), names, fallback=True)


_CORE = Catalog("connector_core", Path(__file__).parent / "locale")
gettext = _CORE.gettext
ngettext = _CORE.ngettext
