"""Opening a session: connect, greeting, TLS, EHLO, authentication."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from contextlib import nullcontext
from functools import partial

from connector_core import PermanentDeliveryError
from connector_core.network.tls import tls_detail, tls_facts
from connector_core.redaction import Redactor
from connector_core.verifying import Detail, Stages
from connectors.smtp import diagnose
from connectors.smtp.account import Account
from connectors.smtp.auth import Credentials
from connectors.smtp.connect import connect, connect_by_proxy, resolve
from connectors.smtp.dialogue import LOST, Dialogue, left
from connectors.smtp.endpoint import Endpoint, TlsMode
from connectors.smtp.i18n import _, mark
from connectors.smtp.login import Login, TokenRenewedError
from connectors.smtp.probe import PROBE_AFTER, speaks_tls
from connectors.smtp.protocol import Capabilities, ProtocolError, Reply, command
from connectors.smtp.session import Session
from connectors.smtp.wire import Wire

__all__ = ["open_session"]

_HOST_NAME = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


async def open_session(
    endpoint: Endpoint,
    account: Account | None,
    stages: Stages,
    deadline: float | None,
    *,
    testing: bool,
) -> Session:
    """Connect, greet, turn to TLS and authenticate, as the endpoint wants it.

    Args:
        endpoint: where and how.
        account: what to log in with, if anything.
        stages: what times the steps.
        deadline: when to give up, in seconds of `time.monotonic()`.
        testing: a person waits for the outcome: ask for more than a send would, and do not keep
            the pause after refused credentials.

    Raises:
        DeliveryError: it failed; nothing is left open.
    """
    attempt = partial(_attempt, endpoint, account, stages, deadline, testing=testing)
    try:
        return await attempt(renew=True)
    except TokenRenewedError:
        # The server closed when it refused the token; there is another one.
        return await attempt(renew=False)


async def _attempt(
    endpoint: Endpoint,
    account: Account | None,
    stages: Stages,
    deadline: float | None,
    *,
    testing: bool,
    renew: bool,
) -> Session:
    credentials = None
    if account is not None:
        if not testing:
            account.require_open()
        # Before the connection is there: a server does not wait long for AUTH.
        with stages.stage("token") if account.by_token else nullcontext():
            credentials = await account.credentials(deadline, patient=not testing)
    wire = await _connect(endpoint, stages, deadline)
    if account is not None and credentials is not None:
        wire.hide(account.mask(credentials))
    try:
        opening = _Opening(Dialogue(endpoint, wire), stages, deadline, testing=testing)
        await opening.begin()
        if account is not None and credentials is not None:
            await opening.log_in(account, credentials, patient=not testing, renew=renew)
    except BaseException:
        wire.abort()
        raise
    return opening.into_session()


async def _connect(endpoint: Endpoint, stages: Stages, deadline: float | None) -> Wire:
    def make() -> Wire:
        # A proxy that is none may answer in the server's place.
        mask = Redactor(endpoint.proxy.secrets if endpoint.proxy is not None else ())
        return Wire(mask=mask, log_dialogue=endpoint.log_dialogue)

    if endpoint.proxy is not None:
        # The proxy looks the name up.
        with stages.stage("connect") as detail:
            wire = await connect_by_proxy(endpoint, endpoint.proxy, make, left(deadline))
            detail.append(
                _("{endpoint} through the proxy {host}").format(
                    endpoint=endpoint, host=endpoint.proxy.host
                )
            )
        return wire
    with stages.stage("resolve") as detail:
        addresses = await resolve(endpoint, left(deadline))
        detail.append(", ".join(address[0] for _, address in addresses))
    with stages.stage("connect") as detail:
        wire = await connect(endpoint, addresses, make, left(deadline))
        detail.append(
            _("{address} port {port}").format(
                address=wire.peer_address or _("an address"), port=endpoint.port
            )
        )
    return wire


class _Opening:
    """What comes between the connection and the first message."""

    def __init__(
        self,
        dialogue: Dialogue,
        stages: Stages,
        deadline: float | None,
        *,
        testing: bool,
    ) -> None:
        self._dialogue = dialogue
        self._endpoint = dialogue.endpoint
        self._wire = dialogue.wire
        self._stages = stages
        self._deadline = deadline
        self._testing = testing
        self._capabilities = Capabilities()

    def into_session(self) -> Session:
        """The session that was opened."""
        seconds = {stage.name: stage.seconds for stage in self._stages.done}
        return Session(self._dialogue, self._capabilities, seconds)

    async def begin(self) -> None:
        """Greeting, EHLO, and TLS at its place.

        Raises:
            DeliveryError: it failed.
        """
        if self._endpoint.tls is TlsMode.IMPLICIT:
            with self._stages.stage("tls") as detail:
                await self._start_tls()
                self._describe_tls(detail)
        with self._stages.stage("greeting") as detail:
            if self._testing:
                await self._probe()
            greeting = await self._ask(b"", "greeting", self._endpoint.greeting_timeout)
            if not self._wire.peer_address:
                # It was gone before its address could be asked for.
                raise diagnose.lost("greeting", self._endpoint)
            if greeting.code >= 300:
                raise self._dialogue.refused("greeting", "", greeting, mark("the connection"))
            detail.append(self._wire.mask(greeting.text))
        with self._stages.stage("ehlo"):
            await self._hello()
            if not self._wants_starttls():
                self._require_tls_extension()
        if self._wants_starttls():
            with self._stages.stage("tls") as detail:
                if await self._starttls():
                    self._describe_tls(detail)
                    await self._hello()
                else:
                    detail.append(_("refused; opportunisticTLS carries on in the clear"))
                self._require_tls_extension()
        if (tls := self._wire.tls_object) is not None:
            # By now the server's tickets have come, before its reply to EHLO.
            self._endpoint.tls_client.keep(tls)

    async def log_in(
        self, account: Account, credentials: Credentials, *, patient: bool, renew: bool
    ) -> None:
        """Authenticate.

        Raises:
            DeliveryError: it failed.
            TokenRenewedError: another connection is needed.
        """
        with self._stages.stage("auth") as detail:
            offered = self._capabilities.mechanisms
            login = Login(self._dialogue, offered, self._deadline, patient=patient)
            async with account.turn(self._deadline, patient=patient):
                credentials = account.latest(credentials)
                detail.append(await login.run(account, credentials, renew=renew))
            if self._asks_more:
                await self._hello_again()

    @property
    def _asks_more(self) -> bool:
        """Whether to ask again after AUTH: some servers announce all they can only then."""
        mail, offered = self._endpoint.mail, self._capabilities
        wants_dsn = bool(mail.dsn_mail or mail.dsn_rcpt) and "DSN" not in offered
        return wants_dsn or offered.extensions.get("SIZE") == ""

    async def _ask(self, data: bytes, stage: str, timeout: float | None = None) -> Reply:
        return await self._dialogue.ask(data, stage, timeout, deadline=self._deadline)

    async def _hello(self) -> None:
        """EHLO, or HELO for servers that do not know it; forgets what was learned before."""
        reply = await self._greet()
        if reply.code < 300:
            self._capabilities = Capabilities.of(reply)
            return
        self._capabilities = Capabilities()
        if reply.code >= 500 and self._endpoint.plain_will_do:
            reply = await self._ask(command("HELO", self._client_name), "ehlo")
            if reply.code < 300:
                return
        raise self._dialogue.refused("ehlo", self._hello_verb, reply)

    async def _greet(self) -> Reply:
        return await self._ask(command(self._hello_verb, self._client_name), "ehlo")

    @property
    def _hello_verb(self) -> str:
        return "LHLO" if self._endpoint.mail.lmtp else "EHLO"

    @property
    def _client_name(self) -> str:
        return self._endpoint.client_name or _own_name(self._wire.local_address)

    async def _hello_again(self) -> None:
        """EHLO after AUTH; a server that does not expect it is taken at its first word."""
        reply = await self._greet()
        if reply.code < 300:
            self._capabilities = Capabilities.of(reply)

    def _require_tls_extension(self) -> None:
        """REQUIRETLS needs TLS here and a server that passes the demand on (RFC 8689)."""
        if not self._endpoint.mail.require_tls:
            return
        if not self._wire.encrypted or "REQUIRETLS" not in self._capabilities:
            raise PermanentDeliveryError(
                _("{endpoint} does not offer REQUIRETLS").format(endpoint=self._endpoint)
                if self._wire.encrypted
                else _("{endpoint} offers no TLS, and REQUIRETLS needs it").format(
                    endpoint=self._endpoint
                ),
                stage="ehlo",
                failover=True,
                operator=True,
                hint=_("leave out requireTLSExtensionEnabled, or use a server that offers it"),
            )

    async def _probe(self) -> None:
        """Where no greeting comes, see whether the server waits for TLS as this client for it."""
        endpoint = self._endpoint
        if endpoint.tls is TlsMode.IMPLICIT or endpoint.proxy is not None:
            return
        if await self._wire.speaks_within(min(PROBE_AFTER, endpoint.greeting_timeout / 2)):
            return
        if await speaks_tls(endpoint, self._wire.peer_address):
            raise diagnose.tls_from_the_first_byte(endpoint)

    def _wants_starttls(self) -> bool:
        if self._wire.encrypted or self._endpoint.tls in (TlsMode.IMPLICIT, TlsMode.NEVER):
            return False
        return self._endpoint.tls is TlsMode.REQUIRED or "STARTTLS" in self._capabilities

    async def _starttls(self) -> bool:
        """STARTTLS (RFC 3207); False where it was refused and the config lets that pass."""
        if "STARTTLS" not in self._capabilities:
            raise PermanentDeliveryError(
                _("{endpoint} does not offer STARTTLS, and requireTLS is set").format(
                    endpoint=self._endpoint
                ),
                stage="tls",
                failover=True,
                operator=True,
                hint=_(
                    "if the server expects TLS from the first byte, set secure to true, as on "
                    "port 465; if it was offered before, somebody on the way may take it out"
                ),
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
        client = self._endpoint.tls_client
        context = await (client.anew() if self._testing else client.context())
        limit = min(self._endpoint.greeting_timeout, left(self._deadline))
        try:
            await self._wire.start_tls(context, self._endpoint.server_name, limit)
        except TimeoutError:
            raise diagnose.timed_out("tls", self._endpoint) from None
        except ProtocolError as error:
            if self._endpoint.tls is TlsMode.IMPLICIT:
                # A greeting that came before the handshake began.
                raise diagnose.no_tls(self._endpoint) from None
            raise PermanentDeliveryError(
                f"{self._endpoint}: {_(str(error))}",
                stage="tls",
                failover=True,
                operator=True,
                hint=_("use port 465 with secure, where nothing comes before TLS"),
            ) from None
        except (*LOST, ssl.SSLError, ValueError) as error:
            raise diagnose.tls_failed(self._endpoint, error) from None

    def _describe_tls(self, detail: Detail) -> None:
        if (connection := self._wire.tls_object) is not None:
            detail.facts |= tls_facts(connection)
            detail.append(tls_detail(detail.facts))


def _own_name(local_address: str) -> str:
    """This machine's name, where it has a full one, else its address (RFC 5321 section 4.1.3)."""
    name = socket.gethostname()
    if _HOST_NAME.fullmatch(name):
        return name
    address = ipaddress.ip_address(local_address)
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"
