"""What people type for a value, read as the schema says what may stand in its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from connector_core.configs import PathParts, is_reference, plain_copy
from connector_core.i18n import gettext as _
from connector_core.jsonfile import json_value
from connector_core.schemas import schemas_at

__all__ = ["typed_value"]

_KINDS: dict[type, tuple[str, ...]] = {
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    dict: ("object",),
    list: ("array",),
    str: ("string",),
}


def typed_value(
    schema: Mapping[str, Any],
    parts: PathParts,
    text: str,
    *,
    as_json: bool = False,
    absent: bool = False,
) -> Any:
    """The value that a text stands for at a place of a config.

    Where the schema takes text alone, or knows nothing of the place, the text is the value. Else
    what is JSON of a form that the schema takes is that, such as `587`, `true` or `["a"]`. A
    reference such as `env:PORT` is one everywhere.

    Args:
        schema: the JSON Schema of the config.
        parts: the place.
        text: what was typed.
        as_json: it is JSON, whatever the schema takes.
        absent: null is None, and stands for no value, even where the schema takes text.

    Raises:
        ValueError: it is no such value; the message does not show it.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(_("is not UTF-8 text")) from None
    if absent and text == "null":
        return None
    if as_json:
        return _plain(json_value(text))
    kinds = set(_kinds(schema, parts))
    if is_reference(text) or not kinds - {"string"}:
        return text
    try:
        value = json_value(text)
    except ValueError as error:
        if "string" in kinds:
            return text
        told = _("takes {kinds} as JSON, and what was given {reason}")
        raise ValueError(told.format(kinds=_listed(kinds), reason=error)) from None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON knows one kind of number
    if kinds & set(_KINDS.get(type(value), ())):
        # Text for which there is a choice stays as it was typed, quotes and all.
        return text if isinstance(value, str) and "string" in kinds else _plain(value)
    if "string" in kinds:
        return text
    raise ValueError(_("takes {kinds} as JSON").format(kinds=_listed(kinds)))


def _kinds(schema: Mapping[str, Any], parts: PathParts) -> Iterator[str]:
    """The types that the schemas at a place name, in the words of JSON Schema."""
    for item in schemas_at(schema, parts):
        named = item.get("type", ())
        yield from [named] if isinstance(named, str) else named
        for value in [*item.get("enum", ()), *([item["const"]] if "const" in item else ())]:
            yield from _KINDS.get(type(value), ())


def _listed(kinds: set[str]) -> str:
    words = {
        "string": _("text"),
        "integer": _("a whole number"),
        "number": _("a number"),
        "boolean": _("true or false"),
        "object": _("an object"),
        "array": _("a list"),
    }
    return _(" or ").join(words[kind] for kind in words if kind in kinds)


def _plain(value: Any) -> Any:
    if value is None:
        raise ValueError(_("is null: take the value out with connector config unset"))
    plain, problems = plain_copy(value)
    if problems:
        raise ValueError(problems[0].message)
    try:
        json.dumps(plain, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # JSON may write half of a surrogate pair
        raise ValueError(_("is not UTF-8 text")) from None
    return plain
