"""Checks of the schema of a config: valid, closed, described, its secrets marked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector_core.configs import PathParts, json_path
from connector_core.schemas import expanded, is_secret
from connector_core.testing.checks import Checks, check
from connector_core.testing.verdicts import BreachError
from connector_core.validation import check_schema

__all__ = ["SchemaChecks"]

_ALTERNATIVES = ("allOf", "anyOf", "oneOf")
_CONDITIONS = ("if", "then", "else", "not", "dependentSchemas")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET = frozenset(
    {
        *("apikey", "authorization", "credential", "credentials", "key", "pass", "passphrase"),
        *("passwd", "password", "secret", "secrets", "token"),
    }
)


@dataclass(frozen=True, slots=True)
class _Place:
    """A schema within the schema of a config.

    Attributes:
        parts: where the value is that it speaks of; 0 stands for any place in a list.
        schema: the schema.
        closed: whether it, or what it is an alternative within, refuses keys it does not know.
        required: whether a value must satisfy it, and it is no condition.
    """

    parts: PathParts
    schema: Mapping[str, Any]
    closed: bool
    required: bool


class SchemaChecks(Checks):
    """What the schema says of a config, to the host and to whoever writes one."""

    @check
    def test_schema_is_valid(self) -> None:
        """The hook `config_schema` gives a JSON Schema (draft 2020-12) of an object, each time.

        It is complete in itself: references that lead outside are never followed.
        """
        self.subject.require_loading("config_schema")
        schema = self.subject.connector.hook.config_schema()
        try:
            check_schema(schema)
        except ValueError as error:
            raise BreachError(f"the schema {error}") from None
        if schema != self.subject.connector.schema:
            raise BreachError("config_schema() gives something else when it is called again")

    @check
    def test_schema_is_closed(self) -> None:
        """Objects with properties refuse keys that they do not know.

        Else a misspelt key is ignored, and with it, say, the wish for TLS: `"additionalProperties":
        false`, or `"unevaluatedProperties": false` where the properties stand in alternatives.
        """
        places = list(_places(self.subject.connector.schema))
        # The config itself must be closed even where the schema knows no key at all.
        found: list[PathParts] = (
            [] if any(item.closed for item in places if not item.parts) else [()]
        )
        found += [
            item.parts
            for item in places
            if "properties" in item.schema and item.required and not item.closed
        ]
        if found:
            raise BreachError(
                f"the schema of {json_path(found[0])} takes unknown keys",
                'give it "additionalProperties": false',
            )

    @check
    def test_schema_is_described(self) -> None:
        """Every property has a description, which is also the hint where its value is wrong."""
        schema = self.subject.connector.schema
        for parts, sub in _properties(schema):
            known = [str(item.get("description", "")).strip() for item in expanded(sub, schema)]
            if not any(text and text.lower() != str(parts[-1]).lower() for text in known):
                raise BreachError(
                    f"{json_path(parts)} has no description",
                    "say in a sentence what the value is, and where its user finds it",
                )

    @check
    def test_secrets_are_marked(self) -> None:
        """Secrets carry `"writeOnly": true`: by that, whoever shows a config hides them.

        They are known by their names: pass, password, secret, token, key, authorization. One that
        is no secret is named to the suite: `not_secret=["idempotencyKey"]`.
        """
        schema = self.subject.connector.schema
        for parts, sub in _properties(schema):
            name = str(parts[-1])
            looks = _looks_secret(name) and name not in self.subject.not_secret
            marked = is_secret(schema, parts) or _marked(sub, schema)
            if looks and _takes_text(sub, schema) and not marked:
                raise BreachError(
                    f"{json_path(parts)} looks like a secret and is not marked",
                    'give it "writeOnly": true, or name it to the suite: not_secret=["…"]',
                )


def _looks_secret(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    return bool(words) and words[-1] in _SECRET and "public" not in words


def _marked(schema: object, root: Mapping[str, Any]) -> bool:
    return any(item.get("writeOnly") is True for item in expanded(schema, root))


def _takes_text(schema: object, root: Mapping[str, Any]) -> bool:
    kinds: set[str] = set()
    for item in expanded(schema, root):
        named = item.get("type", ())
        kinds |= {named} if isinstance(named, str) else set(named)
        if "enum" in item or "const" in item:
            return False  # one of those that everybody knows
    return not kinds or "string" in kinds


def _properties(schema: Mapping[str, Any]) -> Iterator[tuple[PathParts, object]]:
    for place in _places(schema):
        for key, sub in place.schema.get("properties", {}).items() if place.required else ():
            yield (*place.parts, key), sub


def _places(schema: Mapping[str, Any]) -> Iterator[_Place]:
    """Every schema of a value in the config, references within the document followed."""
    seen: set[tuple[int, bool, bool]] = set()

    def walk(sub: object, parts: PathParts, closed: bool, required: bool) -> Iterator[_Place]:
        if not isinstance(sub, Mapping):
            return
        closed = closed or False in (
            sub.get("additionalProperties", True),
            sub.get("unevaluatedProperties", True),
        )
        if (id(sub), closed, required) in seen:
            return
        seen.add((id(sub), closed, required))
        yield _Place(parts, sub, closed, required)
        if "$ref" in sub:
            referred = list(expanded({"$ref": sub["$ref"]}, schema))[1:2]
            for target in referred:
                yield from walk(target, parts, closed, required)
        for keyword in _ALTERNATIVES:
            for branch in sub.get(keyword, ()):
                yield from walk(branch, parts, closed, required)
        for keyword in _CONDITIONS:
            yield from walk(sub.get(keyword), parts, closed, required=False)
        for part, inner in _inside(sub):
            yield from walk(inner, (*parts, part), closed=False, required=required)

    return walk(schema, (), closed=False, required=True)


def _inside(schema: Mapping[str, Any]) -> Iterator[tuple[str | int, object]]:
    yield from schema.get("properties", {}).items()
    for pattern, inner in schema.get("patternProperties", {}).items():
        yield f"<{pattern}>", inner
    yield "<any>", schema.get("additionalProperties")
    yield 0, schema.get("items")
    for inner in schema.get("prefixItems", ()):
        yield 0, inner
