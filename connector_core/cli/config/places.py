"""Places in a config as people type them: `auth.user`, `templates[0].subject`, `$.host`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from connector_core.configs import PathParts, json_path
from connector_core.i18n import gettext as _
from connector_core.schemas import schemas_at
from connector_core.validation import nearest

__all__ = ["dotted", "known_places", "place_of", "put", "take_out", "value_at"]

_ROOT = re.compile(r"\$(?=[.\[]|$)")
_PART = re.compile(
    r"""\.(?P<key>[^.\[\]"\s]+)|\[(?P<index>[0-9]{1,6})\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]"""
)
_MAX_PARTS = 32
_MAX_KNOWN = 4  # parts: a schema may refer to itself


def place_of(text: str) -> PathParts:
    """The parts of a path: keys with dots between, indices in brackets, `$.` before it or not.

    A key that has a dot in it stands in brackets and quotes, as in `customHeaders["a.b"]`.

    Raises:
        ValueError: it is no path.
    """
    root = _ROOT.match(text)
    rest = text[root.end() :] if root else text if text.startswith("[") else f".{text}"
    parts: list[str | int] = []
    at = 0
    while at < len(rest):
        part = _PART.match(rest, at)
        if part is None:
            raise ValueError(_("is not a path such as auth.user or templates[0].subject"))
        at = part.end()
        parts.append(_part(part))
    try:
        json_path(tuple(parts)).encode()
    except UnicodeEncodeError:
        raise ValueError(_("is not UTF-8 text")) from None
    if len(parts) > _MAX_PARTS:
        raise ValueError(_("has more than {count} parts").format(count=_MAX_PARTS))
    return tuple(parts)


def dotted(parts: PathParts) -> str:
    """The path as people type it."""
    return json_path(parts)[1:].removeprefix(".")


def value_at(config: Any, parts: PathParts) -> Any:
    """The value at a place.

    Raises:
        LookupError: there is none; the argument says what there is in its stead.
    """
    for depth, part in enumerate(parts):
        _require_container(config, parts[:depth], part)
        if isinstance(config, list):
            if not isinstance(part, int) or part >= len(config):
                raise LookupError(_none_at(parts[: depth + 1], config))
        elif part not in config:
            raise LookupError(_none_at(parts[: depth + 1], config))
        config = config[part]
    return config


def put(config: dict[str, Any], parts: PathParts, value: Any) -> None:
    """Let the value stand at a place; tables that are not there yet are made.

    Raises:
        LookupError: something else is in the way; the argument says what.
    """
    container: Any = config
    for depth, part in enumerate(parts):
        _require_container(container, parts[:depth], part)
        last = depth == len(parts) - 1
        fresh = value if last else [] if isinstance(parts[depth + 1], int) else {}
        if isinstance(container, list):
            assert isinstance(part, int)  # noqa: S101 - it was required
            if part > len(container):
                raise LookupError(_none_at(parts[: depth + 1], container))
            if part == len(container):
                container.append(fresh)
            elif last:
                container[part] = fresh
        elif last or part not in container:
            container[part] = fresh
        container = container[part]


def take_out(config: dict[str, Any], parts: PathParts) -> None:
    """Take out what stands at a place.

    Raises:
        LookupError: nothing does.
    """
    value_at(config, parts)
    del value_at(config, parts[:-1])[parts[-1]]


def known_places(schema: Mapping[str, Any], config: Any) -> Iterator[PathParts]:
    """Every place that a schema names or a config has, from the outside in."""
    waiting: list[PathParts] = [()]
    for parts in waiting:
        if parts:
            yield parts
        if len(parts) < _MAX_KNOWN:
            waiting += [(*parts, part) for part in _inside(schema, config, parts)]


def _inside(schema: Mapping[str, Any], config: Any, parts: PathParts) -> list[str | int]:
    try:
        here = value_at(config, parts)
    except LookupError:
        here = None
    if isinstance(here, list):
        return list(range(len(here)))
    named = [key for item in schemas_at(schema, parts) for key in item.get("properties", {})]
    return list(dict.fromkeys([*named, *(here if isinstance(here, Mapping) else ())]))


def _part(found: re.Match[str]) -> str | int:
    if found["index"] is not None:
        return int(found["index"])
    if found["key"] is not None:
        return found["key"]
    try:
        return str(json.loads(found["quoted"]))
    except ValueError:
        raise ValueError(_("has a key in quotes that is not JSON")) from None


def _require_container(value: Any, parts: PathParts, part: str | int) -> None:
    if isinstance(value, list) and not isinstance(part, int):
        told = _("{path} is a list: name an item of it by its index, as in {path}[0]")
    elif isinstance(value, Mapping) and isinstance(part, int):
        told = _("{path} is no list: name what is in it by its key")
    elif not isinstance(value, list | Mapping):
        told = _("{path} is a value and has nothing in it")
    else:
        return
    raise LookupError(told.format(path=json_path(parts)))


def _none_at(parts: PathParts, container: Any) -> str:
    path = json_path(parts)
    if isinstance(container, list):
        outer, count = json_path(parts[:-1]), len(container)
        return _("there is no {path}: {outer} has {count} items, counted from 0").format(
            path=path, outer=outer, count=count
        )
    near = nearest(str(parts[-1]), container)
    if near:
        return _("there is no {path}; did you mean {near!r}?").format(path=path, near=near)
    there = ", ".join(container) or _("nothing")
    return _("there is no {path}; there is: {there}").format(path=path, there=there)
