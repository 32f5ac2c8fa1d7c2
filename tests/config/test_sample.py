"""The sample config and the presets of providers: whole, and theirs to fill in is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from connector_core import AsyncHost
from connector_core.configs import json_path, merge_patch, strings
from connector_core.validation import schema_problems
from connectors.smtp import providers, schema
from tests.config.configs import USAGES, check, connector

PROVIDERS = ("aliyun", "gmail", "sendgrid")
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


def test_these_are_the_providers() -> None:
    assert tuple(item.name for item in connector().providers) == PROVIDERS


@pytest.mark.parametrize("provider", samples())
def test_a_sample_fits_the_schema(provider: str | None) -> None:
    assert schema_problems(schema.load(), connector().sample_config(provider)) == []


@pytest.mark.parametrize("provider", samples())
def test_a_sample_as_it_is_names_its_placeholders_and_nothing_else(provider: str | None) -> None:
    sample = connector().sample_config(provider)
    found = check(sample)
    assert sorted(problem.path for problem in found) == sorted(unfilled(sample))
    assert len(found) >= 2
    for problem in found:
        assert "placeholder <" in problem.message
        assert problem.hint


@pytest.mark.parametrize("provider", samples())
async def test_a_sample_filled_in_configures(host: AsyncHost, provider: str | None) -> None:
    sample = filled(connector().sample_config(provider))
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


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_has_a_guide_and_links(provider: str) -> None:
    (preset,) = [item for item in connector().providers if item.name == provider]
    assert preset.title
    assert len(preset.guide) > 200
    assert "`auth.pass`" in preset.guide
    assert "`fromEmail`" in preset.guide
    assert len(preset.links) >= 2
    for link in preset.links:
        assert re.fullmatch(r"https://[a-z0-9.-]+/[!-~]*", link.url)
        assert link.title


@pytest.mark.parametrize(
    ("provider", "facts"),
    [
        ("gmail", {"host": "smtp.gmail.com", "port": 465, "secure": True}),
        (
            "sendgrid",
            {"host": "smtp.sendgrid.net", "port": 587, "secure": False, "requireTLS": True},
        ),
        ("aliyun", {"host": "smtpdm.aliyun.com", "port": 465, "secure": True}),
    ],
)
def test_a_provider_is_reached_where_it_listens(provider: str, facts: dict[str, Any]) -> None:
    sample = connector().sample_config(provider)
    assert {key: sample[key] for key in facts} == facts
    assert ("requireTLS" in sample) == ("requireTLS" in facts)


def test_sendgrid_wants_the_word_apikey_as_user() -> None:
    sample = connector().sample_config("sendgrid")
    assert sample["auth"] == {"type": "login", "user": "apikey", "pass": "<API key>"}
    assert "$.auth.user" not in {problem.path for problem in check(sample)}


@pytest.mark.parametrize("provider", ["aliyun", "gmail"])
def test_the_sender_is_the_user(provider: str) -> None:
    sample = connector().sample_config(provider)
    assert sample["fromEmail"] == sample["auth"]["user"]


def test_aliyun_tells_of_its_regions_and_of_its_own_password() -> None:
    (preset,) = [item for item in connector().providers if item.name == "aliyun"]
    assert "smtpdm-ap-southeast-1.aliyun" in preset.guide
    assert "not the password of the" in preset.guide


def test_an_unknown_provider_is_told_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="'hotmail'; there are: aliyun, gmail, sendgrid"):
        connector().sample_config("hotmail")


def test_samples_are_copies() -> None:
    connector().sample_config()["templates"].clear()
    connector().sample_config("gmail")["auth"].clear()
    assert len(connector().sample_config()["templates"]) == len(USAGES)
    assert connector().sample_config("gmail")["auth"]


def test_a_provider_is_added_by_adding_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme.toml").write_text(
        'title = "Acme"\nguide = "Ask Acme."\nremove = ["name"]\n'
        '[[links]]\ntitle = "Acme"\nurl = "https://acme.example/smtp"\n'
        '[config]\nhost = "smtp.acme.example"\nport = 2525\nsecure = false\n',
        "utf-8",
    )
    (tmp_path / "notes.txt").write_text("no provider", "utf-8")
    monkeypatch.setattr(providers, "__file__", str(tmp_path / "__init__.py"))
    # past the cache, which holds the real ones
    (acme,) = providers.load.__wrapped__()
    assert (acme.name, acme.title, acme.guide) == ("acme", "Acme", "Ask Acme.\n")
    merged = merge_patch(connector().sample_config(), acme.config)
    assert (merged["host"], merged["port"], "name" in merged) == ("smtp.acme.example", 2525, False)
