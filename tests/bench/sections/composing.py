"""What it takes to make the bytes of a mail, without sending it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tests.bench.bench import Bench
from tests.bench.clients import Client
from tests.bench.mail import composed
from tests.bench.results import Row
from tests.bench.rounds import Job, in_turns
from tests.bench.run import run_peer
from tests.bench.task import Mail, Task

__all__ = ["composing"]


def composing(bench: Bench) -> list[Row]:
    """Microseconds a message."""
    jobs = [
        Job(client.name, case, partial(_compose, bench, client, mail))
        for case, mail in composed().items()
        for client in bench.clients.composers
    ]
    return in_turns(jobs, bench.rounds, bench.say)


def _compose(bench: Bench, client: Client, mail: Mail) -> Mapping[str, float]:
    warmup = bench.warmup_seconds(client) / 2
    task = Task(mail=mail, seconds=bench.seconds / 2, warmup_seconds=warmup)
    answer = run_peer(client, task)
    return {"us": answer.seconds / answer.messages * 1e6}
