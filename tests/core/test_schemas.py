"""Finding one's way in schemas: what speaks of a place, and where secrets are."""

from __future__ import annotations

from typing import Any

import pytest

from connector_core.schemas import holds_secret, is_secret, schemas_at, secret_paths

TEXT = {"type": "string"}
SECRET = {"type": "string", "writeOnly": True}
SCHEMA: dict[str, Any] = {
    "properties": {
        "user": TEXT,
        "login": {"anyOf": [{"properties": {"pass": SECRET}}, {"$ref": "#/$defs/key~1pair"}]},
        "keys": {"items": {"properties": {"name": TEXT, "pem": SECRET}}},
        "headers": {"patternProperties": {"^X-": TEXT, "-Key$": SECRET}},
        "options": {"additionalProperties": SECRET, "properties": {"name": TEXT}},
    },
    "$defs": {"key/pair": {"properties": {"secret": SECRET}}},
}


@pytest.mark.parametrize(
    "parts",
    [
        ("login", "pass"),
        ("login", "secret"),
        ("keys", 3, "pem"),
        ("headers", "X-Key"),
        ("headers", "Api-Key"),
        ("options", "anything"),
        ("options", "anything", "within"),
    ],
)
def test_secrets_are_found_wherever_they_stand(parts: tuple[str | int, ...]) -> None:
    assert is_secret(SCHEMA, parts)


@pytest.mark.parametrize(
    "parts",
    [("user",), ("keys", 0, "name"), ("headers", "X-Name"), ("options", "name"), ("else",)],
)
def test_what_is_no_secret_is_none(parts: tuple[str | int, ...]) -> None:
    assert not is_secret(SCHEMA, parts)


def test_a_key_that_two_patterns_match_has_two_schemas() -> None:
    assert schemas_at(SCHEMA, ("headers", "X-Key")) == [TEXT, SECRET]


def test_what_holds_a_secret_is_known() -> None:
    assert holds_secret(SCHEMA, ("login",))
    assert holds_secret(SCHEMA, ("keys",))
    assert not holds_secret(SCHEMA, ("user",))


def test_secrets_of_a_config_are_found_in_clear_and_not_as_references() -> None:
    config = {
        "user": "ann",
        "login": {"pass": "env:PASSWORD", "secret": "horse"},
        "headers": {"X-Name": "a", "Api-Key": "staple"},
    }
    assert secret_paths(SCHEMA, config) == [("login", "secret"), ("headers", "Api-Key")]
