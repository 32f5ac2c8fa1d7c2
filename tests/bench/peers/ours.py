"""connector-core, as a program uses it: a host, a config, `send_message`.

Options: `host` is `AsyncHost` or `Host`; `loop` is `uvloop` or `asyncio`, for AsyncHost;
`text_alternative` is true or false; `core` is the one core to run on, if only one is to be used.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from connector_core import AsyncHost, Host
from tests.bench.peers.common import Answer, measure, measure_threads, play
from tests.bench.task import CLIENT_NAME, SENDER, Task, recipient

__all__ = ["REQUIRED_USAGES", "config", "loop_factory"]

REQUIRED_USAGES = ("SignIn", "Register", "ForgotPassword", "Generic")
_MANY = 1_000_000  # messages over one connection: none is ended by their number


def perform(task: Task) -> Answer:
    if (core := task.options.get("core")) is not None:
        os.sched_setaffinity(0, {core})
    if task.options["host"] == "Host":
        return through_host(task)
    with asyncio.Runner(loop_factory=loop_factory(task.options["loop"])) as runner:
        return runner.run(through_async_host(task))


async def through_async_host(task: Task) -> Answer:
    async with AsyncHost.discover() as host:
        host.configure("smtp", config(task, host.registry["smtp"].schema))
        return await measure(
            task,
            lambda code: host.send_message("SignIn", to=recipient(code), payload={"code": code}),
        )


def through_host(task: Task) -> Answer:
    with Host.discover() as host:
        host.configure("smtp", config(task, host.registry["smtp"].schema))
        return measure_threads(
            task,
            lambda code: host.send_message("SignIn", to=recipient(code), payload={"code": code}),
        )


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """The event loop of that name, `uvloop` or `asyncio`."""
    if name == "asyncio":
        return asyncio.new_event_loop
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def config(
    task: Task, schema: Mapping[str, Any], usages: Sequence[str] = REQUIRED_USAGES
) -> dict[str, Any]:
    """The SMTP config for a task, with the same template for each usage type."""
    template = {
        "contentType": task.mail.content_type,
        "subject": task.mail.subject,
        "content": task.mail.content,
    }
    made: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": task.port,
        "name": CLIENT_NAME,
        "fromEmail": SENDER,
        "maxConnections": task.connections,
        "maxMessages": _MANY,
        "templates": [{"usageType": usage, **template} for usage in usages],
    }
    if task.ca is None:
        made["ignoreTLS"] = True
    else:
        made |= {"secure": True, "tls": {"ca": Path(task.ca).read_text("ascii")}}
    # A version without the option writes no alternative, which is what the others do.
    if "textAlternative" in schema["properties"]:
        made["textAlternative"] = task.options.get("text_alternative", False)
    return made


if __name__ == "__main__":
    play(perform)
