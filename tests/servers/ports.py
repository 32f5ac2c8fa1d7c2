"""Free loopback ports that stay ours until the server we start has bound them, and after."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

HOST = "127.0.0.1"


@contextmanager
def reserved_ports(count: int) -> Iterator[list[int]]:
    """Hold free ports that nobody else is given, yet that a server may bind with SO_REUSEADDR.

    A port that was found free and let go can be taken by the next one who looks, and Postfix,
    which sets SO_REUSEPORT, would then share it with another Postfix in silence. So the port stays
    bound here, without listening: the kernel hands it to no one who asks for any free port, and
    lets a server listen on it because both ends of the conflict allow the reuse.
    """
    with ExitStack() as stack:
        ports: list[int] = []
        for _ in range(count):
            holder = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            # bound before it allows the reuse, so that this port itself is nobody else's
            holder.bind((HOST, 0))
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            ports.append(holder.getsockname()[1])
        yield ports
