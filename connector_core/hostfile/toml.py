"""Editing TOML (v1.0.0) in place: what an edit does not concern keeps every octet.

The text is taken for what it is, a sequence of statements on lines: an edit replaces, removes or
adds whole statements, and the result is parsed again and must say exactly what was wanted. Editors
that rebuild a document from a tree put comments that stand above a table to the table before it,
and lose them with it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from connector_core.hostfile.literals import (
    are_tables,
    bare_key,
    is_block,
    lines_of,
    literal,
    tables,
)
from connector_core.hostfile.statements import (
    HEADER,
    KEY,
    CannotEditError,
    Path,
    Statement,
    comment_of,
    has_comments,
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
    old = tomllib.loads(text)
    document = _Document(text)
    try:
        for table, name in (renamed or {}).items():
            document.rename(table, name)
            old = tomllib.loads(document.text)
        for path, value in _changes(old, wanted, ()):
            document.change(path, value)
        result = tomllib.loads(document.text)
    except tomllib.TOMLDecodeError:
        raise CannotEditError from None
    if result != wanted or any(
        list(_at(result, table[:-1])) != list(_at(wanted, table[:-1])) for table in renamed or ()
    ):
        raise CannotEditError
    return document.text


def _at(data: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    found: Any = data
    for part in path:
        found = found[part]
    return dict(found)


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
    """As `_changes`; a table that is there before and after keeps what stands around it."""
    forms = [
        [json.dumps(table, sort_keys=True, default=str) for table in side] for side in (old, new)
    ]
    blocks = SequenceMatcher(None, forms[0], forms[1], autojunk=False).get_opcodes()
    # Of what differs, tables in the same place are one that was changed.
    if not new or any(tag == "insert" and begin < len(old) for tag, begin, *_more in blocks):
        yield path, new
        return
    for tag, begin, end, new_begin, new_end in blocks:
        if tag == "replace" and new_end - new_begin > end - begin and end < len(old):
            yield path, new
            return
    gone: list[int] = []
    for tag, begin, end, new_begin, new_end in blocks:
        if tag == "equal":
            continue
        paired = min(end - begin, new_end - new_begin)
        for place in range(paired):
            yield from _changes(old[begin + place], new[new_begin + place], (*path, begin + place))
        gone += range(begin + paired, end)
        for place in range(paired, new_end - new_begin):
            yield (*path, begin + place), new[new_begin + place]
    for index in reversed(gone):
        yield (*path, index), _GONE


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
        """Give a table another last key wherever a header or a dotted key names it."""
        for statement in statements(self._lines):
            inside = 0 if statement.header else len(statement.table)
            if statement.path[: len(table)] != table or inside >= len(table):
                continue
            line = self._lines[statement.first]
            found = (HEADER.fullmatch if statement.header else KEY.match)(line)
            if found is None:
                raise CannotEditError
            parts = list(split_key(found["key"]))
            parts[len(table) - 1 - inside] = name
            key = ".".join(map(bare_key, parts))
            self._lines[statement.first] = (
                line[: found.start("key")] + key + line[found.end("key") :]
            )

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
        if key is None or has_comments(source):
            raise CannotEditError
        comment = comment_of(source)
        self._lines[statement.first : statement.end] = lines_of(
            f"{key[0]}{literal(value)}{comment}\n".replace("\n", self._newline)
        )

    def _remove(self, there: Sequence[Statement], path: Path) -> int | None:
        """Take out every statement under the path; the line where the first one stood."""
        place = None
        for statement in reversed(there):
            if statement.path[: len(path)] != path:
                continue
            first, end = statement.first, statement.end
            if statement.header:
                # With the comments above it, and those between its keys.
                first = self._above([statement], ())
                end = max((item.end for item in there if item.table is statement.path), default=end)
                first, end = self._with_blank_lines(first, end)
            elif statement.table[: len(path)] == path:
                continue  # goes with its header
            elif end < len(self._lines) and not self._lines[end].strip():
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
        dotted = _dotted(there, parent)
        if is_block(value):
            behind = _end_of_section(there, parent, dotted)
            self._insert(len(self._lines) if behind is None else behind, self._blocks(path, value))
            return
        at, header = _room_for_key(there, parent)
        key = path[-1:]
        if at is None and dotted is not None:
            at, key = dotted.end, path[len(dotted.table) :]
        elif header:
            self._insert(self._above(there, parent), self._blocks(parent, {path[-1]: value}))
            return
        line = self._ended(_dotted_pair(key, value))
        if at is None:
            self._insert(self._above(there, ()), line)
        else:
            self._end_line(at)
            self._lines[at:at] = line

    def _above(self, there: Sequence[Statement], table: Path) -> int:
        """The line above what there is under a table, and above the comments that belong to it."""
        under = (item.first for item in there if item.path[: len(table)] == table)
        first = at = min(under, default=len(self._lines))
        while at < len(self._lines) and at and self._lines[at - 1].lstrip().startswith("#"):
            at -= 1
        # What stands at the very beginning belongs to the file.
        return at or first

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


def _dotted(there: Sequence[Statement], table: Path) -> Statement | None:
    """The last of the dotted keys that a table is made of, if it is made of such."""
    found = None
    for item in there:
        if not item.header and len(item.table) < len(table) < len(item.path):
            found = item if item.path[: len(table)] == table else found
    return found


def _end_of_section(
    there: Sequence[Statement], table: Path, dotted: Statement | None
) -> int | None:
    """The line behind all that stands under a table; None for the end of the document."""
    under = [item.end for item in there if table and item.path[: len(table)] == table]
    if dotted is not None:  # further keys of another table may follow those of this one
        under += [item.end for item in there if item.table is dotted.table]
    return max(under, default=None)


def _dotted_pair(key: Path, value: Any) -> str:
    parts = [bare_key(part) for part in key if isinstance(part, str)]
    if len(parts) < len(key):
        raise CannotEditError
    return f"{'.'.join(parts)} = {literal(value)}\n"


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
