"""`batch`: lines in, results out; the host file read again by SIGHUP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from tests.cli.conftest import ThreadedInbox
from tests.hostfile.files import connector, write

COMMAND = [sys.executable, "-W", "error", "-m", "connector_core.cli", "batch"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "connectors.toml"


def fed(path: Path, *lines: object, arguments: tuple[str, ...] = ()) -> tuple[int, list[Any]]:
    """The exit code, and the results in the order of the lines."""
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    done = subprocess.run(
        [*COMMAND, "--file", str(path), *arguments],
        input=text.encode(errors="surrogateescape"),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"Traceback" not in done.stderr
    return done.returncode, sorted(
        map(json.loads, done.stdout.splitlines()), key=lambda r: r["line"]
    )


def message(to: str, **more: object) -> dict[str, object]:
    return {"usageType": "SignIn", "to": to, "payload": {"code": "1"}, **more}


def test_each_line_is_a_message_and_has_a_result(path: Path, inbox: ThreadedInbox) -> None:
    write(path, connector("main", inbox.port))
    recipients = [f"n{number}@example.org" for number in range(40)]
    code, results = fed(path, *map(message, recipients), arguments=("--at-once", "7"))
    assert code == 0
    assert [result["receipt"]["accepted"] for result in results] == [[to] for to in recipients]
    assert len(inbox.mails) == 40


def test_what_is_wrong_with_a_line_is_its_own_result(path: Path, inbox: ThreadedInbox) -> None:
    write(path, connector("main", inbox.port))
    code, results = fed(
        path,
        "{",
        "",
        "[]",
        {"to": "a@b.example"},
        message("a@b.example", usage="x"),
        message("no address"),
        '{"usageType": "SignIn", "to": "\udcff"}',
        '{"to": "a", "to": "b", "usageType": "c"}',
        "x" * (1024 * 1024 + 2),
        message("ann@example.org"),
    )
    assert code == 1
    told = {result["line"]: result["error"]["field"] for result in results if "error" in result}
    assert told == {
        1: "line",
        3: "line",
        4: "usageType",
        5: "usage",
        6: "to",
        7: "line",
        8: "line",
        9: "line",
    }
    assert results[-1]["receipt"]["accepted"] == ["ann@example.org"]


def test_a_message_that_is_not_delivered_has_its_error(path: Path, unused_tcp_port: int) -> None:
    write(path, connector("main", unused_tcp_port))
    code, [result] = fed(path, message("ann@example.org"))
    assert code == 3
    assert result["error"]["stage"] == "connect"
    assert result["error"]["hint"]


@contextmanager
def running(path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "--file", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ask(process: subprocess.Popen[str], value: object) -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{json.dumps(value)}\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def line_of(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


def test_sighup_reads_the_host_file_again(path: Path, inbox: ThreadedInbox) -> None:
    write(path, connector("main", inbox.port, "before@example.com"))
    with running(path) as process:
        assert "receipt" in ask(process, message("a@example.org"))
        write(path, connector("main", inbox.port, "after@example.com"))
        os.kill(process.pid, signal.SIGHUP)
        assert "was read again" in line_of(process.stderr)
        assert "receipt" in ask(process, message("b@example.org"))
        path.write_text("x", "utf-8")
        os.kill(process.pid, signal.SIGHUP)
        assert "was not taken over" in line_of(process.stderr)
        assert "receipt" in ask(process, message("c@example.org"))
    senders = [str(mail.message["From"]) for mail in inbox.mails]
    assert ["after@" in sender for sender in senders] == [False, True, True]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_by_signal_while_it_waits_for_a_line(
    path: Path, inbox: ThreadedInbox, number: signal.Signals
) -> None:
    write(path, connector("main", inbox.port))
    with running(path) as process:
        ask(process, message("a@example.org"))
        os.kill(process.pid, number)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
