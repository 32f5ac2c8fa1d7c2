"""TOML (v1.0.0) read as statements on lines: keys with their values, and headers of tables."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

__all__ = [
    "HEADER",
    "KEY",
    "CannotEditError",
    "Path",
    "Statement",
    "comment_of",
    "has_comments",
    "split_key",
    "statements",
    "value_of",
]

Path = tuple[str | int, ...]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_DOTTED = rf"(?P<key>{_PART}(?:[ \t]*\.[ \t]*{_PART})*)"
KEY = re.compile(rf"[ \t]*{_DOTTED}[ \t]*=[ \t]*")
HEADER = re.compile(rf"[ \t]*(?P<brackets>\[\[?)[ \t]*{_DOTTED}[ \t]*\]\]?[ \t]*(?:#[^\n]*)?\r?\n?")
# Without backtracking the time stays linear in the text.
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*+"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*+'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*+"'
    r"|'[^'\n]*+'"
    r"|#[^\n]*+"
    r"|[\[\]{}\n]"
    r"|[^\"'#\[\]{}\n]++"
)


class CannotEditError(Exception):
    """The text is written in a way that this edit cannot keep."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A key with its value, or the header of a table.

    Attributes:
        path: the keys that lead to it from the root; an index where an array of tables is entered.
        table: the path of the table whose header it stands under.
        header: whether it begins a table.
        first: the first of its lines.
        end: the line behind it.
    """

    path: Path
    table: Path
    header: bool
    first: int
    end: int


def statements(lines: Sequence[str]) -> Iterator[Statement]:
    """The statements of a document, given its lines, in order."""
    text = "".join(lines)
    starts = [0, *accumulate(map(len, lines))]
    table: Path = ()
    counts: dict[Path, int] = {}
    at = 0
    while at < len(lines):
        start = lines[at].strip()
        end = at + 1
        if start.startswith("["):
            table = _table(lines[at], counts)
            yield Statement(table, table, header=True, first=at, end=end)
        elif start and not start.startswith("#"):
            behind = _value(text, starts[at]).end
            end = bisect_right(starts, behind, lo=at + 1)
            keys = _keys(lines[at])
            yield Statement((*table, *keys), table, header=False, first=at, end=end)
        at = end


def _table(line: str, counts: dict[Path, int]) -> Path:
    """The path of the table that a header begins, with the indices of arrays of tables in it."""
    header = HEADER.fullmatch(line)
    if header is None:
        raise CannotEditError
    path: Path = ()
    parts = split_key(header["key"])
    for number, part in enumerate(parts, start=1):
        path = (*path, part)
        if header["brackets"] == "[[" and number == len(parts):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _keys(line: str) -> tuple[str, ...]:
    key = KEY.match(line)
    if key is None:
        raise CannotEditError
    return split_key(key["key"])


def split_key(dotted: str) -> tuple[str, ...]:
    """The parts of a dotted key."""
    value: Any = tomllib.loads(f"{dotted} = 0")
    parts: list[str] = []
    while isinstance(value, dict):
        [(part, value)] = value.items()
        parts.append(part)
    return tuple(parts)


@dataclass(frozen=True, slots=True)
class _Value:
    """A value: where it begins and ends, and whether comments stand in it."""

    start: int
    end: int
    commented: bool


def _value(text: str, at: int) -> _Value:
    """The value of the statement that begins at this place of a text."""
    key = KEY.match(text, at)
    if key is None:
        raise CannotEditError
    start = end = place = key.end()
    depth, commented = 0, False
    for token in _TOKEN.finditer(text, start):
        word = token[0]
        if token.start() != place:
            raise CannotEditError
        place = token.end()
        if word[0] == "#":
            commented |= depth > 0
        depth += (word in "[{") - (word in "]}")
        if depth == 0 and word[0] in "#\n":
            break
        if word[0] != "#" and word.strip():
            end = token.start() + len(word.rstrip())
    return _Value(start, end, commented)


def value_of(statement: str) -> Any:
    """The value of a statement that is a key with its value."""
    value: Any = tomllib.loads(statement)
    for part in _keys(statement):
        value = value[part]
    return value


def has_comments(statement: str) -> bool:
    """Whether comments stand within the value of a statement, which a new value would lose."""
    return _value(statement, 0).commented


def comment_of(statement: str) -> str:
    """The comment behind a value, with the space before it."""
    rest = statement[_value(statement, 0).end :].rstrip("\r\n")
    return rest if rest.strip() else ""
