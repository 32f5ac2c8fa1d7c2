"""A scripted SMTP server on a free loopback port, which can play any fault.

It is a well-behaved server, save what it is told to answer:

    async with Peer(RCPT="550 5.1.1 no such user") as peer: ...
    async with Peer(DATA=[reset]) as peer: ...          # the first DATA only
    async with Peer(script=injects_after_220) as peer:  # the whole dialogue

An answer is a reply, or a coroutine function that plays one on the connection, and returns True
where that agrees to the command. In a list, each is used once, and then the usual one serves.
Answers go by verb, and by the names `greeting` and `content` (the reply to the whole message).
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, cast

from tests.smtp.scripted import Scripted

__all__ = ["Answer", "Answers", "Connection", "Mail", "Peer", "drop", "freeze", "reset", "stall"]

EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "SIZE 20000000")
_MAX_BUFFER = 1 << 26
_VERB = re.compile(rb"[A-Za-z]+")

Script = Callable[["Connection"], Awaitable[object]]
Answer = str | Script
Answers = Answer | Sequence[Answer | None]


class Gone(Exception):  # noqa: N818 - a fact of the network
    """The client closed the connection, or the script did."""


@dataclass
class Mail:
    """A message as it arrived: the commands' arguments, and the content, dots unstuffed."""

    sender: str
    recipients: list[str] = field(default_factory=list)
    content: bytes = b""
    wire_content: bytes = b""
    at: float = 0.0


class _Recorder(asyncio.StreamReader):
    """Keeps every byte that arrives, read or not."""

    def __init__(self) -> None:
        super().__init__(limit=_MAX_BUFFER)
        self.seen = bytearray()

    def feed_data(self, data: Any) -> None:
        self.seen += data
        super().feed_data(data)


