"""An inbox in a thread of its own: the commands run an event loop themselves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from click.testing import CliRunner, Result

from connector_core.cli import main
from connector_core.inbox import Inbox, ReceivedMail

USAGES = ("Register", "SignIn", "ForgotPassword", "Generic")


@dataclass
class ThreadedInbox:
    """An inbox that another thread serves."""

    port: int = 0
    mails: list[ReceivedMail] = field(default_factory=list)


@pytest.fixture
def inbox() -> Iterator[ThreadedInbox]:
    threaded, ready, stop = ThreadedInbox(), threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with Inbox(on_mail=threaded.mails.append) as opened:
            threaded.port = opened.port
            loops.append(asyncio.get_running_loop())
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield threaded
    loops[0].call_soon_threadsafe(stop.set)
    thread.join(10)


@pytest.fixture
def config(inbox: ThreadedInbox) -> dict[str, object]:
    return {
        "host": "127.0.0.1",
        "port": inbox.port,
        "fromEmail": "Zoé <zoe@example.com>",
        "templates": [
            {
                "usageType": usage,
                "contentType": "text/plain",
                "subject": f"{usage}: {{{{code}}}}",
                "content": "Hello {{user.name}}, your code is {{code}}.",
            }
            for usage in USAGES
        ],
    }


Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Run the command in this process; `input` is what it reads from standard input."""

    def call(*arguments: str, input: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(main, list(arguments), input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call
