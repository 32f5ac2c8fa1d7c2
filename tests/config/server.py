"""A small SMTP server in the test's own loop, which writes down what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Recorder:
    """What the clients of one server said.

    Attributes:
        port: where it listens, on 127.0.0.1.
        dialogues: the commands of each connection, in the order of connecting.
        peers: the address of each client.
        mails: the mails it took.
    """

    port: int = 0
    dialogues: list[list[str]] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)

    @property
    def commands(self) -> list[str]:
        return [line for dialogue in self.dialogues for line in dialogue]


@asynccontextmanager
async def recording(
    features: Sequence[str] = (), *, first_dies: bool = False
) -> AsyncIterator[Recorder]:
    """A server that offers these features and accepts everything.

    Args:
        features: the lines of its reply to EHLO.
        first_dies: its first connection ends at the second MAIL.
    """
    recorder = Recorder()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(recorder.dialogues)
        dialogue: list[str] = []
        recorder.dialogues.append(dialogue)
        recorder.peers.append(writer.get_extra_info("peername")[0])
        writer.write(b"220 recorder.test ESMTP\r\n")
        try:
            while raw := await reader.readline():
                line = raw.decode().rstrip("\r\n")
                dialogue.append(line)
                verb = line.split(" ")[0].upper()
                if verb == "MAIL" and first_dies and number == 0 and recorder.mails:
                    return
                if verb == "EHLO":
                    lines = ["recorder.test", *features]
                    writer.write("".join(f"250-{item}\r\n" for item in lines[:-1]).encode())
                    writer.write(f"250 {lines[-1]}\r\n".encode())
                elif verb == "AUTH":
                    writer.write(b"235 2.7.0 Ok\r\n")
                elif verb == "DATA":
                    writer.write(b"354 Go on\r\n")
                    content = await reader.readuntil(b"\r\n.\r\n")
                    recorder.mails.append(content.decode())
                    writer.write(b"250 2.0.0 Ok\r\n")
                elif verb == "QUIT":
                    writer.write(b"221 2.0.0 Bye\r\n")
                    return
                else:
                    writer.write(b"250 2.0.0 Ok\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    recorder.port = server.sockets[0].getsockname()[1]
    try:
        yield recorder
    finally:
        server.close()
        await server.wait_closed()
