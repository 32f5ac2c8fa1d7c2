"""Scripted proxies on a free loopback port, which really relay, and can answer anything.

    async with ScriptedProxy("http", names={"mail.test": peer.port}) as proxy: ...
    async with ScriptedProxy("socks5", connect=SOCKS5_REFUSED) as proxy: ...
    async with ScriptedProxy("http", connect=endless_headers) as proxy: ...

What it answers goes by name: `connect` for the request itself, `method` and `auth` for the steps of
SOCKS5 before. An answer is bytes, or a coroutine function that plays one. After bytes in place of
its own it says nothing more until the client goes.

`deliver` says how its last answer is written: as a whole, in pieces, byte by byte. With `together`
it waits for the first words of the target, and writes them in the same segment.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping

from tests.smtp.scripted import Scripted

__all__ = [
    "OK",
    "Answer",
    "Client",
    "Deliver",
    "ScriptedProxy",
    "close",
    "drip",
    "endless",
    "endless_interim",
    "endless_line",
    "reset",
    "split_at",
    "stall",
]

OK = {
    "http": b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy.test\r\n\r\n",
    "https": b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy.test\r\n\r\n",
    "socks4": b"\0\x5a\x12\x34\x7f\0\0\1",
    # Bound to a name, the longest form of a reply.
    "socks5": b"\5\0\0\3\x0aproxy.test\x12\x34",
}
_LOST = (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError)

Script = Callable[["Client"], Awaitable[object]]
Answer = bytes | Script
Deliver = Callable[["Client", bytes], Awaitable[object]]


class Gone(Exception):  # noqa: N818 - a fact of the network
    """The client closed the connection, or the script did."""


class Client:
    """One connection of a client, as a script sees it.

    Attributes:
        head: the request, as it came.
        host: the host that was asked for, as it was written.
        port: its port.
        address_type: of SOCKS5: 1 an IPv4 address, 3 a name, 4 an IPv6 address.
        login: user and password, or the user alone.
        reached: the steps it came to, by the names of their answers.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.head = b""
        self.host = ""
        self.port = 0
        self.address_type = 0
        self.login = ""
        self.reached: list[str] = []

    async def exactly(self, count: int) -> bytes:
        try:
            found = await self.reader.readexactly(count)
        except _LOST:
            raise Gone from None
        self.head += found
        return found

    async def until(self, end: bytes) -> bytes:
        try:
            found = await self.reader.readuntil(end)
        except _LOST:
            raise Gone from None
        self.head += found
        return found

    async def write(self, data: bytes) -> None:
        try:
            self.writer.write(data)
            await self.writer.drain()
        except (ConnectionError, RuntimeError):
            raise Gone from None

    async def gone(self) -> None:
        """Wait until the client goes."""
        try:
            while await self.reader.read(65536):
                pass
        except _LOST:
            pass
        raise Gone


