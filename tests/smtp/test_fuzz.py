"""The whole dialogue under arbitrary servers: what is written, what is told, and what is left.

A record of each connection is read again here, by rules of its own: the k-th reply is the one to
the k-th command, a line is a command or it is none, and a message can have been taken only where
all of it arrived.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector_core import (
    DeliveryError,
    HostClosedError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
)
from connector_core.redaction import Redactor
from connector_core.verifying import Stages
from connectors.smtp import diagnose, opening
from connectors.smtp.account import Account
from connectors.smtp.config import SmtpConfig
from connectors.smtp.endpoint import Endpoint, TlsMode
from connectors.smtp.opening import open_session
from connectors.smtp.pool import Pool
from connectors.smtp.protocol import MAX_LINE, Reply, ReplyParser
from connectors.smtp.session import DeadConnectionError, Sent, Session
from connectors.smtp.transaction import Envelope, MailOptions
from connectors.smtp.upkeep import Upkeep
from tests.smtp.helpers import PASSWORD, USER, config, forms, shown
from tests.smtp.memory import Answer, Echo, Event, MemoryTransport, Script, Server, run

KINDS = (TemporaryDeliveryError, PermanentDeliveryError, UncertainDeliveryError)
MORE = settings(max_examples=2 * settings.default.max_examples)  # type: ignore[union-attr]


# What a client may write.

_WORD = rb"[\x21-\x7e\x80-\xff]+"
_PATH = rb"<[^\x00-\x20<>\x7f]+>"
_PARAMETERS = rb"(?: [A-Z0-9]+(?:=[!-<>-~]+)?)*"
_COMMAND = re.compile(
    rb"(?P<name>EHLO|LHLO|HELO) %b|STARTTLS|AUTH [A-Z0-9-]+(?: [A-Za-z0-9+/]+=*| =)?"
    rb"|MAIL FROM:%b%b|RCPT TO:%b%b|DATA|BDAT [0-9]+ LAST|RSET|NOOP|QUIT"
    % (_WORD, _PATH, _PARAMETERS, _PATH, _PARAMETERS)
)
_RESPONSE = re.compile(rb"[A-Za-z0-9+/]*=*")


class Unit(NamedTuple):
    """Something that a server replies to, and where it ends in all that was written."""

    name: str
    text: bytes
    end: int


def stuffed(content: bytes) -> bytes:
    lines = content.split(b"\r\n")[:-1]
    return b"".join(b"." * line.startswith(b".") + line + b"\r\n" for line in lines) + b".\r\n"


def units(written: bytes, contents: Sequence[bytes]) -> list[Unit]:
    """What was written, unit by unit; it fails where that is no SMTP."""
    found: list[Unit] = []
    at = 0
    bodies = {stuffed(content): content for content in contents}
    while at < len(written):
        last = found[-1].name if found else ""
        if last == "STARTTLS" and written[at] == 0x16:
            return [*found, Unit("tls", b"", len(written))]
        if last == "DATA" and (body := _body(written, at, bodies)) is not None:
            found.append(Unit("content", bodies.get(body, b""), at + len(body)))
        elif last == "chunk":
            size = int(found.pop().text.split(b" ")[1])
            content = written[at : at + size]
            assert content in contents
            found.append(Unit("BDAT", content, at + size))
        else:
            found.append(_line(written, at, last))
        at = found[-1].end
    return found


def _body(written: bytes, at: int, bodies: Mapping[bytes, bytes]) -> bytes | None:
    return next((body for body in (*bodies, b".\r\n") if written.startswith(body, at)), None)


def _line(written: bytes, at: int, last: str) -> Unit:
    end = written.find(b"\r\n", at)
    assert end >= 0, "a line without its end"
    line = written[at:end]
    if _COMMAND.fullmatch(line):
        name = re.split(rb"[ :]", line)[0].decode()
        return Unit("chunk" if name == "BDAT" else name, line, end + 2)
    assert last in ("AUTH", "response"), f"no command: {line!r}"
    assert _RESPONSE.fullmatch(line), f"no base64: {line!r}"
    return Unit("response", line, end + 2)


class Transcript:
    """A connection's record: what was asked, and what was replied to it."""

    def __init__(self, record: Sequence[Event], contents: Sequence[bytes]) -> None:
        self.written = b"".join(event.data for event in record if event.what == "wrote")
        self.arrived = sum(len(event.data) for event in record if event.what == "took")
        self.units = units(self.written, contents)
        self.replies: list[Reply] = []
        self._parser = ReplyParser()
        self._read(record)

    def _read(self, record: Sequence[Event]) -> None:
        """Take the replies; whenever the client writes, it has those to all that it asked."""
        ends = [unit.end for unit in self.units]
        at = 0
        for what, data in record:
            if what == "wrote":
                asked = sum(end <= at for end in ends)
                if asked < len(ends) and self.units[asked].name == "tls":
                    return
                assert self.quiet, "it writes though the server spoke unasked, or no SMTP"
                assert len(self.replies) == asked + 1, "it writes before, or after, its turn"
                at += len(data)
            elif what == "gave":
                self._take(data)

    def _take(self, data: bytes) -> None:
        self._parser.feed(data)
        self.replies += self._parser.replies
        self._parser.replies.clear()

    @property
    def quiet(self) -> bool:
        """Whether all that came is whole replies."""
        return not self._parser.pending

    @property
    def settled(self) -> bool:
        """Whether all that was asked was answered, and nothing else was said."""
        return self.quiet and len(self.replies) == len(self.units) + 1

    def pairs(self) -> Iterator[tuple[Unit, Reply | None]]:
        for place, unit in enumerate(self.units, 1):
            yield unit, self.replies[place] if place < len(self.replies) else None

    def transactions(self) -> list[Transaction]:
        """The transactions, each begun after the one before had ended."""
        found: list[Transaction] = []
        under_way = False
        for unit, reply in self.pairs():
            if unit.name == "MAIL":
                assert not under_way
                found.append(Transaction())
                under_way = True
            if unit.name in ("MAIL", "RCPT", "DATA", "content", "BDAT"):
                assert under_way
                found[-1].take(unit, reply, arrived=unit.end <= self.arrived)
                under_way = unit.name not in ("content", "BDAT")
            elif unit.name == "RSET":
                under_way = under_way and (reply is None or reply.code >= 300)
            else:
                assert not under_way
        return found


