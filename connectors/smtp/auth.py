"""SASL mechanisms for SMTP AUTH (RFC 4954), without I/O, and the choice among them."""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from connectors.smtp.scram import ScramClient, ScramError

__all__ = ["MECHANISMS", "Credentials", "Mechanism", "MechanismError", "choose"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user with a password, or with an OAuth2 access token.

    Attributes:
        user: the user name.
        password: the password, if there is one.
        token: the access token, if there is one.
        method: the mechanism that the config forces, in upper case.
        host: the server they are for, as the client names it.
        port: its port.
    """

    user: str
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    method: str | None = None
    host: str = ""
    port: int = 0

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return tuple(secret for secret in (self.password, self.token) if secret)


class MechanismError(Exception):
    """The exchange cannot go on, or the server did not prove itself."""


class Mechanism(ABC):
    """One exchange by one mechanism.

    Attributes:
        name: its name, registered with IANA or agreed on.
        needs: what of the credentials: `password` or `token`.
        reads_challenge: whether what the server asks must be base64.
        hides_secret: whether it does not send the secret itself, for anybody to hear.
        slow: whether a response takes milliseconds and more to work out.
    """

    name: str
    needs: str
    reads_challenge = False
    hides_secret = False
    slow = False

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._user = credentials.user
        self._secret = getattr(credentials, self.needs) or ""

    def initial_response(self) -> bytes | None:
        """What goes with the AUTH command, if anything does."""
        return None

    @abstractmethod
    def respond(self, challenge: bytes) -> bytes:
        """The response to a challenge of the server.

        Raises:
            MechanismError: the challenge is none of this mechanism.
        """

    @property
    def proven(self) -> bool:
        """Whether the server has proved what the mechanism lets it prove."""
        return True


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
    hides_secret = True

    def respond(self, challenge: bytes) -> bytes:
        """The user name and the keyed digest of the challenge."""
        digest = hmac.new(self._secret.encode(), challenge, "md5").hexdigest()
        return f"{self._user} {digest}".encode()


class _Scram(Mechanism):
    """SCRAM with a digest (RFC 5802)."""

    needs = "password"
    reads_challenge = True
    hides_secret = True
    slow = True
    digest: str

    def __init__(self, credentials: Credentials) -> None:
        super().__init__(credentials)
        self._client = ScramClient(self._user, self._secret, self.digest)

    def initial_response(self) -> bytes:
        """The user name and a nonce."""
        return self._client.first()

    def respond(self, challenge: bytes) -> bytes:
        """The proof, and then nothing, once the server's own is right."""
        try:
            return self._client.respond(challenge)
        except ScramError as error:
            raise MechanismError(str(error)) from None

    @property
    def proven(self) -> bool:
        """Whether the server's signature came, and is right."""
        return self._client.proven


class ScramSha256(_Scram):
    """SCRAM-SHA-256 (RFC 7677)."""

    name = "SCRAM-SHA-256"
    digest = "sha256"


class ScramSha1(_Scram):
    """SCRAM-SHA-1 (RFC 5802)."""

    name = "SCRAM-SHA-1"
    digest = "sha1"


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


class OAuthBearer(Mechanism):
    """OAUTHBEARER (RFC 7628)."""

    name = "OAUTHBEARER"
    needs = "token"

    def initial_response(self) -> bytes:
        """User, server and access token."""
        user = self._user.replace("=", "=3D").replace(",", "=2C")
        host, port = self._credentials.host, self._credentials.port
        return (
            f"n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer {self._secret}\x01\x01"
        ).encode()

    def respond(self, challenge: bytes) -> bytes:
        """A challenge tells why the token was refused; U+0001 fetches the 535 (section 3.2.3)."""
        return b"\x01"


# In the order in which they are tried over TLS. Servers announce challenge mechanisms that their
# password store cannot serve, so the plain ones come first where nobody can listen.
MECHANISMS: dict[str, type[Mechanism]] = {
    mechanism.name: mechanism
    for mechanism in (Plain, Login, ScramSha256, ScramSha1, CramMd5, XOAuth2, OAuthBearer)
}


def choose(
    credentials: Credentials, offered: frozenset[str], *, encrypted: bool, forced: bool
) -> Mechanism | None:
    """The mechanism to use, or None where the server offers none that fits.

    Args:
        credentials: what there is to authenticate with.
        offered: the mechanisms the server announced.
        encrypted: whether the connection is; if not, those that hide the secret come first.
        forced: authenticate even if the server did not offer it (`forceAuth`).
    """
    needs = "token" if credentials.token else "password"
    fitting = [mechanism for mechanism in MECHANISMS.values() if mechanism.needs == needs]
    if credentials.method:
        fitting = [item for item in fitting if item.name == credentials.method]
    elif not encrypted:
        fitting.sort(key=lambda mechanism: not mechanism.hides_secret)
    chosen = next((item for item in fitting if item.name in offered), None)
    if chosen is None and forced and not offered and fitting:
        chosen = fitting[0]
    return chosen(credentials) if chosen else None
