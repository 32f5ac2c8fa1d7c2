"""Peers on loopback that do not do what one hopes for: one refuses, one never answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

__all__ = ["Address", "closed_port", "silent_server"]

_HOST = "127.0.0.1"


class Address(NamedTuple):
    """Where a peer is.

    Attributes:
        host: an address on loopback.
        port: a TCP port.
    """

    host: str
    port: int


@contextmanager
def closed_port() -> Iterator[Address]:
    """An address that refuses connections until the block ends: nobody else can take the port."""
    with socket.socket() as held:
        held.bind((_HOST, 0))  # bound and not listening: the system answers with a reset
        yield Address(*held.getsockname())


@contextmanager
def silent_server() -> Iterator[Address]:
    """A server that accepts connections and never says a word, until the block ends.

    What it is sent is left unread, as by a server that hangs. At the end its connections are
    closed, so that whoever still waits for an answer is told.
    """
    connections: list[socket.socket] = []
    with socket.socket() as listening:
        listening.bind((_HOST, 0))
        listening.listen()
        accepting = threading.Thread(
            target=_accept, args=(listening, connections), name="silent_server", daemon=True
        )
        accepting.start()
        try:
            yield Address(*listening.getsockname())
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)  # wakes the thread; closing alone does not
            accepting.join(timeout=10)
            for connection in connections:
                connection.close()


def _accept(listening: socket.socket, connections: list[socket.socket]) -> None:
    with suppress(OSError):  # closed: the block ended
        while True:
            connections.append(listening.accept()[0])
