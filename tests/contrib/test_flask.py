"""The program of Flask's page, asked by requests, and in the workers of a server that forks."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.contrib.apps import program, source
from tests.hostfile.files import connector, write
from tests.inboxes import ThreadedInbox
from tests.servers.process import running

PAGE = "docs/embedding/flask.md"
START_SECONDS = 30


@pytest.fixture
def shop(host_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("CONNECTOR_FILE", str(host_file))
    shop = program(PAGE)
    yield shop
    shop.mail.close()


@pytest.mark.parametrize(
    ("email", "status", "answer"),
    [
        ("ann@example.org", 202, {"mail": "sent"}),
        ("ann", 422, {"field": "to", "reason": "is not an e-mail address: it has no @"}),
        ("refused@example.org", 422, {"field": "to", "reason": "refuses mail"}),
        ("later@example.org", 503, {"mail": "not sent"}),
        ("lost@example.org", 202, {"mail": "perhaps sent"}),
    ],
)
def test_each_outcome_has_its_answer(
    shop: Any, email: str, status: int, answer: dict[str, str]
) -> None:
    response = shop.app.test_client().post("/sign-in", data={"email": email})
    assert (response.status_code, response.json) == (status, answer)
    assert response.headers.get("Retry-After") == ("30" if status == 503 else None)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_the_workers_of_gunicorn_have_hosts_of_their_own(
    tmp_path: Path, host_file: Path, inbox: ThreadedInbox
) -> None:
    """Loaded before it forks, a mail sent already; then anew, when the host file has changed."""
    sent = 'mail.get().send_message("SignIn", to="master@example.org", payload={"code": "0"})\n'
    (tmp_path / "app.py").write_text(source(PAGE) + "\n\n" + sent)
    socket, pid = tmp_path / "socket", tmp_path / "pid"
    options: list[str | Path] = [
        "--preload",
        "--workers",
        "2",
        "--bind",
        f"unix:{socket}",
        "--pid",
        pid,
    ]
    environment = {"CONNECTOR_FILE": str(host_file), "PYTHONDONTWRITEBYTECODE": "1"}
    gunicorn: list[str | Path] = [sys.executable, "-m", "gunicorn", *options, "app:app"]
    with (
        running(
            "gunicorn", gunicorn, cwd=tmp_path, env=environment, console=tmp_path / "log"
        ) as server,
        httpx2.Client(transport=httpx2.HTTPTransport(uds=str(socket))) as client,
    ):
        server.wait_until(
            lambda: (tmp_path / "log").read_text().count("Booting worker") == 2,
            START_SECONDS,
            "two workers",
        )
        for _ in range(8):
            assert (
                client.post("http://shop/sign-in", data={"email": "ann@example.org"}).status_code
                == 202
            )
        assert [mail.recipients[0] for mail in inbox.mails].count("ann@example.org") == 8
        assert {mail.sender for mail in inbox.mails} == {"app@example.com"}
        write(host_file, connector("main", inbox.port, "new@example.com"))
        os.kill(int(pid.read_text()), signal.SIGHUP)
        server.wait_until(
            lambda: _sender_after_a_request(client, inbox) == "new@example.com",
            START_SECONDS,
            "a mail by the new host file",
        )
    assert "Traceback" not in (tmp_path / "log").read_text()


def _sender_after_a_request(client: httpx2.Client, inbox: ThreadedInbox) -> str:
    answer = client.post("http://shop/sign-in", data={"email": "ann@example.org"})
    assert answer.status_code == 202
    return inbox.mails[-1].sender
