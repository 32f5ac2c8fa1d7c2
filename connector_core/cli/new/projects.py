"""The project of a new connector: its names, and its files from the scaffold.

The scaffold is a folder of plain files, each with `.tmpl` behind its name so that no tool takes
them for code of this package. `common` is for every connector, what has a type's name lies over it.
Words such as `__NAME__` in texts and paths are replaced, and nothing else is.
"""

from __future__ import annotations

import importlib.util
import json
import keyword
import re
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import TYPE_CHECKING

from connector_core.i18n import gettext as _
from connector_core.mail.addresses import parse_mailbox
from connector_core.models import ConnectorType

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from connector_core.registry import Registry

__all__ = ["Project", "author_problem", "name_problem", "text_problem"]

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")  # PyPA's name format, PEP 508
_MAX_NAME = 40
_MAX_TEXT = 255
_RESERVED = frozenset({"connectors", "tests"})  # a namespace that others share; the project's own
_SUFFIX = ".tmpl"
# What says something else in Markdown than it shows: CommonMark 0.31, section 2.4.
_MARKUP = re.compile(r"[\\`*_\[\]<>#~]|&(?=#?\w+;)|^[-+](?!\w)")
_NUMBERED = re.compile(r"^([0-9]+)([.)])")
_WORD = re.compile(r"__([A-Z_]+?)__")


@dataclass(frozen=True, slots=True)
class Project:
    """What a new connector is called, and what it says of itself.

    Attributes:
        name: of the distribution, and the connector's id and target.
        type: the channel that it sends on.
        title: its name as people write it.
        description: one sentence.
        author: `Name`, `Name <a@b.example>`, an address, or nothing.
    """

    name: str
    type: ConnectorType
    title: str
    description: str
    author: str = ""

    @classmethod
    def of(
        cls,
        name: str,
        type: ConnectorType = "Email",
        title: str | None = None,
        description: str | None = None,
        author: str | None = None,
    ) -> Project:
        """The project of a name that was checked; what is not given follows from the name."""
        name = _normalised(name)
        title = title or re.sub(r"[-_.]", " ", name).capitalize()
        sent = "e-mails" if type == "Email" else "text messages"
        description = description or f"Sends the {sent} of a sign-in flow through {title}."
        return cls(name, type, title, description, author or "")

    @property
    def package(self) -> str:
        """The name that it is imported by."""
        return _package(self.name)

    def files(self) -> dict[str, str]:
        """The text of each file by its path, `/` between the folders."""
        words = self._words()
        scaffold = resources.files("connector_core.cli.new") / "scaffold"
        return {
            _filled(path.removesuffix(_SUFFIX), words): _filled(text, words)
            for layer in ("common", self.type)
            for path, text in _texts(scaffold / layer)
        }

    def write(self, folder: Path) -> list[str]:
        """Make the folder with all files in it, or nothing; the paths of the files.

        Args:
            folder: is not there, or empty; the folder that it is in is there.

        Raises:
            OSError: it cannot be made, or has something in it.
        """
        target = folder.resolve()
        # Beside its place, so that it comes there by a rename: whole, and over nothing.
        beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        beside.mkdir()
        files = self.files()
        try:
            for path, text in files.items():
                file = beside / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, "utf-8", newline="\n")
            beside.rename(target)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        return sorted(files)

    def _words(self) -> dict[str, str]:
        """What stands for each word of the scaffold."""
        return {
            "NAME": self.name,
            "PACKAGE": self.package,
            "TYPE": self.type,
            "TITLE_MARKDOWN": _markdown(self.title),
            "TITLE_STRING": _quoted(self.title),
            "DESCRIPTION_MARKDOWN": _markdown(self.description),
            "DESCRIPTION_STRING": _quoted(self.description),
            "AUTHORS": _authors(self.author),
            "CORE": ".".join(version("connector-core").split(".")[:2]),
        }


def name_problem(text: str, registry: Registry) -> str:
    """Why a connector cannot have this name; empty if it can.

    Args:
        text: the name.
        registry: the connectors that are there, which have their names already.
    """
    if not _NAME.fullmatch(text) or len(text) > _MAX_NAME:
        return _("use letters, digits, - and _, at most {limit} of them, such as acme-mail").format(
            limit=_MAX_NAME
        )
    name, package = _normalised(text), _package(_normalised(text))
    if not package.isidentifier() or keyword.iskeyword(package):
        return _(
            "{package} cannot be the name of a Python package: begin with a letter, and use no "
            "word of the language"
        ).format(package=package)
    if package in _RESERVED or package in sys.stdlib_module_names or _is_installed(name):
        return _("there is a Python package {package} already: choose another name").format(
            package=package
        )
    for connector in registry:
        if name in (connector.id, connector.target):
            return _("{owner} has a connector of this id or target: choose another name").format(
                owner=f"{connector.distribution} {connector.version}"
            )
    return ""


def text_problem(text: str) -> str:
    """Why this cannot be a title or description; empty if it can."""
    if not text.strip() or not text.isprintable() or len(text) > _MAX_TEXT:
        return _("must be one line of at most {limit} characters").format(limit=_MAX_TEXT)
    return ""


def author_problem(text: str) -> str:
    """Why this cannot be the author; empty if it can."""
    if problem := text_problem(text):
        return problem
    if "@" in text or "<" in text:
        try:
            parse_mailbox(text)
        except ValueError as error:
            return str(error)
    return ""


def _normalised(name: str) -> str:
    """As package indexes compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _package(name: str) -> str:
    return name.replace("-", "_")


def _is_installed(name: str) -> bool:
    """Whether there is such a distribution, package or module; a folder without code is none."""
    with suppress(PackageNotFoundError):
        distribution(name)
        return True  # to install the new one would take it away
    spec = importlib.util.find_spec(_package(name))
    return spec is not None and spec.origin is not None


def _quoted(text: str) -> str:
    """As a string of JSON, which in TOML is the same where the text is printable."""
    return json.dumps(text, ensure_ascii=False)


def _markdown(text: str) -> str:
    """As a line of Markdown that shows it."""
    return _NUMBERED.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", text.strip()))


def _authors(author: str) -> str:
    """The line of pyproject.toml; none without an author."""
    if not author:
        return ""
    if "@" not in author:
        return f"authors = [{{ name = {_quoted(author)} }}]\n"
    mailbox = parse_mailbox(author)
    email = f"email = {_quoted(str(mailbox.address))}"
    name = f"name = {_quoted(mailbox.name)}, " if mailbox.name else ""
    return f"authors = [{{ {name}{email} }}]\n"


def _texts(folder: Traversable, above: str = "") -> Iterator[tuple[str, str]]:
    """The path and text of each file in a folder of the scaffold."""
    for item in folder.iterdir():
        if item.is_dir():
            yield from _texts(item, f"{above}{item.name}/")
        elif item.name.endswith(_SUFFIX):
            yield f"{above}{item.name}", item.read_text("utf-8")


def _filled(text: str, words: Mapping[str, str]) -> str:
    return _WORD.sub(lambda found: words[found[1]], text)
