"""The sample config, plain and for each provider: whole, and what is to be filled in is named."""

from __future__ import annotations

import re
from typing import Any

import pytest

from connector_core import AsyncHost
from connector_core.configs import json_path, strings
from connector_core.validation import schema_problems
from connectors.smtp import schema
from tests.config.configs import USAGES, check, connector

PROVIDERS = tuple(item.name for item in connector().providers)
# What excludes another parameter, or is another way to say the same, and so is in no sample.
ALTERNATIVES = {
    *("service", "url", "proxy", "lmtp", "dkim", "dsn", "requireTLSExtensionEnabled"),
    "list",  # which mails with a code have no use for
}
FILLED = {
    "$.host": "mail.example.com",
    "$.auth.user": "ann@example.com",
    "$.auth.pass": "an app password",
    "$.fromEmail": "Example <ann@example.com>",
    "$.replyTo": "help@example.com",
    "$.name": "app.example.com",
    "$.localAddress": "127.0.0.1",
    "$.servername": "mx.example.com",
}


def samples() -> list[str | None]:
    return [None, *PROVIDERS]


def unfilled(config: dict[str, Any]) -> set[str]:
    """The paths of the values in `<` and `>`, templates aside."""
    return {
        json_path(parts)
        for parts, text in strings(config)
        if parts[0] != "templates" and re.fullmatch("<.*>", text)
    }


def filled(config: Any, path: str = "$") -> Any:
    if isinstance(config, dict):
        return {key: filled(value, f"{path}.{key}") for key, value in config.items()}
    return FILLED.get(path, config)


@pytest.mark.parametrize("provider", samples())
def test_a_sample_fits_the_schema(provider: str | None) -> None:
    sample = connector().sample_config(provider)
    found = {problem.path for problem in schema_problems(schema.load(), sample)}
    assert found <= unfilled(sample) & {"$.port"}  # a number, and so no placeholder fits


@pytest.mark.parametrize("provider", samples())
def test_a_sample_as_it_is_names_its_placeholders_and_nothing_else(provider: str | None) -> None:
    sample = connector().sample_config(provider)
    found = check(sample)
    assert sorted(problem.path for problem in found) == sorted(unfilled(sample))
    assert len(found) >= 2
    for problem in found:
        assert "placeholder <" in problem.message
        assert problem.hint


async def test_the_sample_filled_in_configures(host: AsyncHost) -> None:
    sample = filled(connector().sample_config())
    assert unfilled(sample) == set()
    assert host.configure("smtp", sample).name == "smtp"


@pytest.mark.parametrize("provider", samples())
def test_a_sample_has_a_template_for_each_usage_type(provider: str | None) -> None:
    templates = connector().sample_config(provider)["templates"]
    assert [item["usageType"] for item in templates] == list(USAGES)
    assert {item["contentType"] for item in templates} == {"text/plain", "text/html"}
    for item in templates:
        variable = "{{link}}" if item["usageType"] == "OrganizationInvitation" else "{{code}}"
        assert variable in item["content"]


def test_the_sample_has_every_parameter_that_excludes_no_other() -> None:
    sample = connector().sample_config()
    assert set(schema.load()["properties"]) - set(sample) == ALTERNATIVES


def test_what_the_sample_leaves_at_its_default_is_the_default() -> None:
    sample = connector().sample_config()
    for key, sub in schema.load()["properties"].items():
        if "default" in sub:
            assert sample[key] == sub["default"], key


def test_an_unknown_provider_is_told_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="'hotmail'; there are: 163, aliyun, brevo, gmail, "):
        connector().sample_config("hotmail")


def test_samples_are_copies() -> None:
    connector().sample_config()["templates"].clear()
    connector().sample_config("gmail")["auth"].clear()
    assert len(connector().sample_config()["templates"]) == len(USAGES)
    assert connector().sample_config("gmail")["auth"]
