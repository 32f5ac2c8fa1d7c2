"""`list`, `show`, `schema`, `sample`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run

BUILT_IN = ["file", "http", "smtp"]


def test_list_shows_the_connectors_for_people(run: Run) -> None:
    result = run("list")
    assert result.exit_code == 0
    assert "simple-mail-transfer-protocol" in result.stdout


def test_list_as_json_names_connectors_and_failures(run: Run) -> None:
    listed = json.loads(run("list", "--json").stdout)
    assert [item["target"] for item in listed["connectors"]] == BUILT_IN
    assert listed["failures"] == []


def test_list_shows_a_plugin_that_fails(tmp_path: Path) -> None:
    info = tmp_path / "broken_plugin-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text("[connector_core]\nbroken = broken_plugin\n")
    (tmp_path / "broken_plugin.py").write_text("raise SystemExit('no licence')\n")
    script = (
        f"import sys; sys.path.append({str(tmp_path)!r});"
        "from connector_core.cli import main; main(['list', '--json'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert [item["target"] for item in listed["connectors"]] == BUILT_IN
    [failure] = listed["failures"]
    assert failure["distribution"] == "broken-plugin"
    assert failure["version"] == "1.5"
    assert "no licence" in failure["error"]


def test_show_tells_providers_and_options(run: Run) -> None:
    result = run("show", "smtp")
    assert result.exit_code == 0
    for word in ("gmail", "sendgrid", "aliyun", "requireTLS", "https://mc.sendgrid.com/senders"):
        assert word in result.stdout


def test_show_speaks_the_language_of_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = json.loads(run("show", "smtp", "--json").stdout)["description"]
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "fr_CA.UTF-8")
    shown = run("show", "smtp").stdout
    assert english["fr"][:30] in shown
    assert english["en"][:30] not in shown


def test_a_connector_names_and_describes_itself_in_each_language(run: Run) -> None:
    shown = json.loads(run("show", "smtp", "--json").stdout)
    for texts in (shown["name"], shown["description"]):
        assert set(texts) == {"en", "fr", "ko", "tr-TR", "zh-CN"}
        assert all("SMTP" in text for text in texts.values())
    assert len(set(shown["description"].values())) == 5


def test_show_prints_the_readme(run: Run) -> None:
    assert run("show", "smtp", "--readme").stdout.startswith("# ")


def test_schema_and_sample_are_json(run: Run) -> None:
    schema = json.loads(run("schema", "smtp").stdout)
    sample = json.loads(run("sample", "smtp").stdout)
    assert set(sample) <= set(schema["properties"])
    gmail = json.loads(run("sample", "smtp", "--provider", "gmail").stdout)
    assert gmail["host"] == "smtp.gmail.com"


def test_an_unknown_provider_is_wrong_usage_and_names_those_there_are(run: Run) -> None:
    result = run("sample", "smtp", "--provider", "gmial")
    assert result.exit_code == 2
    assert "gmail" in result.stderr


def test_an_unknown_connector_is_wrong_usage_and_names_those_there_are(run: Run) -> None:
    for command in (("show",), ("schema",), ("sample",), ("validate", "--config", "-")):
        result = run(*command, "smpt", input="{}")
        assert result.exit_code == 2, command
        assert "simple-mail-transfer-protocol" in result.stderr


def test_on_a_terminal_tables_are_drawn() -> None:
    import pty

    screen, terminal = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "connector_core.cli", "list"],
        stdout=terminal,
        check=True,
        env={**os.environ, "COLUMNS": "100", "TERM": "xterm", "PYTHONIOENCODING": "utf-8"},
    )
    os.close(terminal)
    shown = os.read(screen, 65536).decode("utf-8", "replace")
    os.close(screen)
    assert "┃" in shown
    assert "simple-mail-transfer-protocol" in shown


def test_the_guide_for_a_provider_says_where_its_values_are(run: Run) -> None:
    shown = run("show", "smtp", "--provider", "sendgrid").stdout
    assert "User name: the word apikey" in shown
    assert "https://mc.sendgrid.com/senders" in shown
    assert run("show", "smtp", "--provider", "sendgird").exit_code == 2


def test_the_guide_for_a_provider_tells_what_it_asks_and_what_goes_wrong(run: Run) -> None:
    shown = run("show", "smtp", "--provider", "mailgun").stdout
    for line in (
        "  host: host of the region",
        "      smtp.eu.mailgun.org: EU",
        "  auth.pass: SMTP password",
        "      for example postmaster@mg.example.com",
        "  Mailgun is not loving your login or password",
    ):
        assert f"\n{line}\n" in shown
    assert "smtp.mailgun.org: US" in shown
    assert "for example smtp" not in shown


def test_show_as_json_has_the_presets_whole(run: Run) -> None:
    shown = json.loads(run("show", "smtp", "--json").stdout)["providers"]
    gmail = next(item for item in shown if item["name"] == "gmail")
    assert gmail["userName"] == "the full address of the account"
    assert "Google Workspace" in gmail["aliases"]
    address, password = gmail["questions"]
    assert (address["path"], address["also"]) == ("$.auth.user", ["$.fromEmail"])
    assert (password["path"], password["choices"]) == ("$.auth.pass", {})
    assert all(password[key] for key in ("title", "help", "example"))
    assert {"sign", "remedy"} == set(gmail["pitfalls"][0])
    ses = next(item for item in shown if item["name"] == "ses")
    assert "email-smtp.eu-west-1.amazonaws.com" in ses["questions"][0]["choices"]
