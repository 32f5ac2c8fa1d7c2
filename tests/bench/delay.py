"""A TCP proxy that makes loopback a link as long as one between places: a fixed delay each way.

    python -m tests.bench.delay PORT SECONDS

PORT is the server's; SECONDS is the way in one direction. It prints `listening PORT`.

The delay is also that of making the connection: the kernel has told the client that it is there
before we hear of it, so what the client writes counts as written one round trip after that, and the
server learns of the connection when the third part of the handshake would have come to it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

__all__ = ["serve"]

_HOST = "127.0.0.1"


class _Direction:
    """Bytes on their way to one side, in their order."""

    def __init__(self, delay: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._delay = delay
        self._way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    def set_out(self, data: bytes, not_before: float = 0.0) -> None:
        """Let bytes set out; none are the end of the stream."""
        self._way.put_nowait((max(self._loop.time(), not_before) + self._delay, data))

    async def deliver(self, take: asyncio.WriteTransport) -> None:
        """Hand each on when it arrives, until the end."""
        while True:
            due, data = await self._way.get()
            await asyncio.sleep(due - self._loop.time())
            if not data:
                take.close()
                return
            take.write(data)


class _Side(asyncio.Protocol):
    """What one side writes sets out for the other."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard

    def data_received(self, data: bytes) -> None:
        self._heard(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._heard(b"")


async def serve(port: int, delay: float, listening: Callable[[int], None]) -> None:
    """Serve until cancelled; `listening` is called with our port.

    Args:
        port: the server's, on 127.0.0.1.
        delay: of one way, in seconds.
        listening: called once.
    """
    loop = asyncio.get_running_loop()
    links: set[asyncio.Task[None]] = set()

    async def link(client: _Client, connected: float) -> None:
        await asyncio.sleep(connected + 3 * delay - loop.time())
        to_client = _Direction(delay)
        server, _ = await loop.create_connection(lambda: _Side(to_client.set_out), _HOST, port)
        async with asyncio.TaskGroup() as both:
            both.create_task(client.to_server.deliver(server))
            both.create_task(to_client.deliver(client.transport))

    class _Client(_Side):
        transport: asyncio.Transport

        def __init__(self) -> None:
            self.to_server = _Direction(delay)
            usable = loop.time() + 2 * delay
            super().__init__(lambda data: self.to_server.set_out(data, usable))

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport
            task = loop.create_task(link(self, loop.time()))
            links.add(task)
            task.add_done_callback(links.discard)

    server = await loop.create_server(_Client, _HOST, 0)
    listening(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


def main() -> None:
    """Run it."""
    asyncio.run(
        serve(
            int(sys.argv[1]), float(sys.argv[2]), lambda port: print("listening", port, flush=True)
        )
    )


if __name__ == "__main__":
    main()
