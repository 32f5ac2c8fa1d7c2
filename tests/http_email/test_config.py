"""The config: what is refused and why, the schema, the sample, and the host around it."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from connector_core import ConfigError
from connector_core.configmodels import schema_of
from connector_core.configs import plain_copy
from connector_core.connector import Connector
from connector_core.validation import check_schema
from connectors.http_email import schema
from connectors.http_email.config import HttpEmailConfig
from connectors.http_email.sender import HttpSender
from tests.smtp.certificates import authority_pem
from tests.smtp.helpers import new_host, registry

ENDPOINT = "https://mailer.example.com/send"
VALIDATOR = Draft202012Validator(schema.load())


def connector() -> Connector:
    return registry()["http"]


def problems(**changes: Any) -> dict[str, str]:
    """What is wrong, by path; message and hint as one text."""
    found = connector().check_config({"endpoint": ENDPOINT, **changes})[1]
    return {problem.path: f"{problem.message} ({problem.hint})" for problem in found}


def test_the_committed_schema_is_fresh() -> None:
    fresh = schema_of(HttpEmailConfig)
    assert schema.load() == fresh, "stale: run `make schema`"
    check_schema(fresh)


def test_the_sample_has_every_parameter_and_names_its_placeholders() -> None:
    sample = connector().sample_config()
    assert set(sample) == set(schema.load()["properties"])
    found = {problem.path: problem.message for problem in connector().check_config(sample)[1]}
    assert set(found) == {"$.endpoint", "$.authorization", "$.tls.ca"}
    assert all("placeholder <" in message for message in found.values())
    for key, sub in schema.load()["properties"].items():
        assert "default" not in sub or sample[key] == sub["default"]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"authorization": "Bearer a b"},
        {"authorization": ""},
        {"timeout": 1, "retries": 0},
        {"timeout": 60_000, "retries": 5},
        {"tls": {}},
        {"tls": {"ca": [authority_pem(), f"# Zürich\n{authority_pem()}"]}},
        {"endpoint": "http://localhost:3000/send"},
        {"endpoint": "http://127.0.0.1/send?key=x"},
        {"endpoint": "http://[::1]:3000"},
        {"endpoint": "http://mailer:8080/", "allowHttp": True},
        {"endpoint": "https://192.168.1.7/"},
        {"endpoint": "https://bücher.example/e-mail senden".replace(" ", "%20")},
        {"endpoint": "https://mailer.example.com", "publicOnly": True},
    ],
)
def test_what_is_sound(change: dict[str, Any]) -> None:
    assert problems(**change) == {}
    HttpSender.of({"endpoint": ENDPOINT, **change})


@pytest.mark.parametrize(
    ("change", "path", "told"),
    [
        ({"endpoint": "http://mailer.example.com/"}, "$.endpoint", "allowHttp"),
        ({"endpoint": "http://localhost.example.com/"}, "$.endpoint", "in the clear"),
        ({"endpoint": "ftp://mailer.example.com/"}, "$.endpoint", "https://"),
        ({"endpoint": "mailer.example.com"}, "$.endpoint", "https://"),
        ({"endpoint": "https:///send"}, "$.endpoint", "no host name"),
        ({"endpoint": "https://a:0/"}, "$.endpoint", "port"),
        ({"endpoint": "https://a:99999/"}, "$.endpoint", "port"),
        ({"endpoint": "https://[::1/"}, "$.endpoint", "no host name"),
        ({"endpoint": "https://never-shown@a.example/"}, "$.endpoint", "authorization"),
        ({"endpoint": "https://a.example/\r\nX: y"}, "$.endpoint", "control character"),
        ({"endpoint": "https://a.example/ b"}, "$.endpoint", "space"),
        ({"endpoint": "https://a.example/#never-shown"}, "$.endpoint", "#"),
        ({"endpoint": "https://169.254.169.254/"}, "$.endpoint", "metadata"),
        ({"endpoint": "https://[::ffff:169.254.169.254]/"}, "$.endpoint", "metadata"),
        ({"endpoint": "http://0.0.0.0/", "allowHttp": True}, "$.endpoint", "not connected to"),
        ({"endpoint": "https://10.0.0.1/", "publicOnly": True}, "$.endpoint", "publicOnly"),
        ({"endpoint": ""}, "$.endpoint", "1 characters"),
        ({"endpoint": 5}, "$.endpoint", "must be text"),
        ({"endpoint": None}, "$.endpoint", "is missing"),
        ({"authorization": "never-shown\r\nX: y"}, "$.authorization", "HTTP header"),
        ({"authorization": "never-shown-é"}, "$.authorization", "ASCII"),
        ({"authorization": " never-shown"}, "$.authorization", "spaces around"),
        ({"timeout": 0}, "$.timeout", "1 or more"),
        ({"timeout": "10"}, "$.timeout", "whole number"),
        ({"retries": 6}, "$.retries", "5 or less"),
        ({"tls": {"ca": "never-shown"}}, "$.tls.ca", "PEM"),
        ({"tls": {"rejectUnauthorized": False}}, "$.tls.rejectUnauthorized", "not a known key"),
        ({"endpont": "x"}, "$.endpont", "did you mean 'endpoint'"),
    ],
)
def test_what_is_refused(change: dict[str, Any], path: str, told: str) -> None:
    found = problems(**change)
    assert set(found) == {path}
    assert told in found[path]
    assert "never-shown" not in found[path]


def test_a_package_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert "pip install 'connector-core[http]'" in problems()["$.endpoint"]


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "endpoint": st.text(max_size=30) | st.from_regex(r"https?://.*", fullmatch=True),
            "authorization": st.text(max_size=10),
            "timeout": st.integers(-1, 60_001),
            "retries": st.integers(-1, 6) | st.booleans(),
            "allowHttp": st.booleans() | st.none(),
            "tls": st.dictionaries(st.sampled_from(["ca", "key"]), st.text(max_size=5)),
        },
    )
)
def test_schema_and_model_agree_and_no_check_breaks(value: dict[str, Any]) -> None:
    plain, _ = plain_copy(value)
    try:
        HttpEmailConfig.model_validate(plain)
        takes = True
    except ValidationError:
        takes = False
    assert VALIDATOR.is_valid(plain) == takes
    _, found = connector().check_config(value)
    assert not [problem for problem in found if "could not work with it" in problem.message]
    if not found:
        HttpSender.of(plain)


async def test_configure_does_no_io(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_arguments: object, **_more: object) -> None:
        raise AssertionError

    monkeypatch.setattr("socket.getaddrinfo", forbidden)
    async with new_host() as host:
        host.configure("http", {"endpoint": ENDPOINT, "authorization": "never-shown"})
        assert "never-shown" not in repr(host.configured["http"])


def test_what_configure_raises_shows_no_value() -> None:
    for endpoint in ("https://never-shown@a.example/", ["never-shown"]):
        with pytest.raises(ConfigError) as caught:
            HttpSender.of({"endpoint": endpoint})
        assert "never-shown" not in f"{caught.value} {caught.value!r}"


def test_it_says_what_it_is() -> None:
    metadata = connector().metadata
    assert (metadata.id, metadata.target, metadata.type) == ("http-email", "http", "Email")
    assert set(metadata.name) == set(metadata.description) == {"en", "fr", "ko", "tr-TR", "zh-CN"}
    assert metadata.logo is not None
    assert metadata.logo.startswith("<svg")
    for key in schema.load()["properties"]:
        assert f"`{key}`" in str(metadata.readme) or f"`{key}." in str(metadata.readme)
