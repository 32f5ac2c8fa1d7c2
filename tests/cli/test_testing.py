"""`test`, `send` and `validate` with a host file: by name, by routes, stage by stage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run, ThreadedInbox
from tests.hostfile.files import connector, write, write_templates
from tests.servers.emulated import SendGrid, sendgrid

TO = ("--to", "you@example.org")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inbox: ThreadedInbox) -> Path:
    monkeypatch.chdir(tmp_path)
    return write(
        tmp_path / "connectors.toml",
        connector("main", inbox.port),
        connector("spare", inbox.port),
        '[routes]\nSignIn = ["spare"]\n',
    )


@pytest.fixture
def grid(path: Path) -> Iterator[SendGrid]:
    """SendGrid in the host file, with a wrong key."""
    with sendgrid() as server:
        (path.parent / "ca.pem").write_text(server.reach["tls"]["ca"], "utf-8")
        extra = (
            'requireTLS = true\ntls = { ca = "file:ca.pem" }\n'
            'auth = { user = "apikey", pass = "canary-wrong" }\n'
        )
        text = connector("grid", server.port, extra=extra)
        text = text.replace('"smtp"\n', '"smtp"\nprovider = "sendgrid"\n', 1)
        path.write_text(path.read_text("utf-8") + text, "utf-8")
        yield server


def names(output: str) -> list[str]:
    return [stage["name"] for stage in json.loads(output)["stages"]]


def test_a_configured_connector_is_tried_stage_by_stage(
    run: Run, path: Path, inbox: ThreadedInbox
) -> None:
    result = run("test", "main", *TO)
    assert result.exit_code == 0, result.stderr
    shown = [line.split()[0] for line in result.stdout.splitlines()]
    assert shown[:6] == ["resolve", "connect", "greeting", "ehlo", "envelope", "content"]
    assert inbox.mails[0].message["Subject"] == "Generic : 000000"
    assert "main" in str(inbox.mails[0].message["From"])


def test_usage_locale_and_variables_choose_what_is_sent(
    run: Run, path: Path, inbox: ThreadedInbox
) -> None:
    write_templates(path.parent / "templates", ["SignIn"], ["fr"])
    result = run(
        *("test", "main", *TO, "--usage", "SignIn", "--locale", "fr-CA", "--var", "code=42"),
        "--json",
    )
    assert result.exit_code == 0, result.stderr
    assert inbox.mails[0].message["Subject"] == "SignIn fr: 42"
    assert names(result.stdout)[-2:] == ["envelope", "content"]


def test_a_dry_run_sends_nothing(run: Run, path: Path, inbox: ThreadedInbox) -> None:
    result = run("test", "main", "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert "no message was sent" in result.stdout
    assert names(run("test", "main", "--dry-run", "--json").stdout)[-1] == "ehlo"
    assert inbox.mails == []


def test_a_failure_tells_the_stages_the_cause_and_what_the_provider_is_known_for(
    run: Run, path: Path, grid: SendGrid
) -> None:
    result = run("test", "grid", *TO, "--json")
    assert result.exit_code == 3
    told = json.loads(result.stdout)
    assert told["error"]["stage"] == "auth"
    tls = next(stage for stage in told["stages"] if stage["name"] == "tls")
    assert tls["facts"].keys() == {"version", "issuer", "expires"}
    assert told["stages"][-1] | {"seconds": 0} == {
        "name": "auth",
        "ok": False,
        "seconds": 0,
        "detail": "",
        "facts": {},
    }
    assert "what to do:" in result.stderr
    assert "SendGrid: " in result.stderr
    assert "canary-wrong" not in result.stdout + result.stderr


def test_a_message_that_is_refused_ends_at_its_stage(run: Run, path: Path, grid: SendGrid) -> None:
    text = path.read_text("utf-8").replace("canary-wrong", grid.password)
    path.write_text(text.replace("grid <app@example.com>", "app@unverified.example"), "utf-8")
    result = run("test", "grid", *TO)
    assert result.exit_code == 3
    assert result.stdout.splitlines()[-1].split()[-1] == "failed"
    assert "does not match a verified Sender Identity" in result.stderr


def test_send_goes_by_the_routes(run: Run, path: Path, inbox: ThreadedInbox) -> None:
    sent = run("send", "--usage", "SignIn", *TO)
    assert sent.exit_code == 0, sent.stderr
    assert "spare" in str(inbox.mails[-1].message["From"])
    assert run("send", "main", "--usage", "SignIn", *TO).exit_code == 0
    assert "main" in str(inbox.mails[-1].message["From"])
    refused = run("send", "--usage", "Register", *TO)
    assert refused.exit_code == 1
    assert "Register" in refused.stderr


def test_validate_looks_at_the_host_file(run: Run, path: Path) -> None:
    whole = run("validate")
    assert (whole.exit_code, "valid, with 2 connectors" in whole.stdout) == (0, True)
    assert run("validate", "main").exit_code == 0
    path.write_text(path.read_text("utf-8").replace("port =", "prot =", 1), "utf-8")
    broken = run("validate")
    assert broken.exit_code == 1
    assert "$.connectors.main.config.prot" in broken.stderr
    assert run("validate", "spare").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("test", "main"), "--to"),
        (("test", "main", *TO, "--dry-run"), "--to"),
        (("test", *TO), "main, spare"),
        (("test", "mian", *TO), "has no connector 'mian'"),
        (("test", "main", "--from", "a@b.example", *TO), "--from"),
        (("test", "main", "--file", "none.toml", *TO), "none.toml"),
        (("send", "mian", "--usage", "SignIn", *TO), "has no connector 'mian'"),
        (("validate", "mian"), "has no connector 'mian'"),
    ],
)
def test_wrong_usage_is_told(run: Run, path: Path, arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, told in result.stderr) == (2, True), result.stderr
