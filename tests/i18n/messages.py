"""The catalogs of messages, kept up with the sources: `python -m tests.i18n.messages`.

Each source's texts are found, the `.po` files brought up to date without losing a translation, and
the `.mo` files made of them. What is new has an empty translation, or one marked `fuzzy` that is
taken from a text much like it: both are for a person to write, and a test fails until then.
"""

from __future__ import annotations

import copy
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from gettext import NullTranslations
from inspect import getmodule
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, cast
from unittest.mock import patch

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from connector_core.cli import main as main_command
from connector_core.cli.language import translated
from connector_core.hostfile.reading import outer_schema
from connector_core.i18n import catalog as core
from connector_core.i18n import in_language
from connector_core.translation import descriptions, link_in, provider_in
from connectors.file import plugin as file_plugin
from connectors.http_email import plugin as http_email
from connectors.smtp import plugin as smtp

__all__ = [
    "DOMAINS",
    "LANGUAGES",
    "Domain",
    "Found",
    "compiled",
    "forms",
    "helps",
    "po_text",
    "read",
    "untranslated",
    "updated",
]

ROOT = Path(__file__).parent.parent.parent
LANGUAGES = ("fr",)
KEYWORDS = {"_": None, "gettext": None, "mark": None, "ngettext": (1, 2)}


class Found(NamedTuple):
    """A message, one text or a singular with its plural, and the file that it stands in."""

    message: str | tuple[str, ...]
    file: str


@dataclass(frozen=True)
class Domain:
    """A catalog.

    Attributes:
        name: of its files.
        folder: what they stand in, a folder for each language.
        find: its messages, as the sources have them.
        keeps: whether messages that the sources have no longer stay: other versions of a library
            may still have them.
    """

    name: str
    folder: Path
    find: Callable[[], Iterable[Found]]
    keeps: bool = False

    def po(self, language: str) -> Path:
        """The file that a translator edits."""
        return self.folder / language / "LC_MESSAGES" / f"{self.name}.po"

    def mo(self, language: str) -> Path:
        """The file that gettext reads."""
        return self.po(language).with_suffix(".mo")


def _in_code(folder: Path, below: Path) -> Iterator[Found]:
    for file in sorted(folder.rglob("*.py")):
        name = file.relative_to(below).as_posix()
        for item in extract_from_file("python", str(file), keywords=KEYWORDS):
            yield Found(cast("str | tuple[str, ...]", item[1]), name)


def _core() -> Iterator[Found]:
    yield from _in_code(ROOT / "connector_core", ROOT)
    for text in descriptions(outer_schema()):
        yield Found(text, "connector_core/hostfile/schema.json")
    yield from helps()


def helps(
    command: click.Command = main_command, parent: click.Context | None = None
) -> Iterator[Found]:
    """What is looked up as the help of a command is shown, and of those in it."""
    command = copy.copy(command)  # click keeps some of what is shown once
    context = click.Context(command, parent, command.name)
    texts: list[str] = []
    noting = _Noting(texts)
    with in_language("und"), patch.object(core, "_translations", lambda _: noting):
        translated(command).get_help(context)
    module = getmodule(command.callback or type(command))
    assert module is not None
    file = f"{module.__name__.replace('.', '/')}{'/__init__' * hasattr(module, '__path__')}.py"
    yield from (Found(text, file) for text in texts)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from helps(inner, context)


