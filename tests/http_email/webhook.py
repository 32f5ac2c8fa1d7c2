"""A scripted webhook, and a host with a connector that posts to it.

    async with Webhook(answer(503, b""), reset) as webhook, hosting(webhook) as host: ...

Each answer is used once, in their order; then messages are taken.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from connector_core import AsyncHost, Receipt
from tests.smtp.certificates import NAME, authority_pem
from tests.smtp.helpers import new_host
from tests.smtp.token_server import Answer, Exchange, TokenServer, answer

__all__ = ["CODE", "TOKEN", "Webhook", "config", "hosting", "send", "taking"]

TOKEN = "never-shown-token"
CODE = "918273"


def taking(status: int = 200, body: bytes = b"{}") -> Answer:
    return answer(status, body)


class Webhook(TokenServer):
    """The webhook; an asynchronous context manager.

    Attributes:
        requests: every request that arrived, in their order.
        connections: how many were opened.
    """

    def __init__(
        self,
        *answers: Answer,
        tls: ssl.SSLContext | None = None,
        plain: bool = False,
        name: str = NAME,
    ) -> None:
        super().__init__(*answers, tls=tls)
        if plain:
            self._context = None
        self._scheme = "http" if plain else "https"
        self._name = name
        self.connections = 0

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self._name}:{self.port}/send?key=never-shown-key"

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(request.body) for request in self.requests]

    def is_alone(self) -> bool:
        """Whether no connection is open."""
        return self.open == 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            request = await self._read(reader)
            play = self._answers.pop(0) if self._answers else taking()
            await play(Exchange(request, reader, writer))


def config(url: str, **changes: Any) -> dict[str, Any]:
    """A config for a webhook, with time-outs that no test waits for."""
    whole = {
        "endpoint": url,
        "authorization": f"Bearer {TOKEN}",
        "timeout": 60_000,
        "retries": 0,
        "tls": {"ca": authority_pem()},
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


@asynccontextmanager
async def hosting(webhook: Webhook, **changes: Any) -> AsyncIterator[AsyncHost]:
    async with new_host() as host:
        host.configure("http", config(changes.pop("endpoint", webhook.url), **changes))
        yield host


async def send(host: AsyncHost, **arguments: Any) -> Receipt:
    given = {"to": "ann@example.org", "payload": {"code": CODE}, **arguments}
    return await host.send_message("SignIn", **given)
