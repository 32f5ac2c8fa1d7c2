"""One mail transaction (RFC 5321 section 3.3) without I/O: replies in, bytes to write out.

With PIPELINING (RFC 2920), MAIL, RCPT and DATA leave in one flight. Where the recipient is then
refused and DATA is accepted all the same, a lone dot ends the empty message, and whatever the
server replies to it is not success.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from connectors.smtp.protocol import Capabilities, ProtocolError, Reply, command, dot_stuff

__all__ = ["Envelope", "Refusal", "Transaction"]

_LONE_DOT = b".\r\n"
_SERVICE_CLOSING = 421


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
class Refusal:
    """The reply by which a server refused: where, in reply to which command, and what."""

    stage: str
    command: str
    what: str
    reply: Reply


class _Step(Enum):
    """A reply that is awaited: its stage, the command it answers, and what is refused by it."""

    MAIL = ("sender", "MAIL", "the sender")
    RCPT = ("recipient", "RCPT", "the recipient")
    DATA = ("content", "DATA", "DATA")
    CONTENT = ("content", "DATA", "the message")


class Transaction:
    """The state of one transaction.

    Attributes:
        committed: the final dot of the message was handed out to be written: from here on, losing
            the connection leaves open whether the message was sent.
        accepted: the server's reply that took the message, once it did.
        refusal: why it was not taken, where the server said so.
    """

    def __init__(self, envelope: Envelope, content: bytes, capabilities: Capabilities) -> None:
        self._content = dot_stuff(content)
        self._pipelining = "PIPELINING" in capabilities
        self._flight = _commands(envelope, len(content), capabilities)
        self._awaited: list[_Step] = []
        self.committed = False
        self.accepted: Reply | None = None
        self.refusal: Refusal | None = None

    @property
    def done(self) -> bool:
        """Whether no reply is awaited any longer."""
        return not self._awaited

    def start(self) -> bytes:
        """The first bytes to write."""
        steps = [_Step.MAIL, _Step.RCPT, _Step.DATA]
        self._awaited = steps if self._pipelining else steps[:1]
        return b"".join(self._flight) if self._pipelining else self._flight[0]

    @property
    def stage(self) -> str:
        """The stage of the reply that is awaited."""
        return self._awaited[0].value[0] if self._awaited else "content"

    @property
    def final(self) -> bool:
        """Whether the reply that is awaited is the one to the message itself."""
        return self._awaited[:1] == [_Step.CONTENT]

    def receive(self, reply: Reply) -> bytes:
        """Take the next reply; return what to write now, perhaps nothing.

        Raises:
            ProtocolError: the reply cannot be one to its command.
        """
        if not self._awaited:
            raise ProtocolError("the server sent a reply that nothing asked for")
        step = self._awaited.pop(0)
        if reply.code == _SERVICE_CLOSING:
            # The server closes the connection: no reply follows, not even a pipelined one.
            self._awaited = []
        if reply.code >= 400:
            return self._refused(step, reply)
        if (step is _Step.DATA) != (reply.code // 100 == 3):
            raise ProtocolError(f"the server replied {reply.code} to {step.value[1]}")
        return self._agreed(step, reply)

    def _refused(self, step: _Step, reply: Reply) -> bytes:
        if self.refusal is None:
            self.refusal = Refusal(*step.value, reply)
        return b""

    def _agreed(self, step: _Step, reply: Reply) -> bytes:
        if step is _Step.CONTENT:
            if self.refusal is None:
                self.accepted = reply
            return b""
        if step is _Step.DATA:
            self._awaited = [_Step.CONTENT]
            if self.refusal is not None:
                return _LONE_DOT
            self.committed = True
            return self._content
        if self._pipelining or self.refusal is not None:
            return b""
        following = {_Step.MAIL: _Step.RCPT, _Step.RCPT: _Step.DATA}[step]
        self._awaited = [following]
        return self._flight[1] if following is _Step.RCPT else self._flight[2]


def _commands(
    envelope: Envelope, size: int, capabilities: Capabilities
) -> tuple[bytes, bytes, bytes]:
    parameters = []
    if "SIZE" in capabilities:
        parameters.append(f"SIZE={size}")
    if envelope.international:
        # RFC 6531 section 3.3: a server with SMTPUTF8 has 8BITMIME too.
        parameters += ["BODY=8BITMIME", "SMTPUTF8"]
    return (
        command(f"MAIL FROM:<{envelope.sender}>", *parameters),
        command(f"RCPT TO:<{envelope.recipient}>"),
        command("DATA"),
    )
