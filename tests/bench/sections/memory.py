"""Resident memory: at rest, and while many sends wait for a connection."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial

from tests.bench.bench import Bench
from tests.bench.clients import Client
from tests.bench.mail import CODE
from tests.bench.results import Row
from tests.bench.rounds import Job, in_turns
from tests.bench.run import output_of, run_peer
from tests.bench.servers import Server, sink
from tests.bench.task import Task

__all__ = ["memory"]

_CONNECTIONS = 5
_MB = 1e6
_STATUS = "/proc/self/status"
_BARE = {
    "Python alone": (sys.executable, "-c", f"print(open('{_STATUS}').read())"),
    "Node alone": ("node", "-e", f"console.log(fs.readFileSync('{_STATUS}', 'utf8'))"),
}


def memory(bench: Bench) -> list[Row]:
    """Of a process that sends, after one message and with many on the way."""
    clients = bench.clients
    in_flight = 1_000 if bench.quick else 10_000
    bare = [Job(name, str(in_flight), partial(_bare, argv)) for name, argv in _BARE.items()]
    with sink(bench.installed) as server:
        jobs = [
            Job(client.name, str(in_flight), partial(_used, client, server, in_flight))
            for client in (clients.ours, clients.nodemailer, clients.aiosmtplib)
        ]
        return in_turns([*bare, *jobs], bench.rounds, bench.say)


def _bare(argv: Sequence[str]) -> Mapping[str, float]:
    found = re.search(r"^VmRSS:\s+(\d+) kB$", output_of(argv), re.MULTILINE)
    assert found is not None
    return {"rest_mb": int(found[1]) * 1024 / _MB}


def _used(client: Client, server: Server, in_flight: int) -> Mapping[str, float]:
    task = Task(
        mail=CODE,
        port=server.port,
        connections=_CONNECTIONS,
        in_flight=in_flight,
        messages=in_flight,
    )
    taken = server.taken
    answer = run_peer(client, task)
    server.require_taken(taken + 1 + in_flight)
    assert answer.rss_bytes is not None
    assert answer.peak_rss_bytes is not None
    return {"rest_mb": answer.rss_bytes / _MB, "peak_mb": answer.peak_rss_bytes / _MB}
