"""SASL mechanisms for SMTP AUTH (RFC 4954), without I/O, and the choice among them."""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

__all__ = ["MECHANISMS", "Credentials", "Mechanism", "choose"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user with a password, or with an OAuth2 access token.

    Attributes:
        user: the user name.
        password: the password, if there is one.
        token: the access token, if there is one.
        method: the mechanism that the config forces, in upper case.
    """

    user: str
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    method: str | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return tuple(secret for secret in (self.password, self.token) if secret)


class Mechanism(ABC):
    """One exchange by one mechanism."""

    name: str
    needs: str
    reads_challenge = False

    def __init__(self, credentials: Credentials) -> None:
        self._user = credentials.user
        self._secret = getattr(credentials, self.needs) or ""

    def initial_response(self) -> bytes | None:
        """What goes with the AUTH command, if anything does."""
        return None

    @abstractmethod
    def respond(self, challenge: bytes) -> bytes:
        """The response to a challenge of the server."""


class Plain(Mechanism):
    """PLAIN (RFC 4616)."""

    name = "PLAIN"
    needs = "password"

    def __init__(self, credentials: Credentials) -> None:
        super().__init__(credentials)
        self._again = self.initial_response()

    def initial_response(self) -> bytes:
        """Authorisation identity (none), user and password."""
        return f"\0{self._user}\0{self._secret}".encode()

    def respond(self, challenge: bytes) -> bytes:
        """For servers that overlook the initial response, once."""
        response, self._again = self._again, b""
        return response


class Login(Mechanism):
    """LOGIN (draft-murchison-sasl-login): user, then password, whatever the prompts say."""

    name = "LOGIN"
    needs = "password"

    def __init__(self, credentials: Credentials) -> None:
        super().__init__(credentials)
        self._answers = iter([self._user, self._secret])

    def respond(self, challenge: bytes) -> bytes:
        """The user name, then the password, then nothing."""
        return next(self._answers, "").encode()


class CramMd5(Mechanism):
    """CRAM-MD5 (RFC 2195)."""

    name = "CRAM-MD5"
    needs = "password"
    reads_challenge = True

    def respond(self, challenge: bytes) -> bytes:
        """The user name and the keyed digest of the challenge."""
        digest = hmac.new(self._secret.encode(), challenge, "md5").hexdigest()
        return f"{self._user} {digest}".encode()


class XOAuth2(Mechanism):
    """XOAUTH2 (https://developers.google.com/workspace/gmail/imap/xoauth2-protocol)."""

    name = "XOAUTH2"
    needs = "token"

    def initial_response(self) -> bytes:
        """User and access token."""
        return f"user={self._user}\x01auth=Bearer {self._secret}\x01\x01".encode()

    def respond(self, challenge: bytes) -> bytes:
        """A challenge tells why the token was refused; an empty line fetches the 535."""
        return b""


# In the order in which they are tried over TLS. Servers announce challenge mechanisms that their
# password store cannot serve, so the plain ones come first where nobody can listen.
MECHANISMS: dict[str, type[Mechanism]] = {
    mechanism.name: mechanism for mechanism in (Plain, Login, CramMd5, XOAuth2)
}


def choose(
    credentials: Credentials, offered: frozenset[str], *, encrypted: bool, forced: bool
) -> Mechanism | None:
    """The mechanism to use, or None where the server offers none that fits.

    Args:
        credentials: what there is to authenticate with.
        offered: the mechanisms the server announced.
        encrypted: whether the connection is; if not, challenge mechanisms come first.
        forced: authenticate even if the server did not offer it (`forceAuth`).
    """
    needs = "token" if credentials.token else "password"
    fitting = [mechanism for mechanism in MECHANISMS.values() if mechanism.needs == needs]
    if credentials.method:
        fitting = [item for item in fitting if item.name == credentials.method]
    elif not encrypted:
        fitting.sort(key=lambda mechanism: mechanism is not CramMd5)
    chosen = next((item for item in fitting if item.name in offered), None)
    if chosen is None and forced and not offered and fitting:
        chosen = fitting[0]
    return chosen(credentials) if chosen else None
