"""Addresses and connections: the server itself, or a proxy that leads to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TypeVar

from connector_core.network.dial import Address, dial, look_up
from connectors.smtp import diagnose
from connectors.smtp.endpoint import Endpoint
from connectors.smtp.proxy.connect import connect_through
from connectors.smtp.proxy.faults import ProxyError
from connectors.smtp.proxy.url import Proxy

__all__ = ["connect", "connect_by_proxy", "resolve"]

P = TypeVar("P", bound=asyncio.Protocol)


async def resolve(endpoint: Endpoint, timeout: float) -> list[Address]:
    """The endpoint's addresses, families in turn.

    Raises:
        DeliveryError: there are none, or none in time.
    """
    try:
        async with asyncio.timeout(min(timeout, endpoint.resolve_timeout)):
            return await look_up(endpoint.host, endpoint.port, endpoint.local_address)
    except TimeoutError:
        raise diagnose.timed_out("resolve", endpoint) from None
    except socket.gaierror as error:
        raise diagnose.unresolved(endpoint, error) from None


async def connect(
    endpoint: Endpoint, addresses: list[Address], make: Callable[[], P], timeout: float
) -> P:
    """A connection to the first address that takes one; a slow one does not hold up the next.

    Raises:
        DeliveryError: none does, or none in time.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(min(timeout, endpoint.connect_timeout)):
            connected, errors = await dial(addresses, endpoint.local_address)
            if connected is None:
                raise diagnose.unreachable(endpoint, errors)
            try:
                _, protocol = await loop.create_connection(make, sock=connected)
            except BaseException:
                connected.close()
                raise
    except TimeoutError:
        raise diagnose.timed_out("connect", endpoint) from None
    except OSError:
        # It was gone before it could be taken over.
        raise diagnose.lost("connect", endpoint) from None
    return protocol


async def connect_by_proxy(
    endpoint: Endpoint, proxy: Proxy, make: Callable[[], P], timeout: float
) -> P:
    """A connection through the proxy, which looks the server's name up.

    Raises:
        DeliveryError: there is none, or none in time.
    """
    try:
        async with asyncio.timeout(min(timeout, endpoint.connect_timeout)):
            return await connect_through(
                proxy,
                endpoint.host,
                endpoint.port,
                make,
                context=endpoint.proxy_context,
                local_address=endpoint.local_address,
            )
    except TimeoutError:
        raise diagnose.proxy_timed_out(endpoint) from None
    except ProxyError as error:
        raise diagnose.proxy_failed(endpoint, error) from None
