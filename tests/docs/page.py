"""A page taken apart into the steps of its story: blocks of code, and comments that say how."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt

__all__ = ["KNOWN_LANGUAGES", "ROOT", "Page", "PageError", "Step", "page_at", "pages"]

ROOT = Path(__file__).parents[2]
# Run, parsed or shown; a block in any other language must say which file it is.
KNOWN_LANGUAGES = frozenset(["console", "json", "python", "text", "toml"])
_NOT_YET = ("docs/cli.md", "docs/connectors/smtp.md", "docs/host-file.md", "docs/library.md")
# What a comment may say of the block that follows it.
_OF_A_BLOCK = frozenset(
    ["background", "config", "exit", "file", "inputs", "more", "not run", "output"]
)
_HIDDEN = frozenset(["python", "console"])
_COMMENT = re.compile(r"<!--[ \t]*(.*?)\s*-->", re.DOTALL)
_DIRECTIVE = re.compile(
    r"(?P<name>[a-z][a-z ]*[a-z])(?::[ \t]*(?P<value>[^\n]*))?(?P<body>\n.*)?", re.DOTALL
)
# Marks of other tools, which the runner leaves alone.
_MARK = re.compile(r"/?bench:[a-z]+")


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
        hidden: whether it stands in a comment, for the runner alone.
    """

    language: str
    content: str
    line: int
    says: dict[str, str] = field(default_factory=dict)
    hidden: bool = False


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
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
    return [path for path in found if str(path.relative_to(ROOT)) not in _NOT_YET]


def page_at(path: Path) -> Page:
    """Read a page.

    Raises:
        PageError: a comment or a block that nobody would run, check or show knowingly.
    """
    steps: list[Step] = []
    servers: list[str] = []
    said: dict[str, str] = {}
    for token in MarkdownIt("commonmark").parse(path.read_text("utf-8")):
        line = token.map[0] + 1 if token.map else 0
        if token.type == "html_block":
            for name, value, body in _directives(token.content, f"{path.name}:{line}"):
                if name == "server":
                    servers += value.split()
                elif body and (name in _HIDDEN or name == "file"):
                    language = name if name in _HIDDEN else "text"
                    says = {} if name in _HIDDEN else {"file": value}
                    steps.append(Step(language, f"{body}\n", line + 1, says | said, hidden=True))
                    said = {}
                elif name in _OF_A_BLOCK:
                    said[name] = body or value
                else:
                    raise PageError(f"{path.name}:{line}: nobody knows the comment {name!r}")
        elif token.type == "fence":
            step = Step(token.info.strip(), token.content, line + 1, said)
            steps.append(_checked(step, f"{path.name}:{line}"))
            said = {}
        elif token.type == "code_block":
            raise PageError(f"{path.name}:{line}: fence the block, and say its language")
        elif said and token.type not in ("paragraph_close", "list_item_close"):
            raise PageError(f"{path.name}:{line}: no block follows the comment {set(said)}")
    return Page(path, tuple(steps), tuple(servers))


def _directives(html: str, place: str) -> Iterator[tuple[str, str, str]]:
    """Name, value and further lines of each comment."""
    for comment in _COMMENT.findall(html):
        if _MARK.fullmatch(comment):
            continue
        found = _DIRECTIVE.fullmatch(comment)
        if found is None:
            raise PageError(f"{place}: nobody knows the comment {comment.splitlines()[0]!r}")
        yield found["name"], (found["value"] or "").strip(), (found["body"] or "").strip("\n")


def _checked(step: Step, place: str) -> Step:
    """The step, whose block somebody takes."""
    if step.language not in KNOWN_LANGUAGES and "file" not in step.says:
        known = ", ".join(sorted(KNOWN_LANGUAGES))
        raise PageError(
            f"{place}: a block in {step.language or 'no language'!r} must be one of {known}, or be "
            "written somewhere: <!-- file: path -->"
        )
    return step
