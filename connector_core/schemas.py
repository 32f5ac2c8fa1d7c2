"""Finding one's way in the JSON Schema (draft 2020-12) of a config."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector_core.configs import PathParts, is_reference, strings

__all__ = ["described", "expanded", "holds_secret", "is_secret", "schemas_at", "secret_paths"]

_ALTERNATIVES = ("anyOf", "oneOf", "allOf")
_MAX_DEPTH = 32


def schemas_at(schema: Mapping[str, Any], parts: Sequence[str | int]) -> list[Mapping[str, Any]]:
    """The schemas that speak of a place in a config; several where there are alternatives."""
    found: list[Mapping[str, Any]] = list(expanded(schema, schema))
    for part in parts:
        found = [
            inner
            for outer in found
            for sub in _inside(outer, part)
            for inner in expanded(sub, schema)
        ]
    return found


def is_secret(schema: Mapping[str, Any], parts: Sequence[str | int]) -> bool:
    """Whether the value at this place, or one that it is in, is marked `writeOnly`."""
    return any(
        item.get("writeOnly") is True
        for length in range(1, len(parts) + 1)
        for item in schemas_at(schema, parts[:length])
    )


def holds_secret(schema: Mapping[str, Any], parts: Sequence[str | int]) -> bool:
    """Whether the value at this place is a secret, or may have one in it."""
    if is_secret(schema, parts):
        return True
    if len(parts) > _MAX_DEPTH:
        return False
    found = schemas_at(schema, parts)
    inner: set[str | int] = {key for item in found for key in item.get("properties", ())}
    if any("items" in item for item in found):
        inner.add(0)
    return any(holds_secret(schema, (*parts, key)) for key in inner)


def secret_paths(schema: Mapping[str, Any], config: Any) -> list[PathParts]:
    """Where the config has secrets in clear, and not as references."""
    return [
        parts
        for parts, text in strings(config)
        if text and not is_reference(text) and is_secret(schema, parts)
    ]


def described(schema: Mapping[str, Any], parts: Sequence[str | int], key: str) -> Any:
    """The first value that the schemas at a place give for a keyword such as `description`."""
    return next((item[key] for item in schemas_at(schema, parts) if key in item), None)


def expanded(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """The schema, what it refers to within the same document, and its alternatives."""
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return
    yield schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        yield from expanded(_referred(root, reference), root, depth + 1)
    for keyword in _ALTERNATIVES:
        for alternative in schema.get(keyword, ()):
            yield from expanded(alternative, root, depth + 1)


def _referred(root: Any, reference: str) -> Any:
    for part in reference[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")  # RFC 6901 section 4
        root = root.get(name) if isinstance(root, Mapping) else None
    return root


def _inside(schema: Mapping[str, Any], part: str | int) -> Iterator[Any]:
    if isinstance(part, int):
        yield schema.get("items")
        return
    known = [schema["properties"][part]] if part in schema.get("properties", {}) else []
    patterns = schema.get("patternProperties", {})
    known += [inner for pattern, inner in patterns.items() if re.search(pattern, part)]
    yield from known or [schema.get("additionalProperties")]