class Transaction:
    """What can be said of a transaction by its commands and their replies.

    Attributes:
        recipient: as in RCPT.
        content: the whole message, once all of it was written.
        arrived: whether all of it reached the server.
        codes: of the replies, up to the first that is none to its command.
    """

    def __init__(self) -> None:
        self.recipient = ""
        self.content: bytes | None = None
        self.arrived = False
        self.codes: list[int] = []
        self._steps = 0

    def take(self, unit: Unit, reply: Reply | None, *, arrived: bool) -> None:
        self._steps += 1
        if unit.name == "RCPT":
            self.recipient = unit.text.partition(b"<")[2].partition(b">")[0].decode()
        elif unit.name in ("content", "BDAT") and unit.text:
            self.content, self.arrived = unit.text, arrived
        if reply is not None and len(self.codes) == self._steps - 1:
            right = reply.code >= 400 or (reply.code >= 300) == (unit.name == "DATA")
            self.codes += [reply.code] * right

    @property
    def refused(self) -> bool:
        return any(code >= 400 for code in self.codes)

    @property
    def accepted(self) -> bool:
        return self.arrived and not self.refused and len(self.codes) == self._steps

    @property
    def open(self) -> bool:
        """Whether the server may have taken the message."""
        return self.arrived and not self.refused

    @property
    def out_of_step(self) -> bool:
        """Whether it agrees after it refused all, so that a reply may be another's."""
        ends = [place for place, code in enumerate(self.codes) if code >= 400]
        if not self.arrived or not ends or (ends[0] > 0 and self.codes[ends[0]] != 421):
            return False
        return any(code < 300 for code in self.codes[ends[0] :])

    def check(self, outcome: Sent | BaseException) -> None:
        """The outcome is one that these replies allow."""
        if isinstance(outcome, Sent):
            assert self.accepted
            assert outcome.response.startswith(str(self.codes[-1]))
        elif isinstance(outcome, UncertainDeliveryError):
            assert self.open or self.out_of_step
        else:
            assert not self.open
        if isinstance(outcome, DeliveryError) and outcome.code is not None:
            assert outcome.code in self.codes


# The servers.

