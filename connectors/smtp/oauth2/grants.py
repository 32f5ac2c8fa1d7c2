"""What a token endpoint is told, without I/O.

Three grants: a service account's key (RFC 7523), a refresh token (RFC 6749 section 6) and the
client's own credentials (RFC 6749 section 4.4).
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from connectors.smtp.config import OAuth2KeyAuth, OAuth2TokenAuth
from connectors.smtp.i18n import _, mark
from connectors.smtp.oauth2.faults import INSTALL, NOT_INSTALLED, unusable
from connectors.smtp.oauth2.keys import read_key
from connectors.smtp.pem import KeyFault

__all__ = ["GOOGLE", "ClientCredentials", "Grant", "RefreshToken", "ServiceKey", "grant_of"]

GOOGLE = "https://oauth2.googleapis.com/token"
_ASSERTION_LIFETIME = 3600  # the most that Google takes; long, because clocks differ
_CHECK_CLIENT = mark("check auth.clientId and auth.clientSecret: a secret may have expired")
_CHECK_DELEGATION = mark(
    "check auth.serviceClient, auth.user and auth.privateKey, that the service account has "
    "domain-wide delegation for the scope, and this machine's clock"
)


class Grant(ABC):
    """What entitles to an access token."""

    hints: ClassVar[Mapping[str, str]]

    @property
    @abstractmethod
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""

    @abstractmethod
    def form(self) -> dict[str, str]:
        """The parameters of a token request.

        Raises:
            PermanentDeliveryError: it cannot be made.
        """

    def rotate(self, refresh_token: str) -> None:  # noqa: B027 - most grants have none
        """Take a new refresh token in place of the old one."""


@dataclass(slots=True)
class ServiceKey(Grant):
    """A service account's key, which signs an assertion (RFC 7523)."""

    hints: ClassVar[Mapping[str, str]] = {
        "invalid_grant": _CHECK_DELEGATION,
        "invalid_client": _CHECK_DELEGATION,
        "unauthorized_client": _CHECK_DELEGATION,
        "invalid_scope": mark("check auth.scope"),
    }
    client: str
    user: str
    scope: str
    audience: str = field(repr=False)
    key: str = field(repr=False)
    passphrase: str | None = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key and its passphrase."""
        return (self.key, self.passphrase or "")

    def form(self) -> dict[str, str]:
        """The signed assertion."""
        try:
            import jwt  # only here: few configs sign, and it takes its time

            key = read_key(self.key, self.passphrase)
        except ImportError:
            raise unusable(_(NOT_INSTALLED), INSTALL) from None
        if isinstance(key, KeyFault):
            raise unusable(
                _("auth.privateKey cannot be used: it {fault}").format(fault=key.message), key.hint
            )
        now = int(time.time())
        claims = {
            "iss": self.client,
            "sub": self.user,
            "scope": self.scope,
            "aud": self.audience,
            "iat": now,
            "exp": now + _ASSERTION_LIFETIME,
        }
        return {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": jwt.encode(claims, key, algorithm="RS256"),
        }


@dataclass(slots=True)
class RefreshToken(Grant):
    """A refresh token (RFC 6749 section 6)."""

    hints: ClassVar[Mapping[str, str]] = {
        "invalid_grant": mark(
            "the refresh token was revoked or has expired: give consent again, and put the new "
            "refreshToken into auth"
        ),
        "interaction_required": mark(
            "the provider wants the user to sign in: give consent again, and put the new "
            "refreshToken into auth"
        ),
        "invalid_client": _CHECK_CLIENT,
        "unauthorized_client": _CHECK_CLIENT,
        "invalid_scope": mark("check auth.scope: it may only name what consent was given for"),
    }
    client: str
    secret: str | None = field(repr=False)
    token: str = field(repr=False)
    scope: str | None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The client's secret and the refresh token."""
        return (self.secret or "", self.token)

    def form(self) -> dict[str, str]:
        """The refresh token, and who the client is."""
        return {
            "grant_type": "refresh_token",
            "refresh_token": self.token,
            "client_id": self.client,
            **({"client_secret": self.secret} if self.secret else {}),
            **({"scope": self.scope} if self.scope else {}),
        }

    def rotate(self, refresh_token: str) -> None:
        """The old one may be of no use from now on (RFC 6749 section 6)."""
        self.token = refresh_token


@dataclass(slots=True)
class ClientCredentials(Grant):
    """The client's own id and secret (RFC 6749 section 4.4)."""

    hints: ClassVar[Mapping[str, str]] = {
        "invalid_grant": _CHECK_CLIENT,
        "invalid_client": _CHECK_CLIENT,
        "unauthorized_client": _CHECK_CLIENT,
        "invalid_scope": mark(
            "check auth.scope; Microsoft 365 wants https://outlook.office365.com/.default"
        ),
    }
    client: str
    secret: str = field(repr=False)
    scope: str | None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The client's secret."""
        return (self.secret,)

    def form(self) -> dict[str, str]:
        """Who the client is."""
        return {
            "grant_type": "client_credentials",
            "client_id": self.client,
            "client_secret": self.secret,
            **({"scope": self.scope} if self.scope else {}),
        }


def grant_of(auth: OAuth2KeyAuth | OAuth2TokenAuth) -> Grant | None:
    """The grant to get a new token by; None where there is only the token in the config."""
    if isinstance(auth, OAuth2KeyAuth):
        given = auth.private_key
        key, passphrase = (given, None) if isinstance(given, str) else (given.key, given.passphrase)
        if not (auth.service_client and key):
            return None
        scope = auth.scope or "https://mail.google.com/"
        audience = auth.access_url or GOOGLE
        return ServiceKey(auth.service_client, auth.user, scope, audience, key, passphrase)
    client, secret, scope_given = auth.client_id, auth.client_secret, auth.scope or None
    if auth.refresh_token:
        return RefreshToken(client or "", secret or None, auth.refresh_token, scope_given)
    # Google's endpoint has no such grant: without accessUrl it is a client whose token is static.
    if client and secret and auth.access_url:
        return ClientCredentials(client, secret, scope_given)
    return None
