"""An inbox in a thread of its own, for what blocks or runs an event loop itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from connector_core.inbox import Inbox, ReceivedMail

__all__ = ["ThreadedInbox", "threaded_inbox"]

# What comes of a mail to these local parts.
_REFUSALS = {"refused": "550 5.1.1 no such mailbox", "later": "450 4.7.1 try again later"}
_LOST = "lost"  # the connection ends once the mail is there, without a reply


@dataclass
class ThreadedInbox:
    """An inbox that another thread serves."""

    port: int = 0
    mails: list[ReceivedMail] = field(default_factory=list)


class _Inbox(Inbox):
    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if refusal := _REFUSALS.get(address.partition("@")[0]):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if envelope.rcpt_tos[0].startswith(f"{_LOST}@"):
            server.transport.abort()
        return await super().handle_DATA(server, session, envelope)


@contextmanager
def threaded_inbox() -> Iterator[ThreadedInbox]:
    """An open inbox, in whose mails each stands before its sender is told so."""
    threaded, ready, stop = ThreadedInbox(), threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with _Inbox(on_mail=threaded.mails.append) as opened:
            threaded.port = opened.port
            loops.append(asyncio.get_running_loop())
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield threaded
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(10)
