"""One SMTP session over one connection: opened, authenticated, used for messages, ended."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress

from connector_core import DeliveryError, PermanentDeliveryError, Stage
from connector_core.redaction import Redactor
from connectors.smtp import diagnose
from connectors.smtp.auth import Mechanism, choose
from connectors.smtp.connect import connect, resolve
from connectors.smtp.endpoint import Endpoint, TlsMode
from connectors.smtp.protocol import Capabilities, ProtocolError, Reply, command
from connectors.smtp.transaction import Envelope, Transaction
from connectors.smtp.wire import ConnectionLost, Wire

__all__ = ["DeadConnectionError", "Session", "Stages", "open_session"]

_MAX_CHALLENGES = 5
_QUIT_TIMEOUT = 2.0
_RESET_TIMEOUT = 10.0
_HOST_NAME = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_LOST = (ConnectionLost, OSError)
_BROKEN_OFF = (*_LOST, ProtocolError)
_Turn = Callable[[], AbstractAsyncContextManager[None]]


class DeadConnectionError(Exception):
    """A connection turned out dead before anything of a message could have been accepted."""

    def __init__(self, error: DeliveryError) -> None:
        self.error = error
        super().__init__(str(error))


class Stages:
    """Times the stages of opening a session and tells each as it ends."""

    def __init__(self, on_stage: Callable[[Stage], None] | None = None) -> None:
        self.done: list[Stage] = []
        self._on_stage = on_stage

    @contextmanager
    def stage(self, name: str) -> Iterator[list[str]]:
        """Time one stage; what is put into the list is told as its detail."""
        started = time.perf_counter()
        detail: list[str] = []
        try:
            yield detail
        except DeliveryError as error:
            self._end(name, started, detail, error)
            raise
        self._end(name, started, detail, None)

    def _end(
        self, name: str, started: float, detail: list[str], error: DeliveryError | None
    ) -> None:
        stage = Stage(
            name=name,
            ok=error is None,
            seconds=time.perf_counter() - started,
            detail=", ".join(detail),
            error=error,
        )
        self.done.append(stage)
        if self._on_stage is not None:
            self._on_stage(stage)


async def open_session(
    endpoint: Endpoint, stages: Stages, deadline: float | None, turn: _Turn
) -> Session:
    """Connect, greet, turn to TLS and authenticate, as the endpoint wants it.

    Args:
        endpoint: where and how.
        stages: what times the steps.
        deadline: when to give up, in seconds of `time.monotonic()`.
        turn: what to hold while authenticating.

    Raises:
        DeliveryError: it failed; nothing is left open.
    """
    mask = Redactor(endpoint.credentials.secrets if endpoint.credentials else ())
    with stages.stage("resolve") as detail:
        addresses = await resolve(endpoint, _left(deadline))
        detail.append(", ".join(address for _, address in addresses))
    with stages.stage("connect") as detail:
        wire = await connect(
            endpoint,
            addresses,
            lambda: Wire(mask=mask, log_dialogue=endpoint.log_dialogue),
            _left(deadline),
        )
        if not wire.peer_address:
            # It was gone before its address could be asked for.
            wire.abort()
            raise diagnose.lost("connect", endpoint)
        detail.append(f"{wire.peer_address} port {endpoint.port}")
    session = Session(endpoint, wire, deadline)
    try:
        await session.begin(stages, turn)
    except BaseException:
        wire.abort()
        raise
    session.opening = {stage.name: stage.seconds for stage in stages.done}
    return session


def _left(deadline: float | None) -> float:
    return float("inf") if deadline is None else max(deadline - time.monotonic(), 0.0)


class Session:
    """A session that was opened; it sends one message at a time.

    Attributes:
        sent: how many messages it was used for.
        opening: how long each stage of opening it took, in seconds.
        idle_since: when it was last used, in seconds of `time.monotonic()`.
    """

    def __init__(self, endpoint: Endpoint, wire: Wire, deadline: float | None) -> None:
        self._endpoint = endpoint
        self._wire = wire
        self._deadline = deadline
        self._capabilities = Capabilities()
        self.sent = 0
        self.opening: dict[str, float] = {}
        self.idle_since = time.monotonic()

    @property
    def usable(self) -> bool:
        """Whether it is open, and the server said nothing that nobody asked for."""
        return not self._wire.closed and not self._wire.unread

    async def begin(self, stages: Stages, turn: _Turn) -> None:
        """Everything between the connection and the first message; `turn` is held for AUTH.

        Raises:
            DeliveryError: it failed.
        """
        implicit = self._endpoint.tls is TlsMode.IMPLICIT
        if implicit:
            with stages.stage("tls") as detail:
                await self._start_tls()
                detail.append(self._describe_tls())
        with stages.stage("greeting") as detail:
            greeting = await self._ask(b"", "greeting", self._endpoint.greeting_timeout)
            if greeting.code >= 300:
                raise self._refused("greeting", "", greeting, "the connection")
            detail.append(self._wire.mask(greeting.text))
        with stages.stage("ehlo"):
            await self._hello()
        if self._wants_starttls():
            with stages.stage("tls") as detail:
                if await self._starttls():
                    detail.append(self._describe_tls())
                    await self._hello()
                else:
                    detail.append("refused; opportunisticTLS carries on in the clear")
        if self._endpoint.credentials is not None:
            with stages.stage("auth") as detail:
                async with turn():
                    detail.append(await self._authenticate())

    async def _ask(
        self,
        data: bytes,
        stage: str,
        timeout: float | None = None,
        shown: str | None = None,
        *,
        deadline: float | None = None,
    ) -> Reply:
        """Write, and wait for one reply; whatever goes wrong ends the connection."""
        limit = min(timeout or self._endpoint.socket_timeout, _left(deadline or self._deadline))
        try:
            if data:
                self._require_quiet()
                self._wire.write(data, shown or data.decode().rstrip())
            return await self._wire.reply(limit)
        except TimeoutError:
            self._wire.abort()
            raise diagnose.timed_out(stage, self._endpoint) from None
        except _LOST:
            self._wire.abort()
            raise diagnose.lost(stage, self._endpoint) from None
        except ProtocolError as error:
            self._wire.abort()
            raise diagnose.broken(stage, str(error)) from None
        except BaseException:
            # Called off: the reply is still to come, and would pass for that to the next command.
            self._wire.abort()
            raise

    def _require_quiet(self) -> None:
        """Raise if the server spoke before it was asked, or went."""
        if self._wire.unread:
            raise ProtocolError("the server replied before it was asked")
        if self._wire.closed:
            raise ConnectionLost

    def _refused(
        self, stage: str, verb: str, reply: Reply, what: str | None = None
    ) -> DeliveryError:
        return diagnose.refused(stage, verb, what or verb, reply, self._wire.mask(str(reply)))

    async def _hello(self) -> None:
        """EHLO, or HELO for servers that do not know it; forgets what was learned before."""
        name = self._endpoint.client_name or _own_name(self._wire.local_address)
        reply = await self._ask(command("EHLO", name), "ehlo")
        if reply.code < 300:
            self._capabilities = Capabilities.of(reply)
            return
        self._capabilities = Capabilities()
        plain_will_do = (
            self._endpoint.credentials is None and self._endpoint.tls is not TlsMode.REQUIRED
        )
        if reply.code >= 500 and plain_will_do:
            reply = await self._ask(command("HELO", name), "ehlo")
            if reply.code < 300:
                return
        raise self._refused("ehlo", "EHLO", reply)

    def _wants_starttls(self) -> bool:
        if self._wire.encrypted or self._endpoint.tls in (TlsMode.IMPLICIT, TlsMode.NEVER):
            return False
        return self._endpoint.tls is TlsMode.REQUIRED or "STARTTLS" in self._capabilities

    async def _starttls(self) -> bool:
        """STARTTLS (RFC 3207); False where it was refused and the config lets that pass."""
        if "STARTTLS" not in self._capabilities:
            raise PermanentDeliveryError(
                f"{self._endpoint} does not offer STARTTLS, and requireTLS is set",
                stage="tls",
                failover=True,
                operator=True,
                hint="if the server expects TLS from the first byte, set secure to true, as on "
                "port 465; if it was offered before, somebody on the way may take it out",
            )
        self._wire.hold()
        reply = await self._ask(command("STARTTLS"), "tls")
        if reply.code >= 300:
            self._wire.release()
            if self._endpoint.tls is TlsMode.OPPORTUNISTIC:
                return False
            raise self._refused("tls", "STARTTLS", reply)
        await self._start_tls()
        return True

    async def _start_tls(self) -> None:
        limit = min(self._endpoint.greeting_timeout, _left(self._deadline))
        try:
            await self._wire.start_tls(self._endpoint.context, self._endpoint.server_name, limit)
        except TimeoutError:
            raise diagnose.timed_out("tls", self._endpoint) from None
        except ProtocolError as error:
            if self._endpoint.tls is TlsMode.IMPLICIT:
                # A greeting that came before the handshake began.
                raise diagnose.no_tls(self._endpoint) from None
            raise PermanentDeliveryError(
                f"{self._endpoint}: {error}",
                stage="tls",
                failover=True,
                operator=True,
                hint="use port 465 with secure, where nothing comes before TLS",
            ) from None
        except (*_LOST, ssl.SSLError) as error:
            raise diagnose.tls_failed(self._endpoint, error) from None

    def _describe_tls(self) -> str:
        found = self._wire.tls_object
        if found is None:
            return "TLS"
        certificate = found.getpeercert() or {}
        until = certificate.get("notAfter")
        return f"{found.version()}" + (f", certificate valid until {until}" if until else "")

    async def _authenticate(self) -> str:
        """AUTH (RFC 4954), one attempt; the name of the mechanism."""
        self._require_safe_channel()
        mechanism = self._choose_mechanism()
        initial = mechanism.initial_response()
        words = ["AUTH", mechanism.name]
        if initial is not None:
            words.append(self._hidden(initial))
        reply = await self._ask(
            command(*words), "auth", shown=f"AUTH {mechanism.name} ***" if initial else None
        )
        for _ in range(_MAX_CHALLENGES):
            if reply.code != 334:
                break
            challenge = _challenge(reply, strict=mechanism.reads_challenge)
            answer = self._hidden(mechanism.respond(challenge))
            reply = await self._ask(command(answer), "auth", shown="***")
        if reply.code >= 400:
            raise self._refused("auth", "AUTH", reply)
        if reply.code != 235:
            raise diagnose.broken("auth", f"the server replied {reply.code} to AUTH")
        return mechanism.name

    def _hidden(self, response: bytes) -> str:
        """A response in base64, which from now on is masked wherever the server echoes it."""
        encoded, known = base64.b64encode(response).decode(), self._wire.mask
        mask = Redactor([encoded])
        self._wire.mask = lambda text: mask(known(text))
        return encoded

    def _require_safe_channel(self) -> None:
        if self._wire.encrypted or self._endpoint.tls is TlsMode.NEVER:
            return
        if not _is_loopback(self._wire.peer_address):
            raise PermanentDeliveryError(
                f"{self._endpoint} offers no TLS: the credentials would go in the clear",
                stage="auth",
                failover=True,
                operator=True,
                hint="use port 465 with secure, or 587 with requireTLS; if the network is yours "
                "alone, ignoreTLS allows it",
            )

    def _choose_mechanism(self) -> Mechanism:
        credentials = self._endpoint.credentials
        assert credentials is not None  # noqa: S101 - `begin` asked
        offered = self._capabilities.mechanisms
        mechanism = choose(
            credentials,
            offered,
            encrypted=self._wire.encrypted,
            forced=self._endpoint.force_auth,
        )
        if mechanism is not None:
            return mechanism
        if offered:
            reason = f"{self._endpoint} offers no mechanism that fits: {', '.join(sorted(offered))}"
            hint = "check authMethod, and whether the server wants OAuth2"
        else:
            reason = f"{self._endpoint} does not offer authentication"
            hint = "use the submission port (587 or 465), or leave out auth if the server allows "
            hint += "this machine by its address"
        raise PermanentDeliveryError(
            reason, stage="auth", failover=True, operator=True, hint=hint, command="AUTH"
        )

    async def send(
        self,
        envelope: Envelope,
        content: bytes,
        deadline: float | None,
        seconds: dict[str, float],
    ) -> Reply:
        """Send one message and return the reply that took it.

        Raises:
            DeadConnectionError: the connection was dead before the message could be accepted.
            DeliveryError: the message was refused, or it is uncertain whether it was taken.
        """
        self.sent += 1
        self._require_capable(envelope, content)
        limit = time.monotonic() + min(self._endpoint.socket_timeout, _left(deadline))
        transaction = Transaction(envelope, content, self._capabilities)
        started = time.perf_counter()
        try:
            flight = transaction.start()
            self._wire.write(flight, flight.decode().rstrip().replace("\r\n", " | "))
            while not transaction.done:
                self._take(transaction, await self._wire.reply(limit - time.monotonic()))
                if transaction.final and "envelope" not in seconds:
                    seconds["envelope"] = time.perf_counter() - started
        except BaseException as error:  # noqa: BLE001 - cancellation too must end the connection
            committed = transaction.committed and not self._wire.unsent
            self._wire.abort()
            # What was refused before stays refused, however the connection ended after it.
            if transaction.refusal is None or not isinstance(error, _BROKEN_OFF):
                raise self._failed(error, transaction.stage, committed=committed) from None
        seconds["content"] = time.perf_counter() - started - seconds.get("envelope", 0.0)
        self.idle_since = time.monotonic()
        if transaction.accepted is not None:
            return transaction.accepted
        assert transaction.refusal is not None  # noqa: S101 - one or the other
        refusal = transaction.refusal
        await self._clean_up(refusal.reply, limit, content_refused=transaction.committed)
        raised = self._refused(refusal.stage, refusal.command, refusal.reply, refusal.what)
        if refusal.reply.code == 421 and not transaction.committed:
            raise DeadConnectionError(raised)
        raise raised

    def _take(self, transaction: Transaction, reply: Reply) -> None:
        if transaction.final and self._wire.unsent:
            if reply.code < 400:
                raise ProtocolError("the server took the message before it had all of it")
            # It refused early and reads no further: the rest cannot be taken back.
            transaction.receive(reply)
            self._wire.abort()
            return
        if reply.code // 100 == 3:
            # Before the content is handed out: while none of it has left, nothing is uncertain.
            self._require_quiet()
        following = transaction.receive(reply)
        if following:
            self._require_quiet()
            shown = "the message" if transaction.final else following.decode().rstrip()
            self._wire.write(following, shown)

    def _failed(self, error: BaseException, stage: str, *, committed: bool) -> BaseException:
        """What to raise where a transaction broke off."""
        if isinstance(error, TimeoutError):
            return diagnose.timed_out(stage, self._endpoint, committed=committed)
        if isinstance(error, _LOST):
            found = diagnose.lost(stage, self._endpoint, committed=committed)
        elif isinstance(error, ProtocolError):
            found = diagnose.broken(stage, str(error), committed=committed)
        else:
            return error
        return found if committed else DeadConnectionError(found)

    def _require_capable(self, envelope: Envelope, content: bytes) -> None:
        """Refuse what the server cannot carry before anything is written."""
        size = self._capabilities.size
        if size is not None and len(content) > size:
            raise PermanentDeliveryError(
                f"the mail has {len(content)} octets, and {self._endpoint} takes {size}",
                stage="content",
                hint="make the template smaller",
            )
        if envelope.international and "SMTPUTF8" not in self._capabilities:
            raise PermanentDeliveryError(
                f"{self._endpoint} does not take addresses that are not ASCII (SMTPUTF8)",
                stage="sender",
                hint="use an address whose part before the @ is ASCII",
                failover=True,
            )

    async def _clean_up(self, refusal: Reply, limit: float, *, content_refused: bool) -> None:
        """Leave the session ready for the next message, or closed."""
        if refusal.code == 421:
            self._wire.abort()
        if self._wire.closed or content_refused:
            return
        try:
            deadline = min(limit, time.monotonic() + _RESET_TIMEOUT)
            reply = await self._ask(command("RSET"), "reset", deadline=deadline)
        except DeliveryError:
            return
        if reply.code >= 300:
            self._wire.abort()

    async def alive(self) -> bool:
        """Whether the server still answers (NOOP)."""
        try:
            reply = await self._ask(
                command("NOOP"), "pool", deadline=time.monotonic() + _RESET_TIMEOUT
            )
        except DeliveryError:
            return False
        return reply.code < 300

    async def quit(self) -> None:
        """Say QUIT, wait a moment for the reply, close."""
        if not self._wire.closed:
            with suppress(DeliveryError):
                await self._ask(command("QUIT"), "quit", deadline=time.monotonic() + _QUIT_TIMEOUT)
        self.abort()

    def abort(self) -> None:
        """Close the connection at once."""
        self._wire.abort()


def _challenge(reply: Reply, *, strict: bool) -> bytes:
    """What the server asks in a 334; some send LOGIN's prompts as bare text."""
    try:
        return base64.b64decode(reply.text, validate=True)
    except (binascii.Error, ValueError):
        if strict:
            raise diagnose.broken("auth", "the challenge is not base64") from None
        return b""


def _own_name(local_address: str) -> str:
    """This machine's name, where it has a full one, else its address (RFC 5321 section 4.1.3)."""
    name = socket.gethostname()
    if _HOST_NAME.fullmatch(name):
        return name
    address = ipaddress.ip_address(local_address)
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"


def _is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
