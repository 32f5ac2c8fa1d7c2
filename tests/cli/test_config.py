"""`config get`, `set`, `unset`, `diff`."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from connector_core.cli import main
from connector_core.cli.config.places import dotted, place_of
from connector_core.configs import json_path
from tests.cli.conftest import Run
from tests.hostfile.files import write_templates

FILE = """# mine
[connectors.main] # a
connector = "smtp"
provider = "sendgrid"

[connectors.main.config]
host = "smtp.sendgrid.net" # here
port = 587
fromEmail = "Example <app@example.com>"
auth = { user = "apikey", pass = "geheim" } # the account

[connectors.main.config.customHeaders]
X-A = "1"

[connectors.spare]
connector = "smtp"
config = { host = "spare.example.com", fromEmail = "app@example.com" }
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sound host file with templates beside it; the commands find it by the environment."""
    write_templates(tmp_path / "templates")
    file = tmp_path / "connectors.toml"
    file.write_text(FILE, "utf-8")
    monkeypatch.setenv("CONNECTOR_FILE", str(file))
    monkeypatch.delenv("NOT_SET", raising=False)
    return file


def config_of(path: Path, name: str = "main") -> Any:
    return tomllib.loads(path.read_text("utf-8"))["connectors"][name]["config"]


# get


def test_get_shows_values_and_hides_secrets(run: Run, path: Path) -> None:
    assert run("config", "get", "main", "host").stdout == "smtp.sendgrid.net\n"
    assert run("config", "get", "main", "$.port").stdout == "587\n"
    assert run("config", "get", "main", "auth.pass").stdout == "********\n"
    assert run("config", "get", "main", "auth.pass", "--show-secrets").stdout == "geheim\n"
    assert run("config", "get", "main", 'customHeaders["X-A"]').stdout == "1\n"
    whole = run("config", "get", "main")
    assert "geheim" not in whole.output
    assert json.loads(whole.stdout)["auth"] == {"user": "apikey", "pass": "********"}
    assert json.loads(run("config", "get", "main", "--show-secrets").stdout) == config_of(path)


def test_get_shows_references_as_they_are(run: Run, path: Path) -> None:
    path.write_text(FILE.replace("geheim", "env:NOT_SET"), "utf-8")
    assert run("config", "get", "main", "auth.pass").stdout == "env:NOT_SET\n"


def test_a_secret_of_any_form_is_hidden(run: Run, path: Path) -> None:
    path.write_text(FILE.replace('"geheim"', "12345678"), "utf-8")
    shown = run("config", "get", "main", "--json").stdout
    assert "12345678" not in shown
    url = 'url = "smtp://app:geheim@mail.example.com"\n'
    path.write_text(FILE.replace("port = 587\n", url), "utf-8")
    assert "geheim" not in run("config", "get", "main").output


# set


@pytest.mark.parametrize(
    ("place", "text", "value"),
    [
        ("host", "mail.example.com", "mail.example.com"),
        ("port", "465", 465),
        ("auth.user", "12345", "12345"),
        ("auth.user", "true", "true"),
        ("secure", "true", True),
        ("tls.rejectUnauthorized", "true", True),
        ("connectionTimeout", "1e3", 1000),
        ("customHeaders.X-B", '{"a": 1}', '{"a": 1}'),
        ("customHeaders", '{"X-B": "2"}', {"X-B": "2"}),
        ("tls.ca", '["a"]', ["a"]),
    ],
)
def test_a_value_is_read_as_the_schema_says(
    run: Run, path: Path, place: str, text: str, value: object
) -> None:
    # What is set need not be a sound value here, but one of its type.
    result = run("config", "set", "main", place, text, "--force")
    assert result.exit_code == 0, result.output
    found = json.loads(run("config", "get", "main", place, "--json").stdout)
    assert (found, type(found)) == (value, type(value))


def test_the_rest_of_the_file_stays(run: Run, path: Path) -> None:
    assert run("config", "set", "main", "port", "2525").stdout == "$.port = 2525\n"
    assert path.read_text("utf-8") == FILE.replace("587", "2525")
    run("config", "set", "main", "auth.user", "other")
    assert path.read_text("utf-8") == FILE.replace("587", "2525").replace("apikey", "other")


def test_json_value_makes_the_type_a_choice(run: Run, path: Path) -> None:
    run("config", "set", "main", "port", '"465"', "--json-value")
    assert config_of(path)["port"] == "465"


def test_items_of_lists_are_set_added_and_taken_out(run: Run, path: Path) -> None:
    template = {"usageType": "Mine", "contentType": "text/plain", "subject": "s", "content": "c"}
    for index in (0, 1):
        done = run("config", "set", "main", f"templates[{index}]", json.dumps(template))
        assert done.exit_code == 0, done.output
    run("config", "set", "main", "templates[1].subject", "587")
    assert [item["subject"] for item in config_of(path)["templates"]] == ["s", "587"]
    run("config", "unset", "main", "templates[0]")
    assert [item["subject"] for item in config_of(path)["templates"]] == ["587"]


def test_a_change_for_the_worse_is_refused_with_every_problem(run: Run, path: Path) -> None:
    path.write_text(FILE.replace("port = 587", "port = 587\nmaxConnections = 0"), "utf-8")
    before = path.read_text("utf-8")
    result = run("config", "set", "main", "tls", '{"minVersion": "TLSv9"}', "--json")
    assert result.exit_code == 1
    problems = json.loads(result.stdout)["error"]["problems"]
    base = "$.connectors.main.config"
    assert {item["path"] for item in problems} == {
        f"{base}.tls.minVersion",
        f"{base}.maxConnections",
    }
    assert path.read_text("utf-8") == before
    # One that mends something is not, whatever else is wrong; that is told.
    better = run("config", "set", "main", "port", "465")
    assert better.exit_code == 0
    assert "main has 1 problem left" in better.stderr
    assert f"{base}.maxConnections" in better.stderr
    # Nor is a wrong value better than the wrong value it replaces.
    assert run("config", "set", "main", "--", "maxConnections", "-1").exit_code == 1
    assert run("config", "set", "main", "maxConnections", "3").stderr == ""


def test_of_items_that_are_wrong_one_may_be_taken_out(run: Run, path: Path) -> None:
    wrong = json.dumps([{"usageType": "A"}, {"usageType": "B"}])
    run("config", "set", "main", "templates", wrong, "--force")
    result = run("config", "unset", "main", "templates[0]")
    assert result.exit_code == 0, result.output
    assert config_of(path)["templates"] == [{"usageType": "B"}]


def test_force_writes_what_is_incomplete(run: Run, path: Path) -> None:
    refused = run("config", "set", "main", "auth.pass", "env:NOT_SET")
    assert refused.exit_code == 1
    assert "environment variable NOT_SET is not set" in refused.stderr
    forced = run("config", "set", "main", "auth.pass", "env:NOT_SET", "--force")
    assert forced.stdout == "$.auth.pass = env:NOT_SET\n"
    assert "environment variable NOT_SET is not set" in forced.stderr
    # A reference that leads nowhere here hides no other problem.
    worse = run("config", "set", "main", "maxConnections", "0")
    assert worse.exit_code == 1
    assert "maxConnections" in worse.stderr


def test_a_secret_is_read_from_standard_input(run: Run, path: Path) -> None:
    result = run("config", "set", "main", "auth.pass", "--stdin", input="g e\\heim '\"\r\n")
    assert result.stdout == "$.auth.pass = ********\n"
    assert config_of(path)["auth"]["pass"] == "g e\\heim '\""
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_secret_that_is_left_out_is_asked_for_without_echo(path: Path) -> None:
    screen, terminal = pty.openpty()
    arguments = ["config", "set", "main", "auth.pass", "--file", str(path)]
    command = [sys.executable, "-m", "connector_core.cli", *arguments]
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        shown = b""
        while b"$.auth.pass:" not in shown:
            shown += os.read(screen, 1024)
        os.write(screen, b"typed\n")
        while b"*\r\n" not in shown:
            shown += os.read(screen, 1024)
        assert process.wait(30) == 0
    os.close(screen)
    assert b"typed" not in shown
    assert config_of(path)["auth"]["pass"] == "typed"


texts = st.text(st.characters(codec="utf-8"), max_size=30)
keys = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
values = st.recursive(
    st.booleans() | st.integers(-(2**62), 2**62) | st.floats(-1e15, 1e15) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


def invoke(path: Path, *arguments: str, input: bytes | None = None) -> str:
    result = CliRunner().invoke(
        main, ["config", *arguments], input=input, env={"CONNECTOR_FILE": str(path)}
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@settings(max_examples=60, deadline=None)
@given(keys, values)
def test_what_is_set_is_got_again(key: str, value: object) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "connectors.toml"
        path.write_text(FILE, "utf-8")
        place = dotted(("customHeaders", key))
        text = json.dumps(value)
        invoke(
            path, "set", "main", "--json-value", "--force", "--stdin", place, input=text.encode()
        )
        assert json.loads(invoke(path, "get", "main", place, "--json")) == value
        assert config_of(path, "spare")["host"] == "spare.example.com"
        invoke(path, "unset", "main", place, "--force")
        assert (
            config_of(path) == tomllib.loads(FILE)["connectors"]["main"]["config"] or key == "X-A"
        )


@settings(max_examples=60, deadline=None)
@given(texts)
def test_text_stays_text(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "connectors.toml"
        path.write_text(FILE, "utf-8")
        invoke(path, "set", "main", "--force", "--", "auth.user", text)
        assert config_of(path)["auth"]["user"] == text


parts = st.lists(keys | st.integers(0, 999_999), min_size=1, max_size=5).map(tuple)


@given(parts.filter(lambda found: isinstance(found[0], str)))
def test_a_path_is_what_it_was_written_from(found: tuple[str | int, ...]) -> None:
    assert place_of(json_path(found)) == found
    assert place_of(dotted(found)) == found


# diff


def test_diff_with_a_providers_preset(run: Run, path: Path) -> None:
    lines = run("config", "diff", "main", "--provider", "gmail").stdout.splitlines()
    assert "~ $.host = smtp.gmail.com → smtp.sendgrid.net" in lines
    assert '+ $.customHeaders["X-A"] = 1' in lines
    assert "- $.secure = true" in lines
    # What every sample has is none of the preset's.
    assert not any("pool" in line for line in lines)
    # What the sample leaves open agrees with whatever was filled in.
    assert not any(line.startswith(("~ $.auth.pass", "~ $.fromEmail")) for line in lines)
    assert not any("templates" in line for line in lines)


def test_diff_with_another_config_hides_secrets(run: Run, path: Path, tmp_path: Path) -> None:
    other = json.loads(json.dumps(config_of(path)))
    other["auth"]["pass"] = "andere"
    del other["customHeaders"]
    other["secure"] = True
    file = tmp_path / "other.json"
    file.write_text(json.dumps(other), "utf-8")
    result = run("config", "diff", "main", "--with", str(file))
    assert result.stdout.splitlines() == [
        "~ $.auth.pass = ******** → ********",
        "- $.secure = true",
        '+ $.customHeaders["X-A"] = 1',
    ]
    told = json.loads(run("config", "diff", "main", "--with", "-", "--json", input="{}").stdout)
    assert {"change": "added", "path": "$.port", "values": [587]} in told
    assert {item["change"] for item in told} == {"added"}


def test_diff_with_a_host_file(run: Run, path: Path) -> None:
    assert run("config", "diff", "main", "--with", str(path)).stdout == "no difference\n"
    lines = run("config", "diff", "main", "--with", str(path), "--connector", "spare").stdout
    assert "~ $.host = spare.example.com → smtp.sendgrid.net" in lines
    assert "+ $.port = 587" in lines


# What is wrong


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (("get", "nobody"), 2, "no connector 'nobody'; there are: main, spare"),
        (("get", "main", "hots"), 2, "there is no $.hots; did you mean 'host'?"),
        (("get", "main", "host.name"), 2, "$.host is a value and has nothing in it"),
        (("get", "main", "auth[0]"), 2, "$.auth is no list"),
        (("get", "main", "a..b"), 2, "is not a path such as auth.user"),
        (("get", "main", "templates[0]"), 2, "there is no $.templates"),
        (("get", "main", "--file", "none.toml"), 2, "there is no none.toml"),
        (("set", "nobody", "host", "x"), 2, "no connector 'nobody'"),
        (("set", "main", "host"), 2, "VALUE is missing"),
        (("set", "main", "auth.pass"), 2, "VALUE is missing"),
        (("set", "main", "host", "x", "--stdin"), 2, "either VALUE or --stdin"),
        (("set", "main", "secure", "geheim"), 2, "$.secure takes true or false as JSON"),
        (("set", "main", "secure", "3"), 2, "$.secure takes true or false as JSON"),
        (("set", "main", "maxConnections", "null"), 2, "$.maxConnections takes a whole number"),
        (("set", "main", "host", "null", "--json-value"), 2, "connector config unset"),
        (("set", "main", "tls", '{"a": 1, "a": 2}'), 2, "has the key 'a' twice"),
        (("set", "main", "$", "x"), 2, "name a value in the config, such as host"),
        (("set", "main", "templates[1].subject", "x"), 2, "$.templates has 0 items"),
        (("set", "main", "host", "\udcff"), 2, "is not UTF-8 text"),
        (("set", "main", "tls", '{"\\ud800": 1}'), 2, "is not UTF-8 text"),
        (("set", "main", "customHeaders.\udcff", "x"), 2, "is not UTF-8 text"),
        (("set", "main", 'customHeaders["\\ud800"]', "x"), 2, "is not UTF-8 text"),
        (("set", "main", 'customHeaders["\\q"]', "x"), 2, "a key in quotes that is not JSON"),
        (("set", "main", "a" + ".a" * 40, "x"), 2, "has more than 32 parts"),
        (("set", "main", "auth.passs", "geheim"), 1, "did you mean 'pass'?"),
        (("set", "main", "fromEmail", "geheim@"), 1, "$.connectors.main.config.fromEmail"),
        (("unset", "nobody", "host"), 2, "no connector 'nobody'"),
        (("unset", "main", "hots"), 2, "did you mean 'host'?"),
        (("unset", "main", "fromEmail"), 1, "config.fromEmail: is missing"),
        (("unset", "main", "$"), 2, "name a value in the config"),
        (("unset", "main", ".host"), 2, "is not a path"),
        (("unset", "main"), 2, "PATH"),
        (("diff", "main"), 2, "either --provider NAME or --with FILE"),
        (("diff", "main", "--provider", "a", "--with", "b"), 2, "either --provider"),
        (("diff", "main", "--provider", "sendgird"), 2, "no provider 'sendgird'"),
        (("diff", "main", "--with", "none.json"), 1, "none.json: cannot be read"),
        (("diff", "main", "--with", "-"), 1, "-: is not JSON"),
        (("diff", "main", "--with", "-", "--connector", "x"), 2, "--connector needs --with"),
        (("diff", "nobody", "--provider", "gmail"), 2, "no connector 'nobody'"),
    ],
)
def test_wrong_inputs_are_told_and_change_nothing(
    run: Run,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    monkeypatch.chdir(path.parent)
    result = run("config", *command)
    assert result.exit_code == code, result.output
    assert told in result.stderr
    assert "geheim" not in result.output
    assert path.read_text("utf-8") == FILE


@pytest.mark.parametrize(
    "data", [b"\xff", b"[1]", b'{"a": NaN}', b"{" * 100_000, b'{"a":' * 100_000]
)
def test_what_is_no_config_is_told(run: Run, path: Path, data: bytes) -> None:
    result = run("config", "diff", "main", "--with", "-", input=data)
    assert result.exit_code == 1
    assert "-: " in result.stderr


def test_a_secret_that_leaves_its_own_file_is_noted(run: Run, path: Path) -> None:
    (path.parent / "key").write_text("elsewhere", "utf-8")
    assert run("config", "set", "main", "auth.pass", "file:key").stderr == ""
    result = run("config", "set", "main", "auth.pass", "canary")
    assert result.exit_code == 0
    assert result.stderr == (
        f"note: $.auth.pass was kept in file:key, and now stands in {path} itself\n"
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert run("config", "set", "main", "auth.pass", "file:key").stderr == ""
    assert run("config", "set", "main", "auth.pass", "env:HOME").stderr == ""
