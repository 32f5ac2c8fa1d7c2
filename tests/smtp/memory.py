"""SMTP without a network and without waiting: an event loop, a transport, a scripted server.

Time passes only where all else is done, and then at once: what waits for a time-out costs nothing,
and what would wait for ever is an error. A server answers as it should, save at the places where
its script has something else; what it wrote arrives in the pieces that the test wants.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import re
import selectors
import urllib.parse
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar, TypeVarTuple, Unpack
from unittest.mock import patch

from connector_core import verifying
from connectors.smtp import alarm, dialogue, limits, pool, scram, session, wire
from tests.smtp.helpers import PASSWORD

__all__ = ["Answer", "Echo", "Event", "HangError", "MemoryTransport", "Script", "Server", "run"]

_MOST_ROUNDS = 10_000  # of the event loop; no test comes near it unless it runs in circles
_CLOCKED = (alarm, dialogue, limits, pool, session, verifying, wire)
_WHOLE = (1 << 20, 0.0)
_MOST_PIECES = 300
_VERB = re.compile(rb"[A-Za-z]+")
_PROMPTS = (b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6")
_CHALLENGE = b"PDE4OTYuNjk3QHBlZXIudGVzdD4="
_SALT = b"saltsalt"
_ITERATIONS = 4096
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class HangError(AssertionError):
    """Everything waits for what never comes, or runs in circles."""


class _Selector(selectors.DefaultSelector):
    """Lets time pass at once where nothing else is left to do."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.rounds = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.rounds += 1
        if self.rounds > _MOST_ROUNDS:
            raise HangError("it runs in circles")
        ready = super().select(0)
        if not ready and timeout is None:
            raise HangError("it waits for ever")
        if not ready and timeout is not None:
            self.now += max(timeout, 0.0)
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, selector: _Selector) -> None:
        self._virtual = selector
        super().__init__(selector)

    def time(self) -> float:
        return self._virtual.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """At once: a thread would go on while time stands still."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is the awaiter's
            done.set_exception(error)
        return done


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of a coroutine in virtual time; it leaves no task, and no callback failed."""
    selector = _Selector()
    loop = _Loop(selector)
    faults: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: faults.append(context))
    clock = SimpleNamespace(monotonic=loop.time, perf_counter=loop.time)
    nonces = SimpleNamespace(token_urlsafe=lambda size: "n" * size)
    with ExitStack() as stack:
        stack.callback(loop.close)
        stack.callback(_call_off, loop, selector)
        for module in _CLOCKED:
            stack.enter_context(patch.object(module, "time", clock))
        stack.enter_context(patch.object(scram, "secrets", nonces))
        result = loop.run_until_complete(main())
        assert not asyncio.all_tasks(loop)
        assert not faults
    return result


def _call_off(loop: _Loop, selector: _Selector) -> None:
    """Leave no task behind a failure, which would be told in place of it."""
    selector.rounds = 0
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


class Echo(NamedTuple):
    """A part of what the server received: from where to where, how encoded, and broken how."""

    start: int
    stop: int | None
    form: str
    width: int

    def of(self, received: bytes) -> list[bytes]:
        """The lines of text."""
        text = b" ".join(received.split()[-12:])
        if self.form == "decoded":
            text = b" ".join(_decoded(word) for word in text.split())
        elif self.form == "quoted":
            text = urllib.parse.quote(text).encode()
        text = re.sub(rb"[\r\n]", b"?", text[self.start : self.stop])
        return [text[at : at + self.width] for at in range(0, len(text), self.width)] or [b""]


def _decoded(word: bytes) -> bytes:
    try:
        return base64.b64decode(word, validate=True).replace(b"\0", b" ")
    except ValueError:
        return word


@dataclass(frozen=True)
class Answer:
    """What a server does in place of what it should.

    Attributes:
        code: the reply code; None for the right one.
        lines: the text, line by line; none for the usual one.
        raw: bytes in place of all that.
        echo: what takes the place of the text.
        times: how often it says that.
        then: `eof`, `rst`, or `mute`, which says no more.
    """

    code: int | None = None
    lines: tuple[bytes, ...] = ()
    raw: bytes | None = None
    echo: Echo | None = None
    times: int = 1
    then: str = ""


Script = Mapping[int | tuple[str, int], Answer]


def _reply(code: int, lines: Sequence[bytes]) -> bytes:
    marks = [b"-"] * (len(lines) - 1) + [b" "]
    return b"".join(b"%d%s%s\r\n" % (code, *pair) for pair in zip(marks, lines, strict=True))


