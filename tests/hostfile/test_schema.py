"""The JSON Schema of the host file: fresh, sound, and in agreement with what is read."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry

from connector_core.discovery import discover
from connector_core.hostfile.reading import checked, outer_schema
from connector_core.hostfile.schema import file_schema

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "host-file.md").read_text("utf-8")


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = file_schema(discover())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, registry=Registry())


def test_the_published_schema_is_fresh() -> None:
    published = json.loads((DOCS / "connectors.schema.json").read_text("utf-8"))
    built_in = [item for item in discover() if item.distribution == "connector-core"]
    assert published == file_schema(built_in), "stale: run `make schema`"


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_the_examples_are_sound(block: str, validator: jsonschema.Draft202012Validator) -> None:
    data = tomllib.loads(block)
    assert checked(Path("connectors.toml"), data).connectors
    assert [error.message for error in validator.iter_errors(data)] == []


@pytest.mark.parametrize("key", sorted(outer_schema()["properties"]))
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}" in PAGE


@pytest.mark.parametrize(
    ("config", "good"),
    [
        ({"host": "h", "fromEmail": "a@b.example"}, True),
        ({"host": "h", "port": "env:PORT", "fromEmail": "file:x"}, True),
        ({"host": "h", "port": "a port", "fromEmail": "a@b.example"}, False),
        ({"host": "h", "fromEmail": "a@b.example", "prot": 1}, False),
        ({"host": "h", "fromEmail": "a@b.example", "auth": {"user": "u", "pass": 3}}, False),
    ],
)
def test_an_editor_finds_what_is_wrong_in_a_config(
    config: dict[str, Any], good: bool, validator: jsonschema.Draft202012Validator
) -> None:
    data = {"connectors": {"main": {"connector": "smtp", "config": config}}}
    assert validator.is_valid(data) is good
