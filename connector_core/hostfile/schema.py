"""The JSON Schema of a host file with the configs of the connectors in it, for editors."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from connector_core.hostfile.reading import outer_schema

if TYPE_CHECKING:
    from connector_core.connector import Connector

__all__ = ["file_schema"]

# An editor cannot know what stands behind a reference, so one may stand for any text or number.
_REFERENCE = {"type": "string", "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:\\S.*)$"}


def file_schema(connectors: Iterable[Connector]) -> dict[str, Any]:
    """The schema (draft 2020-12) of a host file in which these connectors may be configured."""
    schema: dict[str, Any] = copy.deepcopy(dict(outer_schema()))
    entry = schema["properties"]["connectors"]["additionalProperties"]
    definitions = schema["$defs"] = {}
    choices = entry["allOf"] = []
    named = []
    for connector in connectors:
        definitions[connector.target] = _config_schema(connector)
        names = [connector.target, connector.id]
        named += names
        choices.append(
            {
                "if": {"properties": {"connector": {"enum": names}}, "required": ["connector"]},
                "then": {"properties": {"config": {"$ref": f"#/$defs/{connector.target}"}}},
            }
        )
    entry["properties"]["connector"]["examples"] = named
    return schema


def _config_schema(connector: Connector) -> dict[str, Any]:
    schema: dict[str, Any] = _moved(connector.schema, f"#/$defs/{connector.target}")
    schema.pop("$schema", None)
    # Templates may be shared, in the host file or in files beside it.
    schema["required"] = [key for key in schema.get("required", ()) if key != "templates"]
    return schema


def _moved(value: Any, base: str) -> Any:
    """The schema with its references leading to where it stands now, and ours let in."""
    if isinstance(value, list):
        return [_moved(item, base) for item in value]
    if not isinstance(value, Mapping):
        return value
    moved = {key: _moved(item, base) for key, item in value.items()}
    reference = moved.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        moved["$ref"] = base + reference[1:]
    if moved.get("type") in ("integer", "number"):
        described = {key: moved.pop(key) for key in ("description", "default") if key in moved}
        return {**described, "anyOf": [moved, _REFERENCE]}
    return moved
