"""A small connector that holds the contract, to be broken one point at a time, and its server.

A message is one line of JSON over TCP, and the answer `ok`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from connector_core import (
    ConfigProblem,
    ConnectorMetadata,
    DeliveryError,
    Link,
    Message,
    MessageError,
    Provider,
    Question,
    Receipt,
    Stage,
    TemporaryDeliveryError,
    UncertainDeliveryError,
    VerifyReport,
    hookimpl,
)
from connector_core.fields import Fields
from connector_core.i18n import Catalog
from connector_core.templates import render

ID = "good-relay"
LOGO = '<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>'
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "host": {"type": "string", "description": "The name of the relay."},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "Its port."},
        "token": {"type": "string", "description": "What it knows you by.", "writeOnly": True},
        "sender": {"type": "string", "description": "Whom the messages are from."},
        "text": {"type": "string", "description": "What the messages say."},
        "limits": {"$ref": "#/$defs/limits", "description": "What is too much."},
    },
    "required": ["host", "port", "token", "sender", "text"],
    "additionalProperties": False,
    "$defs": {
        "limits": {
            "type": "object",
            "properties": {"size": {"type": "integer", "description": "Octets of a message."}},
            "additionalProperties": False,
        }
    },
}
SAMPLE = {
    "host": "<host>",
    "port": 4000,
    "token": "<token>",
    "sender": "no-reply@example.com",
    "text": "Your code is {{code}}.",
}
QUESTIONS = (
    Question(path=("token",), title="token", help="It is on your page.", example="a1b2c3d4"),
    Question(path=("port",), title="port", example="4000", choices={"4000": "usual", "4001": ""}),
)
PROVIDER = Provider(
    name="acme",
    title="Acme Relay",
    guide="Look for the token on your page.",
    links=(Link("Acme", "https://acme.example/"),),
    config={"host": "relay.acme.example"},
    questions=QUESTIONS,
)


class Relay:
    """The state: where the relay is, and what a message says."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = dict(config)
        self.address = config["host"], config["port"]
        self.size = config.get("limits", {}).get("size", 32_000)

    async def send(self, message: Message) -> Receipt:
        line = self.line(message)
        written = False
        try:
            async with asyncio.timeout_at(self.until(message)):
                async with self.connection() as (reader, writer):
                    written = True
                    await self.exchange(reader, writer, line)
        except TimeoutError:
            raise self.late(written) from None
        return Receipt(message_id=message.message_id, connector_id=ID, accepted=(message.to,))

    def until(self, message: Message) -> float | None:
        if message.deadline is None:
            return None
        return asyncio.get_running_loop().time() + message.deadline - time.monotonic()

    def late(self, written: bool) -> DeliveryError:
        kind = UncertainDeliveryError if written else TemporaryDeliveryError
        return kind("the relay did not answer in time", stage="answer", hint="Look at the relay.")

    @asynccontextmanager
    async def connection(
        self,
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        try:
            reader, writer = await asyncio.open_connection(*self.address)
        except OSError as error:
            raise self.unreached(error) from None
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def unreached(self, _error: OSError) -> DeliveryError:
        return TemporaryDeliveryError(
            "the relay cannot be reached", stage="connect", hint="Look at host and port."
        )

    async def exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes
    ) -> None:
        writer.write(line)
        await writer.drain()
        if await reader.readline() != b"ok\n":
            raise UncertainDeliveryError(
                "the relay gave no answer", stage="answer", hint="Look at the relay."
            )

    def line(self, message: Message) -> bytes:
        if not message.to.isascii() or not message.to.isprintable() or " " in message.to:
            raise MessageError("to", "must be an address, in printable ASCII")
        text = render(self.config["text"], message.payload)
        told = {"token": self.config["token"], "to": message.to, "text": text}
        line = json.dumps(told).encode() + b"\n"
        if len(line) > self.size:
            raise MessageError("payload", "makes the message too long")
        return line

    def preview(self, message: Message) -> bytes:
        text: str = json.loads(self.line(message))["text"]
        head = f"From: {self.config['sender']}\r\nTo: {message.to}\r\n\r\n"
        return (head + text).encode("utf-8", "replace")

    async def verify(self, on_stage: Callable[[Stage], None]) -> VerifyReport:
        try:
            async with self.connection():
                stage = Stage(name="connect", ok=True, seconds=0.0)
        except DeliveryError as error:
            stage = Stage(name="connect", ok=False, seconds=0.0, error=error)
        on_stage(stage)
        return VerifyReport((stage,))

    async def close(self) -> None:
        """Nothing is kept open between messages."""


class Good:
    """The plugin; subclasses break a point of it.

    Args:
        locale: the folder of its translations.
    """

    state: type[Relay] = Relay
    schema: Mapping[str, Any] = SCHEMA

    def __init__(self, locale: Path) -> None:
        self.locale = locale

    @hookimpl
    def metadata(self) -> ConnectorMetadata:
        return ConnectorMetadata(
            id=ID,
            target="good",
            name={"en": "Relay", "fr": "Relais"},
            description={"en": "Sends by a relay.", "fr": "Envoie par un relais."},
            logo=LOGO,
            readme="# Relay\n\nSends by a relay.",
        )

    @hookimpl
    def config_schema(self) -> Mapping[str, Any]:
        return self.schema

    @hookimpl
    def catalog(self) -> Catalog:
        return Catalog("good", self.locale)

    @hookimpl
    def sample_config(self, provider: str | None) -> Mapping[str, Any]:
        return SAMPLE

    @hookimpl
    def providers(self) -> Sequence[Provider]:
        return [PROVIDER]

    @hookimpl
    def check_config(self, config: Mapping[str, Any]) -> Sequence[ConfigProblem]:
        sender = Fields(config).text("sender")
        if sender is not None and "@" not in sender:
            return [ConfigProblem("$.sender", "must be an address")]
        return []

    @hookimpl
    def configure(self, config: Mapping[str, Any]) -> Relay:
        return self.state(config)

    @hookimpl
    async def send_message(self, state: Relay, message: Message) -> Receipt:
        return await state.send(message)

    @hookimpl
    def preview(self, state: Relay, message: Message) -> bytes:
        return state.preview(message)

    @hookimpl
    async def verify(self, state: Relay, on_stage: Callable[[Stage], None]) -> VerifyReport:
        return await state.verify(on_stage)

    @hookimpl
    def suspects(self, error: DeliveryError) -> Sequence[tuple[str, ...]]:
        return [("host",), ("port",)]

    @hookimpl
    async def close(self, state: Relay) -> None:
        await state.close()


@asynccontextmanager
async def relay() -> AsyncIterator[dict[str, Any]]:
    """A relay, and a config that leads to it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while await reader.readline():
                writer.write(b"ok\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield {
            **SAMPLE,
            "host": "127.0.0.1",
            "port": server.sockets[0].getsockname()[1],
            "token": "correct-horse-battery",
            "limits": {"size": 60_000},
        }


def relay_at(host: str, port: int) -> dict[str, Any]:
    return {"host": host, "port": port}
