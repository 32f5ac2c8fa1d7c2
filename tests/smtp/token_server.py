"""A scripted token endpoint over HTTPS on a free loopback port, and a scripted HTTP proxy.

    async with TokenServer() as server: ...                       # grants token-1, token-2, …
    async with TokenServer(answer(400, {"error": "invalid_grant"})) as server: ...
    async with TokenServer(reset, stall) as server: ...

Each answer is used once, in their order; then the endpoint grants tokens.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.smtp import certificates
from tests.smtp.scripted import Scripted

__all__ = [
    "Answer",
    "Deaf",
    "Exchange",
    "Held",
    "Proxy",
    "TokenServer",
    "answer",
    "drip",
    "endless",
    "granting",
    "raw",
    "reset",
    "stall",
]


@dataclass
class Request:
    """A request as it arrived."""

    line: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def form(self) -> dict[str, str]:
        """The parameters; none may come twice."""
        pairs = parse_qsl(self.body.decode(), strict_parsing=True, keep_blank_values=True)
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)


class Gone(Exception):  # noqa: N818 - a fact of the network
    """The client closed the connection, or the script did."""


class Exchange:
    """One request, as an answer sees it."""

    def __init__(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.request = request
        self._reader = reader
        self._writer = writer

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (ConnectionError, RuntimeError, ssl.SSLError):
            raise Gone from None
        if self._writer.is_closing():
            raise Gone

    async def reply(self, status: int, body: bytes, *headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers, "", ""]
        await self.write("\r\n".join(lines).encode() + body)

    async def gone(self) -> None:
        """Read on until the client goes."""
        while await self._reader.read(65536):
            pass
        raise Gone

    def reset(self) -> None:
        """End the connection with RST."""
        handle = self._writer.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        raise Gone


Answer = Callable[[Exchange], Awaitable[None]]


def answer(status: int, body: object, *headers: str) -> Answer:
    """A whole answer; what is no bytes goes as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def play(exchange: Exchange) -> None:
        await exchange.reply(status, data, *headers)

    return play


def granting(token: str = "granted", **fields: Any) -> Answer:
    return answer(200, {"access_token": token, "token_type": "Bearer", **fields})


def raw(data: bytes) -> Answer:
    """Bytes as they are, and then the end."""

    async def play(exchange: Exchange) -> None:
        await exchange.write(data)
        raise Gone

    return play


async def reset(exchange: Exchange) -> None:
    """Answer by resetting the connection."""
    exchange.reset()


async def stall(exchange: Exchange) -> None:
    """Answer nothing, ever."""
    await exchange.gone()


async def drip(exchange: Exchange) -> None:
    """Promise a body, and write it byte by byte without an end."""
    await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
    while True:
        await exchange.write(b" ")
        await asyncio.sleep(0.01)


async def endless(exchange: Exchange) -> None:
    """Write a body without an end, as fast as the client reads."""
    await exchange.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        await exchange.write(b" " * 65536)


class Held:
    """An answer that waits until it is let go."""

    def __init__(self, then: Answer | None = None) -> None:
        self._then = then or granting()
        self._free = asyncio.Event()

    def release(self) -> None:
        self._free.set()

    async def __call__(self, exchange: Exchange) -> None:
        await self._free.wait()
        await self._then(exchange)


class _Server(Scripted):
    """A server of HTTP requests."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self._context = context

    def protocol(self) -> asyncio.StreamReaderProtocol:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving = self._run(reader, writer)
            self.start(writer, asyncio.get_running_loop().create_task(serving))

        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), connected)

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.transports.append(writer.transport)
        self.open += 1
        await self.tell()
        try:
            if self._context is not None:
                await writer.start_tls(self._context)
            await self._serve(reader, writer)
        except (Gone, ConnectionError, ssl.SSLError, TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()
            await self.tell()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    async def _read(self, reader: asyncio.StreamReader) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *lines = head[:-4].split("\r\n")
        request = Request(line)
        for item in lines:
            name, _, value = item.partition(":")
            assert name.lower() not in request.headers, "a header twice"
            request.headers[name.lower()] = value.strip()
        request.body = await reader.readexactly(int(request.headers.get("content-length", "0")))
        self.requests.append(request)
        await self.tell()
        return request


class TokenServer(_Server):
    """The token endpoint; an asynchronous context manager.

    Attributes:
        requests: every request that arrived, in their order.
        open: how many connections are open.
    """

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls or certificates.valid())
        self._answers = list(answers)
        self._granted = 0

    @property
    def url(self) -> str:
        return f"https://{certificates.NAME}:{self.port}/token"

    @property
    def forms(self) -> list[dict[str, str]]:
        """The parameters of every request."""
        return [request.form for request in self.requests]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await self._read(reader)
            if self._answers:
                play = self._answers.pop(0)
            else:
                self._granted += 1
                play = granting(f"token-{self._granted}", expires_in=3600)
            await play(Exchange(request, reader, writer))
            if "keep-alive" not in request.headers.get("connection", ""):
                return


class Deaf(TokenServer):
    """Takes connections, and does not answer the handshake."""

    def __init__(self) -> None:
        super().__init__()
        self._context = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass


class Proxy(_Server):
    """An HTTP proxy that knows CONNECT alone.

    Attributes:
        requests: every request that arrived.
        refusal: what it answers in place of connecting.
    """

    def __init__(self, *, refusal: bytes = b"", tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.refusal = refusal

    def credentials(self) -> str:
        """User and password of the last request."""
        kind, _, encoded = self.requests[-1].headers["proxy-authorization"].partition(" ")
        assert kind == "Basic"
        return base64.b64decode(encoded).decode()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await self._read(reader)
        if self.refusal:
            writer.write(self.refusal)
            await writer.drain()
            return
        method, target, _ = request.line.split(" ")
        assert method == "CONNECT"
        host, _, port = target.rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        self.transports.append(back.transport)
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        pumps = [
            asyncio.ensure_future(_pump(source, sink))
            for source, sink in ((reader, back), (there, writer))
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            back.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