class Server:
    """A server without I/O: bytes in, bytes out.

    Its script has answers by place, counted from the greeting on, or by verb and which it is of
    those. The verb of a whole message is `content`, and AUTH that of its responses as well.

    Attributes:
        out: what it wrote and nobody took yet.
        ending: `eof` or `rst`, once it closed.
    """

    def __init__(self, script: Script, extensions: Iterable[str]) -> None:
        self.out = bytearray()
        self.ending = ""
        self._script = script
        self._extensions = [item.encode() for item in extensions]
        self._played: list[str] = []
        self._buffer = bytearray()
        self._received = bytearray()
        self._mode = ""
        self._chunk = 0
        self._exchange: list[bytes] = []
        self._agreed: set[str] = set()
        self._mute = False

    def greet(self) -> None:
        """Say the greeting."""
        self._answer("greeting", b"")

    def receive(self, data: bytes) -> None:
        """Take bytes of the client, and answer what is whole of them."""
        self._buffer += data
        self._received += data
        while not self.ending and (unit := self._next()) is not None:
            self._answer(*unit)

    def _next(self) -> tuple[str, bytes] | None:
        if self._mode == "tls":
            data, self._buffer = bytes(self._buffer), bytearray()
            return ("tls", data) if data else None
        if self._mode == "chunk":
            if len(self._buffer) < self._chunk:
                return None
            self._mode = ""
            return "BDAT", self._take(self._chunk)
        if self._mode == "content":
            found = re.search(rb"(?:\A|\r\n)\.\r\n", self._buffer)
            return ("content", self._take(found.end())) if found else None
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        return self._line(self._take(end + 2)[:-2])

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _line(self, line: bytes) -> tuple[str, bytes] | None:
        if self._mode == "auth":
            self._exchange.append(line)
            return "AUTH", line
        verb = found[0].decode().upper() if (found := _VERB.match(line)) else ""
        if verb == "BDAT" and (size := line.split(b" ")[1]).isdigit():
            self._mode, self._chunk = "chunk", int(size)
            return self._next()
        if verb == "AUTH":
            self._exchange = line.split(b" ")[1:]
        return verb, line

    def _answer(self, name: str, line: bytes) -> None:
        code, lines = self._usual(name)
        answer = self._scripted(name)
        if self._mute or (name == "tls" and answer == Answer()):
            return
        data = answer.raw
        if data is None:
            text = answer.echo.of(bytes(self._received)) if answer.echo else answer.lines or lines
            if name in ("EHLO", "LHLO") and answer.code is None:
                text = [*lines, *answer.lines]
            data = _reply(code if answer.code is None else answer.code, text)
        self.out += data * answer.times
        self._turn_to(name, data)
        self._mute = answer.then == "mute"
        if answer.then in ("eof", "rst") or name == "QUIT":
            self.ending = answer.then or "eof"

    def _scripted(self, name: str) -> Answer:
        place, which = len(self._played), self._played.count(name)
        self._played.append(name)
        return self._script.get(place) or self._script.get((name, which)) or Answer()

    def _turn_to(self, name: str, said: bytes) -> None:
        """What comes next, by what it answered to this."""
        self._mode = {
            (b"3", "DATA"): "content",
            (b"3", "AUTH"): "auth",
            (b"2", "STARTTLS"): "tls",
        }.get((said[:1], name), "tls" if name == "tls" else "")
        if name in ("MAIL", "RSET"):
            self._agreed = set()
        if said[:1] == b"2":
            self._agreed.add(name)

    def _usual(self, name: str) -> tuple[int, Sequence[bytes]]:
        if name in ("EHLO", "LHLO"):
            return 250, [b"peer.test", *self._extensions]
        if name == "AUTH":
            return self._authenticate()
        if name in ("RCPT", "DATA", "BDAT", "content"):
            needed = {"MAIL"} if name == "RCPT" else {"MAIL", "RCPT"}
            if not needed <= self._agreed:
                return 503, [b"5.5.1 not now"]
        usual = {"greeting": 220, "STARTTLS": 454, "DATA": 354, "QUIT": 221, "HELO": 250}
        known = ("MAIL", "RCPT", "BDAT", "content", "RSET", "NOOP")
        return usual.get(name, 250 if name in known else 500), [b"ok"]

    def _authenticate(self) -> tuple[int, Sequence[bytes]]:
        mechanism, *said = self._exchange
        challenge: bytes | None = None
        if mechanism == b"LOGIN":
            challenge = _PROMPTS[len(said)] if len(said) < len(_PROMPTS) else None
        elif mechanism == b"CRAM-MD5":
            challenge = None if said else _CHALLENGE
        elif mechanism.startswith(b"SCRAM-"):
            challenge = _scram(mechanism.decode().removeprefix("SCRAM-").replace("-", ""), said)
        return (235, [b"2.7.0 welcome"]) if challenge is None else (334, [challenge])


@cache
def _salted(digest: str) -> bytes:
    return hashlib.pbkdf2_hmac(digest, PASSWORD.encode(), _SALT, _ITERATIONS)


