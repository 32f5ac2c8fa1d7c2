"""TOML (v1.0.0) read as statements on lines: keys with their values, and headers of tables."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "HEADER",
    "KEY",
    "CannotEditError",
    "Path",
    "Statement",
    "comment_of",
    "split_key",
    "statements",
    "value_of",
]

Path = tuple[str | int, ...]

KEY = re.compile(
    r"""[ \t]*(?P<key>(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
    r"""(?:[ \t]*\.[ \t]*(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'))*)[ \t]*=[ \t]*"""
)
HEADER = re.compile(r"[ \t]*(?P<brackets>\[\[?)(?P<key>.*?)\]\]?[ \t]*(?:#.*)?\r?\n?")
_MULTILINE = ('"""', "'''")


class CannotEditError(Exception):
    """The text is written in a way that this edit cannot keep."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A key with its value, or the header of a table.

    Attributes:
        path: the keys that lead to it from the root; an index where an array of tables is entered.
        header: whether it begins a table.
        first: the first of its lines.
        end: the line behind it.
    """

    path: Path
    header: bool
    first: int
    end: int


def statements(lines: Sequence[str]) -> Iterator[Statement]:
    """The statements of a document, given its lines, in order."""
    table: Path = ()
    counts: dict[Path, int] = {}
    at = 0
    while at < len(lines):
        start = lines[at].strip()
        end = at + 1
        if not start or start.startswith("#"):
            at = end
            continue
        if start.startswith("["):
            table = _table(lines[at], counts)
            yield Statement(table, header=True, first=at, end=end)
        else:
            end = _end_of(lines, at)
            yield Statement((*table, *_keys(lines[at])), header=False, first=at, end=end)
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


def _end_of(lines: Sequence[str], first: int) -> int:
    """The line behind a key and its value.

    A value ends at the end of a line unless a string or array is open, so the first lines that
    parse are all of it.
    """
    closing = next((mark for mark in _MULTILINE if mark in lines[first]), "")
    for end in range(first + 1, len(lines) + 1):
        if end > first + 1 and closing not in lines[end - 1]:
            continue  # a long text is not parsed once for each of its lines
        try:
            tomllib.loads("".join(lines[first:end]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    raise CannotEditError


def value_of(statement: str) -> Any:
    """The value of a statement that is a key with its value."""
    value: Any = tomllib.loads(statement)
    for part in _keys(statement):
        value = value[part]
    return value


def comment_of(statement: str) -> str:
    """The comment behind a value, with the space before it."""
    last = statement.rstrip("\r\n")
    for found in re.finditer(r"[ \t]*#", last):
        if "\n" in last[found.start() :]:
            continue
        try:
            tomllib.loads(last[: found.start()])
        except tomllib.TOMLDecodeError:
            continue
        return last[found.start() :]
    return ""
