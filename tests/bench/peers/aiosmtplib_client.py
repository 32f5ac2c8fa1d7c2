"""aiosmtplib: one client a connection, kept open; an EmailMessage built for each message."""

from __future__ import annotations

import asyncio
import ssl

import aiosmtplib

from tests.bench.peers.common import Answer, measure, play
from tests.bench.peers.emails import email_message
from tests.bench.task import CLIENT_NAME, Task


def perform(task: Task) -> Answer:
    return asyncio.run(send_all(task))


async def send_all(task: Task) -> Answer:
    context = ssl.create_default_context(cafile=task.ca) if task.ca else None
    free: asyncio.LifoQueue[aiosmtplib.SMTP] = asyncio.LifoQueue()
    clients = [
        aiosmtplib.SMTP(
            hostname="127.0.0.1",
            port=task.port,
            local_hostname=CLIENT_NAME,
            use_tls=context is not None,
            start_tls=False,
            tls_context=context,
        )
        for _ in range(task.connections)
    ]
    for client in clients:
        free.put_nowait(client)

    async def send(code: str) -> None:
        client = await free.get()
        try:
            if not client.is_connected:
                await client.connect()
            await client.send_message(email_message(task.mail, code))
        finally:
            free.put_nowait(client)

    answer = await measure(task, send)
    for client in clients:
        client.close()
    return answer


if __name__ == "__main__":
    play(perform)