def _scram(digest: str, said: Sequence[bytes]) -> bytes | None:
    """The server's side of SCRAM (RFC 5802): the challenge after that many responses."""
    heard = [base64.b64decode(word) for word in said]
    if not 1 <= len(heard) <= 2:
        return None
    bare = heard[0].removeprefix(b"n,,")
    nonce = bare.partition(b",r=")[2] + b"more"
    first = b"r=%s,s=%s,i=%d" % (nonce, base64.b64encode(_SALT), _ITERATIONS)
    if len(heard) == 1:
        return base64.b64encode(first)
    message = b",".join([bare, first, heard[1].rpartition(b",p=")[0]])
    key = hmac.digest(_salted(digest), b"Server Key", digest)
    return base64.b64encode(b"v=" + base64.b64encode(hmac.digest(key, message, digest)))


class Event(NamedTuple):
    """What happened on a connection: the client `wrote`, the server `took`, or `gave`."""

    what: str
    data: bytes


class MemoryTransport(asyncio.Transport):
    """The client's end of a connection with a `Server`; it keeps a record of all that happens.

    Args:
        protocol: the client.
        server: the other side.
        cuts: in what pieces the server's bytes come, over and over: the octets of one, and what
            passes until the next: nothing (0), rounds of the event loop, or seconds (below 0).
            After some hundred pieces, and where there are none, they come as they are.
        windows: the octets that the system takes of the client at each try; a negative number
            takes none any more, and past the end of the list it takes all.
        address: the server's.
    """

    _start_tls_compatible = True

    def __init__(
        self,
        protocol: asyncio.Protocol,
        server: Server,
        *,
        cuts: Sequence[tuple[int, float]] = (),
        windows: Sequence[int] = (),
        address: str = "127.0.0.1",
    ) -> None:
        super().__init__({"peername": (address, 587), "sockname": ("127.0.0.1", 40000)})
        self.record: list[Event] = []
        self._loop = asyncio.get_running_loop()
        self._protocol: Any = protocol
        self._server = server
        self._cuts = itertools.islice(itertools.cycle(cuts), _MOST_PIECES)
        self._windows = iter(windows)
        self._buffer = bytearray()
        self._high = self._low = 0
        self._blocked = self._closing = self._ended = False
        self._paused = self._pumping = self._stuck = False
        protocol.connection_made(self)
        server.greet()
        self._pump_after(1)

    # The server's bytes.

    def _pump_after(self, wait: float) -> None:
        if not self._pumping:
            self._pumping = True
            self._pass(wait)

    def _pass(self, wait: float) -> None:
        if wait < 0:
            self._loop.call_later(-wait, self._pump)
        elif wait > 1:
            self._loop.call_soon(self._pass, wait - 1)
        else:
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = False
        while not self._closing and not self._paused:
            if not self._server.out:
                if self._server.ending:
                    self._end()
                return
            size, wait = next(self._cuts, _WHOLE)
            piece = bytes(self._server.out[:size])
            del self._server.out[:size]
            self.record.append(Event("gave", piece))
            self._give(piece)
            if wait:
                self._pump_after(wait)
                return

    def _give(self, data: bytes) -> None:
        if not isinstance(self._protocol, asyncio.BufferedProtocol):
            self._protocol.data_received(data)
            return
        while data:
            buffer = memoryview(self._protocol.get_buffer(-1))
            size = min(len(data), len(buffer))
            buffer[:size] = data[:size]
            self._protocol.buffer_updated(size)
            data = data[size:]

    def _end(self) -> None:
        if self._server.ending == "rst":
            self._force_close(ConnectionResetError(104, "Connection reset by peer"))
        elif not self._protocol.eof_received():
            self.close()

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._pump_after(1)

    def is_reading(self) -> bool:
        return not self._paused and not self._closing

    # The client's bytes.

    def write(self, data: Any) -> None:
        if self._closing:
            return
        self.record.append(Event("wrote", bytes(data)))
        waiting = bool(self._buffer)
        self._buffer += data
        if not waiting:
            self._drain()

    def _drain(self) -> None:
        size = next(self._windows, len(self._buffer))
        self._stuck = self._stuck or size < 0
        taken = b"" if self._stuck else bytes(self._buffer[:size])
        del self._buffer[: len(taken)]
        if taken:
            self.record.append(Event("took", taken))
            self._server.receive(taken)
            self._pump_after(1)
        if self._buffer and not self._stuck:
            self._loop.call_soon(self._drain_on)
        self._tell()

    def _drain_on(self) -> None:
        if self._buffer:
            self._drain()
            if self._closing and not self._buffer:
                self._lose(None)

    def _tell(self) -> None:
        if not self._blocked and len(self._buffer) > self._high:
            self._blocked = True
            self._protocol.pause_writing()
        elif self._blocked and len(self._buffer) <= self._low:
            self._blocked = False
            self._protocol.resume_writing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = 65536 if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_size(self) -> int:
        return len(self._buffer)

    # The end.

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            if not self._buffer:
                self._lose(None)

    def abort(self) -> None:
        self._force_close(None)

    def _force_close(self, error: Exception | None) -> None:
        self._buffer.clear()
        self._closing = True
        self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        if not self._ended:
            self._ended = True
            self._loop.call_soon(lambda: self._protocol.connection_lost(error))

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        found: asyncio.BaseProtocol = self._protocol
        return found
