"""One connection: replies in, bytes out, with time limits; which command comes is for others."""

from __future__ import annotations

import asyncio
import itertools
import logging
import select
import ssl
import time
from collections.abc import Callable
from typing import cast

from connectors.smtp.alarm import Alarm
from connectors.smtp.i18n import mark
from connectors.smtp.protocol import ProtocolError, Reply, ReplyParser
from connectors.smtp.transaction import Flight

__all__ = ["ConnectionLost", "Wire"]

_AT_ONCE = 4096  # octets that a socket's empty buffer takes on every system
_END = len(b".\r\n")

_NUMBERS = itertools.count(1)
_LOG = logging.getLogger("connectors.smtp.dialogue")


class ConnectionLost(Exception):  # noqa: N818 - a fact of the network
    """The other side closed the connection, or it broke."""


class Wire(asyncio.Protocol):
    """The asyncio side of a connection.

    Attributes:
        transport: what is written to.
        local_address: the address of this side.
        peer_address: the address of the other side, or of the proxy on the way.
        replies: those that arrived and that nobody took yet; whoever takes one removes it.
        number: tells the connections of this process apart in a log.
        alert: what TLS ended with, if it was that; with TLS 1.3 a server looks at the client's
            certificate only after the handshake.
    """

    def __init__(self, *, mask: Callable[[str], str], log_dialogue: bool) -> None:
        self._masks = [mask]
        self.transport: asyncio.Transport | None = None
        self.local_address = self.peer_address = ""
        self._loop = asyncio.get_running_loop()
        self._log_dialogue = log_dialogue
        self._parser = ReplyParser()
        self.replies = self._parser.replies
        self._waiter: asyncio.Future[None] | None = None
        self._alarm = Alarm(self._expire)
        self._poll: Callable[[int], object] = _nothing
        self._closing: Callable[[], bool] = _not_made
        self._lost = False
        self._blocked = False
        self._hold = self._turned = False
        self.number = next(_NUMBERS)
        self.alert: ssl.SSLError | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, and ask to be told whenever bytes are left in its buffer."""
        # Not asked by isinstance: uvloop's transports are none of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)
        self._closing = self.transport.is_closing
        self.transport.set_write_buffer_limits(high=0)
        self.local_address = _address(self._info("sockname"))
        self.peer_address = _address(self._info("peername"))
        self._poll = _poller(self._info("socket"))

    def data_received(self, data: bytes) -> None:
        """Take bytes, and let go on whoever waits for a reply."""
        known = len(self.replies)
        self._parser.feed(data)
        if self._log_dialogue:
            self._log_replies(known)
        if self._parser.error is not None:
            self.abort()
        if self._hold and self.replies and self.transport is not None:
            # STARTTLS was sent: what follows its reply belongs to TLS, or to an attacker.
            self.transport.pause_reading()
        self._wake()

    def _log_replies(self, known: int) -> None:
        for reply in itertools.islice(self.replies, known, None):
            # What is asked in a 334 is half of what it takes to guess a password offline.
            self._log("S", "334 ***" if reply.code == 334 else self.mask(str(reply)))

    def eof_received(self) -> bool:
        """The server closes; nothing more can be asked of it."""
        self._lost = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended."""
        self._lost = True
        self._poll = _nothing
        self._alarm.cancel()
        if isinstance(exc, ssl.SSLError):
            self.alert = exc
        self._wake()

    def pause_writing(self) -> None:
        """Bytes are left in the buffer: not all that was written has left."""
        self._blocked = True

    def resume_writing(self) -> None:
        """All that was written has left."""
        self._blocked = False

    @property
    def closed(self) -> bool:
        """Whether the connection can no longer be used."""
        return self._lost or self._closing()

    @property
    def ready(self) -> bool:
        """Whether it is open, and nothing arrived that nobody asked for."""
        return not (self.replies or self._parser.partial or self._lost or self._closing())

    @property
    def attentive(self) -> bool:
        """Whether it is open, and nothing arrived but whole replies."""
        return not (self._parser.partial or self._lost or self._closing())

    @property
    def unread(self) -> bool:
        """Whether bytes arrived that nobody asked for."""
        return self._parser.pending

    def mask(self, text: str) -> str:
        """The text without what is hidden."""
        for mask in self._masks:
            text = mask(text)
        return text

    def hide(self, mask: Callable[[str], str]) -> None:
        """Take further secrets out of what is logged or shown."""
        if mask not in self._masks:
            self._masks.append(mask)

    async def settle(self) -> None:
        """Take in what has arrived."""
        # Once for the loop to look, once for the callbacks that stood behind this one.
        for _ in range(2):
            await asyncio.sleep(0)

    @property
    def stirs(self) -> bool:
        """Whether the kernel may have bytes, or the end, that no one has read."""
        return bool(self._poll(0))

    def farewell(self) -> Reply | None:
        """The reply by which the server closed (421), where it said so unasked."""
        return next((reply for reply in self.replies if reply.closing), None)

    @property
    def surplus(self) -> list[Reply]:
        """The replies that nobody asked for, save that the server closes (421)."""
        return [reply for reply in self.replies if not reply.closing]

    @property
    def unsent(self) -> bool:
        """Whether bytes that were written certainly have not left this machine."""
        return self._blocked

    @property
    def encrypted(self) -> bool:
        """Whether the connection has turned to TLS with the server itself."""
        # Not asked of the transport: with a proxy that is reached by TLS, that is encrypted too.
        return self._turned

    def _info(self, name: str) -> object:
        return self.transport.get_extra_info(name) if self.transport else None

    @property
    def tls_object(self) -> ssl.SSLObject | None:
        """The TLS side of the connection, with the server itself."""
        found = self._info("ssl_object") if self._turned else None
        return found if isinstance(found, ssl.SSLObject) else None

    def write(self, flight: Flight) -> None:
        """Write bytes.

        Raises:
            ConnectionLost: the connection can no longer be used.
        """
        transport = self.transport
        if self._lost or transport is None or self._closing():
            raise ConnectionLost
        data = flight.data
        if self._log_dialogue:
            self._log("C", flight.shown.decode().rstrip().replace("\r\n", " | "))
        if self._turned and len(data) > _AT_ONCE:
            # TLS does not tell what the transport below still holds: only what is written while
            # that one is blocked is known not to have left. So the end is written apart.
            transport.write(data[:-_END])
            data = data[-_END:]
        transport.write(data)

    async def reply(self, deadline: float) -> Reply:
        """The next reply; raises as `arrival` does."""
        await self.arrival(deadline)
        return self.replies.popleft()

    def arrival(self, deadline: float) -> asyncio.Future[None]:
        """What is done once there are `replies`, however their bytes dripped.

        It is awaited at once, before any other.

        Args:
            deadline: when to give up, in seconds of `time.monotonic()`.

        Raises:
            TimeoutError: none came in time.
            ConnectionLost: the connection ended before it.
            ProtocolError: the bytes are no reply.
        """
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiter = waiter
        self._alarm.set(deadline)
        if self.replies or self._lost:
            self._wake()
        return waiter

    def _wake(self) -> None:
        """Let whoever waits go on, if there is a reason to."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self.replies:
            waiter.set_result(None)
        elif self._parser.error is not None:
            waiter.set_exception(self._parser.error)
        elif self._lost:
            waiter.set_exception(ConnectionLost())

    def _expire(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TimeoutError())

    def _log(self, side: str, text: str) -> None:
        told = {"side": side, "text": text, "peer": self.peer_address, "connection": self.number}
        _LOG.debug("%(connection)d %(side)s: %(text)s", told, extra=told)

    async def speaks_within(self, timeout: float) -> bool:
        """Whether a reply, or the end of the connection, comes in that time, in seconds."""
        try:
            await self.arrival(time.monotonic() + timeout)
        except TimeoutError:
            return False
        except (ConnectionLost, ProtocolError):
            pass
        return True

    def hold(self) -> None:
        """Read no further than the reply to the command written next, STARTTLS."""
        self._hold = True

    def release(self) -> None:
        """Read on: STARTTLS was refused."""
        self._hold = False
        if self.transport is not None and not self.closed:
            self.transport.resume_reading()

    async def start_tls(self, context: ssl.SSLContext, server_name: str, timeout: float) -> None:
        """Turn the connection to TLS.

        Raises:
            ProtocolError: bytes arrived before the handshake; somebody may have injected them.
            TimeoutError, OSError, ssl.SSLError: the handshake failed.
        """
        self._hold = False
        if self.unread:
            raise ProtocolError(mark("bytes arrived before TLS began, which may be an attack"))
        if self.closed or self.transport is None:
            raise ConnectionLost
        # Longer than our own limit, which is the one that counts and says TimeoutError.
        try:
            async with asyncio.timeout(timeout):
                transport = await self._loop.start_tls(
                    self.transport,
                    self,
                    context,
                    server_hostname=server_name,
                    ssl_handshake_timeout=timeout + 5,
                    ssl_shutdown_timeout=2,
                )
        except TypeError as error:
            # Within TLS to a proxy, asyncio up to 3.12.1 stumbles over its own error: gh-113214.
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise
        if transport is None:
            raise ConnectionLost
        # TLS pauses at `high`, not beyond it: with 0 it would pause with nothing left to write.
        transport.set_write_buffer_limits(high=1, low=0)
        self._blocked = False
        self._turned = True
        self.transport = transport
        self._closing = transport.is_closing

    def abort(self) -> None:
        """Close the connection at once."""
        self._lost = True
        self._poll = _nothing
        if self.transport is not None:
            self.transport.abort()
        self._wake()


def _not_made() -> bool:
    """There is no connection yet that could be used."""
    return True


def _nothing(_: int) -> object:
    """There is no connection that could stir."""
    return None


def _something(_: int) -> object:
    """It cannot be told whether the connection stirs."""
    return True


def _poller(handle: object) -> Callable[[int], object]:
    """What looks whether a socket has bytes, or the end; it stays the same when TLS begins."""
    if not hasattr(select, "poll") or not hasattr(handle, "fileno"):
        return _something
    poll = select.poll()
    try:
        poll.register(handle.fileno(), select.POLLIN)
    except (OSError, ValueError):  # it is closed already
        return _something
    return poll.poll


def _address(name: object) -> str:
    return str(name[0]).partition("%")[0] if isinstance(name, tuple) and name else ""