class _Noting(NullTranslations):
    """Translations that note what they are asked for."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__()
        self._texts = texts

    def gettext(self, message: str) -> str:
        self._texts.append(message)
        return message


def _connector(plugin: ModuleType) -> Iterator[Found]:
    """What a built-in connector says: in its code, its schema, its links and its presets."""
    assert plugin.__file__ is not None
    folder = Path(plugin.__file__).parent
    place = folder.relative_to(ROOT).as_posix()
    yield from _in_code(folder, ROOT)
    for text in descriptions(plugin.config_schema()):
        yield Found(text, f"{place}/schema.json")
    texts: list[str] = []
    for link in plugin.metadata().links:
        link_in(link, _into(texts))
    yield from (Found(text, f"{place}/metadata.json") for text in texts)
    for provider in plugin.providers() if hasattr(plugin, "providers") else ():
        texts = []
        provider_in(provider, _into(texts))
        yield from (Found(text, f"{place}/providers/{provider.name}.toml") for text in texts)


def _click() -> Iterator[Found]:
    folder = Path(click.__file__).parent
    yield from _in_code(folder, folder.parent)


def _into(texts: list[str]) -> Callable[[str], str]:
    def note(text: str) -> str:
        if text:
            texts.append(text)
        return text

    return note


DOMAINS = (
    Domain("connector_core", ROOT / "connector_core/locale", _core),
    Domain("messages", ROOT / "connector_core/locale", _click, keeps=True),
    *(
        Domain(f"connectors.{name}", ROOT / "connectors" / name / "locale", partial(_connector, it))
        for name, it in (("file", file_plugin), ("http_email", http_email), ("smtp", smtp))
    ),
)


class _Catalog(Catalog):
    """A catalog whose header says only what does not change with the day or the tool."""

    def __init__(self, domain: Domain, language: str) -> None:
        super().__init__(
            locale=language, project=domain.name, header_comment=f"# {domain.name}", fuzzy=False
        )

    @property  # type: ignore[misc]
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Project-Id-Version", str(self.project)),
            ("Language", str(self.locale_identifier)),
            ("Plural-Forms", self.plural_forms),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]


def read(domain: Domain, language: str) -> Catalog:
    """The catalog as it stands; empty where there is none."""
    catalog = _Catalog(domain, language)
    file = domain.po(language)
    if file.exists():
        stored = read_po(io.BytesIO(file.read_bytes()), locale=language)
        for message in stored:
            if message.id:
                catalog[message.id] = message
        catalog.obsolete = stored.obsolete
    return catalog


def updated(domain: Domain, language: str) -> Catalog:
    """The catalog with the messages that the sources have now."""
    catalog = read(domain, language)
    # What went may come back, with its translation.
    for gone in catalog.obsolete.values():
        catalog[gone.id] = gone
    catalog.obsolete.clear()
    sources = _Catalog(domain, language)
    for message, file in domain.find():
        sources.add(message, locations=[(file, 0)], flags=_flags(message))
    if domain.keeps:
        for old in catalog:
            if old.id and old.id not in sources:
                sources[old.id] = old
    catalog.update(sources)
    return catalog


def _flags(message: str | tuple[str, ...]) -> list[str]:
    text = message if isinstance(message, str) else message[-1]
    return ["python-brace-format"] if re.search(r"(?<!{){\w", text) else []


def po_text(catalog: Catalog) -> str:
    """The catalog as the text of a `.po` file."""
    written = io.BytesIO()
    write_po(written, catalog, width=100, include_lineno=False)
    return written.getvalue().decode("utf-8")


def compiled(domain: Domain, language: str) -> bytes:
    """The `.mo` file of a `.po` file."""
    written = io.BytesIO()
    write_mo(written, read(domain, language))
    return written.getvalue()


def untranslated(catalog: Catalog) -> list[object]:
    """The messages that have no translation, or one that nobody has looked at."""
    return [
        message.id
        for message in catalog
        if message.id and (message.fuzzy or not all(forms(message.string)))
    ]


def forms(value: str | Iterable[str] | None) -> tuple[str, ...]:
    """A text, or the forms of a plural, as a tuple."""
    return (value or "",) if isinstance(value, str | None) else tuple(value)


def _take_over(catalog: Catalog, others: Iterable[Catalog]) -> None:
    """Translate what moved here from another catalog as it was translated there."""
    for message in catalog:
        if not message.id or (not message.fuzzy and all(forms(message.string))):
            continue
        for other in others:
            known = other.get(message.id)
            if known and not known.fuzzy and all(forms(known.string)):
                message.string = known.string
                message.flags.discard("fuzzy")


def main() -> None:
    """Bring every file up to date, and say what is left to translate."""
    before = {language: [read(domain, language) for domain in DOMAINS] for language in LANGUAGES}
    for domain in DOMAINS:
        for language in LANGUAGES:
            catalog = updated(domain, language)
            _take_over(catalog, before[language])
            file = domain.po(language)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(po_text(catalog), "utf-8")
            domain.mo(language).write_bytes(compiled(domain, language))
            left = len(untranslated(catalog))
            print(f"{file.relative_to(ROOT)}: {len(catalog)} messages, {left} to translate")


if __name__ == "__main__":
    main()
