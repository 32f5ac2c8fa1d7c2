"""A tunnel through an HTTP proxy: CONNECT (RFC 9110 section 9.3.6), and what comes after it."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from connectors.smtp.i18n import _
from connectors.smtp.proxy import faults

__all__ = ["Connect", "open_tunnel"]

MAX_ANSWER = 65_536  # octets of header, interim answers included
_BEGIN = b"HTTP/"
_NEVER = 86_400.0  # seconds; the caller's limit is the one that counts

P = TypeVar("P", bound=asyncio.Protocol)


class Connect:
    """One CONNECT and the answer to it, without I/O.

    Attributes:
        request: what to write to the proxy.
        rest: what came after the answer; it is the server's.
    """

    def __init__(self, host: str, port: int, login: tuple[str, str] | None) -> None:
        import h11

        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        headers = [("Host", authority)]
        if login is not None:
            encoded = base64.b64encode(":".join(login).encode()).decode()
            headers.append(("Proxy-Authorization", f"Basic {encoded}"))
        self._with_login = login is not None
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_ANSWER)
        self._seen = 0
        self._begin = b""
        request = h11.Request(method="CONNECT", target=authority, headers=headers)
        self.request = (self._connection.send(request) or b"") + (
            self._connection.send(h11.EndOfMessage()) or b""
        )
        self.rest = b""

    def feed(self, data: bytes) -> bool:
        """Take bytes of the proxy; True once the tunnel is open.

        Raises:
            ProxyError: the proxy refuses, or its answer is none.
        """
        import h11

        self._seen += len(data)
        self._begin = (self._begin + data)[: len(_BEGIN)]
        if not _BEGIN.startswith(self._begin):
            # h11 would wait for an empty line, which a mail server, say, never sends.
            raise faults.garbage("HTTP")
        try:
            self._connection.receive_data(data)
            while isinstance(event := self._connection.next_event(), h11.InformationalResponse):
                pass
        except h11.RemoteProtocolError:
            raise faults.garbage("HTTP") from None
        if not isinstance(event, h11.Response):
            if self._seen > MAX_ANSWER:
                raise faults.garbage("HTTP")
            return False
        if not 200 <= event.status_code < 300:
            raise faults.http_refused(
                event.status_code,
                with_login=self._with_login,
                schemes=[
                    value.decode("latin-1").strip().partition(" ")[0].lower()
                    for name, value in event.headers
                    if name == b"proxy-authenticate"
                ],
            )
        self.rest = bytes(self._connection.trailing_data[0])
        return True


class _Tunnel(asyncio.Protocol, Generic[P]):
    """Asks for the tunnel, and gives way to the protocol that uses it.

    That happens within `data_received`, so that no byte can come in between.
    """

    def __init__(self, connect: Connect, make: Callable[[], P]) -> None:
        self.transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[P] = asyncio.get_running_loop().create_future()
        # A failure is also seen where the handshake fails, and then nobody asks here.
        self.opened.add_done_callback(lambda opened: opened.cancelled() or opened.exception())
        self._connect = connect
        self._make = make
        self._asked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asked by isinstance: uvloop's transports are none of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)

    def ask(self) -> None:
        """Ask for the tunnel; TLS with the proxy, if any, is there."""
        if self.transport is not None and not self.opened.done():
            self._asked = True
            self.transport.write(self._connect.request)

    def data_received(self, data: bytes) -> None:
        if self.opened.done():
            return
        try:
            if not self._asked:
                raise faults.garbage("HTTP")
            if self._connect.feed(data):
                self._give_way()
        except faults.ProxyError as error:
            self._fail(error)

    def _give_way(self) -> None:
        if self.transport is None:
            return
        protocol = self._make()
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if self.transport.get_extra_info("ssl_object") is not None:
            # TLS pauses at `high`, not beyond it. With 0, which a protocol may ask of a plain
            # connection, it pauses with nothing left to write, and TLS within it would stand still.
            self.transport.set_write_buffer_limits(high=1, low=0)
        if self._connect.rest:
            protocol.data_received(self._connect.rest)
        self.opened.set_result(protocol)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(faults.lost())

    def _fail(self, error: faults.ProxyError) -> None:
        if not self.opened.done():
            self.opened.set_exception(error)


async def open_tunnel(
    sock: socket.socket,
    connect: Connect,
    make: Callable[[], P],
    tls: tuple[ssl.SSLContext, str] | None,
) -> P:
    """The protocol at this end of the tunnel; the socket is its transport's, or closed.

    Args:
        sock: connected to the proxy.
        connect: what to ask of it.
        make: makes the protocol.
        tls: for a proxy that speaks TLS: the context, and the proxy's name.

    Raises:
        ProxyError: there is no tunnel.
    """
    tunnel = _Tunnel(connect, make)
    try:
        await _attach(tunnel, sock)
        if tls is not None:
            await _start_tls(tunnel, *tls)
        tunnel.ask()
        return await tunnel.opened
    except BaseException:
        if tunnel.transport is not None:
            tunnel.transport.abort()
        raise


async def _attach(tunnel: _Tunnel[P], sock: socket.socket) -> None:
    try:
        await asyncio.get_running_loop().create_connection(lambda: tunnel, sock=sock)
    except OSError:
        sock.close()
        raise faults.lost() from None


async def _start_tls(tunnel: _Tunnel[P], context: ssl.SSLContext, host: str) -> None:
    if tunnel.transport is None or tunnel.transport.is_closing():
        raise faults.lost()
    if tunnel.opened.done():
        raise faults.no_tls(_("it sent what is no TLS"))
    try:
        secured = await asyncio.get_running_loop().start_tls(
            tunnel.transport, tunnel, context, server_hostname=host, ssl_handshake_timeout=_NEVER
        )
    except (OSError, ValueError) as error:
        raise faults.tls_failed(host, error) from None
    if secured is None:
        raise faults.lost()
    tunnel.transport = secured
