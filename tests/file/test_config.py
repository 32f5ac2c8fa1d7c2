"""The config: what is refused and why, the schema, the sample, and what the host does with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from connector_core import ConfigError, UsageType
from connector_core.configmodels import schema_of
from connector_core.configs import plain_copy
from connector_core.connector import Connector
from connector_core.validation import check_schema
from connectors.file import schema
from connectors.file.config import FileConfig
from connectors.file.writer import FileWriter
from tests.file.mails import config, names_in
from tests.smtp.helpers import new_host, registry, templates

VALIDATOR = Draft202012Validator(schema.load())


def connector() -> Connector:
    return registry()["file"]


def problems(**changes: Any) -> dict[str, str]:
    """What is wrong, by path; message and hint as one text."""
    found = connector().check_config(config("/var/spool/mails", **changes))[1]
    return {problem.path: f"{problem.message} ({problem.hint})" for problem in found}


def test_the_committed_schema_is_fresh() -> None:
    fresh = schema_of(FileConfig)
    assert schema.load() == fresh, "stale: run `make schema`"
    check_schema(fresh)


def test_the_sample_has_every_parameter_and_names_its_placeholders() -> None:
    sample = connector().sample_config()
    assert set(sample) == set(schema.load()["properties"])
    found = {problem.path: problem.message for problem in connector().check_config(sample)[1]}
    assert set(found) == {"$.folder", "$.fromEmail", "$.replyTo"}
    assert all("placeholder <" in message for message in found.values())
    assert [item["usageType"] for item in sample["templates"]] == list(map(str, UsageType))


def test_the_sample_filled_in_works(tmp_path: Path) -> None:
    sample = connector().sample_config()
    filled = {
        **sample,
        "folder": str(tmp_path),
        "fromEmail": "a@b.example",
        "replyTo": "c@d.example",
    }
    connector().configure(filled)


@pytest.mark.parametrize(
    ("change", "path", "told"),
    [
        ({"folder": "mails"}, "$.folder", "absolute"),
        ({"folder": "./mails"}, "$.folder", "absolute"),
        ({"folder": "~/mails"}, "$.folder", "from the root"),
        ({"folder": "/a\0b"}, "$.folder", "control character"),
        ({"folder": "/a\nb"}, "$.folder", "control character"),
        ({"folder": ""}, "$.folder", "1 characters"),
        ({"folder": 5}, "$.folder", "must be text"),
        ({"fromEmail": "nobody"}, "$.fromEmail", "e-mail address"),
        ({"replyTo": "a@b.example, c@d.example"}, "$.replyTo", "e-mail address"),
        ({"templates": templates()[:2]}, "$.templates", "ForgotPassword, Generic"),
        ({"templates": templates(subject="a\nb")}, "$.templates[0].subject", "control character"),
        ({"templates": templates(contentType="text/HTML")}, "$.templates[0].contentType", "one of"),
        ({"host": "mail.example.com"}, "$.host", "not a known key"),
    ],
)
def test_what_is_refused(change: dict[str, Any], path: str, told: str) -> None:
    found = problems(**change)
    assert path in found
    assert told in found[path]


def test_what_is_sound() -> None:
    assert problems() == {}
    assert problems(replyTo='"Doe, Jane" <a@b.example>') == {}


@given(
    st.fixed_dictionaries(
        {"templates": st.just(templates())},
        optional={
            "folder": st.text(max_size=10) | st.just("/a"),
            "fromEmail": st.text(max_size=10) | st.just("a@b.example"),
            "replyTo": st.text(max_size=10) | st.none(),
        },
    )
)
def test_schema_and_model_agree_and_no_check_breaks(value: dict[str, Any]) -> None:
    plain, _ = plain_copy(value)
    try:
        FileConfig.model_validate(plain)
        takes = True
    except ValidationError:
        takes = False
    assert VALIDATOR.is_valid(plain) == takes
    _, found = connector().check_config(value)
    assert not [problem for problem in found if "could not work with it" in problem.message]
    if not found:
        FileWriter.of(plain)


async def test_configure_does_no_io(tmp_path: Path) -> None:
    async with new_host() as host:
        host.configure("file", config(tmp_path / "mails"))
        await host.configured["file"].preview("SignIn", to="ann@example.org")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("change", [{"fromEmail": "nobody"}, {"folder": 5}])
def test_what_was_not_checked_is_refused_all_the_same(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        FileWriter.of(config("/a", **change))


def test_it_says_what_it_is() -> None:
    metadata = connector().metadata
    assert (metadata.id, metadata.target, metadata.type) == ("file", "file", "Email")
    assert set(metadata.name) == set(metadata.description) == {"en", "fr", "ko", "tr-TR", "zh-CN"}
    assert str(metadata.logo).startswith("<svg")
    for key in schema.load()["properties"]:
        assert f"`{key}`" in str(metadata.readme)
