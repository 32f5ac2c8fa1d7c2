"""`validate`, `send`, `test`: configs from files, standard input and URLs; exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, ThreadedInbox

CANARY = "canary-5f1e-secret"


@pytest.fixture
def path(tmp_path: Path, config: dict[str, Any]) -> str:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config), "utf-8")
    return str(file)


def test_send_delivers_and_says_so(run: Run, path: str, inbox: ThreadedInbox) -> None:
    result = run(
        *("send", "smtp", "--config", path, "--usage", "SignIn", "--to", "ann@example.org"),
        *("--var", "code=123456", "--var", "user.name=Ann"),
    )
    assert result.exit_code == 0, result.stderr
    assert "ann@example.org" in result.stdout
    [mail] = inbox.mails
    assert mail.message["Subject"] == "SignIn: 123456"
    assert mail.body.strip() == "Hello Ann, your code is 123456."


@pytest.mark.parametrize(("usage", "near"), [("SingIn", "SignIn"), ("signin", "SignIn")])
def test_a_slip_in_the_usage_type_is_noted(
    run: Run, path: str, inbox: ThreadedInbox, usage: str, near: str
) -> None:
    result = run("send", "smtp", "--config", path, "--usage", usage, "--to", "ann@example.org")
    assert result.exit_code == 0
    assert result.stderr == (
        f"note: '{usage}' is a usage type of your own; did you mean '{near}'?\n"
    )
    assert inbox.mails[0].message["Subject"].startswith("Generic")


def test_what_has_a_template_is_meant(
    run: Run, config: dict[str, Any], inbox: ThreadedInbox
) -> None:
    config["templates"].append({**config["templates"][0], "usageType": "SingIn", "subject": "La"})
    result = run(
        *("send", "smtp", "--config", "-", "--usage", "SingIn", "--to", "ann@example.org"),
        input=json.dumps(config),
    )
    assert (result.exit_code, result.stderr) == (0, "")
    assert inbox.mails[0].message["Subject"] == "La"


def test_send_as_json_prints_the_receipt(run: Run, path: str, inbox: ThreadedInbox) -> None:
    result = run(
        "send", "smtp", "--config", path, "--usage", "Register", "--to", "a@b.example", "--json"
    )
    receipt = json.loads(result.stdout)
    assert receipt["accepted"] == ["a@b.example"]
    assert receipt["messageId"] == inbox.mails[0].message["Message-ID"]


def test_the_config_may_come_from_standard_input(
    run: Run, config: dict[str, Any], inbox: ThreadedInbox
) -> None:
    result = run("test", "smtp", "--config", "-", "--to", "a@b.example", input=json.dumps(config))
    assert result.exit_code == 0, result.stderr
    assert inbox.mails[0].message["Subject"] == "Generic: 000000"


def test_a_payload_file_is_merged_with_variables(
    run: Run, path: str, inbox: ThreadedInbox, tmp_path: Path
) -> None:
    payload = tmp_path / "payload.json"
    payload.write_text(json.dumps({"user": {"name": "Ann"}, "code": "1"}))
    result = run(
        *("send", "smtp", "--config", path, "--usage", "SignIn", "--to", "a@b.example"),
        *("--payload", str(payload), "--var", "code=2"),
    )
    assert result.exit_code == 0, result.stderr
    assert inbox.mails[0].body.strip() == "Hello Ann, your code is 2."


def test_a_url_stands_for_a_config_with_the_samples_templates(
    run: Run, inbox: ThreadedInbox
) -> None:
    result = run(
        *("send", "smtp", "--url", f"smtp://127.0.0.1:{inbox.port}?pool=false"),
        *("--from", "Me <me@example.com>", "--usage", "MfaVerification"),
        *("--to", "you@example.org", "--var", "code=123456"),
    )
    assert result.exit_code == 0, result.stderr
    assert "123456" in inbox.mails[0].body
    assert inbox.mails[0].message["From"] == "Me <me@example.com>"


@pytest.mark.parametrize("form", ["env", "file"])
def test_references_are_resolved_and_never_shown(
    run: Run,
    config: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", CANARY)
    (tmp_path / "secret").write_text(f"{CANARY}\n")
    reference = "env:SMTP_PASSWORD" if form == "env" else f"file:{tmp_path / 'secret'}"
    config["auth"] = {"user": "zoe", "pass": reference}
    result = run("test", "smtp", "--config", "-", "--to", "a@b.example", input=json.dumps(config))
    # The inbox offers no authentication: the connector got as far as wanting it.
    assert result.exit_code == 3
    assert "does not offer authentication" in result.stderr
    assert CANARY not in result.output + result.stderr


def test_the_password_in_a_url_may_be_a_reference(
    run: Run, inbox: ThreadedInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", f"{CANARY}@:/%")
    result = run(
        *("validate", "smtp", "--url", f"smtp://zoe:env:SMTP_PASSWORD@127.0.0.1:{inbox.port}"),
        *("--from", "me@example.com"),
    )
    assert result.exit_code == 0, result.stderr
    assert CANARY not in result.output + result.stderr


def test_a_reference_that_leads_nowhere_names_its_place(
    run: Run, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    config["auth"] = {"user": "env:NOT_SET", "pass": "file:/does/not/exist"}
    result = run("validate", "smtp", "--config", "-", input=json.dumps(config))
    assert result.exit_code == 1
    assert "$.auth.user" in result.stderr
    assert "NOT_SET" in result.stderr
    assert "$.auth.pass" in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "must be a JSON object"),
        ('{"host": 1, "host": 2}', "the key 'host' twice"),
        (b"\xff{}", "not UTF-8"),
        ("[" * 100_000, "nested too deeply"),
        ("", "not JSON"),
    ],
)
def test_what_is_no_config_is_told_in_a_sentence(run: Run, text: str | bytes, said: str) -> None:
    result = run("validate", "smtp", "--config", "-", input=text)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_every_problem_is_told_at_once(run: Run) -> None:
    faulty = {"hots": "x", "port": 465, "secure": False, "fromEmail": "no", "templates": []}
    result = run("validate", "smtp", "--config", "-", "--json", input=json.dumps(faulty))
    assert result.exit_code == 1
    paths = {item["path"] for item in json.loads(result.stdout)["error"]["problems"]}
    assert paths == {"$.hots", "$.host", "$.secure", "$.fromEmail", "$.templates"}
    assert "did you mean 'host'" in result.stderr


def test_validate_says_when_all_is_well(run: Run, path: str) -> None:
    assert run("validate", "smtp", "--config", path).exit_code == 0
    assert json.loads(run("validate", "smtp", "--config", path, "--json").stdout) == {
        "problems": []
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("send", "smtp", "--usage", "SignIn", "--to", "a@b.example"),
        ("send", "smtp", "--config", "-", "--url", "smtp://h", "--usage", "S", "--to", "a@b.c"),
        ("send", "smtp", "--url", "smtp://h", "--usage", "SignIn", "--to", "a@b.example"),
        ("send", "smtp", "--config", "-", "--usage", "S", "--to", "a@b.c", "--var", "code"),
        ("send", "smtp", "--config", "-", "--usage", "S", "--to", "a@b.c", "--timeout", "0"),
        ("sned",),
    ],
)
def test_wrong_usage_is_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments, input="{}").exit_code == 2


def test_a_bad_recipient_is_a_message_problem(run: Run, path: str, inbox: ThreadedInbox) -> None:
    result = run("test", "smtp", "--config", path, "--to", "a@b.example, c@d.example")
    assert result.exit_code == 1
    assert "to:" in result.stderr
    assert inbox.mails == []


def test_a_delivery_that_failed_is_3_and_says_what_to_do(run: Run) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        result = run(
            *("test", "smtp", "--url", f"smtp://127.0.0.1:{port}", "--from", "a@b.example"),
            *("--to", "c@d.example", "--json"),
        )
    assert result.exit_code == 3
    assert "what to do:" in result.stderr
    assert json.loads(result.stdout)["error"]["retry"] == "retry"


@contextmanager
def swallowing(*, closes: bool) -> Iterator[tuple[int, threading.Event]]:
    """A server that takes the whole message and does not reply: its port, and when it has it."""
    loops: list[asyncio.AbstractEventLoop] = []
    ports: list[int] = []
    ready, got_all, stop = threading.Event(), threading.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        for reply in (b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await reader.readline()
            writer.write(reply)
        await reader.readuntil(b"\r\n.\r\n")
        got_all.set()
        if not closes:
            await stop.wait()
        writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            ports.append(server.sockets[0].getsockname()[1])
            loops.append(asyncio.get_running_loop())
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield ports[0], got_all
    loops[0].call_soon_threadsafe(stop.set)
    thread.join(10)


def test_an_uncertain_delivery_is_4(run: Run) -> None:
    with swallowing(closes=True) as (port, _):
        result = run(
            *("test", "smtp", "--url", f"smtp://127.0.0.1:{port}"),
            *("--from", "a@b.example", "--to", "c@d.example"),
        )
    assert result.exit_code == 4
    assert "may have been delivered" in result.stderr


def test_ctrl_c_while_the_message_is_under_way_is_uncertain() -> None:
    with (
        swallowing(closes=False) as (port, got_all),
        subprocess.Popen(
            [
                *(sys.executable, "-m", "connector_core.cli", "test", "smtp"),
                *("--url", f"smtp://127.0.0.1:{port}", "--from", "a@b.example"),
                *("--to", "c@d.example", "--json"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert got_all.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 4, err
    assert "interrupted" in err
    assert json.loads(out)["error"]["retry"] == "uncertain"


def test_ctrl_c_before_anything_is_sent_is_130(tmp_path: Path) -> None:
    pipe = tmp_path / "config"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "connector_core.cli", "validate", "smtp", "--config"]
    # Opening this end waits until the command reads from the other.
    with subprocess.Popen([*command, str(pipe)]) as process, pipe.open("w"):
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def test_an_option_given_twice_is_refused(run: Run, path: str) -> None:
    for twice in (("--to", "b@b.example"), ("--config", path)):
        result = run("test", "smtp", "--config", path, "--to", "a@b.example", *twice)
        assert result.exit_code == 2
        assert "may be given once" in result.stderr


def test_a_message_that_was_sent_is_sent_whatever_becomes_of_the_output(
    path: str, inbox: ThreadedInbox
) -> None:
    command = [sys.executable, "-m", "connector_core.cli", "test", "smtp", "--config", path]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*command, "--to", "a@b.example"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 0, done.stderr
    assert "could not be printed" in done.stderr
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command, "--to", "a@b.example"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert closed.returncode == 0, closed.stderr
    assert len(inbox.mails) == 2


def test_a_config_from_a_closed_standard_input_is_told() -> None:
    done = subprocess.run(
        [
            *("sh", "-c", 'exec "$@" <&-', "sh", sys.executable, "-m", "connector_core.cli"),
            *("validate", "smtp", "--config", "-"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_the_path_of_a_password_in_a_url_may_be_absolute(run: Run, tmp_path: Path) -> None:
    (tmp_path / "p@ss").write_text(CANARY)
    result = run(
        *("validate", "smtp", "--url", f"smtp://zoe:file:{tmp_path}/p@ss@127.0.0.1:2525"),
        *("--from", "a@b.example"),
    )
    assert result.exit_code == 0, result.stderr


def test_a_pipe_is_not_read_for_a_secret(run: Run, config: dict[str, Any], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    config["auth"] = {"user": "zoe", "pass": f"file:{tmp_path / 'pipe'}"}
    result = run("validate", "smtp", "--config", "-", input=json.dumps(config))
    assert result.exit_code == 1
    assert "not a regular file" in result.stderr


@pytest.mark.parametrize("text", ['{"port": ' + "9" * 5000 + "}", '{"\\ud800": 1}'])
def test_odd_json_is_told_in_a_sentence(run: Run, text: str) -> None:
    result = run("validate", "smtp", "--config", "-", "--json", input=text)
    assert result.exit_code == 1
    json.loads(result.stdout)
