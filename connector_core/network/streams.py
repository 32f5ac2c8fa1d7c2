"""A connection to an HTTP server that is used again only if nothing came behind the last answer.

What a server sends unasked, a second answer or a body where there may be none, would be taken for
the answer to the next request: a message would count as taken that nobody has read (RFC 9112
section 6.3, "response splitting"). The library sees only what waits in the socket.
"""

from __future__ import annotations

import ssl
from collections.abc import MutableSet
from typing import Any

import h11
import httpcore2

__all__ = ["Stream"]

_MOST = 262_144  # octets that an answer may have with all its head, and the connection be kept


class Stream(httpcore2.AsyncNetworkStream):
    """A connection, of which the library asks whether it is readable before it is used again.

    Args:
        inner: the library's own.
        opened: it is noted there, and every one that TLS makes of it.
    """

    def __init__(
        self, inner: httpcore2.AsyncNetworkStream, opened: MutableSet[httpcore2.AsyncNetworkStream]
    ) -> None:
        self._inner = inner
        self._opened = opened
        self._received = bytearray()  # since something was last written
        opened.add(self)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some octets; b"" at the end."""
        data = await self._inner.read(max_bytes, timeout)
        if len(self._received) <= _MOST:
            self._received += data
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it: what came before was no answer to it."""
        self._received.clear()
        await self._inner.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> Stream:
        """The same connection, within TLS."""
        secured = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        return Stream(secured, self._opened)

    def get_extra_info(self, info: str) -> Any:
        """What the library knows; `is_readable` is true also of what it has read already."""
        found = self._inner.get_extra_info(info)
        return found or self._has_more() if info == "is_readable" else found

    def _has_more(self) -> bool:
        """Whether more has come than one answer."""
        if self._received and _is_one_answer(self._received):
            self._received.clear()
        return bool(self._received) or _has_record(self._inner.get_extra_info("ssl_object"))


def _is_one_answer(received: bytearray) -> bool:
    if len(received) > _MOST:
        return False
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("Host", "")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(bytes(received))
    try:
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if event in (h11.NEED_DATA, h11.PAUSED):
                return False
    except h11.RemoteProtocolError:
        return False
    return not connection.trailing_data[0]


def _has_record(connection: ssl.SSLObject | None) -> bool:
    """Whether TLS has data of a record that came with the last one; what is read is lost."""
    if connection is None:
        return False
    try:
        connection.read(1)
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:
        return True
    return True
