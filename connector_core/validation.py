"""JSON Schema errors and model errors, as one list of `ConfigProblem`.

The messages say what was expected and never show the value that was found: jsonschema and
pydantic print it, and it may be a password.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from connector_core.configs import json_path
from connector_core.errors import ConfigProblem
from connector_core.i18n import gettext as _
from connector_core.i18n import mark

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from pydantic import ValidationError as ModelValidationError

__all__ = ["check_schema", "model_problems", "nearest", "schema_problems"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DATA_KEYWORDS = frozenset({"const", "default", "enum", "examples"})
_NAMED_SCHEMAS = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)
_NUMBER = re.compile(r"([0-9]{1,9})")
_NAMES = {
    "string": mark("text"),
    "integer": mark("a whole number"),
    "number": mark("a number"),
    "boolean": mark("true or false"),
    "object": mark("an object"),
    "array": mark("a list"),
    "null": "null",
}
_LIMITS = {
    "minLength": mark("must have at least {limit} characters"),
    "maxLength": mark("must have at most {limit} characters"),
    "minItems": mark("must have at least {limit} items"),
    "maxItems": mark("must have at most {limit} items"),
    "minProperties": mark("must have at least {limit} keys"),
    "maxProperties": mark("must have at most {limit} keys"),
    "minimum": mark("must be {limit} or more"),
    "maximum": mark("must be {limit} or less"),
    "exclusiveMinimum": mark("must be more than {limit}"),
    "exclusiveMaximum": mark("must be less than {limit}"),
    "multipleOf": mark("must be a multiple of {limit}"),
    "pattern": mark("must match the pattern {limit}"),
    "format": mark("must have the format {limit}"),
}


def check_schema(schema: object) -> None:
    """Refuse what is no JSON Schema of draft 2020-12 for an object, complete in itself.

    Raises:
        ValueError: what is wrong with the schema.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, Mapping):
        raise ValueError(_("must be a mapping, not {type}").format(type=type(schema).__name__))  # noqa: TRY004
    schema = dict(schema)
    try:
        json.dumps(schema)
    except (TypeError, ValueError) as error:
        raise ValueError(_("is not JSON: {error}").format(error=error)) from None
    if schema.get("$schema", DIALECT) != DIALECT:
        raise ValueError(_("$schema must be {value}").format(value=DIALECT))
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(
            _("is not valid JSON Schema 2020-12 at {path}: {message}").format(
                path=error.json_path, message=error.message
            )
        ) from None
    if schema.get("type") != "object":
        raise ValueError(_('must describe an object: "type": "object"'))
    _check_inside(schema)


