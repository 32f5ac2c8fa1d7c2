"""References to secrets: resolved before, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector_core import AsyncHost, ConfigError, resolve_secrets
from tests.config.configs import check, config

GIVEN = config(
    auth={"user": "ann", "pass": "env:CONNECTOR_TEST_PASSWORD"},
    tls={"ca": "file:/run/secrets/ca.pem"},
    customHeaders={"X-Tag": ["plain", "env:CONNECTOR_TEST_TAG"]},
)


async def test_unresolved_ones_are_refused_each_at_its_place(host: AsyncHost) -> None:
    with pytest.raises(ConfigError) as raised:
        host.configure("smtp", GIVEN)
    found = raised.value.problems
    assert sorted(problem.path for problem in found) == [
        "$.auth.pass",
        '$.customHeaders["X-Tag"][1]',
        "$.tls.ca",
    ]
    assert all("was not resolved" in problem.message for problem in found)
    assert all("resolve_secrets" in problem.hint for problem in found)


async def test_resolved_ones_are_taken(
    host: AsyncHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNECTOR_TEST_PASSWORD", "from the environment")
    secret = tmp_path / "url"
    secret.write_text("smtp://ann:secret@mail.example.com\n", "utf-8")
    given = config(
        host=None, url=f"file:{secret}", auth={"user": "a", "pass": "env:CONNECTOR_TEST_PASSWORD"}
    )
    resolved = resolve_secrets(given)
    assert resolved["auth"]["pass"] == "from the environment"
    assert resolved["url"] == "smtp://ann:secret@mail.example.com"
    host.configure("smtp", resolved)
    assert given["url"] == f"file:{secret}"


def test_a_text_that_only_holds_one_is_none() -> None:
    assert check(config(auth={"user": "ann", "pass": "my env:NAME"})) == []


@pytest.mark.parametrize("text", ["env:", "env: NAME", "env:1X", "file:", "file: "])
def test_what_was_meant_for_one_is_told(text: str) -> None:
    (problem,) = check(config(auth={"user": "ann", "pass": text}))
    assert problem.path == "$.auth.pass"
    assert "names no variable or file" in problem.message