texts = st.one_of(
    st.sampled_from([b"ok", b"", b"2.1.0 ok", b"5.1.1 no", b"4.7.0 later", b"\x1b[31m", b"\xff"]),
    st.sampled_from(
        [b"x" * (MAX_LINE - 4), b"x" * (MAX_LINE - 3), b"eA==", b"cj1uLHM9ZUE9LGk9MQ=="]
    ),
    st.binary(max_size=20).map(lambda text: re.sub(rb"[\r\n]", b"?", text)),
)
lines = st.lists(texts, min_size=1, max_size=3).map(tuple)
codes = st.one_of(
    st.sampled_from([250, 250, 250, 235, 334, 354, 421, 450, 454, 503, 535, 550, 552, 554]),
    st.integers(200, 559).filter(lambda code: code % 100 < 60),
)
endings = st.sampled_from(["", "", "", "eof", "rst", "mute"])
noises = st.one_of(
    st.sampled_from(
        [
            b"",
            b"250",
            b"250 ok",
            b"250-a\r\n550 b\r\n",
            b"250-a\r\n250",
            b"hello\r\n",
            b"\r\n",
            b"250 ok\r\n25",
            b"354 go\r\n250 queued\r\n",
            b"354 go\r\n552 big\r\n",
            b"550 no\r\n354 go\r\n",
            b"250 ok\r\n421 bye\r\n",
            b"250 \r\n" * 70,
            b"9" * (MAX_LINE + 2),
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
        ]
    ),
    st.binary(max_size=30),
)
echoes = st.builds(
    Echo,
    start=st.sampled_from([0, 0, 0, 3, 11, -40]),
    stop=st.sampled_from([None, None, None, 60, -3]),
    form=st.sampled_from(["as it came", "decoded", "quoted"]),
    width=st.sampled_from([1000, 1000, 76, 10]),
)
replies = st.builds(
    Answer, code=codes, lines=lines, times=st.sampled_from([1, 1, 1, 2, 3]), then=endings
)
answers = st.one_of(
    st.builds(Answer, lines=st.one_of(st.just(()), lines), then=endings),
    replies,
    st.builds(Answer, times=st.sampled_from([2, 3])),
    st.builds(Answer, code=codes, echo=echoes),
    st.builds(Answer, code=st.sampled_from([550, 450, 535]), lines=lines),
    st.builds(Answer, raw=noises, then=endings),
)
verbs = ["AUTH", "MAIL", "RCPT", "RCPT", "DATA", "BDAT", "BDAT", "content", "content", "RSET"]
places = st.one_of(
    st.tuples(st.sampled_from(verbs), st.sampled_from([0, 0, 1, 2])), st.integers(0, 18)
)
scripts = st.one_of(
    st.dictionaries(places, answers, min_size=1, max_size=2),
    st.dictionaries(places, answers, min_size=2, max_size=5),
)
# One whole reply to each command, or what is surely none: when it comes then makes no difference.
orderly = st.dictionaries(
    places,
    st.one_of(
        st.builds(Answer, lines=st.one_of(st.just(()), lines)),
        st.builds(Answer, code=codes, lines=lines),
        st.builds(Answer, code=codes, echo=echoes),
        st.builds(Answer, raw=st.sampled_from([b"hello\r\n", b"250-a\r\n550 b\r\n"])),
        st.builds(
            Answer,
            raw=st.sampled_from([b"", b"250", b"250-a\r\n"]),
            then=st.sampled_from(["eof", "rst", "mute"]),
        ),
    ),
    max_size=4,
)
sizes = st.one_of(st.integers(1, 40), st.just(1 << 20))
waits = st.sampled_from([0.0, 1.0, 1.0, 2.0, 5.0])
cuts = st.lists(st.tuples(sizes, waits), max_size=8)
slow_waits = st.one_of(waits, waits, waits, st.sampled_from([-0.5, -0.5, -20.0]))
slow_cuts = st.lists(st.tuples(sizes, slow_waits), max_size=8)
# The commands leave; then, from the message on perhaps, the system takes less, or nothing.
windows = st.builds(
    lambda first, then: [1 << 20] * first + then,
    st.integers(3, 9),
    st.sampled_from(
        [[], [], [-1], [0, -1], [7, -1], [300, -1], [0, 0, 1], [7, 1, 1, 0, 9], [5000, 1]]
    ),
)


# The client.

