"""One mail transaction (RFC 5321 section 3.3) without I/O: replies in, bytes to write out.

With PIPELINING (RFC 2920), MAIL, RCPT and DATA leave in one flight. Where the recipient is then
refused and DATA is accepted all the same, a lone dot ends the empty message, and whatever the
server replies to it is not success. With CHUNKING as well (RFC 3030), the message leaves in the
same flight, as one chunk.

In LMTP (RFC 2033) DATA waits for the reply to RCPT: to a message without recipients a server
would not reply at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from connectors.smtp.protocol import (
    Capabilities,
    ProtocolError,
    Reply,
    command,
    dot_stuff,
    require_lines,
)

__all__ = ["Envelope", "MailOptions", "Transaction"]

_LONE_DOT = b".\r\n"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends to whom (RFC 5321 section 2.3.1).

    Attributes:
        sender: the address in MAIL FROM.
        recipient: the address in RCPT TO.
        international: whether an address or header needs SMTPUTF8 (RFC 6531).
    """

    sender: str
    recipient: str
    international: bool = False


@dataclass(frozen=True, slots=True)
class MailOptions:
    """How the messages of one config are handed over.

    Attributes:
        lmtp: speak LMTP.
        chunking: use CHUNKING where the server offers it.
        require_tls: ask for TLS on the whole way (REQUIRETLS, RFC 8689).
        dsn_mail: the parameters of MAIL for notifications (RFC 3461), such as `RET=HDRS`.
        dsn_rcpt: those of RCPT, such as `NOTIFY=FAILURE`.
    """

    lmtp: bool = False
    chunking: bool = True
    require_tls: bool = False
    dsn_mail: tuple[str, ...] = field(default=())
    dsn_rcpt: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reply by which a server refused: where, in reply to which command, and what."""

    stage: str
    command: str
    what: str
    reply: Reply


class Flight(NamedTuple):
    """Bytes to write at once, and what of them a log may show."""

    data: bytes
    shown: bytes


class _Step(Enum):
    """A reply that is awaited: its stage, the command it answers, and what is refused by it."""

    MAIL = ("sender", "MAIL", "the sender")
    RCPT = ("recipient", "RCPT", "the recipient")
    DATA = ("content", "DATA", "DATA")
    CONTENT = ("content", "DATA", "the message")
    CHUNK = ("content", "BDAT", "the message")


_LAST = (_Step.CONTENT, _Step.CHUNK)


class Transaction:
    """The state of one transaction.

    Attributes:
        committed: the end of the message was handed out to be written: from here on, losing the
            connection leaves open whether the message was sent.
        accepted: the server's reply that took the message, once it did.
        refusal: why it was not taken, where the server said so.
        chunked: whether it goes by BDAT.
    """

    def __init__(
        self,
        envelope: Envelope,
        content: bytes,
        capabilities: Capabilities,
        options: MailOptions,
    ) -> None:
        self._pipelining = "PIPELINING" in capabilities
        self.chunked = (
            options.chunking
            and not options.lmtp
            and self._pipelining
            and "CHUNKING" in capabilities
        )
        self._lmtp = options.lmtp
        self._flight = _commands(envelope, len(content), capabilities, options)
        if self.chunked:
            require_lines(content)
            self._content = content
        else:
            self._content = dot_stuff(content)
        self._awaited: list[_Step] = []
        self._refused_at: _Step | None = None
        self.committed = False
        self.accepted: Reply | None = None
        self.refusal: Refusal | None = None

    @property
    def done(self) -> bool:
        """Whether no reply is awaited any longer."""
        return not self._awaited

    def start(self) -> Flight:
        """The first bytes to write."""
        mail, rcpt, data = self._flight
        if self.chunked:
            self._awaited = [_Step.MAIL, _Step.RCPT, _Step.CHUNK]
            self.committed = True
            commands = b"%s%sBDAT %d LAST\r\n" % (mail, rcpt, len(self._content))
            return Flight(commands + self._content, commands)
        if not self._pipelining:
            self._awaited = [_Step.MAIL]
            return Flight(mail, mail)
        self._awaited = [_Step.MAIL, _Step.RCPT]
        commands = mail + rcpt
        if not self._lmtp:
            self._awaited.append(_Step.DATA)
            commands += data
        return Flight(commands, commands)

    @property
    def stage(self) -> str:
        """The stage of the reply that is awaited."""
        return self._awaited[0].value[0] if self._awaited else "content"

    @property
    def final(self) -> bool:
        """Whether the reply that is awaited is the one to the message itself."""
        return bool(self._awaited) and self._awaited[0] in _LAST

    @property
    def closing(self) -> bool:
        """Whether it was refused because the server closes the connection (421)."""
        return self.refusal is not None and self.refusal.reply.closing

    @property
    def content_refused(self) -> bool:
        """Whether it was the message itself, all of it, that was refused."""
        return self._refused_at in _LAST

    def receive(self, reply: Reply) -> Flight | None:
        """Take the next reply; return what to write now, if anything.

        Raises:
            ProtocolError: the reply cannot be one to its command.
        """
        if not self._awaited:
            raise ProtocolError("the server sent a reply that nothing asked for")
        step = self._awaited.pop(0)
        if reply.closing:
            # The server closes the connection: no reply follows, not even a pipelined one.
            self._awaited = []
        if reply.code >= 400:
            self._refuse(step, reply)
            return None
        if (step is _Step.DATA) != (reply.code // 100 == 3):
            raise ProtocolError(f"the server replied {reply.code} to {step.value[1]}")
        return self._agree(step, reply)

    def _refuse(self, step: _Step, reply: Reply) -> None:
        if self.refusal is None:
            self.refusal = Refusal(*step.value, reply)
            self._refused_at = step

    def _agree(self, step: _Step, reply: Reply) -> Flight | None:
        if self.chunked and self._refused_at is _Step.MAIL:
            # Without a sender there is nothing to agree to: what came first was no reply to MAIL,
            # and the last one, which counts, is still to come.
            self.refusal = None
            raise ProtocolError("the replies are out of step")
        if step in _LAST:
            if self.refusal is None:
                self.accepted = reply
            return None
        if step is _Step.DATA:
            self._awaited = [_Step.CONTENT]
            if self.refusal is not None:
                return Flight(_LONE_DOT, _LONE_DOT)
            self.committed = True
            return Flight(self._content, b"(the message)")
        if self._awaited or self.refusal is not None:
            return None
        following = {_Step.MAIL: _Step.RCPT, _Step.RCPT: _Step.DATA}[step]
        self._awaited = [following]
        data = self._flight[1] if following is _Step.RCPT else self._flight[2]
        return Flight(data, data)


def _commands(
    envelope: Envelope, size: int, capabilities: Capabilities, options: MailOptions
) -> tuple[bytes, bytes, bytes]:
    mail: list[str] = []
    rcpt: tuple[str, ...] = ()
    if "SIZE" in capabilities:
        mail.append(f"SIZE={size}")
    if envelope.international:
        # RFC 6531 section 3.3: a server with SMTPUTF8 has 8BITMIME too.
        mail += ["BODY=8BITMIME", "SMTPUTF8"]
    if options.require_tls:
        mail.append("REQUIRETLS")
    if "DSN" in capabilities:
        mail += options.dsn_mail
        rcpt = options.dsn_rcpt
    return (
        command(f"MAIL FROM:<{envelope.sender}>", *mail),
        command(f"RCPT TO:<{envelope.recipient}>", *rcpt),
        command("DATA"),
    )
