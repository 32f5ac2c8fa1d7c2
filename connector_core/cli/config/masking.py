"""Configs as they may be shown: secrets in clear are hidden, references to them are not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from connector_core.cli.output import printable
from connector_core.configs import PathParts, is_reference
from connector_core.schemas import is_secret

__all__ = ["MASK", "masked", "shown"]

MASK = "********"


def masked(schema: Mapping[str, Any], value: Any, parts: PathParts = ()) -> Any:
    """A copy of the value at a place of a config in which no secret is in clear."""
    if isinstance(value, Mapping):
        return {key: masked(schema, item, (*parts, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(schema, item, (*parts, index)) for index, item in enumerate(value)]
    in_clear = value not in ("", None) and not (isinstance(value, str) and is_reference(value))
    return MASK if in_clear and is_secret(schema, parts) else value


def shown(value: Any) -> str:
    """A value on a line, or the lines of an object or list: text bare, the rest as JSON."""
    if isinstance(value, str):
        return printable(value)
    indent = 2 if isinstance(value, list | Mapping) else None
    return printable(json.dumps(value, indent=indent, ensure_ascii=False))
