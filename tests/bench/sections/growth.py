"""What many templates in a config, or many connectors in a host, cost."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tests.bench.bench import Bench
from tests.bench.mail import CODE
from tests.bench.results import Row
from tests.bench.rounds import Job, in_turns
from tests.bench.run import run_peer
from tests.bench.servers import Server, sink
from tests.bench.task import Task

__all__ = ["growth"]

# a config has a template for each of four usage types at the least
TEMPLATES = (4, 10, 100, 1_000)
CONNECTORS = (1, 10, 50, 200)


def growth(bench: Bench) -> list[Row]:
    """Configuring, and sending one after another over one connection."""
    least, fewest = TEMPLATES[0], CONNECTORS[0]
    with sink(bench.installed) as server:
        jobs = [
            *(
                Job("templates", str(number), partial(_grown, bench, server, number, fewest))
                for number in TEMPLATES
            ),
            *(
                Job("connectors", str(number), partial(_grown, bench, server, least, number))
                for number in CONNECTORS
            ),
        ]
        return in_turns(jobs, bench.rounds, bench.say)


def _grown(bench: Bench, server: Server, templates: int, connectors: int) -> Mapping[str, float]:
    task = Task(
        mail=CODE,
        port=server.port,
        seconds=bench.seconds,
        warmup_seconds=bench.warmup_seconds(bench.clients.growth),
        options={"templates": templates, "connectors": connectors},
    )
    taken = server.taken
    answer = run_peer(bench.clients.growth, task)
    server.require_taken(taken + answer.warmup_messages + answer.messages)
    assert answer.latencies_ms is not None
    assert answer.configure_seconds is not None
    assert answer.rss_bytes is not None
    return {
        "configure_ms": answer.configure_seconds * 1000,
        "send_us": answer.latencies_ms.p50 * 1000,
        "cpu_us": answer.cpu_seconds / answer.messages * 1e6,
        "rest_mb": answer.rss_bytes / 1e6,
    }
