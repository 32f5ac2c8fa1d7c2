"""How often a message crosses the link, by the time it takes on one that is long."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

from tests.bench.answer import Latencies
from tests.bench.bench import Bench
from tests.bench.clients import Client
from tests.bench.mail import CODE
from tests.bench.results import Row
from tests.bench.rounds import Job, in_turns
from tests.bench.run import run_peer
from tests.bench.servers import Server, chunking, delayed, sink
from tests.bench.task import Task

__all__ = ["DELAY", "roundtrips"]

DELAY = 0.025  # seconds, one way


def roundtrips(bench: Bench) -> list[Row]:
    """Of the first message, which opens the connection, and of those that follow it."""
    clients = bench.clients
    with ExitStack() as stack:
        servers = {
            "without PIPELINING": stack.enter_context(sink(bench.installed, pipelining=False)),
            "PIPELINING": stack.enter_context(sink(bench.installed)),
            "PIPELINING and CHUNKING": stack.enter_context(chunking()),
        }
        jobs = [
            Job(client.name, case, partial(_crossings, bench, client, server, link))
            for case, server in servers.items()
            for link in [stack.enter_context(delayed(server, DELAY))]
            for client in (clients.ours, clients.nodemailer, clients.logto, clients.aiosmtplib)
        ]
        return in_turns(jobs, bench.rounds, bench.say)


def _crossings(bench: Bench, client: Client, server: Server, link: Server) -> Mapping[str, float]:
    """By what the link adds to the time without it: the rest is the client's own work."""
    messages = 2 if bench.quick else 5
    near, far = (_latencies(client, to, messages) for to in (server, link))
    there_and_back = 2 * DELAY * 1000
    return {
        "cold": (far.first - near.first) / there_and_back,
        "warm": (far.p50 - near.p50) / there_and_back,
    }


def _latencies(client: Client, server: Server, messages: int) -> Latencies:
    answer = run_peer(client, Task(mail=CODE, port=server.port, messages=messages))
    assert answer.latencies_ms is not None
    return answer.latencies_ms
