"""The connectors of this distribution hold the contract that they are models of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from connector_core.sync import new_event_loop
from connector_core.testing import conformance_suite
from tests.config.configs import config
from tests.file import mails
from tests.http_email import webhook
from tests.smtp.peer import Peer


@asynccontextmanager
async def smtp_server() -> AsyncIterator[dict[str, Any]]:
    async with Peer(mechanisms="PLAIN LOGIN") as peer:
        login = {"user": "ann", "pass": "correct horse battery staple"}
        yield config(host="127.0.0.1", port=peer.port, auth=login)


def smtp_at(host: str, port: int) -> dict[str, Any]:
    return {"host": host, "port": port}


@asynccontextmanager
async def webhook_server() -> AsyncIterator[dict[str, Any]]:
    async with webhook.Webhook(plain=True, name="127.0.0.1") as server:
        yield webhook.config(server.url)


def webhook_at(host: str, port: int) -> dict[str, Any]:
    return {"endpoint": f"http://{host}:{port}/send"}


@contextmanager
def folder() -> Iterator[dict[str, Any]]:
    with TemporaryDirectory() as place:
        yield mails.config(place)


TestSmtp = conformance_suite("smtp", config=smtp_server, peer=smtp_at)
TestSmtpOnUvloop = conformance_suite(
    "smtp", config=smtp_server, peer=smtp_at, loop_factory=new_event_loop
)
TestHttpEmail = conformance_suite("http-email", config=webhook_server, peer=webhook_at)
TestHttpEmailOnUvloop = conformance_suite(
    "http-email", config=webhook_server, peer=webhook_at, loop_factory=new_event_loop
)
TestFile = conformance_suite("file", config=folder, unreachable=mails.config("/proc/nowhere"))
