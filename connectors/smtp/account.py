"""The account that a config logs in with: its credentials, its tokens, and what was refused."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from connector_core.redaction import Redactor
from connectors.smtp.auth import Credentials
from connectors.smtp.config import LoginAuth
from connectors.smtp.limits import LoginGate
from connectors.smtp.oauth2.tokens import TokenSource

if TYPE_CHECKING:
    from connectors.smtp.config import SmtpConfig
    from connectors.smtp.endpoint import Endpoint

__all__ = ["Account"]


class Account:
    """One account at one server.

    Attributes:
        by_token: whether it logs in with OAuth2.
    """

    def __init__(self, credentials: Credentials, tokens: TokenSource | None) -> None:
        self._credentials = credentials
        self._tokens = tokens
        self._gate = LoginGate()
        self._mask = Redactor(credentials.secrets)
        self._masked = credentials.secrets
        self.by_token = tokens is not None

    @classmethod
    def of(cls, config: SmtpConfig, endpoint: Endpoint) -> Account | None:
        """The account of a config; None where the server allows the client by its address."""
        auth = config.auth
        if auth is None or not auth.user:
            return None
        method = (config.auth_method or auth.method or "").upper() or None
        make = partial(
            Credentials, auth.user, method=method, host=endpoint.host, port=endpoint.port
        )
        if not isinstance(auth, LoginAuth):
            return cls(make(), TokenSource.of(config))
        return cls(make(password=auth.password), None) if auth.password else None

    def require_open(self) -> None:
        """Raise PermanentDeliveryError while the pause after a refusal lasts."""
        self._gate.require_open()

    def turn(self, deadline: float | None, *, patient: bool) -> AbstractAsyncContextManager[None]:
        """What to hold while logging in: see `LoginGate.turn`."""
        return self._gate.turn(deadline, patient=patient)

    async def credentials(self, deadline: float | None, *, patient: bool = True) -> Credentials:
        """What to log in with now.

        Args:
            deadline: when to give up, in seconds of `time.monotonic()`.
            patient: keep the pause after a token endpoint refused.

        Raises:
            DeliveryError: there is no token, and none could be had.
        """
        if self._tokens is None:
            return self._credentials
        return replace(self._credentials, token=await self._tokens.token(deadline, patient=patient))

    async def renewed(
        self, refused: Credentials, deadline: float | None, *, patient: bool
    ) -> Credentials | None:
        """What to log in with after the server refused these; None where there is nothing else.

        Args:
            refused: what the server refused.
            deadline: when to give up, in seconds of `time.monotonic()`.
            patient: keep the pause after a token endpoint refused.

        Raises:
            DeliveryError: another token could not be had.
        """
        if self._tokens is None or refused.token is None:
            return None
        token = await self._tokens.renewed(refused.token, deadline, patient=patient)
        return None if token is None else replace(self._credentials, token=token)

    def mask(self, credentials: Credentials) -> Redactor:
        """What takes them out of text; made once for a token, which takes a while."""
        if credentials.secrets != self._masked:
            self._mask, self._masked = Redactor(credentials.secrets), credentials.secrets
        return self._mask

    def latest(self, credentials: Credentials) -> Credentials:
        """The same, with the token that came meanwhile: another connection may have renewed it."""
        token = self._tokens.current if self._tokens is not None else None
        return credentials if token is None else replace(credentials, token=token)

    async def close(self) -> None:
        """Give up a renewal that is under way."""
        if self._tokens is not None:
            await self._tokens.close()
