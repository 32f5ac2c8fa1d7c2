"""Addresses and connections: names looked up, addresses of both families tried (RFC 8305)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from connectors.smtp import diagnose
from connectors.smtp.endpoint import Endpoint

__all__ = ["connect", "resolve"]

ATTEMPT_DELAY = 0.25  # seconds before the next address is tried beside: RFC 8305 section 5

SocketAddress = tuple[socket.AddressFamily, str]
P = TypeVar("P", bound=asyncio.Protocol)


async def resolve(endpoint: Endpoint, timeout: float) -> list[SocketAddress]:
    """The endpoint's addresses, families in turn (RFC 8305 section 4).

    Raises:
        DeliveryError: there are none, or none in time.
    """
    if address := _literal(endpoint.host):
        return [address]  # no thread, which a slow look-up of another name may hold
    loop = asyncio.get_running_loop()
    family = _family(endpoint.local_address)
    try:
        async with asyncio.timeout(min(timeout, endpoint.resolve_timeout)):
            found = await loop.getaddrinfo(
                endpoint.host, endpoint.port, family=family, type=socket.SOCK_STREAM
            )
    except TimeoutError:
        raise diagnose.timed_out("resolve", endpoint) from None
    except socket.gaierror as error:
        raise diagnose.unresolved(endpoint, error) from None
    except (UnicodeError, ValueError):
        # What has no form on the wire, such as an empty label, cannot exist.
        unknown = socket.gaierror(socket.EAI_NONAME, "no such name")
        raise diagnose.unresolved(endpoint, unknown) from None
    addresses = list(dict.fromkeys((item[0], str(item[4][0])) for item in found))
    first = [item for item in addresses if item[0] == addresses[0][0]]
    second = [item for item in addresses if item[0] != addresses[0][0]]
    return [
        item
        for place in range(max(len(first), len(second)))
        for item in (*first[place : place + 1], *second[place : place + 1])
    ]


def _literal(host: str) -> SocketAddress | None:
    """The address that a host already is."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    return (socket.AF_INET if version == 4 else socket.AF_INET6), host


def _family(local_address: str | None) -> socket.AddressFamily:
    """The family to look up: that of the local address, where there is one."""
    if local_address is None:
        return socket.AF_UNSPEC
    version = ipaddress.ip_address(local_address).version
    return socket.AF_INET if version == 4 else socket.AF_INET6


async def connect(
    endpoint: Endpoint, addresses: list[SocketAddress], make: Callable[[], P], timeout: float
) -> P:
    """A connection to the first address that takes one; a slow one does not hold up the next.

    Raises:
        DeliveryError: none does, or none in time.
    """
    loop = asyncio.get_running_loop()
    local = (endpoint.local_address, 0) if endpoint.local_address else None

    async def attempt(address: SocketAddress) -> P:
        _, protocol = await loop.create_connection(
            make, address[1], endpoint.port, family=address[0], local_addr=local
        )
        return protocol

    try:
        async with asyncio.timeout(min(timeout, endpoint.connect_timeout)):
            protocol, errors = await _first(addresses, attempt)
    except TimeoutError:
        raise diagnose.timed_out("connect", endpoint) from None
    if protocol is None:
        raise diagnose.unreachable(endpoint, errors)
    return protocol


async def _first(
    addresses: list[SocketAddress], attempt: Callable[[SocketAddress], Coroutine[Any, Any, P]]
) -> tuple[P | None, list[OSError]]:
    """The first attempt that succeeds, and the errors before it; later ones are called off."""
    waiting = list(addresses)
    running: set[asyncio.Task[P]] = set()
    done: set[asyncio.Task[P]] = set()
    errors: list[OSError] = []
    winner: P | None = None
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.ensure_future(attempt(waiting.pop(0))))
            done, running = await asyncio.wait(
                running,
                timeout=ATTEMPT_DELAY if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in list(done):
                error = task.exception()
                if error is None:
                    done.discard(task)
                    winner = task.result()
                    return winner, errors
                if not isinstance(error, OSError):
                    raise error
                errors.append(error)
    finally:
        try:
            await _call_off(running | done)
        except BaseException:
            # Called off itself: nobody would hold the connection that was just made.
            _abort(winner)
            raise
    return None, errors


async def _call_off(running: set[asyncio.Task[P]]) -> None:
    """Cancel attempts; one that succeeded meanwhile is closed, so that no socket is left."""
    for task in running:
        task.cancel()
    for result in await asyncio.gather(*running, return_exceptions=True):
        _abort(result)


def _abort(protocol: object) -> None:
    transport = getattr(protocol, "transport", None)
    if transport is not None:
        transport.abort()
