"""connector-core with many templates or many connectors: configuring and sending.

Options: `templates`, at least as many as a config must have; `connectors`, all enabled for the
usage type that is sent, in one host.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence

from connector_core import AsyncHost
from tests.bench.peers.common import Answer, measure, play
from tests.bench.peers.ours import REQUIRED_USAGES, config, loop_factory
from tests.bench.task import Task, recipient


def perform(task: Task) -> Answer:
    with asyncio.Runner(loop_factory=loop_factory("uvloop")) as runner:
        return runner.run(grown(task))


async def grown(task: Task) -> Answer:
    further = range(task.options["templates"] - len(REQUIRED_USAGES))
    usages = [*REQUIRED_USAGES, *(f"Usage{number}" for number in further)]
    # what is imported at the first `configure` is not part of any that follows
    async with AsyncHost.discover() as host:
        host.configure("smtp", config(task, host.registry["smtp"].schema))
    async with AsyncHost.discover() as host:
        seconds = configure(host, task, usages)
        turns = itertools.cycle(usages)
        answer = await measure(
            task,
            lambda code: host.send_message(next(turns), to=recipient(code), payload={"code": code}),
        )
    return answer | {"configure_seconds": seconds}


def configure(host: AsyncHost, task: Task, usages: Sequence[str]) -> float:
    """Configure and enable the connectors; how long `configure` took for all, in seconds."""
    wanted = config(task, host.registry["smtp"].schema, usages)
    connectors = range(task.options["connectors"])
    started = time.perf_counter()
    configured = [host.configure("smtp", wanted) for _ in connectors]
    seconds = time.perf_counter() - started
    for connector in configured:
        host.enable(connector, usages)
    return seconds


if __name__ == "__main__":
    play(perform)
