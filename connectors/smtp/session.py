"""An open SMTP session: messages over one connection, and its end."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import NamedTuple

from connector_core import DeliveryError, PermanentDeliveryError
from connectors.smtp import diagnose
from connectors.smtp.dialogue import BROKEN_OFF, LOST, Dialogue, left
from connectors.smtp.i18n import _, mark
from connectors.smtp.protocol import Capabilities, ProtocolError, Reply, command
from connectors.smtp.transaction import Envelope, Handover, Step, Transaction

__all__ = ["DeadConnectionError", "Sent", "Session"]

_QUIT_TIMEOUT = 2.0  # seconds
_RESET_TIMEOUT = 10.0  # seconds
_NOOP_TIMEOUT = 3.0  # seconds


class Sent(NamedTuple):
    """A message that the server took.

    Attributes:
        response: its reply, secrets masked.
        enhanced_code: the enhanced status code in it (RFC 3463), if any.
    """

    response: str
    enhanced_code: str | None


class DeadConnectionError(Exception):
    """A connection turned out dead before anything of a message could have been accepted."""

    def __init__(self, error: DeliveryError) -> None:
        self.error = error
        super().__init__(str(error))


class Session:
    """A session that was opened; it sends one message at a time.

    Attributes:
        opening: how long each stage of opening it took, in seconds.
        fresh: whether it was opened for the message that it is to send next.
        sent: how many messages it was used for.
        idle_since: when the server last replied, in seconds of `time.monotonic()`.
        pings: how often it was asked whether it still answers.
        offers_notifications: whether the server sends delivery status notifications where it is
            asked (RFC 3461).
    """

    def __init__(
        self, dialogue: Dialogue, capabilities: Capabilities, opening: dict[str, float]
    ) -> None:
        self._dialogue = dialogue
        self._endpoint = dialogue.endpoint
        self._wire = dialogue.wire
        self._handover = Handover.of(capabilities, dialogue.endpoint.mail)
        self._largest = capabilities.size
        self._international = "SMTPUTF8" in capabilities
        self.offers_notifications = "DSN" in capabilities
        self.opening = opening
        self.fresh = True
        self.sent = 0
        self.idle_since = time.monotonic()
        self.pings = 0
        self._agreed = 0.0  # when all but the message under way was agreed

    @property
    def usable(self) -> bool:
        """Whether it is open, and the server said nothing that nobody asked for."""
        return self._wire.ready

    async def send(
        self,
        envelope: Envelope,
        content: bytes,
        deadline: float | None,
        seconds: dict[str, float],
        *,
        known: bool,
    ) -> Sent:
        """Send one message.

        Args:
            envelope: sender and recipient.
            content: the message.
            deadline: when to give up, in seconds of `time.monotonic()`.
            seconds: what was spent on it so far, by stage.
            known: the server has taken messages of this sender: one that it refuses should not
                be sent the whole message first.

        Raises:
            DeadConnectionError: the connection was dead before the message could be accepted.
            DeliveryError: the message was refused, or it is uncertain whether it was taken.
        """
        wire = self._wire
        self.fresh = False
        self.sent += 1
        self._require_capable(envelope, content)
        if wire.stirs:
            await wire.settle()
        if not wire.ready:
            raise DeadConnectionError(self._gone())
        transaction = Transaction(envelope, content, self._handover, chunked=known)
        limit = time.monotonic() + self._endpoint.socket_timeout
        if deadline is not None and deadline < limit:
            limit = deadline
        started, self._agreed = time.perf_counter(), 0.0
        try:
            wire.write(transaction.start())
            while True:
                await wire.arrival(limit)
                if self._go_on(transaction):
                    break
        except BaseException as error:  # noqa: BLE001 - cancellation too must end the connection
            committed = transaction.committed and not wire.unsent
            wire.abort()
            # What was refused before stays refused, however the connection ended after it.
            if transaction.refusal is None or not isinstance(error, BROKEN_OFF):
                stage = "content" if committed else transaction.stage
                raise self._failed(error, stage, committed=committed) from None
        self.idle_since = time.monotonic()
        if (reply := transaction.accepted) is not None:
            seconds["envelope"] = self._agreed - started
            seconds["content"] = time.perf_counter() - self._agreed
            return Sent(wire.mask(str(reply)), reply.enhanced_code)
        assert transaction.refusal is not None  # noqa: S101 - one or the other
        step, reply = transaction.refusal
        ended = transaction.content_refused and not transaction.chunked
        await self._clean_up(reply, limit, ended=ended)
        raised = self._dialogue.refused(step.stage, step.command, reply, step.what)
        if transaction.closing and not transaction.content_refused:
            raise DeadConnectionError(raised)
        raise raised

    def _go_on(self, transaction: Transaction) -> bool:
        """Take the replies that there are, and write what follows; whether these were all."""
        wire = self._wire
        replies = wire.replies
        if not transaction.committed and wire.attentive and (content := transaction.agree(replies)):
            wire.write(content)
            self._agreed = time.perf_counter()
            return False
        while awaited := transaction.awaited:
            step = awaited[0]
            if step.final and not self._agreed:
                self._agreed = time.perf_counter()
            if not replies:
                return False
            reply = replies.popleft()
            if wire.unsent:
                self._require_refusal(step, reply)
            if not step.final and len(awaited) == 1 and reply.code < 400:
                # Before the content is handed out: while none of it has left, all is certain.
                self._dialogue.require_quiet()
            if following := transaction.receive(reply):
                wire.write(following)
        if transaction.chunked:
            self._require_no_more(transaction)
        return True

    def _require_refusal(self, step: Step, reply: Reply) -> None:
        """A reply before the server has all of the message can only be a refusal."""
        if not step.final:
            return
        if reply.code < 400:
            raise ProtocolError(mark("the server took the message before it had all of it"))
        # It reads no further: the rest cannot be taken back.
        self._wire.abort()

    def _require_no_more(self, transaction: Transaction) -> None:
        """With BDAT all replies have one form: one too many, and the last was another's."""
        surplus = self._wire.surplus
        agreed = any(reply.code < 400 for reply in surplus)
        if (transaction.accepted and surplus) or (transaction.closing and agreed):
            transaction.refusal = None
            raise ProtocolError(mark("the server sent more replies than it was asked for"))

    def _failed(self, error: BaseException, stage: str, *, committed: bool) -> BaseException:
        """What to raise where a transaction broke off."""
        if isinstance(error, TimeoutError):
            return diagnose.timed_out(stage, self._endpoint, committed=committed)
        if isinstance(error, LOST):
            found = diagnose.lost(stage, self._endpoint, committed=committed)
        elif isinstance(error, ProtocolError):
            found = diagnose.broken(stage, str(error), committed=committed)
        else:
            return error
        return found if committed else DeadConnectionError(found)

    def _gone(self) -> DeliveryError:
        """How the server ended it before it was asked: nothing was written, nothing uncertain."""
        if (reply := self._wire.farewell()) is not None:
            self._wire.abort()
            return self._dialogue.refused("sender", "", reply, mark("more mails"))
        if self._wire.closed:
            return diagnose.lost("sender", self._endpoint)
        # What it said unasked would pass for a reply.
        self._wire.abort()
        return diagnose.broken("sender", mark("the server replied before it was asked"))

    def _require_capable(self, envelope: Envelope, content: bytes) -> None:
        """Refuse what the server cannot carry before anything is written."""
        largest = self._largest
        if largest is not None and len(content) > largest:
            raise PermanentDeliveryError(
                _("the mail has {octets} octets, and {endpoint} takes {limit}").format(
                    octets=len(content), endpoint=self._endpoint, limit=largest
                ),
                stage="content",
                hint=_("make the template smaller"),
            )
        if envelope.international and not self._international:
            raise PermanentDeliveryError(
                _("{endpoint} does not take addresses that are not ASCII (SMTPUTF8)").format(
                    endpoint=self._endpoint
                ),
                stage="sender",
                hint=_("use an address whose part before the @ is ASCII"),
                failover=True,
            )

    async def _clean_up(self, refusal: Reply, limit: float, *, ended: bool) -> None:
        """Leave the session ready for the next message, or closed; `ended`: it is ready."""
        if refusal.closing:
            self._wire.abort()
        if self._wire.closed or ended:
            return
        try:
            reply = await self._dialogue.ask(
                command("RSET"), "reset", _RESET_TIMEOUT, deadline=limit
            )
        except DeliveryError:
            return
        if reply.code >= 300:
            self._wire.abort()

    async def alive(self, deadline: float | None) -> bool:
        """Whether the server still answers (NOOP), soon enough to leave time for a fresh try."""
        timeout = min(_NOOP_TIMEOUT, left(deadline) / 2)
        self.pings += 1
        try:
            reply = await self._dialogue.ask(command("NOOP"), "pool", timeout)
        except DeliveryError:
            return False
        self.idle_since = time.monotonic()
        return reply.code < 300 and self.usable

    async def quit(self) -> None:
        """Say QUIT, wait a moment for the reply, close."""
        if not self._wire.closed:
            with suppress(DeliveryError):
                await self._dialogue.ask(command("QUIT"), "quit", _QUIT_TIMEOUT)
        self.abort()

    def abort(self) -> None:
        """Close the connection at once."""
        self._wire.abort()
