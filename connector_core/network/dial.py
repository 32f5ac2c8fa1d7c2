"""A connected socket: a name looked up, its addresses tried with a short lead (RFC 8305)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from connector_core.i18n import system_reason

__all__ = [
    "Address",
    "UnreachableError",
    "dial",
    "first",
    "look_up",
    "no_such_name",
    "reasons",
]

ATTEMPT_DELAY = 0.25  # seconds before the next address is tried beside: RFC 8305 section 5

# The name exists nowhere; any other failure to look it up may pass.
_NO_SUCH_NAME = {
    getattr(socket, name, None) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
}

A = TypeVar("A")
T = TypeVar("T")
Address = tuple[socket.AddressFamily, tuple[Any, ...]]
_FAMILY = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


class UnreachableError(OSError):
    """None of the addresses took a connection.

    Attributes:
        errors: what each of them said.
    """

    def __init__(self, errors: Sequence[OSError]) -> None:
        super().__init__()
        self.errors = errors


async def look_up(host: str, port: int, local_address: str | None) -> list[Address]:
    """The host's addresses, families in turn (RFC 8305 section 4).

    Args:
        host: a name, or an address.
        port: its port.
        local_address: the address to connect from; only its family is looked for.

    Raises:
        socket.gaierror: there are none.
    """
    if (version := _version(host)) is not None:
        return [(_FAMILY[version], (host, port))]  # no thread, which another look-up may hold
    family = _FAMILY[_version(local_address or "")]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, family=family, type=socket.SOCK_STREAM
        )
    except (UnicodeError, ValueError):
        # What has no form on the wire, such as an empty label, cannot exist.
        raise socket.gaierror(socket.EAI_NONAME, "no such name") from None
    except OSError as error:
        if isinstance(error, socket.gaierror):
            raise
        # No descriptor was left for the question, say.
        raise socket.gaierror(socket.EAI_SYSTEM, error.strerror or "no look-up") from None
    addresses = list(dict.fromkeys((item[0], item[4]) for item in found))
    one = [item for item in addresses if item[0] == addresses[0][0]]
    other = [item for item in addresses if item[0] != addresses[0][0]]
    return [
        item
        for place in range(max(len(one), len(other)))
        for item in (*one[place : place + 1], *other[place : place + 1])
    ]


def no_such_name(error: socket.gaierror) -> bool:
    """Whether the name exists nowhere, so that to look it up again is useless."""
    return error.errno in _NO_SUCH_NAME


def reasons(errors: Iterable[OSError]) -> str:
    """Why none of the addresses took a connection, each reason once."""
    return "; ".join(dict.fromkeys(map(system_reason, errors)))


def _version(address: str) -> int | None:
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        return None


async def dial(
    addresses: Iterable[Address], local_address: str | None
) -> tuple[socket.socket | None, list[OSError]]:
    """A socket connected to the first address that takes a connection, and the errors before it.

    Not `create_connection`, which has no `happy_eyeballs_delay` on uvloop.
    """
    loop = asyncio.get_running_loop()

    async def attempt(address: Address) -> socket.socket:
        # Said to be TCP: of no other does asyncio turn off Nagle's algorithm (TCP_NODELAY).
        found = socket.socket(address[0], socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            found.setblocking(False)
            if local_address:
                found.bind((local_address, 0))
            await loop.sock_connect(found, address[1])
        except BaseException:
            found.close()
            raise
        return found

    connected, errors = await first(addresses, attempt, _close)
    return (connected[0] if connected else None), errors


def _close(connected: socket.socket) -> None:
    connected.close()


async def first(
    places: Iterable[A],
    attempt: Callable[[A], Coroutine[Any, Any, T]],
    discard: Callable[[T], object],
) -> tuple[list[T], list[OSError]]:
    """What the first attempt led to that succeeds, if any does, and the errors before it.

    A slow one holds up no other.

    Args:
        places: what is attempted, the best first.
        attempt: may raise OSError.
        discard: gives back what an attempt led to, where it comes second or nobody wants it.
    """
    waiting = list(places)
    running: set[asyncio.Task[T]] = set()
    errors: list[OSError] = []
    winner: asyncio.Task[T] | None = None
    try:
        while winner is None and (waiting or running):
            if waiting:
                running.add(asyncio.ensure_future(attempt(waiting.pop(0))))
            done, _ = await asyncio.wait(
                running,
                timeout=ATTEMPT_DELAY if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                error = task.exception()
                if error is None:
                    winner = winner or task
                elif isinstance(error, OSError):
                    running.discard(task)
                    errors.append(error)
                else:
                    task.result()  # a defect, not a fact of the network: it is raised
            running -= {winner}
    finally:
        await _call_off(running, discard, winner)
    return [winner.result()] if winner else [], errors


async def _call_off(
    running: set[asyncio.Task[T]],
    discard: Callable[[T], object],
    keep: asyncio.Task[T] | None,
) -> None:
    """Cancel attempts, and give back what those led to that succeeded all the same.

    Args:
        running: the attempts, done or not; none is left in it.
        discard: gives one back.
        keep: the one that won, which is given back only if this is called off itself.
    """
    tasks = list(running)
    running.clear()
    for task in tasks:
        task.cancel()
        # Not after a wait: that may be called off, and then nobody would give it back.
        task.add_done_callback(lambda done: _give_back(done, discard))
    try:
        if tasks:
            await asyncio.wait(tasks)
    except BaseException:
        if keep is not None:
            discard(keep.result())
        raise


def _give_back(task: asyncio.Task[T], discard: Callable[[T], object]) -> None:
    if not task.cancelled() and task.exception() is None:
        discard(task.result())
