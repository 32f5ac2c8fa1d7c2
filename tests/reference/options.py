"""Every option of a connector, as its JSON Schema has it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from connector_core.connector import Connector
from tests.reference.tables import NOTE, code, plain, table

__all__ = ["page"]


class _Option(NamedTuple):
    path: str
    kinds: list[str]
    default: str
    needed: bool
    secret: bool
    meanings: list[str]


def page(connector: Connector) -> str:
    """The page of a connector's options."""
    schema = connector.schema
    found: dict[str, _Option] = {}
    for option in _options([schema], schema.get("$defs", {}), ""):
        # In alternatives an option stands several times.
        if earlier := found.get(option.path):
            earlier.kinds.extend(option.kinds)
            earlier.meanings.extend(option.meanings)
        else:
            found[option.path] = option
    name = connector.metadata.name["en"]
    return "\n\n".join(
        [
            f"# Options: {name}",
            NOTE,
            f"Every option of the connector `{connector.target}` (`{connector.id}`), from its JSON "
            f"Schema, which `connector schema {connector.target}` prints. A name with `[]` is a "
            "list's, of which each entry has the options below it. What is *needed* is so wherever "
            "the object that it belongs to is there; a *secret* is shown nowhere.",
            table(("option", "type", "default", "meaning"), map(_row, found.values())) + "\n",
        ]
    )


def _row(option: _Option) -> tuple[str, ...]:
    notes = ["needed"] * option.needed + ["secret"] * option.secret
    kind = " or ".join(dict.fromkeys(option.kinds))
    return (
        code(option.path),
        ", ".join([kind, *notes]),
        code(option.default),
        plain("; ".join(dict.fromkeys(option.meanings))),
    )


def _options(
    objects: Sequence[Mapping[str, Any]], definitions: Mapping[str, Any], path: str
) -> Iterator[_Option]:
    """The options within an object, or within its alternatives, and within what they hold."""
    needed = set.intersection(*(set(item.get("required", ())) for item in objects))
    for item in objects:
        for key, own in item["properties"].items():
            here = f"{path}.{key}" if path else key
            branches = list(_branches(own, definitions))
            default = json.dumps(own["default"]) if "default" in own else ""
            yield _Option(
                here,
                [_kind(branch) for branch in branches],
                default,
                key in needed,
                bool(own.get("writeOnly")),
                [own["description"]] if "description" in own else [],
            )
            entries = [
                entry
                for branch in branches
                for entry in _branches(branch.get("items", {}), definitions)
            ]
            for inner, place in ((branches, here), (entries, f"{here}[]")):
                if within := [branch for branch in inner if "properties" in branch]:
                    yield from _options(within, definitions, place)


def _branches(
    schema: Mapping[str, Any], definitions: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """What a value may be, references followed."""
    if "$ref" in schema:
        yield from _branches(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    elif alternatives := schema.get("anyOf") or schema.get("oneOf"):
        for alternative in alternatives:
            yield from _branches(alternative, definitions)
    else:
        yield schema


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(code(json.dumps(value)) for value in schema["enum"])
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    kind = schema.get("type", "any value")
    return "list" if kind == "array" else str(kind)
