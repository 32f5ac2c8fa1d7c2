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
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from connector_core.locales import fallbacks

if TYPE_CHECKING:
    from gettext import NullTranslations

__all__ = [
    "LOCALE",
    "SOURCE",
    "Catalog",
    "catalog",
    "environment_language",
    "gettext",
    "in_language",
    "language",
    "mark",
    "ngettext",
    "system_reason",
    "use_language",
]

LOCALE = Path(__file__).parent / "locale"
SOURCE = "en"  # what stands in the code

_language: ContextVar[str] = ContextVar("connector_core.language", default=SOURCE)


def language() -> str:
    """The language tag (BCP 47) of the texts made in this context."""
    return _language.get()


def use_language(tag: str) -> None:
    """Make texts in this language from here on, in this context and those begun from it.

    Args:
        tag: a language tag (BCP 47). For `fr-CA` there may be texts in `fr`; where there are none
            at all, they are in English.
    """
    _language.set(tag)


@contextmanager
def in_language(tag: str) -> Iterator[None]:
    """Make texts in this language within the block; see `use_language`."""
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
        # Tags come from anywhere, a request's header say: only so many are remembered.
        self._translations = lru_cache(maxsize=64)(self._look_up)

    def __repr__(self) -> str:
        return f"<Catalog {self._domain}>"

    @property
    def languages(self) -> tuple[str, ...]:
        """The tags of the languages that it has texts in, English first."""
        return (SOURCE, *sorted(self._files))

    def speaks(self, tag: str) -> bool:
        """Whether it has texts in this language, or in a less specific one."""
        return any(name in self._files or name == SOURCE for name in fallbacks(tag))

    def gettext(self, message: str) -> str:
        """The message in the language of the context; as it stands where it has no translation."""
        tag = _language.get()
        if tag == SOURCE or not message:  # gettext gives the file's header for an empty message
            return message
        return self._translations(tag).gettext(message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """The form for this number, in the language of the context."""
        tag = _language.get()
        if tag == SOURCE:
            return singular if number == 1 else plural
        return self._translations(tag).ngettext(singular, plural, number)

    @cached_property
    def _files(self) -> dict[str, Path]:
        """Its files by language tag, in lower case."""
        found = self._folder.glob(f"*/LC_MESSAGES/{self._domain}.mo")
        return {file.parts[-3].replace("_", "-").lower(): file for file in found}

    def _look_up(self, tag: str) -> NullTranslations:
        """What serves a language, by lookup (RFC 4647): English, where that comes first."""
        names = list(fallbacks(tag))
        if SOURCE in names:
            names = names[: names.index(SOURCE)]
        return _read(tuple(self._files[name] for name in names if name in self._files))


@lru_cache(maxsize=64)
def _read(files: tuple[Path, ...]) -> NullTranslations:
    """The translations in the files, each behind the one before it."""
    from gettext import GNUTranslations, NullTranslations

    translations = NullTranslations()
    for file in reversed(files):
        with file.open("rb") as data:
            found = GNUTranslations(data)
        found.add_fallback(translations)
        translations = found
    return translations


catalog = Catalog("connector_core", LOCALE)
gettext = catalog.gettext
ngettext = catalog.ngettext

# What systems commonly say; what they say besides stays in English.
_SYSTEM = (
    mark("Address already in use"),
    mark("Cannot assign requested address"),
    mark("Connection refused"),
    mark("Connection reset by peer"),
    mark("Connection timed out"),
    mark("File exists"),
    mark("File name too long"),
    mark("Host is unreachable"),
    mark("Is a directory"),
    mark("Name or service not known"),
    mark("Network is unreachable"),
    mark("No route to host"),
    mark("No space left on device"),
    mark("No such file or directory"),
    mark("Not a directory"),
    mark("Operation not permitted"),
    mark("Permission denied"),
    mark("Read-only file system"),
    mark("Too many open files"),
)


def system_reason(error: OSError) -> str:
    """Why the system refused, in its own words, without the path or address that it was about."""
    # By its number: in the text, an event loop may repeat the address in words of its own.
    if error.errno and error.errno > 0:
        return gettext(os.strerror(error.errno))
    return gettext(error.strerror or type(error).__name__)