class Connection:
    """One connection of a client, as a script sees it."""

    def __init__(self, peer: Peer, reader: _Recorder, writer: asyncio.StreamWriter) -> None:
        self.peer = peer
        self.sent = 0
        self.commands: list[str] = []
        self.encrypted_from: int | None = None
        self.resumed = False  # whether the TLS handshake resumed an earlier session
        self._reader = reader
        self._writer = writer
        self._raw = cast("asyncio.Transport", writer.transport)
        self.mail = Mail("")
        self._sender_taken = False

    @property
    def received(self) -> bytes:
        """Every byte the client wrote, after decryption."""
        return bytes(self._reader.seen)

    async def write(self, data: bytes) -> None:
        """Write bytes as they are, in one segment."""
        self.sent += len(data)
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (ConnectionError, RuntimeError):
            raise Gone from None

    async def reply(self, *lines: str) -> None:
        """One whole reply: the lines with CRLF, in one segment."""
        await self.write("".join(f"{line}\r\n" for line in lines).encode())

    async def drip(self, data: bytes, pause: float = 0.02) -> None:
        """Write byte by byte until all is written or the client goes."""
        for byte in data:
            await self.write(bytes([byte]))
            await asyncio.sleep(pause)
            if self._reader.at_eof():
                raise Gone

    async def line(self) -> str:
        """The next command line, without its CRLF."""
        try:
            raw = await self._reader.readuntil(b"\r\n")
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            raise Gone from None
        command = raw[:-2].decode()
        self.commands.append(command)
        await self.peer.tell()
        return command

    async def content(self) -> bytes:
        """The content after 354, as it came over the wire, without the final dot."""
        try:
            raw = await self._reader.readuntil(b"\r\n")
            while not (raw.endswith(b"\r\n.\r\n") or raw == b".\r\n"):
                raw += await self._reader.readuntil(b"\r\n")
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            raise Gone from None
        return raw[: -len(b".\r\n")]

    async def exactly(self, size: int) -> bytes:
        """The next octets, as many as that."""
        try:
            return await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            raise Gone from None

    async def anything(self) -> bytes:
        """Whatever the client writes next."""
        return await self._reader.read(65536)

    async def stall(self) -> None:
        """Read on and answer nothing until the client goes."""
        try:
            while await self._reader.read(65536):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
        raise Gone

    async def freeze(self) -> None:
        """Neither read nor answer until the peer is closed."""
        self._raw.pause_reading()
        await self.peer.closing.wait()
        raise Gone

    def abandon(self) -> None:
        """Let go of the connection at once."""
        self._raw.abort()

    def reset(self) -> None:
        """End the connection with RST."""
        handle = self._raw.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._raw.abort()
        raise Gone

    def drop(self) -> None:
        """Close the connection, without a word and without TLS's own."""
        self._raw.abort()
        raise Gone

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Turn to TLS, as the server."""
        self.encrypted_from = len(self._reader.seen)
        try:
            await self._writer.start_tls(context)
        except (ConnectionError, ssl.SSLError, TimeoutError):
            raise Gone from None
        self.resumed = self._writer.transport.get_extra_info("ssl_object").session_reused

    async def serve(self) -> None:
        """Behave, save where the peer has other answers."""
        if self.peer.implicit_tls is not None:
            await self.start_tls(self.peer.implicit_tls)
        await self._answer("greeting", "220 peer.test ESMTP")
        while True:
            command = await self.line()
            found = _VERB.match(command.encode())
            verb = found[0].decode().upper() if found else ""
            await getattr(self, f"_do_{verb.lower()}", self._do_other)(verb)

    async def _answer(self, name: str, usual: str) -> bool:
        """Give the answer to a command; True where it agrees to it."""
        answer = self.peer.answer(name)
        if answer is not None and not isinstance(answer, str):
            return bool(await answer(self))
        reply = usual if answer is None else answer
        await self.write(reply.encode() + b"\r\n")
        return reply[:1] in ("2", "3")

    async def _do_ehlo(self, verb: str) -> None:
        extensions = list(self.peer.extensions)
        if self.peer.starttls is not None and self.encrypted_from is None:
            extensions.append("STARTTLS")
        if self.peer.mechanisms:
            extensions.append(f"AUTH {self.peer.mechanisms}")
        lines = ["peer.test", *extensions]
        marks = ["-"] * (len(lines) - 1) + [" "]
        whole = "\r\n".join(f"250{mark}{line}" for mark, line in zip(marks, lines, strict=True))
        await self._answer(verb, whole)

    async def _do_lhlo(self, verb: str) -> None:
        await self._do_ehlo(verb)

    async def _do_bdat(self, verb: str) -> None:
        """One chunk, the last one; it is read whatever was refused before (RFC 3030 section 2)."""
        size, last = self.commands[-1].split(" ")[1:]
        assert last == "LAST"
        mail = self.mail
        mail.content = mail.wire_content = await self.exactly(int(size))
        mail.at = time.monotonic()
        usual = "250 2.0.0 queued" if mail.recipients else "503 5.5.1 no valid recipients"
        if await self._answer("content", usual) and mail.recipients:
            self.peer.mails.append(mail)

    async def _do_starttls(self, verb: str) -> None:
        if await self._answer(verb, "220 go ahead") and self.peer.starttls is not None:
            await self.start_tls(self.peer.starttls)

    async def _do_auth(self, verb: str) -> None:
        await self._answer(verb, "235 2.7.0 welcome")

    async def _do_mail(self, verb: str) -> None:
        self.mail = Mail(self.commands[-1][len("MAIL FROM:") :])
        self._sender_taken = await self._answer(verb, "250 2.1.0 ok")

    async def _do_rcpt(self, verb: str) -> None:
        if await self._answer(
            verb, "250 2.1.5 ok" if self._sender_taken else "503 5.5.1 no sender"
        ):
            self.mail.recipients.append(self.commands[-1][len("RCPT TO:") :])

    async def _do_data(self, verb: str) -> None:
        if not self.mail.recipients and self.peer.answers.get(verb) is None:
            await self.reply("554 5.5.1 no valid recipients")
            return
        if not await self._answer(verb, "354 go on"):
            return
        mail = self.mail
        mail.wire_content = await self.content()
        mail.content = re.sub(rb"(^|\r\n)\.", rb"\1", mail.wire_content)
        mail.at = time.monotonic()
        if await self._answer("content", "250 2.0.0 queued") and mail.recipients:
            self.peer.mails.append(mail)

    async def _do_quit(self, verb: str) -> None:
        await self._answer(verb, "221 2.0.0 bye")
        self._writer.close()
        raise Gone

    async def _do_other(self, verb: str) -> None:
        await self._answer(verb, "250 2.0.0 ok" if verb in ("HELO", "RSET", "NOOP") else "502 no")


class Peer(Scripted):
    """The server; an asynchronous context manager.

    Attributes:
        port: where it listens.
        connections: every connection, in the order in which they came.
        mails: the messages it took.
        played: the answers it gave that are not the usual ones, by name, scripts included.
        most_at_once: the largest number of connections that were open at the same time.
        closing: set when the peer closes.
    """

    def __init__(
        self,
        *,
        script: Script | Sequence[Script] | None = None,
        implicit_tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        mechanisms: str = "",
        extensions: Sequence[str] = EXTENSIONS,
        answers: Mapping[str, Answers] | None = None,
        **more_answers: Answers,
    ) -> None:
        super().__init__()
        self.connections: list[Connection] = []
        self.mails: list[Mail] = []
        self.played: list[str] = []
        self.most_at_once = 0
        self.closing = asyncio.Event()
        self.implicit_tls = implicit_tls
        self.starttls = starttls
        self.mechanisms = mechanisms
        self.extensions = tuple(extensions)
        self.answers: dict[str, Answer | list[Answer | None]] = {
            name: answer if isinstance(answer, str) or callable(answer) else list(answer)
            for name, answer in {**(answers or {}), **more_answers}.items()
        }
        self._scripts = [] if script is None else [script] if callable(script) else list(script)
        self._always = callable(script)

    @property
    def received(self) -> bytes:
        """Every byte that any client wrote."""
        return b"".join(connection.received for connection in self.connections)

    @property
    def commands(self) -> list[str]:
        """Every command line that was read, connection by connection."""
        return [line for connection in self.connections for line in connection.commands]

    def count(self, verb: str) -> int:
        """How many commands with this verb were read."""
        return sum(1 for line in self.commands if line.split(" ")[0].split(":")[0] == verb)

    def answer(self, name: str) -> Answer | None:
        """The answer that goes in place of the usual one, if any."""
        found = self.answers.get(name)
        if isinstance(found, list):
            found = found.pop(0) if found else None
        if found is not None:
            self.played.append(name)
        return found

    @property
    def sent(self) -> int:
        """How many octets it wrote to any client."""
        return sum(connection.sent for connection in self.connections)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        await super().__aexit__(kind, error, trace)

    def protocol(self) -> asyncio.StreamReaderProtocol:
        reader = _Recorder()

        def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serving = self._run(reader, writer)
            self.start(writer, asyncio.get_running_loop().create_task(serving))

        return asyncio.StreamReaderProtocol(reader, connected)

    async def _run(self, reader: _Recorder, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self.connections.append(connection)
        self.open += 1
        self.most_at_once = max(self.most_at_once, self.open)
        await self.tell()
        script = self._next_script()
        try:
            await (script(connection) if script else connection.serve())
        except Gone:
            pass
        finally:
            self.open -= 1
            writer.close()
            if not self.closing.is_set():
                await self.tell()

    def _next_script(self) -> Script | None:
        if not self._scripts:
            return None
        self.played.append("script")
        return self._scripts[0] if self._always else self._scripts.pop(0)


async def drop(connection: Connection) -> None:
    """Answer by closing the connection."""
    connection.drop()


async def reset(connection: Connection) -> None:
    """Answer by resetting the connection."""
    connection.reset()


async def stall(connection: Connection) -> None:
    """Answer nothing, ever."""
    await connection.stall()


async def freeze(connection: Connection) -> None:
    """Answer nothing and read nothing, ever."""
    await connection.freeze()
