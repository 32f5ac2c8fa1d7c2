"""HTTP requests, whatever library makes them: how far one came, what went wrong, and silence.

The libraries are httpcore2 and what is built on it. They are not imported here: it takes long, and
nothing can have gone wrong before they are.
"""

from __future__ import annotations

import contextvars
import logging
import socket
import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from connector_core.i18n import gettext as _
from connector_core.i18n import system_reason
from connector_core.network.addresses import ForbiddenAddressError
from connector_core.network.dial import UnreachableError, no_such_name, reasons
from connector_core.network.tls import certificate_reason

__all__ = ["Failure", "Fault", "Progress", "failure_of", "first_octets", "unlogged"]

# The libraries log header lines, in which a server may echo what it was sent.
_LOGS = ("httpx2", *(f"httpcore2.{n}" for n in ("connection", "http11", "proxy", "socks")))
_asking: contextvars.ContextVar[bool] = contextvars.ContextVar("asking", default=False)


class Fault(Enum):
    """What came between a request and its answer."""

    NO_NAME = auto()
    LOOK_UP = auto()
    ADDRESS = auto()
    UNREACHABLE = auto()
    CERTIFICATE = auto()
    TLS = auto()
    TIME = auto()
    REQUEST = auto()
    PROXY = auto()
    ANSWER = auto()
    LOST = auto()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no answer.

    Attributes:
        fault: which kind of reason it is.
        reason: the same in a sentence; nothing of the request or the answer stands in it.
    """

    fault: Fault
    reason: str


class Progress:
    """How far a request came; give it to the library as the extension `trace`.

    Attributes:
        stage: `connect`, `tls` or `content`.
        written: whether the request was handed over whole, so that the server may act on it.
    """

    def __init__(self) -> None:
        self.stage = "connect"
        self.written = False
        self._opened: list[Any] = []

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Note an event, named as in httpcore2's documentation."""
        request = info.get("request")
        if request is not None and request.method == b"CONNECT":
            return  # to a proxy, on the way to the server
        if event.endswith(".connect_tcp.complete"):
            self._opened.append(info["return_value"])
        elif event == "connection.start_tls.started":
            self.stage = "tls"
        elif event == "http11.send_request_headers.started":
            self.stage = "content"
            self._opened.clear()
        elif event == "http11.send_request_body.started":
            self.written = True
        elif event == "http11.send_request_body.failed":
            # What could not be handed to the system never left; what was called off may have.
            self.written = type(info["exception"]).__name__ != "WriteError"

    async def let_go(self) -> None:
        """Close what no request was written to.

        The library loses sight of a connection if it is called off within the handshake.
        """
        while self._opened:
            await self._opened.pop().aclose()


@contextmanager
def unlogged() -> Iterator[None]:
    """Keep the libraries from logging what is asked and answered within, in this context."""
    for name in _LOGS:
        logging.getLogger(name).addFilter(_is_of_others)
    token = _asking.set(True)
    try:
        yield
    finally:
        _asking.reset(token)


def _is_of_others(_record: logging.LogRecord) -> bool:
    return not _asking.get()


async def first_octets(pieces: AsyncGenerator[bytes], limit: int) -> bytes:
    """What a body begins with: at most so many octets, and no more is waited for."""
    body = bytearray()
    async with aclosing(pieces):
        async for piece in pieces:
            body += piece
            if len(body) >= limit:
                break
    return bytes(body[:limit])


def failure_of(error: BaseException, place: str) -> Failure:
    """What an error of an HTTP library, or of the network, comes to; none of its text is shown.

    Args:
        error: what was raised.
        place: what to call the server.
    """
    causes = list(_causes(error))
    return (
        _of_the_address(causes, place)
        or _of_the_library(error, causes, place)
        or _of_the_connection(error, causes, place)
    )


def _of_the_address(causes: list[BaseException], place: str) -> Failure | None:
    for error in causes:
        if isinstance(error, ForbiddenAddressError):
            told = _("{place} has only addresses that are not connected to")
            return Failure(Fault.ADDRESS, told.format(place=place))
        if isinstance(error, socket.gaierror):
            if no_such_name(error):
                return Failure(Fault.NO_NAME, _("there is no host {place}").format(place=place))
            told = _("the name of {place} could not be looked up")
            return Failure(Fault.LOOK_UP, told.format(place=place))
        if isinstance(error, ssl.SSLCertVerificationError):
            told = _("the certificate of {place} is not valid: {reason}")
            reason = certificate_reason(error)
            return Failure(Fault.CERTIFICATE, told.format(place=place, reason=reason))
    return None


def _of_the_library(
    error: BaseException, causes: list[BaseException], place: str
) -> Failure | None:
    import httpcore2

    if any(isinstance(item, TimeoutError | httpcore2.TimeoutException) for item in causes):
        return Failure(Fault.TIME, _("{place} did not answer in time").format(place=place))
    for item in causes:
        if isinstance(item, httpcore2.ProxyError):
            told = _("the proxy did not reach {place}")
            return Failure(Fault.PROXY, told.format(place=place))
        if isinstance(item, httpcore2.RemoteProtocolError):
            told = _("{place} gave no whole HTTP answer")
            return Failure(Fault.ANSWER, told.format(place=place))
    if any(isinstance(item, httpcore2.LocalProtocolError) for item in causes) or isinstance(
        error, ValueError
    ):
        told = _("the request to {place} cannot be written")
        return Failure(Fault.REQUEST, told.format(place=place))
    return None


def _of_the_connection(error: BaseException, causes: list[BaseException], place: str) -> Failure:
    import httpcore2

    secure = next((item for item in reversed(causes) if isinstance(item, ssl.SSLError)), None)
    if isinstance(secure, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        told, fault, reason = _("{place} closed the connection"), Fault.LOST, ""
    elif secure is not None:
        told, fault = _("TLS with {place} failed"), Fault.TLS
        reason = (secure.reason or "").replace("_", " ").lower()
    else:
        away = any(isinstance(item, httpcore2.ConnectError | UnreachableError) for item in causes)
        told, fault = (
            (_("{place} could not be reached"), Fault.UNREACHABLE)
            if away
            else (_("{place} closed the connection"), Fault.LOST)
        )
        reason = _system_reasons(causes)
    told = told.format(place=place)
    if reason:
        told = _("{what}: {reason}").format(what=told, reason=reason)
    return Failure(fault, told)


def _system_reasons(causes: list[BaseException]) -> str:
    for error in reversed(causes):
        if isinstance(error, UnreachableError):
            return reasons(error.errors)
        if isinstance(error, OSError) and error.strerror:
            return system_reason(error)
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
