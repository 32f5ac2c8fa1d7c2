"""Editing TOML (v1.0.0) in place: what an edit does not concern keeps every octet.

The text is taken for what it is, a sequence of statements on lines: an edit replaces, removes or
adds whole statements, and the result is parsed again and must say exactly what was wanted. Editors
that rebuild a document from a tree put comments that stand above a table to the table before it,
and lose them with it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomli_w

__all__ = ["CannotEditError", "edited"]

Path = tuple[str | int, ...]

_KEY = re.compile(
    r"""[ \t]*(?P<key>(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
    r"""(?:[ \t]*\.[ \t]*(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'))*)[ \t]*=[ \t]*"""
)
_HEADER = re.compile(r"[ \t]*(?P<brackets>\[\[?)(?P<key>.*?)\]\]?[ \t]*(?:#.*)?\r?\n?")
_MULTILINE = ('"""', "'''")


class CannotEditError(Exception):
    """The text is written in a way that this edit cannot keep."""


@dataclass(frozen=True, slots=True)
class _Statement:
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
    elif _are_tables(old) and _are_tables(new):
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


def _are_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


class _Document:
    """The lines of a TOML document, edited statement by statement."""

    def __init__(self, text: str) -> None:
        self._newline = "\r\n" if "\r\n" in text else "\n"
        # Not str.splitlines, which also breaks at characters that TOML knows as text.
        self._lines = re.findall(r"[^\n]*\n|[^\n]+", text)

    @property
    def text(self) -> str:
        return "".join(self._lines)

    def change(self, path: Path, value: Any) -> None:
        """Let the value stand at this path, or nothing where it is `_GONE`."""
        statements = list(_statements(self._lines))
        whole = _holding(statements, path)
        if whole is not None and whole.path != path:
            self._rewrite_inside(whole, path[len(whole.path) :], value)
        elif value is _GONE:
            self._keep_table(path[:-1], self._remove(statements, path))
        elif whole is not None and not isinstance(value, dict):
            self._replace_value(whole, value)
        else:
            place = self._remove(statements, path)
            if place is not None and whole is None and _is_block(value):
                self._insert(place, self._blocks(path, value))
            else:
                self._add(list(_statements(self._lines)), path, value)

    def rename(self, table: tuple[str, ...], name: str) -> None:
        """Give a table another last key in every header that names it."""
        for statement in _statements(self._lines):
            if statement.header and statement.path[: len(table)] == table:
                line = self._lines[statement.first]
                header = _HEADER.fullmatch(line)
                if header is None:
                    raise CannotEditError
                parts = list(_split(header["key"]))
                parts[len(table) - 1] = name
                before, after = line[: header.start("key")], line[header.end("key") :]
                self._lines[statement.first] = f"{before}{'.'.join(map(_inline_key, parts))}{after}"

    def _rewrite_inside(self, whole: _Statement, inner: Path, value: Any) -> None:
        """Change an inline table or an array of them: it is one statement."""
        root = _value_of("".join(self._lines[whole.first : whole.end]))
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

    def _replace_value(self, statement: _Statement, value: Any) -> None:
        source = "".join(self._lines[statement.first : statement.end])
        key = _KEY.match(source)
        if key is None:
            raise CannotEditError
        comment = _comment_of(source)
        self._lines[statement.first : statement.end] = _lines(
            f"{key[0]}{_literal(value)}{comment}\n".replace("\n", self._newline)
        )

    def _remove(self, statements: Sequence[_Statement], path: Path) -> int | None:
        """Take out every statement under the path; the line where the first one stood."""
        place = None
        for statement in reversed([item for item in statements if item.path[: len(path)] == path]):
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
        left = any(item.path[: len(table)] == table for item in _statements(self._lines))
        if table and place is not None and not left:
            self._insert(place, self._blocks(table, {}))

    def _with_blank_lines(self, first: int, end: int) -> tuple[int, int]:
        """Of the blank lines around a block, those before it go with it."""
        behind = end >= len(self._lines) or not self._lines[end].strip()
        while behind and first and not self._lines[first - 1].strip():
            first -= 1
        return first, end

    def _add(self, statements: Sequence[_Statement], path: Path, value: Any) -> None:
        parent = path[:-1]
        if _is_block(value):
            under = [item.end for item in statements if item.path[: len(parent)] == parent]
            behind = max(under) if parent and under else len(self._lines)
            self._insert(behind, self._blocks(path, value))
            return
        at, header = _room_for_key(statements, parent)
        if header:
            self._insert(self._above(statements, parent), self._blocks(parent, {path[-1]: value}))
            return
        pair = self._ended(_pair(str(path[-1]), value))
        if at is None:
            self._insert(self._above(statements, ()), pair)
        else:
            self._end_line(at)
            self._lines[at:at] = pair

    def _above(self, statements: Sequence[_Statement], table: Path) -> int:
        """The line above what there is under a table, and above the comments that belong to it."""
        under = (item.first for item in statements if item.path[: len(table)] == table)
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
        return self._ended("\n".join(_tables(path, value)))

    def _ended(self, text: str) -> list[str]:
        return _lines(text.replace("\n", self._newline))


def _holding(statements: Sequence[_Statement], path: Path) -> _Statement | None:
    """The key whose value is at this path, or has it inside."""
    for statement in statements:
        if not statement.header and path[: len(statement.path)] == statement.path:
            return statement
    return None


def _room_for_key(statements: Sequence[_Statement], table: Path) -> tuple[int | None, bool]:
    """The line for a further key of a table, if it has one, and whether it wants a header first."""
    at: int | None = None
    inside = not table
    for statement in statements:
        if statement.header:
            inside = statement.path == table
            if inside:
                at = statement.end
        elif inside and statement.path[:-1] == table:
            at = statement.end
    under = any(item.path[: len(table)] == table for item in statements)
    return at, bool(table) and at is None and under


def _statements(lines: Sequence[str]) -> Iterator[_Statement]:
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
            yield _Statement(table, header=True, first=at, end=end)
        else:
            end = _end_of(lines, at)
            yield _Statement((*table, *_keys(lines[at])), header=False, first=at, end=end)
        at = end


def _table(line: str, counts: dict[Path, int]) -> Path:
    """The path of the table that a header begins, with the indices of arrays of tables in it."""
    header = _HEADER.fullmatch(line)
    if header is None:
        raise CannotEditError
    path: Path = ()
    parts = _split(header["key"])
    for number, part in enumerate(parts, start=1):
        path = (*path, part)
        if header["brackets"] == "[[" and number == len(parts):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _keys(line: str) -> tuple[str, ...]:
    key = _KEY.match(line)
    if key is None:
        raise CannotEditError
    return _split(key["key"])


def _split(dotted: str) -> tuple[str, ...]:
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


def _value_of(statement: str) -> Any:
    value: Any = tomllib.loads(statement)
    for part in _keys(statement):
        value = value[part]
    return value


def _comment_of(statement: str) -> str:
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


def _tables(path: Path, value: Any) -> Iterator[str]:
    """A table, or an array of them, as blocks with a header each."""
    for table in value if isinstance(value, list) else [value]:
        inner = {key: item for key, item in table.items() if _is_block(item)}
        pairs = [_pair(key, item) for key, item in table.items() if key not in inner]
        if pairs or not inner or isinstance(value, list) or isinstance(path[-1], int):
            yield _header(path, array=isinstance(value, list)) + "".join(pairs)
        for key, item in inner.items():
            yield from _tables((*path, key), item)


def _is_block(value: object) -> bool:
    return isinstance(value, dict) or _are_tables(value)


def _header(path: Path, *, array: bool) -> str:
    if isinstance(path[-1], int):
        path, array = path[:-1], True
    # An index leads to the last table of an array alone: that is what a header can name.
    name = ".".join(_inline_key(part) for part in path if isinstance(part, str))
    return f"[[{name}]]\n" if array else f"[{name}]\n"


def _pair(key: str, value: Any) -> str:
    return f"{_inline_key(key)} = {_literal(value)}\n"


def _literal(value: Any) -> str:
    """A value as it stands behind `=`; a text of several lines stands on several lines."""
    if isinstance(value, str) and "\n" in value and "\r" not in value:
        return _bare(tomli_w.dumps({"_": value}, multiline_strings=True))
    return _inline(value)


def _inline(value: Any) -> str:
    """The same on one line."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{_inline_key(key)} = {_inline(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return _bare(tomli_w.dumps({"_": value}))


def _bare(pair: str) -> str:
    return pair.removeprefix("_ = ").removesuffix("\n")


def _inline_key(key: str) -> str:
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)
