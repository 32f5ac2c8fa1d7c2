"""Opening a session: connect, greeting, TLS, EHLO, authentication."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from connector_core import PermanentDeliveryError
from connector_core.redaction import Redactor
from connectors.smtp import diagnose
from connectors.smtp.connect import connect, resolve
from connectors.smtp.dialogue import LOST, Dialogue, left
from connectors.smtp.endpoint import Endpoint, TlsMode
from connectors.smtp.login import Login
from connectors.smtp.protocol import Capabilities, ProtocolError, Reply, command
from connectors.smtp.session import Session
from connectors.smtp.stages import Stages
from connectors.smtp.wire import Wire

__all__ = ["open_session"]

_HOST_NAME = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
Turn = Callable[[], AbstractAsyncContextManager[None]]


async def open_session(
    endpoint: Endpoint, stages: Stages, deadline: float | None, turn: Turn
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
        addresses = await resolve(endpoint, left(deadline))
        detail.append(", ".join(address for _, address in addresses))
    with stages.stage("connect") as detail:
        wire = await connect(
            endpoint,
            addresses,
            lambda: Wire(mask=mask, log_dialogue=endpoint.log_dialogue),
            left(deadline),
        )
        if not wire.peer_address:
            # It was gone before its address could be asked for.
            wire.abort()
            raise diagnose.lost("connect", endpoint)
        detail.append(f"{wire.peer_address} port {endpoint.port}")
    dialogue = Dialogue(endpoint, wire)
    try:
        capabilities = await _Opening(dialogue, deadline).run(stages, turn)
    except BaseException:
        wire.abort()
        raise
    return Session(dialogue, capabilities, {stage.name: stage.seconds for stage in stages.done})


class _Opening:
    """What comes between the connection and the first message."""

    def __init__(self, dialogue: Dialogue, deadline: float | None) -> None:
        self._dialogue = dialogue
        self._endpoint = dialogue.endpoint
        self._wire = dialogue.wire
        self._deadline = deadline
        self._capabilities = Capabilities()

    async def run(self, stages: Stages, turn: Turn) -> Capabilities:
        """Go through it, and return what the server is capable of; `turn` is held for AUTH.

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
                raise self._dialogue.refused("greeting", "", greeting, "the connection")
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
                login = Login(self._dialogue, self._capabilities.mechanisms, self._deadline)
                async with turn():
                    detail.append(await login.run(self._endpoint.credentials))
        return self._capabilities

    async def _ask(self, data: bytes, stage: str, timeout: float | None = None) -> Reply:
        return await self._dialogue.ask(data, stage, timeout, deadline=self._deadline)

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
        raise self._dialogue.refused("ehlo", "EHLO", reply)

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
            raise self._dialogue.refused("tls", "STARTTLS", reply)
        await self._start_tls()
        return True

    async def _start_tls(self) -> None:
        limit = min(self._endpoint.greeting_timeout, left(self._deadline))
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
        except (*LOST, ssl.SSLError, ValueError) as error:
            raise diagnose.tls_failed(self._endpoint, error) from None

    def _describe_tls(self) -> str:
        found = self._wire.tls_object
        if found is None:
            return "TLS"
        certificate = found.getpeercert() or {}
        until = certificate.get("notAfter")
        return f"{found.version()}" + (f", certificate valid until {until}" if until else "")


def _own_name(local_address: str) -> str:
    """This machine's name, where it has a full one, else its address (RFC 5321 section 4.1.3)."""
    name = socket.gethostname()
    if _HOST_NAME.fullmatch(name):
        return name
    address = ipaddress.ip_address(local_address)
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"
