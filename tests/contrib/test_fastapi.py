"""The program of FastAPI's page, asked by requests."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from tests.contrib.apps import program
from tests.hostfile.files import connector, write
from tests.inboxes import ThreadedInbox

PAGE = "docs/embedding/fastapi.md"


@pytest.fixture
def shop(host_file: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("CONNECTOR_FILE", str(host_file))
    return program(PAGE)


@pytest.fixture
async def client(shop: Any) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(shop.app)
    async with (
        shop.lifespan(shop.app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        yield client


async def test_a_code_is_mailed(
    shop: Any, client: httpx2.AsyncClient, inbox: ThreadedInbox
) -> None:
    response = await client.post("/sign-in", json={"email": "ann@example.org", "locale": "fr"})
    assert (response.status_code, response.json()) == (202, {"mail": "sent"})
    assert shop.codes["ann@example.org"] in inbox.mails[0].body


@pytest.mark.parametrize(
    ("email", "status", "answer"),
    [
        ("ann", 422, {"field": "to", "reason": "is not an e-mail address: it has no @"}),
        ("refused@example.org", 422, {"field": "to", "reason": "refuses mail"}),
        ("later@example.org", 503, {"mail": "not sent"}),
        ("lost@example.org", 202, {"mail": "perhaps sent"}),
    ],
)
async def test_each_failure_has_its_answer(
    client: httpx2.AsyncClient, email: str, status: int, answer: dict[str, str]
) -> None:
    response = await client.post("/sign-in", json={"email": email})
    assert (response.status_code, response.json()) == (status, answer)
    assert response.headers.get("Retry-After") == ("30" if status == 503 else None)


async def test_a_fault_that_a_person_must_mend_is_logged_and_not_the_users(
    shop: Any, host_file: Path, inbox: ThreadedInbox, caplog: pytest.LogCaptureFixture
) -> None:
    # The inbox has no TLS.
    write(host_file, connector("main", inbox.port, extra="requireTLS = true"))
    transport = httpx2.ASGITransport(shop.app)
    async with (
        shop.lifespan(shop.app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        response = await client.post("/sign-in", json={"email": "ann@example.org"})
    assert (response.status_code, response.json()) == (503, {"mail": "not sent"})
    assert "STARTTLS" in caplog.text


async def test_what_fails_in_the_background_is_logged(
    client: httpx2.AsyncClient, inbox: ThreadedInbox, caplog: pytest.LogCaptureFixture
) -> None:
    for email in ("ann@example.org", "refused@example.org", "nobody"):
        response = await client.post("/invitation", json={"email": email})
        assert response.status_code == 202
    assert len(inbox.mails) == 1
    assert caplog.text.count("OrganizationInvitation was not sent") == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")
async def test_sighup_goes_over_to_what_the_host_file_says(
    client: httpx2.AsyncClient, host_file: Path, inbox: ThreadedInbox
) -> None:
    async def hang_up() -> str:
        """The log record that tells what came of it."""
        told: asyncio.Queue[str] = asyncio.Queue()
        handler = logging.Handler()
        handler.emit = lambda record: told.put_nowait(record.getMessage())  # type: ignore[method-assign]
        loggers = [logging.getLogger(name) for name in ("connector_core", "app")]
        for logger in loggers:
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(30):
            message = await told.get()
        for logger in loggers:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)
        return message

    async def sender() -> str:
        await client.post("/sign-in", json={"email": "ann@example.org"})
        return inbox.mails[-1].sender

    assert await sender() == "app@example.com"
    write(host_file, connector("main", inbox.port, "new@example.com"))
    assert "was read again" in await hang_up()
    assert await sender() == "new@example.com"
    write(host_file, "no TOML")
    assert "was not taken" in await hang_up()
    assert await sender() == "new@example.com"


def test_the_test_client_runs_it_in_another_thread(shop: Any, inbox: ThreadedInbox) -> None:
    with TestClient(shop.app) as client:
        assert client.post("/sign-in", json={"email": "ann@example.org"}).status_code == 202
    assert len(inbox.mails) == 1
