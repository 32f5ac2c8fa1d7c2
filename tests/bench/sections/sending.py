"""Messages a second and the time of one send, in the clear and over TLS."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tests.bench.bench import Bench
from tests.bench.clients import Client
from tests.bench.mail import CODE
from tests.bench.results import Row
from tests.bench.rounds import Job, in_turns
from tests.bench.run import run_peer
from tests.bench.servers import Server, TlsServer, sink, tls_front
from tests.bench.task import Task

__all__ = ["CONNECTIONS", "throughput", "tls"]

CONNECTIONS = (1, 5, 20)
_OVER_TLS = 5


def throughput(bench: Bench) -> list[Row]:
    """To smtp-sink without TLS."""
    with sink(bench.installed) as server:
        jobs = [
            Job(client.name, str(connections), partial(_send, bench, client, connections, server))
            for connections in CONNECTIONS
            for client in (*bench.clients.composing, bench.clients.smtp_source)
        ]
        return in_turns(jobs, bench.rounds, bench.say)


def tls(bench: Bench) -> list[Row]:
    """By TLS from the first byte, which HAProxy ends in front of smtp-sink."""
    with sink(bench.installed) as behind, tls_front(bench.installed, behind) as front:
        jobs = [
            Job(
                client.name,
                str(_OVER_TLS),
                partial(_send, bench, client, _OVER_TLS, behind, front),
            )
            for client in bench.clients.composing
        ]
        return in_turns(jobs, bench.rounds, bench.say)


def _send(
    bench: Bench,
    client: Client,
    connections: int,
    server: Server,
    front: TlsServer | None = None,
) -> Mapping[str, float]:
    """One measurement; `server` counts, and `front` is what is sent to if there is one."""
    # as many callers as connections: a send waits for the server and for no other message
    task = Task(
        mail=CODE,
        port=(front or server).port,
        connections=connections,
        in_flight=connections,
        seconds=bench.seconds,
        warmup_seconds=bench.warmup_seconds(client),
        ca=str(front.ca) if front else None,
    )
    servers = [server, *([front] if front else [])]
    taken, used = server.taken, [each.cpu_seconds() for each in servers]
    answer = run_peer(client, task)
    sent = answer.warmup_messages + answer.messages
    server.require_taken(taken + sent)
    rate = answer.messages / answer.seconds
    busy = (each.cpu_seconds() - before for each, before in zip(servers, used, strict=True))
    figures = {
        "rate": rate,
        "cpu_us": answer.cpu_seconds / answer.messages * 1e6,
        # how much of one core a server needed: near 1, it and not the client is the limit
        "server_busy": max(busy) / sent * rate,
    }
    if answer.latencies_ms is not None:
        figures |= {"p50_ms": answer.latencies_ms.p50, "p99_ms": answer.latencies_ms.p99}
    return figures