def _check_inside(schema: Mapping[str, Any]) -> None:
    """References must lead inside the schema: else every use fails."""
    from referencing import Registry, Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    root = Resource.from_contents(schema, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(root.id() or "", root)
    resolver = registry.resolver_with_root(root)
    for keyword, value in _keywords(schema):
        if keyword in ("$ref", "$dynamicRef") and isinstance(value, str):
            try:
                resolver.lookup(value)
            except Unresolvable:
                raise ValueError(
                    _(
                        "the reference {value!r} leads outside the schema; it is never fetched"
                    ).format(value=value)
                ) from None


def _keywords(schema: object) -> Iterator[tuple[str, object]]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            yield key, value
            if key in _NAMED_SCHEMAS and isinstance(value, Mapping):
                yield from _keywords(list(value.values()))
            elif key not in _DATA_KEYWORDS:
                yield from _keywords(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _keywords(item)


def schema_problems(
    schema: Mapping[str, Any], config: object, translate: Callable[[str], str] = str
) -> list[ConfigProblem]:
    """Every way in which the config fails the schema, in the order of the paths.

    Args:
        schema: the schema; its descriptions are hints.
        config: what may fail it.
        translate: what to make of a description.
    """
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # An empty registry: a `$ref` in a plugin's schema must never fetch anything.
    validator = Draft202012Validator(schema, registry=Registry())
    found: dict[tuple[str, str], ConfigProblem] = {}
    for error in _worth_telling(list(validator.iter_errors(config))):
        for problem in _problems(error):
            found.setdefault((problem.path, problem.message), problem)
    told = [replace(problem, hint=translate(problem.hint)) for problem in found.values()]
    return sorted(told, key=lambda problem: _natural(problem.path))


def _worth_telling(errors: list[ValidationError]) -> list[ValidationError]:
    """Without what else is wrong with a value of the wrong type."""
    mistyped = {tuple(error.absolute_path) for error in errors if error.validator == "type"}
    return [
        error
        for error in errors
        if error.validator == "type" or tuple(error.absolute_path) not in mistyped
    ]


def _natural(path: str) -> list[str | int]:
    """A key by which `[10]` comes after `[2]`."""
    return [int(part) if index % 2 else part for index, part in enumerate(_NUMBER.split(path))]


def _problems(error: ValidationError) -> Iterator[ConfigProblem]:
    parts = tuple(error.absolute_path)
    # The schema `false`, which allows nothing, has no keyword; jsonschema tells what is around it.
    keyword, expected = str(error.validator or "false"), error.validator_value
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    if keyword in ("anyOf", "oneOf") and error.context:
        yield from _alternatives(error)
    elif keyword == "additionalProperties":
        yield from _unknown_keys(parts, schema, error.instance)
    elif keyword == "required":
        yield from _missing(parts, schema, error)
    else:
        yield ConfigProblem(
            json_path(parts),
            _explain(keyword, expected, error.instance),
            str(schema.get("description", "")),
        )


def _explain(keyword: str, expected: Any, found: object) -> str:
    if keyword == "type":
        return _("must be {expected}, not {found}").format(
            expected=_either(_type_names(expected)), found=_kind(found)
        )
    if keyword == "enum":
        return _("must be one of {values}").format(values=_either(map(json.dumps, expected)))
    if keyword == "const":
        return _("must be {value}").format(value=json.dumps(expected))
    if keyword in _LIMITS:
        return _(_LIMITS[keyword]).format(limit=expected)
    if keyword == "uniqueItems":
        return _("must not have the same item twice")
    if keyword == "false":
        return _("has something in it that is not allowed")
    return _("does not satisfy the schema's {keyword!r}").format(keyword=keyword)


def _type_names(expected: Any) -> list[str]:
    return [_(_NAMES[kind]) for kind in ([expected] if isinstance(expected, str) else expected)]


def _alternatives(error: ValidationError) -> Iterator[ConfigProblem]:
    """Of alternatives, the problems of the one that the value comes nearest to."""
    branches: dict[object, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    here = [
        inner
        for errors in branches.values()
        for inner in errors
        if inner.validator == "type" and not inner.relative_path
    ]
    if len(here) == len(branches):
        kinds = [name for inner in here for name in _type_names(inner.validator_value)]
        schema = error.schema if isinstance(error.schema, Mapping) else {}
        yield ConfigProblem(
            json_path(tuple(error.absolute_path)),
            _("must be {expected}, not {found}").format(
                expected=_either(dict.fromkeys(kinds)), found=_kind(error.instance)
            ),
            str(schema.get("description", "")),
        )
        return
    parent = error.schema.get("description", "") if isinstance(error.schema, Mapping) else ""
    for inner in _worth_telling(min(branches.values(), key=_distance)):
        for problem in _problems(inner):
            # An alternative is seldom described; what it is an alternative for is.
            yield replace(problem, hint=problem.hint or str(parent))


def _distance(errors: list[ValidationError]) -> tuple[int, int, int, int, int]:
    """How far a value is from an alternative, what tells most first.

    Its kind; the keys that choose; unknown keys; missing keys; the kinds of its values.
    """
    other = choice = unknown = missing = wrong = 0
    for error in errors:
        if error.validator == "additionalProperties":
            schema = error.schema if isinstance(error.schema, Mapping) else {}
            unknown += len(_unknown(schema, error.instance))
        elif error.validator == "required":
            missing += 1
        elif error.validator in ("const", "enum"):
            choice += 1
        elif error.validator == "type" and error.relative_path:
            wrong += 1
        elif error.validator == "type":
            other += 1
    return other, choice, unknown, missing, wrong


def _unknown(schema: Mapping[str, Any], instance: object) -> list[str]:
    if not isinstance(instance, Mapping):
        return []
    patterns = schema.get("patternProperties", {})
    return [
        key
        for key in instance
        if key not in schema.get("properties", {})
        and not any(re.search(pattern, key) for pattern in patterns)
    ]


def _unknown_keys(
    parts: tuple[str | int, ...], schema: Mapping[str, Any], instance: object
) -> Iterator[ConfigProblem]:
    known = list(schema.get("properties", {}))
    for key in _unknown(schema, instance):
        near = nearest(key, known)
        yield ConfigProblem(
            json_path((*parts, key)),
            _("is not a known key"),
            _("did you mean {name!r}?").format(name=near)
            if near
            else _("known keys: {known}").format(known=", ".join(sorted(known))),
        )


def _missing(
    parts: tuple[str | int, ...], schema: Mapping[str, Any], error: ValidationError
) -> Iterator[ConfigProblem]:
    instance = error.instance if isinstance(error.instance, Mapping) else {}
    required: Any = error.validator_value
    for key in required:
        # jsonschema reports each missing key on its own, without naming it but in its message.
        if key not in instance and error.message.startswith(repr(key)):
            sub = schema.get("properties", {}).get(key, {})
            kind = _(_NAMES.get(str(sub.get("type")), ""))
            yield ConfigProblem(
                json_path((*parts, key)),
                _("is missing; it must be {expected}").format(expected=kind)
                if kind
                else _("is missing"),
                str(sub.get("description", "")),
            )


def model_problems(error: ModelValidationError) -> list[ConfigProblem]:
    """What a pydantic model found wrong, without the values it found.

    For connectors that parse their config with a model: schema and model should agree, so these
    are problems only the model can see.
    """
    problems = []
    for item in error.errors(include_url=False, include_input=False):
        parts = tuple(part for part in item["loc"] if isinstance(part, str | int))
        message = str(item["msg"])
        if item["type"] == "union_tag_invalid":  # the one message that shows what was found
            message = _("must be one of {values}, by {key}").format(
                values=item["ctx"]["expected_tags"], key=item["ctx"]["discriminator"]
            )
        problems.append(ConfigProblem(json_path(parts), message))
    return problems


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to a misspelt one, if any is near; case does not count."""
    by_folded = {item.lower(): item for item in known}
    found = difflib.get_close_matches(word.lower(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return _("true or false")
    kinds: list[tuple[type | tuple[type, ...], str]] = [
        (str, _("text")),
        ((int, float), _("a number")),
        (Mapping, _("an object")),
        (list, _("a list")),
    ]
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def _either(words: Iterable[str]) -> str:
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return _("{words} or {last}").format(words=", ".join(items[:-1]), last=items[-1])
