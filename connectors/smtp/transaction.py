"""One mail transaction (RFC 5321 section 3.3) without I/O: replies in, bytes to write out.

With PIPELINING (RFC 2920), MAIL, RCPT and DATA leave in one flight. Where the recipient is then
refused and DATA is accepted all the same, a lone dot ends the empty message, and whatever the
server replies to it is not success. With CHUNKING as well (RFC 3030), the message leaves in the
same flight, as one chunk.

In LMTP (RFC 2033) DATA waits for the reply to RCPT: to a message without recipients a server
would not reply at all.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from connectors.smtp.i18n import _, mark
from connectors.smtp.protocol import (
    Capabilities,
    ProtocolError,
    Reply,
    command,
    command_lines,
    dot_stuff,
    require_lines,
)

__all__ = ["Envelope", "Flight", "Handover", "MailOptions", "Step", "Transaction"]

_LONE_DOT = b".\r\n"
_DATA_COMMAND = command("DATA")


class Envelope(NamedTuple):
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
class Handover:
    """How messages go to one server: what the config asks for, as far as the server offers it.

    Attributes:
        lmtp: speak LMTP.
        pipelining: write MAIL, RCPT and DATA in one flight.
        chunking: write the message in that flight too.
        sized: tell the size in MAIL.
        mail_parameters: further parameters of MAIL, a space before each.
        rcpt_parameters: those of RCPT.
    """

    lmtp: bool
    pipelining: bool
    chunking: bool
    sized: bool
    mail_parameters: str
    rcpt_parameters: str

    @classmethod
    def of(cls, capabilities: Capabilities, options: MailOptions) -> Handover:
        """What these options come to with this server."""
        pipelining = "PIPELINING" in capabilities
        notify = "DSN" in capabilities
        mail = ["REQUIRETLS"] if options.require_tls else []
        mail += options.dsn_mail if notify else ()
        rcpt = options.dsn_rcpt if notify else ()
        return cls(
            lmtp=options.lmtp,
            pipelining=pipelining,
            chunking=(
                options.chunking and not options.lmtp and pipelining and "CHUNKING" in capabilities
            ),
            sized="SIZE" in capabilities,
            mail_parameters="".join(f" {parameter}" for parameter in mail),
            rcpt_parameters="".join(f" {parameter}" for parameter in rcpt),
        )

    def commands(self, envelope: Envelope, size: int) -> bytes:
        """MAIL and RCPT for a message of that many octets."""
        told = f" SIZE={size}" if self.sized else ""
        if envelope.international:
            # RFC 6531 section 3.3: a server with SMTPUTF8 has 8BITMIME too.
            told += " BODY=8BITMIME SMTPUTF8"
        return command_lines(
            f"MAIL FROM:<{envelope.sender}>{told}{self.mail_parameters}",
            f"RCPT TO:<{envelope.recipient}>{self.rcpt_parameters}",
        )


@dataclass(slots=True)
class Flight:
    """Bytes to write at once, and what of them a log may show."""

    data: bytes
    shown: bytes


class Step(NamedTuple):
    """A reply that is awaited: its stage, the command it answers, and what is refused by it.

    It is final where it answers the message itself.
    """

    stage: str
    command: str
    what: str
    final: bool = False


class Refusal(NamedTuple):
    """The reply by which a server refused, and what it answered."""

    step: Step
    reply: Reply


# Not an Enum: until Python 3.12 it takes longer to look up a member of one than all the rest.
_MAIL = Step("sender", "MAIL", mark("the sender"))
_RCPT = Step("recipient", "RCPT", mark("the recipient"))
_DATA = Step("content", "DATA", "DATA")
_CONTENT = Step("content", "DATA", mark("the message"), final=True)
_CHUNK = Step("content", "BDAT", mark("the message"), final=True)
_ENVELOPE = [_MAIL, _RCPT, _DATA]


class Transaction:
    """The state of one transaction.

    Attributes:
        awaited: what the replies to come answer, in their order.
        committed: the end of the message was handed out to be written: from here on, losing the
            connection leaves open whether the message was sent.
        accepted: the server's reply that took the message, once it did.
        refusal: why it was not taken, where the server said so.
        chunked: whether it goes by BDAT.
    """

    def __init__(
        self, envelope: Envelope, content: bytes, handover: Handover, *, chunked: bool = True
    ) -> None:
        self._handover = handover
        self._mail_and_rcpt = handover.commands(envelope, len(content))
        self.chunked = chunked and handover.chunking
        if self.chunked:
            require_lines(content)
            self._content = content
        else:
            self._content = dot_stuff(content)
        self.awaited: list[Step] = []
        self.committed = False
        self.accepted: Reply | None = None
        self.refusal: Refusal | None = None

    def start(self) -> Flight:
        """The first bytes to write."""
        if self.chunked:
            self.awaited = [_MAIL, _RCPT, _CHUNK]
            self.committed = True
            commands = b"%sBDAT %d LAST\r\n" % (self._mail_and_rcpt, len(self._content))
            return Flight(commands + self._content, commands)
        if not self._handover.pipelining:
            self.awaited = [_MAIL]
            commands = self._one(_MAIL)
        elif self._handover.lmtp:
            self.awaited = [_MAIL, _RCPT]
            commands = self._mail_and_rcpt
        else:
            self.awaited = [*_ENVELOPE]
            commands = self._mail_and_rcpt + _DATA_COMMAND
        return Flight(commands, commands)

    def _one(self, step: Step) -> bytes:
        """The command of one step."""
        if step is _DATA:
            return _DATA_COMMAND
        mail, rcpt = self._mail_and_rcpt.splitlines(keepends=True)
        return mail if step is _MAIL else rcpt

    @property
    def stage(self) -> str:
        """The stage of the reply that is awaited."""
        return self.awaited[0].stage if self.awaited else "content"

    @property
    def final(self) -> bool:
        """Whether the reply that is awaited is the one to the message itself."""
        return bool(self.awaited) and self.awaited[0].final

    @property
    def closing(self) -> bool:
        """Whether it was refused because the server closes the connection (421)."""
        return self.refusal is not None and self.refusal.reply.closing

    @property
    def content_refused(self) -> bool:
        """Whether it was the message itself, all of it, that was refused."""
        return self.refusal is not None and self.refusal.step.final

    def agree(self, replies: deque[Reply]) -> Flight | None:
        """Take the replies to MAIL, RCPT and DATA at once, where they left in one flight.

        It is what `receive` makes of one after the other. Where these are not all, or one refuses,
        nothing is taken.

        Args:
            replies: all that there are; what is taken is removed.
        """
        if self.awaited != _ENVELOPE or len(replies) != len(_ENVELOPE):
            return None
        mail, rcpt, data = replies
        if mail.code >= 300 or rcpt.code >= 300 or not 300 <= data.code < 400:
            return None
        replies.clear()
        return self._hand_out()

    def receive(self, reply: Reply) -> Flight | None:
        """Take the next reply; return what to write now, if anything.

        Raises:
            ProtocolError: the reply cannot be one to its command.
        """
        if not self.awaited:
            raise ProtocolError(mark("the server sent a reply that nothing asked for"))
        step = self.awaited.pop(0)
        if reply.code >= 400:
            self._refuse(step, reply)
            return None
        if (step is _DATA) != (reply.code >= 300):
            raise ProtocolError(
                _("the server replied {code} to {command}").format(
                    code=reply.code, command=step.command
                )
            )
        if self.refusal is None:
            if step.final:
                self.accepted = reply
            if step.final or self.awaited:
                return None
        return self._agree(step, reply)

    def _refuse(self, step: Step, reply: Reply) -> None:
        if reply.closing:
            # The server closes the connection: no reply follows, not even a pipelined one.
            self.awaited = []
        if self.refusal is None:
            self.refusal = Refusal(step, reply)

    def _agree(self, step: Step, reply: Reply) -> Flight | None:
        if self.chunked and self.refusal is not None and self.refusal.step is _MAIL:
            # Without a sender there is nothing to agree to: what came first was no reply to MAIL,
            # and the last one, which counts, is still to come.
            self.refusal = None
            raise ProtocolError(mark("the replies are out of step"))
        if step.final:
            return None
        if step is _DATA:
            return self._hand_out()
        if self.awaited or self.refusal is not None:
            return None
        following = {_MAIL: _RCPT, _RCPT: _DATA}[step]
        self.awaited = [following]
        data = self._one(following)
        return Flight(data, data)

    def _hand_out(self) -> Flight:
        self.awaited = [_CONTENT]
        if self.refusal is not None:
            return Flight(_LONE_DOT, _LONE_DOT)
        self.committed = True
        return Flight(self._content, b"(the message)")
