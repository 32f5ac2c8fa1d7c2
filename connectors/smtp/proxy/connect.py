"""A connection to a mail server through a proxy, which looks up the server's name."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

from connector_core.network.dial import dial, look_up
from connectors.smtp.i18n import _
from connectors.smtp.proxy import faults, socks
from connectors.smtp.proxy.tunnel import Connect, open_tunnel
from connectors.smtp.proxy.url import Proxy, is_ipv6, is_name, missing

__all__ = ["connect_through"]

P = TypeVar("P", bound=asyncio.Protocol)


async def connect_through(
    proxy: Proxy,
    host: str,
    port: int,
    make: Callable[[], P],
    *,
    context: ssl.SSLContext | None,
    local_address: str | None,
) -> P:
    """A connection to the host through the proxy; the caller bounds the time it may take.

    The protocol's transport is there, and what the host said already was given to it. With an
    `https` proxy that transport is one of TLS, with the proxy: that says nothing of the host.

    Args:
        proxy: the proxy.
        host: the destination, a name in ASCII or an address; the proxy looks it up.
        port: its port.
        make: makes the protocol.
        context: for TLS with an `https` proxy.
        local_address: the address to connect from.

    Raises:
        ProxyError: there is no connection.
    """
    _check_destination(proxy, host)
    if missing(proxy):
        raise faults.not_installed()
    if proxy.scheme in ("http", "https"):
        tls = _tls(proxy, context)
        connect = Connect(host, port, proxy.login)
        return await open_tunnel(await _reach(proxy, local_address), connect, make, tls)
    sock = await _reach(proxy, local_address)
    try:
        version = 4 if proxy.scheme == "socks4" else 5
        await socks.negotiate(sock, host, port, version=version, login=proxy.login)
    except BaseException:
        sock.close()
        raise
    try:
        _, protocol = await asyncio.get_running_loop().create_connection(make, sock=sock)
    except OSError:
        # Reset in this moment; told as any other loss, and by no means as a time-out.
        sock.close()
        raise faults.lost() from None
    return protocol


async def _reach(proxy: Proxy, local_address: str | None) -> socket.socket:
    """A socket connected to the proxy itself."""
    try:
        addresses = await look_up(proxy.host, proxy.port, local_address)
    except socket.gaierror as error:
        raise faults.unresolved(proxy.host, error) from None
    connected, errors = await dial(addresses, local_address)
    if connected is None:
        raise faults.unreachable(errors)
    return connected


def _tls(proxy: Proxy, context: ssl.SSLContext | None) -> tuple[ssl.SSLContext, str] | None:
    if proxy.scheme != "https":
        return None
    if context is None:
        raise TypeError("a proxy that speaks TLS needs a context")
    return context, proxy.host


def _check_destination(proxy: Proxy, host: str) -> None:
    """Refuse what could be read as more than a host."""
    by_six = is_ipv6(host)
    if not by_six and not is_name(host):
        raise faults.unfit(_("host is neither a name nor an address that a proxy can be given"))
    if by_six and proxy.scheme == "socks4":
        raise faults.unfit(_("SOCKS4 knows no IPv6 addresses"), _("use socks5:// in `proxy`"))