CHALLENGES = ("LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "SCRAM-SHA-1")
TIMES: dict[str, int] = dict.fromkeys(
    ("connectionTimeout", "greetingTimeout", "socketTimeout", "dnsTimeout"), 10_000
)


@dataclass(frozen=True)
class Mail:
    """A message, and how it is sent.

    Attributes:
        pause: what passes before: rounds of the event loop, or seconds (below 0).
        time: the seconds until its deadline.
    """

    lines: tuple[bytes, ...]
    sender: str = "a@example.org"
    recipient: str = "b@example.org"
    international: bool = False
    known: bool = True
    pause: float = 0.0
    time: float | None = None

    @property
    def content(self) -> bytes:
        return b"".join(line + b"\r\n" for line in (b".Subject: x", *self.lines))

    @property
    def envelope(self) -> Envelope:
        return Envelope(self.sender, self.recipient, self.international)


@dataclass(frozen=True)
class Setting:
    """Server and client, as far as they are not a script."""

    extensions: tuple[str, ...]
    mechanism: str | None
    tls: TlsMode = TlsMode.OFFERED
    mail: MailOptions = field(default_factory=MailOptions)
    address: str = "127.0.0.1"
    testing: bool = False

    @property
    def announced(self) -> list[str]:
        return [*self.extensions, *([f"AUTH {self.mechanism}"] if self.mechanism else [])]

    @property
    def endpoint(self) -> Endpoint:
        return replace(
            _endpoint(),
            tls=self.tls,
            mail=self.mail,
            log_in=self.mechanism is not None,
        )


def settled_config(mechanism: str | None, **changes: Any) -> SmtpConfig:
    auth: dict[str, Any] = {}
    if mechanism in ("XOAUTH2", "OAUTHBEARER"):
        auth = {"auth": {"type": "OAuth2", "user": USER, "accessToken": PASSWORD}}
    elif mechanism is not None:
        auth = {"auth": {"user": USER, "pass": PASSWORD}}
    return SmtpConfig.model_validate(config(name="client.test", **TIMES, **auth, **changes))


@cache
def _endpoint() -> Endpoint:
    return Endpoint.of(settled_config(None))


extensions = st.builds(
    lambda *chosen: tuple(item for item in chosen if item),
    st.sampled_from(["PIPELINING"] * 3 + [""]),
    st.sampled_from(["CHUNKING", "CHUNKING", ""]),
    st.sampled_from(["SMTPUTF8", "SMTPUTF8", ""]),
    st.sampled_from(["DSN", ""]),
    st.sampled_from(["SIZE 90000"] * 4 + ["SIZE", "", "", "SIZE 99"]),
    st.sampled_from(["STARTTLS", "", "", ""]),
)
mechanisms = st.sampled_from(
    [None, None, "PLAIN", "XOAUTH2", "OAUTHBEARER", *CHALLENGES, "PLAIN LOGIN SCRAM-SHA-256"]
)
bodies = st.lists(
    st.one_of(
        st.sampled_from([b"", b".", b"..", b".a", b"QUIT", b"x" * 900, b"y" * 6000]),
        st.binary(max_size=10).map(lambda line: re.sub(rb"[\r\n\0]", b"", line)),
    ),
    max_size=4,
).map(tuple)
mails = st.builds(
    Mail,
    lines=bodies,
    international=st.sampled_from([False, False, False, True]),
    known=st.sampled_from([True, True, False]),
    pause=st.sampled_from([0.0, 0.0, 1.0, 5.0, -40.0]),
    time=st.sampled_from([None, None, None, 5.0, 0.0]),
)
situations = st.builds(
    Setting,
    extensions=extensions,
    mechanism=mechanisms,
    tls=st.sampled_from([TlsMode.NEVER] * 3 + [TlsMode.OPPORTUNISTIC] * 3 + [*TlsMode][1:]),
    mail=st.builds(
        MailOptions,
        lmtp=st.sampled_from([False, False, True]),
        chunking=st.sampled_from([True, True, False]),
        dsn_mail=st.sampled_from([(), (), ("RET=HDRS", "ENVID=a+2Bb")]),
        dsn_rcpt=st.sampled_from([(), (), ("NOTIFY=FAILURE,DELAY",)]),
    ),
    address=st.sampled_from(["127.0.0.1"] * 6 + ["::1", "192.0.2.1"]),
    testing=st.booleans(),
)


@contextmanager
def logged() -> Iterator[list[str]]:
    """Everything that is logged, with all that the records carry."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.extend([record.getMessage(), repr(record.__dict__)])

    logger, handler = logging.getLogger("connectors.smtp"), Keep()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield found
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


async def passes(pause: float) -> None:
    if pause < 0:
        await asyncio.sleep(-pause)
    for _ in range(int(pause)):
        await asyncio.sleep(0)


@contextmanager
def instead_of_a_network(connect: Any) -> Iterator[None]:
    async def speaks_tls(*_: object) -> bool:
        return False

    with ExitStack() as stack:
        stack.enter_context(patch.object(opening, "connect", connect))
        stack.enter_context(patch.object(opening, "speaks_tls", speaks_tls))
        yield


class Play:
    """One connection, from its opening to QUIT, with some messages.

    Attributes:
        outcomes: of the opening, if it failed, and of each message.
        told: all that a person could see of it.
    """

    def __init__(
        self,
        setting: Setting,
        sequence: Sequence[Mail],
        script: Script,
        cut: Sequence[tuple[int, float]] = (),
        window: Sequence[int] = (),
    ) -> None:
        self._setting = setting
        self._mails = sequence
        self._contents = [mail.content for mail in sequence]
        self._server = Server(script, setting.announced)
        self._cut, self._window = cut, window
        self.transport: MemoryTransport
        self.outcomes: list[Sent | DeliveryError] = []
        self._stages: list[object] = []
        with logged() as log:
            run(self._run)
        self.told = "\n".join([*log, *map(repr, self._stages), *map(_shown, self.outcomes)])

    @property
    def transcript(self) -> Transcript:
        return Transcript(self.transport.record, self._contents)

    @property
    def summary(self) -> tuple[object, ...]:
        """All that must not hang on how the bytes came."""
        outcomes = [
            item.response if isinstance(item, Sent) else (type(item), str(item), vars(item))
            for item in self.outcomes
        ]
        # Not the bytes: a TLS handshake is never twice the same.
        return outcomes, [(unit.name, unit.text) for unit in self.transcript.units]

    async def _connect(self, endpoint: Endpoint, addresses: Any, make: Any, timeout: float) -> Any:
        protocol = make()
        self.transport = MemoryTransport(
            protocol,
            self._server,
            cuts=self._cut,
            windows=self._window,
            address=self._setting.address,
        )
        return protocol

    async def _run(self) -> None:
        endpoint = self._setting.endpoint
        account = Account.of(settled_config(self._setting.mechanism), endpoint)
        stages = Stages(self._stages.append)
        with instead_of_a_network(self._connect):
            try:
                session = await open_session(
                    endpoint, account, stages, None, testing=self._setting.testing
                )
            except DeliveryError as error:
                self._failed(error)
                assert self.transport.is_closing()
                assert not self.transcript.transactions()
                return
        for mail in self._mails:
            # As the pool does: a fresh session as it is, and a kept one some moments after a look.
            if session.usable or not session.sent:
                await passes(mail.pause)
                await self._send(session, mail)
        if session.usable:
            await session.alive(None)
        await session.quit()
        assert self.transport.is_closing()

    async def _send(self, session: Session, mail: Mail) -> None:
        before = len(self.transcript.transactions())
        now = asyncio.get_running_loop().time()
        deadline = None if mail.time is None else now + mail.time
        certain = True
        try:
            sent = await session.send(mail.envelope, mail.content, deadline, {}, known=mail.known)
        except DeadConnectionError as dead:
            self._failed(dead.error)
            certain = dead.error.retry != "uncertain"
        except DeliveryError as error:
            self._failed(error)
        else:
            self.outcomes.append(sent)
        assert certain
        transcript = self.transcript
        assert transcript.settled or not session.usable
        ours = transcript.transactions()[before:]
        assert len(ours) <= 1
        outcome = self.outcomes[-1]
        for transaction in ours:
            transaction.check(outcome)
        if isinstance(outcome, Sent) and transcript.units[-1].name == "BDAT":
            # One reply too many, and the last was the one to another command.
            surplus = transcript.replies[len(transcript.units) + 1 :]
            assert all(reply.code == 421 for reply in surplus)
        assert ours or not isinstance(outcome, Sent | UncertainDeliveryError)

    def _failed(self, error: DeliveryError) -> None:
        assert type(error) in KINDS
        self.outcomes.append(error)

    def check_secrets(self) -> None:
        """Nothing told has a secret, nor what was made of one; nothing went where it must not."""
        asked = self.transcript.units
        encoded = {word for unit in asked for word in _sasl(unit)}
        plain = {base64.b64decode(word).decode("utf-8", "replace") for word in encoded}
        for form in {*forms(PASSWORD), *encoded, *plain}:
            assert form not in self.told
        together = re.sub(r"\s", "", self.told).lower()
        for form in {*forms(PASSWORD), *encoded}:
            assert form.lower() not in together
        for piece in PIECES:
            assert piece not in together
        safe = self._setting.tls is TlsMode.NEVER or self._setting.address in ("127.0.0.1", "::1")
        assert safe or not any(unit.name == "AUTH" for unit in asked)


def _shown(outcome: Sent | BaseException) -> str:
    return repr(outcome) if isinstance(outcome, Sent) else shown(outcome)


def _sasl(unit: Unit) -> Iterator[str]:
    """What was written in an AUTH exchange and is made of a secret, in base64."""
    words = unit.text.split(b" ")[2:] if unit.name == "AUTH" else [unit.text]
    for word in words if unit.name in ("AUTH", "response") else []:
        # The user's name is no secret, nor is what SCRAM begins with.
        said = base64.b64decode(word)
        if len(word) > 8 and said != USER.encode() and not said.startswith(b"n,,"):
            yield word.decode()


def _pieces(secret: bytes) -> Iterator[str]:
    """What gives a secret away without the rest, in lower case: as it is, and within base64."""
    whole = [secret.decode()]
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + secret).decode()
        whole.append(encoded[(offset * 8 + 5) // 6 : (offset + len(secret)) * 8 // 6])
    for form in whole:
        yield from (form[at : at + 8].lower() for at in range(len(form) - 7))


PIECES = frozenset(_pieces(PASSWORD.encode()))


@MORE
@given(
    setting=situations,
    sequence=st.lists(mails, min_size=1, max_size=3),
    script=scripts,
    cut=slow_cuts,
    window=windows,
)
def test_whatever_a_server_does(
    setting: Setting,
    sequence: list[Mail],
    script: Script,
    cut: list[tuple[int, float]],
    window: list[int],
) -> None:
    play = Play(setting, sequence, script, cut, window)
    play.check_secrets()
    assert play.outcomes


transaction_verbs = ["MAIL", "RCPT", "DATA", "BDAT", "content", "RSET"]
transaction_scripts = st.dictionaries(
    st.tuples(st.sampled_from(transaction_verbs), st.sampled_from([0, 1, 1, 2])),
    st.one_of(
        answers,
        st.builds(Answer, code=st.sampled_from([421, 450, 550, 354, 250])),
        st.builds(Answer, raw=st.just(b""), then=st.sampled_from(["eof", "rst", "mute"])),
    ),
    min_size=1,
    max_size=3,
)
plain_situations = st.builds(
    Setting,
    extensions=st.sampled_from(
        [("PIPELINING",), ("PIPELINING", "CHUNKING", "SMTPUTF8"), ("SMTPUTF8", "SIZE"), ()]
    ),
    mechanism=st.none(),
    mail=st.builds(MailOptions, lmtp=st.sampled_from([False, False, True])),
)


@MORE
@given(
    setting=plain_situations,
    sequence=st.lists(mails, min_size=1, max_size=3),
    script=transaction_scripts,
    cut=st.one_of(st.just(()), cuts),
    window=st.one_of(st.just(()), windows),
)
def test_whatever_a_server_does_with_messages(
    setting: Setting,
    sequence: list[Mail],
    script: Script,
    cut: Sequence[tuple[int, float]],
    window: Sequence[int],
) -> None:
    assert Play(setting, sequence, script, cut, window).outcomes


@given(
    mechanism=st.sampled_from(["PLAIN", "XOAUTH2", "OAUTHBEARER", *CHALLENGES]),
    place=st.tuples(st.sampled_from(["AUTH", "MAIL", "content"]), st.integers(0, 2)),
    code=st.sampled_from([220, 334, 421, 454, 535, 550]),
    echo=echoes,
    lmtp=st.booleans(),
)
def test_what_a_server_echoes_is_masked(
    mechanism: str, place: tuple[str, int], code: int, echo: Echo, lmtp: bool
) -> None:
    setting = Setting(("PIPELINING",), mechanism, mail=MailOptions(lmtp=lmtp))
    Play(setting, [Mail(())] * 2, {place: Answer(code=code, echo=echo)}).check_secrets()


# The same bytes, in other pieces.

sequences = st.lists(mails, min_size=1, max_size=2)
prompt = mails.map(lambda mail: replace(mail, pause=0.0, time=None))


@given(
    setting=situations,
    sequence=sequences,
    script=scripts,
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
)
def test_what_arrives_at_once_may_come_in_any_pieces(
    setting: Setting, sequence: list[Mail], script: Script, sizes: list[int]
) -> None:
    whole = Play(setting, sequence, script)
    pieces = Play(setting, sequence, script, [(size, 0.0) for size in sizes])
    assert pieces.summary == whole.summary


@given(
    setting=situations,
    sequence=st.lists(prompt, min_size=1, max_size=2),
    script=orderly,
    cut=st.lists(st.tuples(sizes, waits), min_size=1, max_size=8),
)
def test_one_reply_to_each_command_may_come_in_any_pieces_at_any_time(
    setting: Setting, sequence: list[Mail], script: Script, cut: list[tuple[int, float]]
) -> None:
    whole = Play(setting, sequence, script)
    pieces = Play(setting, sequence, script, cut)
    assert pieces.summary == whole.summary


@pytest.mark.parametrize("at", [1, 4, MAX_LINE - 1, MAX_LINE, MAX_LINE + 1])
def test_the_longest_line_may_come_in_any_pieces(at: int) -> None:
    line = b"250 " + b"x" * (MAX_LINE - 4) + b"\r\n"
    assert len(line) == MAX_LINE + 2
    parser = ReplyParser()
    parser.feed(line[:at])
    assert not parser.replies
    parser.feed(line[at:])
    assert [*parser.replies] == [Reply(250, ("x" * (MAX_LINE - 4),))]


@pytest.mark.parametrize(("mechanism", "place"), [(None, 1), ("PLAIN", 2)])
def test_a_reply_too_many_before_the_first_message_is_none_to_it(
    mechanism: str | None, place: int
) -> None:
    """EHLO, or AUTH, is answered twice; then the reply to RCPT would be that to the message."""
    script: Script = {place: Answer(times=2), place + 3: Answer(code=550, lines=(b"5.7.1 spam",))}
    setting = Setting(("PIPELINING", "CHUNKING"), mechanism)
    play = Play(setting, [Mail(())], script, [(1 << 20, 1.0), (8, 1.0)])
    assert not isinstance(play.outcomes[0], Sent)


def test_a_farewell_among_the_replies_to_a_chunk_is_none_to_rcpt() -> None:
    """The server says that it will close, and takes the message all the same."""
    script: Script = {("MAIL", 0): Answer(raw=b"250 ok\r\n421 4.3.2 bye\r\n")}
    play = Play(Setting(("PIPELINING", "CHUNKING"), None), [Mail(())], script)
    assert isinstance(play.outcomes[0], UncertainDeliveryError)


def test_what_was_made_of_a_secret_is_masked_over_several_lines_as_well() -> None:
    made = "user 0123456789abcdef"
    encoded = base64.b64encode(made.encode()).decode()
    assert "=" not in encoded
    for secrets in ((made, encoded), (encoded, made)):
        assert encoded[:4] not in Redactor(secrets)(f"{encoded[:10]} {encoded[10:]}")


@pytest.mark.parametrize("mechanism", ["CRAM-MD5", "SCRAM-SHA-1"])
@pytest.mark.parametrize("encode", [bytes, base64.b64encode])
def test_a_challenge_that_is_none_is_kept_nowhere(
    mechanism: str, encode: Callable[[bytes], bytes]
) -> None:
    """Not in the context of the error either, which `from None` leaves where it was."""
    challenge = encode(b"\xff " + PASSWORD.encode())
    script: Script = {("AUTH", 0): Answer(code=334, lines=(challenge,))}
    Play(Setting((), mechanism), [Mail(())], script).check_secrets()


@pytest.mark.parametrize("rounds", range(6))
def test_an_upkeep_that_was_just_asked_ends_when_it_is_closed(rounds: int) -> None:
    async def job() -> None:
        pass

    async def main() -> None:
        upkeep = Upkeep(job, 15)
        upkeep.ask()
        await passes(10)
        upkeep.ask()
        await passes(rounds)
        await upkeep.close()

    run(main)


# The pool.


@dataclass(frozen=True)
class Way:
    """How a connection goes.

    Attributes:
        script: of the server.
        delay: what passes until it is there: rounds of the event loop, or seconds (below 0).
        open: whether it comes about at all.
    """

    script: Script
    cuts: Sequence[tuple[int, float]]
    windows: Sequence[int]
    delay: float
    open: bool


class Network:
    """The connections of a pool, in the order in which they came about."""

    def __init__(self, setting: Setting, ways: Sequence[Way], limit: int) -> None:
        self.transports: list[MemoryTransport] = []
        self.verifying = 0
        self._setting = setting
        self._ways = iter(ways)
        self._limit = limit

    @property
    def open(self) -> int:
        return sum(not transport.is_closing() for transport in self.transports)

    async def connect(self, endpoint: Endpoint, addresses: Any, make: Any, timeout: float) -> Any:
        way = next(self._ways, Way({}, (), (), 0.0, open=True))
        await passes(way.delay)
        if not way.open:
            raise diagnose.unreachable(endpoint, [ConnectionRefusedError(111, "refused")])
        protocol = make()
        server = Server(way.script, self._setting.announced)
        self.transports.append(
            MemoryTransport(protocol, server, cuts=way.cuts, windows=way.windows)
        )
        assert self.open <= self._limit + self.verifying
        return protocol


class Step(NamedTuple):
    """What a program does with the pool.

    Attributes:
        what: `send`, `cancel`, `verify` or `pass`.
        mail: what is sent.
        which: the number of the message that is called off, counted from the last.
        pause: what passes: rounds of the event loop, or seconds (below 0).
    """

    what: str
    mail: Mail
    which: int
    pause: float


steps = st.builds(
    Step,
    what=st.sampled_from(["send", "send", "send", "send", "cancel", "pass", "pass", "verify"]),
    mail=st.builds(Mail, lines=bodies, time=st.sampled_from([None, None, None, 30.0, 5.0, 0.0])),
    which=st.integers(0, 3),
    pause=st.sampled_from([1.0, 2.0, 3.0, 5.0, 9.0, 20.0, -0.1, -6.0, -31.0, -100.0]),
)
ways = st.builds(
    Way,
    script=st.one_of(transaction_scripts, transaction_scripts, scripts),
    cuts=st.one_of(st.just(()), slow_cuts),
    windows=st.one_of(st.just(()), st.just(()), windows),
    delay=st.sampled_from([0.0, 0.0, 1.0, 4.0, -0.5, -15.0]),
    open=st.sampled_from([True] * 6 + [False]),
)
pools = st.fixed_dictionaries(
    {
        "maxConnections": st.integers(1, 3),
        "maxMessages": st.sampled_from([1, 2, 100]),
        "maxRequeues": st.sampled_from([0, 1]),
        "poolMinConnections": st.sampled_from([0, 0, 0, 1, 2]),
        "rateLimit": st.sampled_from([0, 0, 0, 5]),
        "pool": st.sampled_from([True, True, True, False]),
    }
)


class Program:
    """A pool, what is done with it, and what must hold of all its connections in the end."""

    def __init__(
        self, setting: Setting, options: dict[str, Any], ways: Sequence[Way], steps: Sequence[Step]
    ) -> None:
        self._network = Network(setting, ways, options["maxConnections"])
        self._steps = steps
        self._warm = options["poolMinConnections"] > 0
        self._mails: list[Mail] = []
        self._sends: list[asyncio.Task[Sent]] = []
        self._verifying: list[asyncio.Task[None]] = []
        self._config = settled_config(setting.mechanism, **options)
        self._endpoint = setting.endpoint

    def play(self) -> str:
        """Do it all; return what a person could see of it."""
        with logged() as log, instead_of_a_network(self._network.connect):
            outcomes = run(self._run)
        self._check(outcomes)
        return "\n".join([*log, *map(_shown, outcomes)])

    async def _run(self) -> list[Sent | BaseException]:
        pool = Pool(self._endpoint, self._config)
        for step in self._steps:
            self._do(pool, step)
            await passes(step.pause)
        if len(self._steps) % 2:
            # All ends by itself; then no place is lost, and none is counted twice.
            await asyncio.gather(*self._sends, *self._verifying, return_exceptions=True)
            await asyncio.sleep(20)
            assert self._warm or pool._places == self._network.open
        await pool.close()
        outcomes = await asyncio.gather(*self._sends, return_exceptions=True)
        await asyncio.gather(*self._verifying)
        assert self._network.open == 0
        assert pool._places == 0
        return outcomes

    def _do(self, pool: Pool, step: Step) -> None:
        loop = asyncio.get_running_loop()
        if step.what == "cancel" and step.which < len(self._sends):
            self._sends[-1 - step.which].cancel()
        elif step.what == "verify":
            self._verifying.append(loop.create_task(self._verify(pool)))
        elif step.what == "send":
            number = len(self._mails)
            lines = (b"%d" % number, *step.mail.lines)
            mail = replace(step.mail, lines=lines, recipient=f"b{number}@example.org")
            deadline = None if mail.time is None else loop.time() + mail.time
            self._mails.append(mail)
            send = pool.send(mail.envelope, mail.content, deadline, {})
            self._sends.append(loop.create_task(send))

    async def _verify(self, pool: Pool) -> None:
        self._network.verifying += 1
        try:
            with suppress(HostClosedError):
                await pool.verify(lambda _: None)
        finally:
            self._network.verifying -= 1

    def _check(self, outcomes: Sequence[Sent | BaseException]) -> None:
        contents = [mail.content for mail in self._mails]
        known = {mail.recipient: mail.content for mail in self._mails}
        transactions = [
            transaction
            for transport in self._network.transports
            for transaction in Transcript(transport.record, contents).transactions()
        ]
        for transaction in transactions:
            if transaction.content is not None:
                assert known[transaction.recipient] == transaction.content
        for mail, outcome in zip(self._mails, outcomes, strict=True):
            ours = [item for item in transactions if item.content == mail.content]
            self._check_outcome(outcome, [item for item in ours if item.open])
            if isinstance(outcome, UncertainDeliveryError):
                assert any(item.open or item.out_of_step for item in ours)

    def _check_outcome(self, outcome: Sent | BaseException, taken: list[Transaction]) -> None:
        """What the caller is told is what the server may have done, and it did so once at most."""
        assert len(taken) <= 1
        if isinstance(outcome, Sent):
            assert taken[0].accepted
        elif not isinstance(outcome, asyncio.CancelledError | UncertainDeliveryError):
            assert type(outcome) in (*KINDS, HostClosedError)
            assert not taken


@given(
    setting=st.one_of(
        plain_situations,
        situations.map(lambda setting: replace(setting, tls=TlsMode.NEVER)),
    ),
    options=pools,
    ways=st.lists(ways, min_size=1, max_size=4),
    steps=st.lists(steps, min_size=2, max_size=14),
)
def test_whatever_is_done_with_a_pool(
    setting: Setting, options: dict[str, Any], ways: list[Way], steps: list[Step]
) -> None:
    told = Program(setting, options, ways, steps).play()
    for form in forms(PASSWORD):
        assert form not in told