class ScriptedProxy(Scripted):
    """The proxy; an asynchronous context manager.

    Attributes:
        port: where it listens.
        clients: every connection, in the order in which they came.
        open: how many connections there are.
        names: the ports on this machine that stand for a host.
        tasks: one a connection.
    """

    def __init__(
        self,
        scheme: str,
        *,
        names: Mapping[str, int] | None = None,
        user: str = "",
        password: str = "",
        tls: ssl.SSLContext | None = None,
        deliver: Deliver | None = None,
        together: bool = False,
        address: str = "127.0.0.1",
        **answers: Answer,
    ) -> None:
        super().__init__(address, tls)
        self.scheme = scheme
        self.clients: list[Client] = []
        self.names = dict(names or {})
        self._login = f"{user}:{password}" if user else ""
        self._user = user
        self._deliver = deliver or Client.write
        self._together = together
        self._answers = answers

    @property
    def url(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{address}:{self.port}"

    def protocol(self) -> asyncio.StreamReaderProtocol:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving = self._run(Client(reader, writer))
            self.start(writer, asyncio.get_running_loop().create_task(serving))

        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=1 << 20), connected)

    async def _run(self, client: Client) -> None:
        self.clients.append(client)
        self.open += 1
        await self.tell()
        try:
            await getattr(self, f"_serve_{self.scheme.removesuffix('s')}")(client)
        except Gone:
            pass
        finally:
            self.open -= 1
            client.writer.close()
        await self.tell()

    async def _played(self, client: Client, name: str) -> None:
        """Play what stands in place of the usual answer, if anything does."""
        client.reached.append(name)
        await self.tell()
        answer = self._answers.get(name)
        if answer is None:
            return
        if isinstance(answer, bytes):
            await self._deliver(client, answer)
        else:
            await answer(client)
        await client.gone()

    async def _serve_http(self, client: Client) -> None:
        head = (await client.until(b"\r\n\r\n")).decode()
        method, target, _ = head.partition("\r\n")[0].split(" ")
        assert method == "CONNECT"
        host, _, port = target.rpartition(":")
        client.host, client.port = host, int(port)
        for line in head.split("\r\n")[1:]:
            if line.startswith("Proxy-Authorization: Basic "):
                client.login = base64.b64decode(line.rpartition(" ")[2]).decode()
        if client.login != self._login:
            await client.write(
                b"HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm=x\r\n"
                b'Proxy-Authenticate: Basic realm="x"\r\nContent-Length: 3\r\n\r\nno\n'
            )
            await client.gone()
        await self._relay(client)

    async def _serve_socks4(self, client: Client) -> None:
        head = await client.exactly(8)
        assert head[:2] == b"\4\1"
        client.port = int.from_bytes(head[2:4], "big")
        client.login = (await client.until(b"\0"))[:-1].decode()
        if head[4:7] == b"\0\0\0":
            client.host = (await client.until(b"\0"))[:-1].decode()
        else:
            client.host = str(ipaddress.IPv4Address(head[4:8]))
        if client.login != self._user:
            await client.write(b"\0\x5d" + bytes(6))
            await client.gone()
        await self._relay(client)

    async def _serve_socks5(self, client: Client) -> None:
        version, count = await client.exactly(2)
        assert version == 5
        methods = await client.exactly(count)
        await self._played(client, "method")
        wanted = 2 if self._login else 0
        if wanted not in methods:
            await client.write(b"\5\xff")
            await client.gone()
        await client.write(bytes([5, wanted]))
        if wanted == 2:
            assert await client.exactly(1) == b"\1"
            user = await client.exactly((await client.exactly(1))[0])
            password = await client.exactly((await client.exactly(1))[0])
            client.login = f"{user.decode()}:{password.decode()}"
            await self._played(client, "auth")
            await client.write(b"\1\0" if client.login == self._login else b"\1\1")
            if client.login != self._login:
                await client.gone()
        assert await client.exactly(3) == b"\5\1\0"
        await self._socks5_target(client)
        await self._relay(client)

    async def _socks5_target(self, client: Client) -> None:
        client.address_type = (await client.exactly(1))[0]
        if client.address_type == 3:
            client.host = (await client.exactly((await client.exactly(1))[0])).decode()
        else:
            length = {1: 4, 4: 16}[client.address_type]
            client.host = str(ipaddress.ip_address(await client.exactly(length)))
        client.port = int.from_bytes(await client.exactly(2), "big")

    async def _relay(self, client: Client) -> None:
        """Answer the request, and pass on what both sides say."""
        await self._played(client, "connect")
        port = self.names.get(client.host, client.port)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            answer = OK[self.scheme]
            if self._together:
                answer += await reader.read(65536)
            await self._deliver(client, answer)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(client.reader, writer))
                group.create_task(_pump(reader, client.writer))
        finally:
            writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except _LOST:
        pass
    finally:
        writer.close()


async def _seen() -> None:
    """Let a client in the same loop read what was written."""
    for _ in range(4):
        await asyncio.sleep(0)


def split_at(*places: int) -> Deliver:
    """Write in pieces, each of them a segment."""

    async def deliver(client: Client, data: bytes) -> None:
        for begin, end in zip((0, *places), (*places, len(data)), strict=True):
            await client.write(data[begin:end])
            await _seen()

    return deliver


async def drip(client: Client, data: bytes) -> None:
    """Write byte by byte."""
    await split_at(*range(1, len(data)))(client, data)


async def close(client: Client) -> None:
    """Answer by closing the connection."""
    client.writer.transport.abort()
    raise Gone


async def reset(client: Client) -> None:
    """Answer by ending the connection with RST."""
    handle = client.writer.get_extra_info("socket")
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.writer.transport.abort()
    raise Gone


async def stall(client: Client) -> None:
    """Answer nothing, ever."""
    await client.gone()


async def _without_end(client: Client, begin: bytes, piece: bytes) -> None:
    await client.write(begin)
    while not client.reader.at_eof():
        await client.write(piece)
        await asyncio.sleep(0)
    raise Gone


async def endless(client: Client) -> None:
    """Headers that never end."""
    await _without_end(client, b"HTTP/1.1 200 OK\r\n", b"X-Padding: " + b"x" * 500 + b"\r\n")


async def endless_line(client: Client) -> None:
    """A first line that never ends."""
    await _without_end(client, b"HTTP/1.1 200 ", b"x" * 500)


async def endless_interim(client: Client) -> None:
    """Interim answers, and never the final one."""
    await _without_end(client, b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 20)
