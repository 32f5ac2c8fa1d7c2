"""References that lead nowhere, and what is told beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector_core.configs import json_path, strings
from connector_core.discovery import discover
from connector_core.errors import ConfigError
from connector_core.hostfile.model import ConfiguredEntry, HostFile
from connector_core.hostfile.resolving import resolved_entry
from tests.hostfile.files import USAGES

CONFIG: dict[str, Any] = {
    "host": "mail.example.com",
    "port": "465",
    "auth": {"type": "login", "user": "app", "pass": "geheim"},
    "authMethod": "PLAIN",
    "fromEmail": "app@example.com",
    "replyTo": "help@example.com",
    "tls": {"minVersion": "TLSv1.2"},
    "customHeaders": {"X-A": "1"},
    "proxy": "http://proxy.example.com:3128",
    "templates": [
        {"usageType": usage, "contentType": "text/plain", "subject": "s", "content": "c"}
        for usage in USAGES
    ],
}
# What stands in for a usage type is missed as well: it is needed.
REFERENCES = [parts for parts, _text in strings(CONFIG) if parts[-1] != "usageType"]


@pytest.mark.parametrize("own", [{}, {"templates": []}])
def test_a_file_without_templates_says_how_to_get_some(own: dict[str, Any]) -> None:
    config = {"host": "mail.example.com", "port": 25, "fromEmail": "a@example.com", **own}
    entries = {"main": ConfiguredEntry("main", "smtp", config)}
    with pytest.raises(ConfigError) as caught:
        resolved_entry(HostFile(Path("connectors.toml"), {}, entries), "main", discover())
    hints = {item.path: item.hint for item in caught.value.problems}
    assert hints == {
        "$.connectors.main.config.templates": (
            "write templates/SignIn.html and so on, or connector templates import"
        )
    }


def problems(config: dict[str, Any]) -> list[str]:
    entries = {"main": ConfiguredEntry("main", "smtp", config)}
    try:
        resolved_entry(HostFile(Path("connectors.toml"), {}, entries), "main", discover())
    except ConfigError as error:
        return [problem.path.removeprefix("$.connectors.main.config") for problem in error.problems]
    return []


def with_reference(parts: tuple[str | int, ...]) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(json.dumps(CONFIG))
    place: Any = config
    for part in parts[:-1]:
        place = place[part]
    place[parts[-1]] = "env:NOT_SET"
    return config


@pytest.mark.parametrize("parts", REFERENCES, ids=json_path)
def test_a_reference_that_leads_nowhere_is_one_problem_and_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, parts: tuple[str | int, ...]
) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    config, place = with_reference(parts), json_path(parts)[1:]
    assert problems(config) == [place]
    assert problems(config | {"maxConnections": 0}) == [place, ".maxConnections"]
