"""Which values of a draft can be changed, and how one stands there to be edited."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from connector_core.configs import is_reference
from connector_core.schemas import holds_secret, schemas_at

if TYPE_CHECKING:
    from connector_core.setup import Draft

__all__ = ["ConfigPath", "changeable", "shown", "value_at"]

ConfigPath = tuple[str, ...]


def changeable(draft: Draft) -> list[tuple[ConfigPath, str]]:
    """The values that a user may change, each with its title; those that were asked for first.

    An object that may hold a secret is not there as a whole, but value by value.
    """
    names = [
        (name,) for name in draft.connector.schema.get("properties", {}) if name != "templates"
    ]
    asked = [item.path for item in draft.questions()]
    paths = [leaf for path in (*asked, *names) for leaf in _leaves(draft, path)]
    return [(path, draft.question(path).title) for path in dict.fromkeys(paths)]


def shown(draft: Draft, path: ConfigPath) -> str:
    """The value as it would be typed: JSON where it is no text; nothing of a secret."""
    value = value_at(draft.config(), path)
    if isinstance(value, str) and is_reference(value):
        return value
    if value is None or holds_secret(draft.connector.schema, path):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def value_at(config: Mapping[str, Any], path: ConfigPath) -> Any:
    """The value at a place of a config; None where there is none."""
    value: Any = config
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _leaves(draft: Draft, path: ConfigPath) -> Iterator[ConfigPath]:
    """The value, or in place of an object with secrets the values in it that are known or set."""
    schema, value = draft.connector.schema, value_at(draft.config(), path)
    keys = {key: None for item in schemas_at(schema, path) for key in item.get("properties", ())}
    keys |= dict.fromkeys(value if isinstance(value, Mapping) else ())
    if not keys or draft.is_secret(path) or not holds_secret(schema, path):
        yield path
        return
    for key in keys:
        yield from _leaves(draft, (*path, key))
