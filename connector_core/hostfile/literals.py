"""Values and tables as TOML (v1.0.0) to be put into a document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import tomli_w

from connector_core.hostfile.statements import Path

__all__ = ["are_tables", "bare_key", "is_block", "lines_of", "literal", "pair", "tables"]


def tables(path: Path, value: Any) -> Iterator[str]:
    """A table, or an array of them, as blocks with a header each."""
    for table in value if isinstance(value, list) else [value]:
        inner = {key: item for key, item in table.items() if is_block(item)}
        pairs = [pair(key, item) for key, item in table.items() if key not in inner]
        if pairs or not inner or isinstance(value, list) or isinstance(path[-1], int):
            yield _header(path, array=isinstance(value, list)) + "".join(pairs)
        for key, item in inner.items():
            yield from tables((*path, key), item)


def is_block(value: object) -> bool:
    """Whether a value is written as a table, or as an array of them."""
    return isinstance(value, dict) or are_tables(value)


def _header(path: Path, *, array: bool) -> str:
    if isinstance(path[-1], int):
        path, array = path[:-1], True
    # An index leads to the last table of an array alone: that is what a header can name.
    name = ".".join(bare_key(part) for part in path if isinstance(part, str))
    return f"[[{name}]]\n" if array else f"[{name}]\n"


def pair(key: str, value: Any) -> str:
    """A key with its value, as a line or several."""
    return f"{bare_key(key)} = {literal(value)}\n"


def literal(value: Any) -> str:
    """A value as it stands behind `=`; a text of several lines stands on several lines."""
    if isinstance(value, str) and "\n" in value and "\r" not in value:
        return _bare(tomli_w.dumps({"_": value}, multiline_strings=True))
    return _inline(value)


def _inline(value: Any) -> str:
    """The same on one line."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{bare_key(key)} = {_inline(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return _bare(tomli_w.dumps({"_": value}))


def _bare(pair: str) -> str:
    return pair.removeprefix("_ = ").removesuffix("\n")


def bare_key(key: str) -> str:
    """A key as it is written, in quotes where it must be."""
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


def are_tables(value: Any) -> bool:
    """Whether a value is an array of tables, and not of other values."""
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def lines_of(text: str) -> list[str]:
    """The lines of a text with their ends; str.splitlines would end some where TOML has text."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
