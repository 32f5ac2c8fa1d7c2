"""A page taken apart into the steps of its story: blocks of code, and comments that say how."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["KNOWN_LANGUAGES", "ROOT", "Page", "PageError", "Step", "page_at", "pages"]

ROOT = Path(__file__).parents[2]
# Run, parsed or shown; a block in any other language must say which file it is.
KNOWN_LANGUAGES = frozenset(["console", "json", "python", "text", "toml"])
# What a comment may say of the block that follows it, and of a block in which language.
_OF_A_BLOCK = {
    "background": {"console"},
    "config": {"json", "toml"},
    "exit": {"console"},
    "file": None,
    "inputs": {"console"},
    "more": {"text"},
    "not run": None,
    "output": {"text"},
}
_HIDDEN = frozenset(["python", "console"])
_COMMENT = re.compile(r"<!--[ \t]*(.*?)\s*-->", re.DOTALL)
_DIRECTIVE = re.compile(
    r"(?P<name>[a-z][a-z ]*[a-z])(?::[ \t]*(?P<value>[^\n]*))?(?P<body>\n.*)?", re.DOTALL
)
# Marks of other tools, which the runner leaves alone.
_MARK = re.compile(r"/?bench:[a-z]+|made by .*")


class PageError(Exception):
    """A page that breaks the convention; the text says where and how."""


@dataclass(frozen=True)
class Step:
    """One step of a page's story.

    Attributes:
        language: of the block, such as `python`; `text` for what is only shown.
        content: the block's text.
        line: the number of its first line in the page, from 1.
        says: what comments say of it, by name: `{"exit": "3"}`.
    """

    language: str
    content: str
    line: int
    says: dict[str, str]


@dataclass(frozen=True)
class Page:
    """A page: where it is, its steps in order, and the servers that its comments name."""

    path: Path
    steps: tuple[Step, ...]
    servers: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its path in the repository, such as `docs/library.md`."""
        return (
            str(self.path.relative_to(ROOT)) if self.path.is_relative_to(ROOT) else self.path.name
        )


def pages() -> list[Path]:
    """Every page that is held to the convention."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]


def page_at(path: Path) -> Page:
    """Read a page.

    Raises:
        PageError: a comment or a block that nobody would run, check or show knowingly.
    """
    reader = _Reader(path.name)
    for token in MarkdownIt("commonmark").parse(path.read_text("utf-8")):
        reader.take(token)
    reader.done()
    return Page(path, tuple(reader.steps), tuple(reader.servers))


class _Reader:
    """Takes a page's tokens in turn; `says` is what was said of the block that must follow."""

    def __init__(self, name: str) -> None:
        self.steps: list[Step] = []
        self.servers: list[str] = []
        self._says: dict[str, str] = {}
        self._name = name
        self._line = 0

    def take(self, token: Token) -> None:
        self._line = token.map[0] + 1 if token.map else self._line
        if token.type == "html_block":
            for directive in _directives(token.content, self._place):
                self._comment(*directive)
        elif token.type == "fence":
            self._block(token.info.strip(), token.content)
        elif token.type == "code_block":
            raise PageError(f"{self._place}: fence the block, and say its language")
        elif token.type not in ("paragraph_close", "list_item_close"):
            self.done()

    def done(self) -> None:
        """No block follows here: none may be waited for."""
        if self._says:
            raise PageError(f"{self._place}: no block follows the comment {next(iter(self._says))}")

    @property
    def _place(self) -> str:
        return f"{self._name}:{self._line}"

    def _comment(self, name: str, value: str, body: str) -> None:
        if name == "server":
            self.servers += value.split()
        elif body and name in _HIDDEN:
            self._add(name, body, {})
        elif body and name == "file":
            self._add("text", body, {"file": value})
        elif name in _OF_A_BLOCK:
            self._says[name] = body or value
        else:
            raise PageError(f"{self._place}: nobody knows the comment {name!r}")

    def _add(self, language: str, body: str, says: dict[str, str]) -> None:
        self.steps.append(Step(language, f"{body}\n", self._line + 1, says | self._says))
        self._says = {}

    def _block(self, language: str, content: str) -> None:
        if language not in KNOWN_LANGUAGES and "file" not in self._says:
            raise PageError(
                f"{self._place}: a block in {language or 'no language'!r} must be one of "
                f"{', '.join(sorted(KNOWN_LANGUAGES))}, or be written somewhere: "
                "<!-- file: path -->"
            )
        for name in self._says:
            if (languages := _OF_A_BLOCK[name]) is not None and language not in languages:
                raise PageError(
                    f"{self._place}: the comment {name} is for {' and '.join(sorted(languages))}"
                )
        self._add(language, content.removesuffix("\n"), {})


def _directives(html: str, place: str) -> Iterator[tuple[str, str, str]]:
    """Name, value and further lines of each comment."""
    for comment in _COMMENT.findall(html):
        if _MARK.fullmatch(comment):
            continue
        found = _DIRECTIVE.fullmatch(comment)
        if found is None:
            raise PageError(f"{place}: nobody knows the comment {comment.splitlines()[0]!r}")
        yield found["name"], (found["value"] or "").strip(), (found["body"] or "").strip("\n")
