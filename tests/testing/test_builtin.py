"""The connectors of this distribution hold the contract that they are models of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from connector_core.sync import new_event_loop
from connector_core.testing import conformance_suite
from tests.config.configs import config
from tests.smtp.peer import Peer


@asynccontextmanager
async def smtp_server() -> AsyncIterator[dict[str, Any]]:
    async with Peer(mechanisms="PLAIN LOGIN") as peer:
        login = {"user": "ann", "pass": "correct horse battery staple"}
        yield config(host="127.0.0.1", port=peer.port, auth=login)


def smtp_at(host: str, port: int) -> dict[str, Any]:
    return {"host": host, "port": port}


TestSmtp = conformance_suite("smtp", config=smtp_server, peer=smtp_at)
TestSmtpOnUvloop = conformance_suite(
    "smtp", config=smtp_server, peer=smtp_at, loop_factory=new_event_loop
)
