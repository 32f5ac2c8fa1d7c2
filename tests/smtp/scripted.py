"""What the scripted servers share: a port on loopback, a task a connection, all ended with it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Self

__all__ = ["Scripted"]


class Scripted:
    """A server; an asynchronous context manager.

    Attributes:
        address: where it listens.
        port: at which port.
        open: how many connections are open.
        tasks: one a connection.
        transports: what is let go of at the end, whatever became of it.
    """

    def __init__(self, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.address = address
        self.port = 0
        self.open = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.transports: list[asyncio.WriteTransport] = []
        self._tls_at_once = tls
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Condition()

    async def until(self, holds: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait until the condition holds: asked as connections come, ask and go."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(holds)

    async def tell(self) -> None:
        """Let those who wait ask again."""
        async with self._changed:
            self._changed.notify_all()

    def start(self, writer: asyncio.StreamWriter, serving: asyncio.Task[None]) -> None:
        """Take a connection, and the task that serves it."""
        self.transports.append(writer.transport)
        self.tasks.add(serving)

    def protocol(self) -> asyncio.StreamReaderProtocol:
        """The protocol of one connection, which calls `start`."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self.protocol, self.address, 0, ssl=self._tls_at_once
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self.tasks:
            task.cancel()
        results = await asyncio.gather(*self.tasks, return_exceptions=True)
        for transport in self.transports:
            transport.abort()
        await asyncio.sleep(0)
        wrong = [item for item in results if isinstance(item, Exception)]
        if wrong and error is None:
            raise wrong[0]
