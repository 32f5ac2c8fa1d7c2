"""`demo` and `inbox`, as processes: what a new user runs first."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from typing import IO

import pytest

from tests.cli.conftest import Run

USAGES = [
    *("Register", "SignIn", "ForgotPassword", "Generic", "OrganizationInvitation"),
    *("UserPermissionValidation", "BindNewIdentifier", "MfaVerification", "BindMfa"),
]


def test_demo_sends_one_mail_for_each_usage_type() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "connector_core.cli", "demo"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "simple-mail-transfer-protocol" in done.stdout
    for usage in USAGES:
        assert f"\n{usage}\n" in done.stdout
    assert done.stdout.count("receipt: 250") == len(USAGES)


def test_demo_as_json_has_mails_and_receipts(run: Run) -> None:
    results = json.loads(run("demo", "--json").stdout)
    assert [item["usageType"] for item in results] == USAGES
    for item in results:
        headers = dict(item["mail"]["headers"])
        assert headers["Message-ID"] == item["receipt"]["messageId"]
        assert headers["From"] == "Sign-in <no-reply@example.com>"
        assert headers["Reply-To"] == "Support <support@example.com>"
        assert item["mail"]["rcptTo"] == ["ann@example.org"]
        assert "{{" not in item["mail"]["body"]


def _read_until(stream: IO[str], pattern: str) -> re.Match[str]:
    seen = ""
    for line in stream:
        seen += line
        if found := re.search(pattern, line):
            return found
    pytest.fail(f"{pattern!r} was not printed, but:\n{seen}")


@pytest.mark.parametrize("command", [["demo", "--keep"], ["inbox", "--port", "0"]])
def test_an_open_inbox_says_how_to_send_to_it_and_prints_what_arrives(command: list[str]) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "connector_core.cli", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        try:
            found = _read_until(process.stdout, r"^\s+connector (send .*)$")
            subprocess.run(
                [sys.executable, "-m", "connector_core.cli", *found[1].split()],
                check=True,
                capture_output=True,
            )
            _read_until(process.stdout, r"^To: you@example.org$")
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            process.kill()


def test_the_inbox_names_a_port_that_is_taken(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run("inbox", "--port", port)
    assert result.exit_code == 1
    assert f"the port {port} cannot be opened" in result.stderr
