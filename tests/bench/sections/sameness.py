"""That every client sends the same mail: each sends one to a server that keeps it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial

from tests.bench.bench import Bench
from tests.bench.clients import Client
from tests.bench.mail import CODE
from tests.bench.results import Row
from tests.bench.rounds import Job, NotMeasuredError, in_turns
from tests.bench.run import run_peer
from tests.bench.task import SENDER, Task, recipient
from tests.smtp.peer import Mail as ReceivedMail
from tests.smtp.peer import Peer

__all__ = ["sameness"]


def sameness(bench: Bench) -> list[Row]:
    """The octets of one mail of each client, as it arrives."""
    jobs = [Job(client.name, "", partial(_octets, client)) for client in bench.clients.composing]
    return in_turns(jobs, 1, bench.say)


def _octets(client: Client) -> Mapping[str, float]:
    # an end by time as well, which is what threads look at
    task = Task(mail=CODE, messages=1, seconds=10.0)
    mail = asyncio.run(_received(lambda port: run_peer(client, _at(task, port))))
    require_same(mail)
    return {"octets": len(mail.content)}


def _at(task: Task, port: int) -> Task:
    return Task(**{**vars(task), "port": port})


async def _received(send: Callable[[int], object]) -> ReceivedMail:
    """The last mail that comes of sending to a port."""
    async with Peer() as peer:
        await asyncio.to_thread(send, peer.port)
        return peer.mails[-1]


def require_same(mail: ReceivedMail) -> None:
    """Raise NotMeasuredError unless it is the mail that all are to send."""
    message = message_from_bytes(mail.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("html",))
    html = body.get_content().replace("\r\n", "\n").rstrip() if body else ""
    before, after = CODE.content.rstrip().split("{{code}}")
    found = re.fullmatch(re.escape(before) + r"(\d{6})" + re.escape(after), html)
    if found is None:
        raise NotMeasuredError("it sent another body than it was given")
    for name, wanted in (
        ("From", SENDER),
        ("To", recipient(found[1])),
        ("Subject", CODE.subject),
    ):
        if message[name] != wanted:
            raise NotMeasuredError(f"it sent another {name} than it was given")
    for name in ("Date", "Message-ID", "MIME-Version"):
        if message[name] is None:
            raise NotMeasuredError(f"its mail has no {name}")
