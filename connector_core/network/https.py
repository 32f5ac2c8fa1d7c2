"""Requests to one HTTP server over connections that are kept; needs the extra `http`.

Import it when the first request is made, off the event loop: it brings the HTTP library.

Nothing is done behind the caller's back: no redirect is followed, no proxy, cookie or credential
taken from the environment, nothing is sent twice, nothing logged, and what came behind an answer is
not taken for the next one. A connection leads to an address
that `connector_core.network.addresses` allows, found in the moment it is opened, and the name is
verified by TLS all the same.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from weakref import WeakSet

import httpcore2

from connector_core.network.addresses import ForbiddenAddressError, is_allowed
from connector_core.network.dial import Address, UnreachableError, first, look_up
from connector_core.network.httpfaults import (
    Failure,
    Fault,
    Progress,
    failure_of,
    first_octets,
    unlogged,
)
from connector_core.network.streams import Stream
from connector_core.network.urls import HttpUrl

__all__ = ["Answer", "HttpClient", "RequestFailedError"]

_CONNECTIONS = 50  # at once
_IDLE = 3.0  # seconds a connection is kept: common servers end theirs after five
# Seconds in which a body may come, once the outcome is known: fewer than the host waits behind a
# deadline, lest it cuts off a message whose outcome is known.
_BODY_TIME = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        status: its status code.
        headers: its header fields by name in lower case; of several, the last.
        body: what its body begins with.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class RequestFailedError(Exception):
    """There is no answer.

    Attributes:
        failure: why.
        stage: where: `resolve`, `connect`, `tls` or `content`.
        written: whether the server may have got the whole request.
    """

    def __init__(self, failure: Failure, stage: str, *, written: bool) -> None:
        self.failure = failure
        self.stage = stage
        self.written = written
        super().__init__(failure.reason)


class HttpClient:
    """Makes requests to one URL. It belongs to one event loop.

    Args:
        url: where to.
        context: for TLS with the server.
        public_only: connect neither to private addresses nor to loopback.
    """

    def __init__(self, url: HttpUrl, context: ssl.SSLContext, *, public_only: bool) -> None:
        self._url = url
        self._context = context
        self._network = _Network(public_only=public_only)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=_CONNECTIONS,
            keepalive_expiry=_IDLE,
            network_backend=self._network,
        )

    async def post(
        self, headers: Mapping[str, str], body: bytes, *, limit: int, timeout: float
    ) -> Answer:
        """Post a body. The connection of a request that is called off is closed.

        Args:
            headers: header fields in ASCII; Host and Content-Length are added.
            body: what to send.
            limit: how many octets of the answer's body are read.
            timeout: seconds until there must be a status.

        Raises:
            RequestFailedError: there was no answer.
        """
        progress = Progress()
        url = httpcore2.URL(
            scheme=b"https" if self._url.secure else b"http",
            host=self._url.host.encode("ascii"),
            port=self._url.port,
            target=self._url.target.encode("ascii"),
        )
        fields = {"Host": str(self._url), **headers, "Content-Length": str(len(body))}
        request = httpcore2.Request(
            "POST", url, headers=[*fields.items()], content=body, extensions={"trace": progress}
        )
        try:
            with unlogged():
                async with asyncio.timeout(timeout):
                    response = await self._pool.handle_async_request(request)
                return await _answer(response, limit)
        except Exception as error:  # noqa: BLE001 - any of the library's may show the request
            failed = self._failed(error, progress.stage, written=progress.written)
        finally:
            await progress.let_go()
        raise failed  # only here: the library's error must not be its context

    async def look_up(self) -> list[Address]:
        """The server's addresses, as far as they are allowed.

        Raises:
            RequestFailedError: there are none.
        """
        try:
            return await self._network.look_up(self._url.host, self._url.port)
        except OSError as error:
            failed = self._failed(error, "resolve", written=False)
        raise failed

    async def connect(self, addresses: Sequence[Address]) -> httpcore2.AsyncNetworkStream:
        """A connection of its own, in the clear, to one of the addresses.

        Raises:
            RequestFailedError: none takes it.
        """
        try:
            return await self._network.connect(addresses)
        except OSError as error:
            failed = self._failed(error, "connect", written=False)
        raise failed

    async def start_tls(self, stream: httpcore2.AsyncNetworkStream) -> ssl.SSLObject:
        """Shake hands over a connection; what TLS says of itself.

        Raises:
            RequestFailedError: it failed.
        """
        try:
            secured = await stream.start_tls(self._context, self._url.host)
        except Exception as error:  # noqa: BLE001 - as above
            failed = self._failed(error, "tls", written=False)
        else:
            found: ssl.SSLObject = secured.get_extra_info("ssl_object")
            return found
        raise failed

    async def aclose(self) -> None:
        """Close every connection; a request under way fails, and none is made any more."""
        await self._network.aclose()
        await self._pool.aclose()

    def _failed(self, error: Exception, stage: str, *, written: bool) -> RequestFailedError:
        failure = failure_of(error, str(self._url))
        if failure.fault in (Fault.NO_NAME, Fault.LOOK_UP, Fault.ADDRESS):
            stage = "resolve"
        return RequestFailedError(failure, stage, written=written)


async def _answer(response: httpcore2.Response, limit: int) -> Answer:
    """The answer with as much of its body as comes soon: the outcome does not depend on it."""
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
    }
    body = b""
    try:
        with suppress(Exception):
            async with asyncio.timeout(_BODY_TIME):
                body = await first_octets(response.aiter_stream(), limit)
    finally:
        # Read to its end, the connection is kept; else it is closed.
        await response.aclose()
    return Answer(response.status, headers, body)


class _Network(httpcore2.AsyncNetworkBackend):
    """Connects to allowed addresses of both families, with a short lead (RFC 8305)."""

    def __init__(self, *, public_only: bool) -> None:
        self._public_only = public_only
        self._plain = httpcore2.AnyIOBackend()
        self._closing: set[asyncio.Task[None]] = set()
        # The pool loses sight of one that is not yet secured.
        self._opened: WeakSet[httpcore2.AsyncNetworkStream] = WeakSet()
        self._closed = False

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        return await self.connect(await self.look_up(host, port))

    async def look_up(self, host: str, port: int) -> list[Address]:
        found = await look_up(host, port, None)
        allowed = [item for item in found if is_allowed(item[1][0], public_only=self._public_only)]
        if not allowed:
            raise ForbiddenAddressError
        return allowed

    async def connect(self, addresses: Sequence[Address]) -> httpcore2.AsyncNetworkStream:
        connected, errors = await first(addresses, self._attempt, self._close_soon)
        if not connected:
            raise UnreachableError(errors)
        if self._closed:
            await connected[0].aclose()
            raise UnreachableError([])
        return Stream(connected[0], self._opened)

    async def aclose(self) -> None:
        """Close what was opened, and open no more."""
        self._closed = True
        for stream in list(self._opened):
            await stream.aclose()

    async def _attempt(self, address: Address) -> httpcore2.AsyncNetworkStream:
        try:
            return await self._plain.connect_tcp(*address[1][:2])
        except httpcore2.ConnectError as error:
            cause: BaseException = error
            while cause.__cause__ is not None:
                cause = cause.__cause__
            raise (cause if isinstance(cause, OSError) else OSError(str(cause))) from None

    def _close_soon(self, stream: httpcore2.AsyncNetworkStream) -> None:
        closing = asyncio.ensure_future(stream.aclose())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
