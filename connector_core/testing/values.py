"""Configs taken apart and changed: their values, with others in their places."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from connector_core.configs import PathParts, json_path
from connector_core.schemas import schemas_at

__all__ = ["changed", "leaves", "mistyped", "objects", "speaks_of", "value_at"]

_CANDIDATES: tuple[tuple[str, Any], ...] = (
    ("object", {"conformance": []}),
    ("array", [[]]),
    ("boolean", True),
    ("string", "conformance"),
)


def leaves(value: Any, parts: PathParts = ()) -> Iterator[PathParts]:
    """The places of all values that have none in them."""
    inner = list(_inside(value))
    if not inner and parts:
        yield parts
    for key, item in inner:
        yield from leaves(item, (*parts, key))


def objects(value: Any, parts: PathParts = ()) -> Iterator[PathParts]:
    """The places of all objects, that of the config itself first."""
    if isinstance(value, Mapping):
        yield parts
    for key, item in _inside(value):
        yield from objects(item, (*parts, key))


def _inside(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def value_at(config: Any, parts: PathParts) -> Any:
    """The value at a place."""
    for part in parts:
        config = config[part]
    return config


def changed(config: Mapping[str, Any], parts: PathParts, value: Any) -> dict[str, Any]:
    """A copy of the config with this value at the place."""
    result = copy.deepcopy(dict(config))
    value_at(result, parts[:-1])[parts[-1]] = value
    return result


def mistyped(schema: Mapping[str, Any], parts: PathParts) -> Any:
    """A value of a type that the schema does not take at this place; None if it takes any."""
    known = schemas_at(schema, parts)
    if not any(item.keys() & {"type", "enum", "const"} for item in known):
        return None
    taken = {name for item in known for name in _types(item)}
    return next((value for name, value in _CANDIDATES if name not in taken), None)


def _types(schema: Mapping[str, Any]) -> list[str]:
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def speaks_of(path: str, parts: PathParts) -> bool:
    """Whether a problem's path is this place, or one within it or around it; not the whole."""
    place = json_path(parts)
    near = (path == place, *(path.startswith(place + mark) for mark in ".["))
    around = (place.startswith(path + mark) for mark in ".[")
    return path != "$" and (any(near) or any(around))
