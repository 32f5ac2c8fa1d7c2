"""Authentication over one connection (RFC 4954): one password, and never in the clear unasked."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re

from connector_core import PermanentDeliveryError
from connector_core.redaction import Redactor
from connectors.smtp import diagnose
from connectors.smtp.account import Account
from connectors.smtp.auth import Credentials, Mechanism, MechanismError, choose
from connectors.smtp.dialogue import Dialogue
from connectors.smtp.endpoint import TlsMode
from connectors.smtp.i18n import _, mark
from connectors.smtp.protocol import Reply, command, from_base64

__all__ = ["Login", "TokenRenewedError", "is_loopback"]

_MAX_CHALLENGES = 5


class TokenRenewedError(Exception):
    """The server refused the token and closed; there is another one for the next connection."""


class Login:
    """The log-in of one connection: one attempt, and with OAuth2 a second with a new token."""

    def __init__(
        self,
        dialogue: Dialogue,
        offered: frozenset[str],
        deadline: float | None,
        *,
        patient: bool,
    ) -> None:
        self._dialogue = dialogue
        self._endpoint = dialogue.endpoint
        self._wire = dialogue.wire
        self._offered = offered
        self._deadline = deadline
        self._patient = patient

    async def run(self, account: Account, credentials: Credentials, *, renew: bool) -> str:
        """Authenticate, and return the name of the mechanism.

        Args:
            account: where another token may be had.
            credentials: what to log in with.
            renew: whether to try again with another token if the server refuses this one.

        Raises:
            DeliveryError: it cannot be done safely, or the server refused.
            TokenRenewedError: a new connection may succeed.
        """
        self._require_safe_channel()
        try:
            return await self._attempt(account, credentials)
        except PermanentDeliveryError as refusal:
            if refusal.code is None or not renew:
                raise
            renewed = await account.renewed(credentials, self._deadline, patient=self._patient)
            if renewed is None:
                raise
        if self._wire.closed:
            raise TokenRenewedError
        return await self._attempt(account, renewed)

    async def _attempt(self, account: Account, credentials: Credentials) -> str:
        self._wire.hide(account.mask(credentials))
        mechanism = self._choose_mechanism(credentials)
        initial = mechanism.initial_response()
        words = ["AUTH", mechanism.name]
        if initial is not None:
            words.append(self._hidden(initial, mechanism))
        reply = await self._ask(command(*words), f"AUTH {mechanism.name}{' ***' * bool(initial)}")
        try:
            for _attempt in range(_MAX_CHALLENGES):
                if reply.code != 334:
                    break
                challenge = _challenge(reply, strict=mechanism.reads_challenge)
                if mechanism.slow:
                    response = await asyncio.to_thread(mechanism.respond, challenge)
                else:
                    response = mechanism.respond(challenge)
                reply = await self._ask(command(self._hidden(response, mechanism)), "***")
            if reply.code >= 400:
                by_token = mechanism.needs == "token"
                raise self._dialogue.refused("auth", "AUTH", reply, by_token=by_token)
            if reply.code != 235:
                raise diagnose.broken(
                    "auth",
                    _("the server replied {code} to {command}").format(
                        code=reply.code, command="AUTH"
                    ),
                )
        except MechanismError as error:
            raise diagnose.unproven(self._endpoint, mechanism.name, str(error)) from None
        if not mechanism.proven:
            reason = _("it did not prove that it knows the password")
            raise diagnose.unproven(self._endpoint, mechanism.name, reason)
        return mechanism.name

    async def _ask(self, data: bytes, shown: str) -> Reply:
        return await self._dialogue.ask(data, "auth", shown=shown, deadline=self._deadline)

    def _hidden(self, response: bytes, mechanism: Mechanism) -> str:
        """A response in base64; from now on it is masked wherever the server echoes it."""
        encoded = base64.b64encode(response).decode()
        if mechanism.needs == "password":
            # Beside the password itself: the digest of CRAM-MD5, and SCRAM's proof, by which it
            # could be guessed. A token is long enough to give itself away in any form.
            _user, *digest = re.split(r" |,p=", response.decode("utf-8", "replace"))
            self._wire.hide(Redactor([encoded, *(digest if mechanism.hides_secret else ())]))
        return encoded

    def _require_safe_channel(self) -> None:
        if self._wire.encrypted or self._endpoint.tls is TlsMode.NEVER:
            return
        # Through a proxy, the address says nothing of the way to the server.
        if self._endpoint.proxy or not is_loopback(self._wire.peer_address):
            raise PermanentDeliveryError(
                _("{endpoint} offers no TLS: the credentials would go in the clear").format(
                    endpoint=self._endpoint
                ),
                stage="auth",
                failover=True,
                operator=True,
                hint=_(
                    "use port 465 with secure, or 587 with requireTLS; if the network is yours "
                    "alone, ignoreTLS allows it"
                ),
            )

    def _choose_mechanism(self, credentials: Credentials) -> Mechanism:
        offered = self._offered
        mechanism = choose(
            credentials,
            offered,
            encrypted=self._wire.encrypted,
            forced=self._endpoint.force_auth,
        )
        if mechanism is not None:
            return mechanism
        reason, hint = self._no_mechanism(credentials)
        raise PermanentDeliveryError(
            reason, stage="auth", failover=True, operator=True, hint=hint, command="AUTH"
        )

    def _no_mechanism(self, credentials: Credentials) -> tuple[str, str]:
        """Why no mechanism fits, and what to do."""
        server, names = self._endpoint, self._wire.mask(", ".join(sorted(self._offered)))
        if not names:
            reason = _("{server} does not offer authentication").format(server=server)
            if server.mail.lmtp:
                return reason, _("leave out auth: this LMTP server asks for none")
            return reason, _(
                "leave out auth if the server allows this machine by its address, or use the "
                "submission port (587 or 465)"
            )
        if credentials.method:
            reason = _("{server} does not offer {method}, only {names}").format(
                server=server, method=credentials.method, names=names
            )
            return reason, _("leave out authMethod, or set it to one that the server offers")
        if credentials.token:
            reason = _("{server} takes no OAuth2 token: it offers {names}").format(
                server=server, names=names
            )
            return reason, _("give auth.user and auth.pass, or check host")
        reason = _("{server} takes no password: it offers {names}").format(
            server=server, names=names
        )
        return reason, _("where that is XOAUTH2 or OAUTHBEARER, the server wants OAuth2 in auth")


def _challenge(reply: Reply, *, strict: bool) -> bytes:
    """What the server asks in a 334; some send LOGIN's prompts as bare text."""
    found = from_base64(reply.text)
    if found is None and strict:
        raise diagnose.broken("auth", mark("the challenge is not base64"))
    return found or b""


def is_loopback(address: str) -> bool:
    """Whether an address is of this machine alone, IPv4 within IPv6 included."""
    found = ipaddress.ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
