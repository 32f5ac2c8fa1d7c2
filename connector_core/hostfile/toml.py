"""Editing TOML (v1.0.0) in place: what an edit does not concern keeps every octet.

The text is taken for what it is, a sequence of statements on lines: an edit replaces, removes or
adds whole statements, and the result is parsed again and must say exactly what was wanted. Editors
that rebuild a document from a tree put comments that stand above a table to the table before it,
and lose them with it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector_core.hostfile.literals import (
    are_tables,
    bare_key,
    is_block,
    lines_of,
    literal,
    pair,
    tables,
)
from connector_core.hostfile.statements import (
    HEADER,
    KEY,
    CannotEditError,
    Path,
    Statement,
    comment_of,
    split_key,
    statements,
    value_of,
)

__all__ = ["CannotEditError", "edited"]


def edited(
    text: str, wanted: Mapping[str, Any], renamed: Mapping[tuple[str, ...], str] | None = None
) -> str:
    """The text changed to say what is wanted; comments, order and layout of the rest stay.

    Args:
        text: a TOML document.
        wanted: what it shall say, as `tomllib.loads` would give it.
        renamed: tables that are wanted under another last key, by their paths.

    Raises:
        tomllib.TOMLDecodeError: the text is no TOML.
        CannotEditError: it cannot be done without a change to other parts of the text.
    """
    document = _Document(text)
    for table, name in (renamed or {}).items():
        document.rename(table, name)
    for path, value in _changes(tomllib.loads(document.text), wanted, ()):
        document.change(path, value)
    result = document.text
    try:
        done = tomllib.loads(result) == wanted
    except tomllib.TOMLDecodeError:
        done = False
    if not done:
        raise CannotEditError
    return result


_GONE = object()


def _changes(old: Any, new: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Each place at which the two differ, with the value to be there, or `_GONE`."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in old:
            if key not in new:
                yield (*path, key), _GONE
        for key, value in new.items():
            if key not in old:
                yield (*path, key), value
            else:
                yield from _changes(old[key], value, (*path, key))
    elif are_tables(old) and are_tables(new):
        yield from _changed_tables(old, new, path)
    elif old != new or type(old) is not type(new):
        yield path, new


def _changed_tables(
    old: list[dict[str, Any]], new: list[dict[str, Any]], path: Path
) -> Iterator[tuple[Path, Any]]:
    if len(new) < len(old):
        kept = _kept(old, new)
        if not kept:
            yield path, new
            return
        for index in reversed(range(len(old))):
            if index not in kept:
                yield (*path, index), _GONE
        return
    for index, table in enumerate(new):
        if index < len(old):
            yield from _changes(old[index], table, (*path, index))
        else:
            yield (*path, index), table


def _kept(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> set[int] | None:
    """Where the new tables stand among the old ones, if all of them do in their order."""
    places = iter(range(len(old)))
    kept = {place for table in new for place in [_next(table, old, places)] if place is not None}
    return kept if len(kept) == len(new) else None


def _next(table: object, old: Sequence[object], places: Iterator[int]) -> int | None:
    return next((place for place in places if old[place] == table), None)


class _Document:
    """The lines of a TOML document, edited statement by statement."""

    def __init__(self, text: str) -> None:
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._lines = lines_of(text)

    @property
    def text(self) -> str:
        return "".join(self._lines)

    def change(self, path: Path, value: Any) -> None:
        """Let the value stand at this path, or nothing where it is `_GONE`."""
        there = list(statements(self._lines))
        whole = _holding(there, path)
        if whole is not None and whole.path != path:
            self._rewrite_inside(whole, path[len(whole.path) :], value)
        elif value is _GONE:
            self._keep_table(path[:-1], self._remove(there, path))
        elif whole is not None and not isinstance(value, dict):
            self._replace_value(whole, value)
        else:
            place = self._remove(there, path)
            if place is not None and whole is None and is_block(value):
                self._insert(place, self._blocks(path, value))
            else:
                self._add(list(statements(self._lines)), path, value)

    def rename(self, table: tuple[str, ...], name: str) -> None:
        """Give a table another last key in every header that names it."""
        for statement in statements(self._lines):
            if statement.header and statement.path[: len(table)] == table:
                line = self._lines[statement.first]
                header = HEADER.fullmatch(line)
                if header is None:
                    raise CannotEditError
                parts = list(split_key(header["key"]))
                parts[len(table) - 1] = name
                before, after = line[: header.start("key")], line[header.end("key") :]
                self._lines[statement.first] = f"{before}{'.'.join(map(bare_key, parts))}{after}"

    def _rewrite_inside(self, whole: Statement, inner: Path, value: Any) -> None:
        """Change an inline table or an array of them: it is one statement."""
        root = value_of("".join(self._lines[whole.first : whole.end]))
        container = root
        for part in inner[:-1]:
            container = container[part]
        if value is _GONE:
            del container[inner[-1]]
        elif inner[-1] == len(container) and isinstance(container, list):
            container.append(value)
        else:
            container[inner[-1]] = value
        self._replace_value(whole, root)

    def _replace_value(self, statement: Statement, value: Any) -> None:
        source = "".join(self._lines[statement.first : statement.end])
        key = KEY.match(source)
        if key is None:
            raise CannotEditError
        comment = comment_of(source)
        self._lines[statement.first : statement.end] = lines_of(
            f"{key[0]}{literal(value)}{comment}\n".replace("\n", self._newline)
        )

    def _remove(self, there: Sequence[Statement], path: Path) -> int | None:
        """Take out every statement under the path; the line where the first one stood."""
        place = None
        for statement in reversed([item for item in there if item.path[: len(path)] == path]):
            first, end = statement.first, statement.end
            if statement.header:
                first = self._above([statement], ())
            if statement.header or (end < len(self._lines) and not self._lines[end].strip()):
                first, end = self._with_blank_lines(first, end)
            del self._lines[first:end]
            place = first
        return place

    def _keep_table(self, table: Path, place: int | None) -> None:
        """Let a table that was only named by what was in it stay, now empty."""
        left = any(item.path[: len(table)] == table for item in statements(self._lines))
        if table and place is not None and not left:
            self._insert(place, self._blocks(table, {}))

    def _with_blank_lines(self, first: int, end: int) -> tuple[int, int]:
        """Of the blank lines around a block, those before it go with it."""
        behind = end >= len(self._lines) or not self._lines[end].strip()
        while behind and first and not self._lines[first - 1].strip():
            first -= 1
        return first, end

    def _add(self, there: Sequence[Statement], path: Path, value: Any) -> None:
        parent = path[:-1]
        if is_block(value):
            under = [item.end for item in there if item.path[: len(parent)] == parent]
            behind = max(under) if parent and under else len(self._lines)
            self._insert(behind, self._blocks(path, value))
            return
        at, header = _room_for_key(there, parent)
        if header:
            self._insert(self._above(there, parent), self._blocks(parent, {path[-1]: value}))
            return
        line = self._ended(pair(str(path[-1]), value))
        if at is None:
            self._insert(self._above(there, ()), line)
        else:
            self._end_line(at)
            self._lines[at:at] = line

    def _above(self, there: Sequence[Statement], table: Path) -> int:
        """The line above what there is under a table, and above the comments that belong to it."""
        under = (item.first for item in there if item.path[: len(table)] == table)
        at = min(under, default=len(self._lines))
        while at < len(self._lines) and at and self._lines[at - 1].lstrip().startswith("#"):
            at -= 1
        return at

    def _insert(self, at: int, block: list[str]) -> None:
        """Put tables in, with a blank line around them."""
        self._end_line(at)
        before = [self._newline] if at and self._lines[at - 1].strip() else []
        behind = [self._newline] if at < len(self._lines) and self._lines[at].strip() else []
        self._lines[at:at] = [*before, *block, *behind]

    def _end_line(self, at: int) -> None:
        if at and not self._lines[at - 1].endswith("\n"):
            self._lines[at - 1] += self._newline

    def _blocks(self, path: Path, value: Any) -> list[str]:
        return self._ended("\n".join(tables(path, value)))

    def _ended(self, text: str) -> list[str]:
        return lines_of(text.replace("\n", self._newline))


def _holding(there: Sequence[Statement], path: Path) -> Statement | None:
    """The key whose value is at this path, or has it inside."""
    for statement in there:
        if not statement.header and path[: len(statement.path)] == statement.path:
            return statement
    return None


def _room_for_key(there: Sequence[Statement], table: Path) -> tuple[int | None, bool]:
    """The line for a further key of a table, if it has one, and whether it wants a header first."""
    at: int | None = None
    inside = not table
    for statement in there:
        if statement.header:
            inside = statement.path == table
            if inside:
                at = statement.end
        elif inside and statement.path[:-1] == table:
            at = statement.end
    under = any(item.path[: len(table)] == table for item in there)
    return at, bool(table) and at is None and under
