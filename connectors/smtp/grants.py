"""What an OAuth2 token endpoint is told, and what its answer means; no I/O.

Three grants: a service account's key (RFC 7523), a refresh token (RFC 6749 section 6) and the
client's own credentials (RFC 6749 section 4.4). `oauth2` sends what is written here.
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
import time
import urllib.parse
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from connector_core import (
    ConfigProblem,
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
)
from connector_core.configs import json_path
from connector_core.redaction import Redactor
from connectors.smtp.config import OAuth2KeyAuth, OAuth2TokenAuth

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = [
    "GOOGLE",
    "INSTALL",
    "MAX_ANSWER",
    "NOT_INSTALLED",
    "Answer",
    "Grant",
    "Granted",
    "grant_of",
    "later",
    "problems",
    "read_answer",
    "unusable",
]

_STAGE = "token"
GOOGLE = "https://oauth2.googleapis.com/token"
NOT_INSTALLED = "renewing an access token needs packages that are not installed"
INSTALL = "pip install 'connector-core[oauth2]'"
MAX_ANSWER = 64 * 1024
_MAX_TOKEN = 16 * 1024
_MAX_LIFETIME = 30 * 24 * 3600.0
_ASSERTION_LIFETIME = 3600  # the most that Google takes; long, because clocks differ
_MAX_SHOWN = 200
_MAX_MASKED = 2000  # masking takes time; no description is that long
_MIN_KEY_BITS = 2048  # RFC 7518 section 3.3
_TOKEN = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[ -~\t]*[!-~])?)?")
_OWN_HEADERS = frozenset(
    (
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
_LATER_STATUS = frozenset((408, 425, 429))
_LATER_ERRORS = frozenset(("temporarily_unavailable", "server_error", "slow_down"))
_CHECK_CLIENT = "check auth.clientId and auth.clientSecret: a secret may have expired"
_CHECK_DELEGATION = (
    "check auth.serviceClient, auth.user and auth.privateKey, that the service account has "
    "domain-wide delegation for the scope, and this machine's clock"
)
_CHECK_ALL = "check auth.accessUrl and the other fields of auth"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a token endpoint answered; `body` is None where it was longer than `MAX_ANSWER`."""

    status: int
    body: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """A token that was granted.

    Attributes:
        value: the access token.
        lifetime: for how long, in seconds, if the answer said so.
        refresh_token: what takes the place of the refresh token, if anything does.
    """

    value: str = field(repr=False)
    lifetime: float | None
    refresh_token: str | None = field(repr=False)


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
        "invalid_scope": "check auth.scope",
    }
    client: str
    user: str
    scope: str
    audience: str
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

            key = _read_key(self.key, self.passphrase)
        except ImportError:
            raise unusable(NOT_INSTALLED, INSTALL) from None
        if isinstance(key, _KeyFault):
            raise unusable(f"auth.privateKey cannot be used: it {key.message}", key.hint)
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
        "invalid_grant": "the refresh token was revoked or has expired: give consent again, and "
        "put the new refreshToken into auth",
        "interaction_required": "the provider wants the user to sign in: give consent again, and "
        "put the new refreshToken into auth",
        "invalid_client": _CHECK_CLIENT,
        "unauthorized_client": _CHECK_CLIENT,
        "invalid_scope": "check auth.scope: it may only name what consent was given for",
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
        "invalid_scope": "check auth.scope; Microsoft 365 wants "
        "https://outlook.office365.com/.default",
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


def problems(auth: Mapping[str, Any]) -> list[ConfigProblem]:
    """What is wrong with an `auth` object that is for OAuth2, as it stands in a config.

    Fields of the wrong type count as absent, and rules between fields stand in `rules`.
    """
    return [*_missing(auth), *_key_problems(auth), *_url_problems(auth), *_header_problems(auth)]


def _text(auth: Mapping[str, Any], key: str) -> str:
    value = auth.get(key)
    return value if isinstance(value, str) else ""


def _missing(auth: Mapping[str, Any]) -> Iterator[ConfigProblem]:
    signs = bool(_text(auth, "serviceClient") and auth.get("privateKey"))
    client = _text(auth, "clientId") and _text(auth, "clientSecret") and _text(auth, "accessUrl")
    if not (signs or client or _text(auth, "refreshToken")):
        return
    needed = ("httpx2", "jwt", "cryptography") if signs else ("httpx2",)
    if any(importlib.util.find_spec(name) is None for name in needed):
        yield ConfigProblem("$.auth", NOT_INSTALLED, INSTALL)


def _key_problems(auth: Mapping[str, Any]) -> Iterator[ConfigProblem]:
    given = auth.get("privateKey")
    fields = given if isinstance(given, Mapping) else {"key": given}
    key = _text(fields, "key")
    if not key or importlib.util.find_spec("cryptography") is None:
        return
    fault = _read_key(key, _text(fields, "passphrase") or None)
    if isinstance(fault, _KeyFault):
        with_passphrase = fault.of_passphrase and isinstance(given, Mapping)
        path = "$.auth.privateKey" + (".passphrase" if with_passphrase else "")
        yield ConfigProblem(path, fault.message, fault.hint)


def _url_problems(auth: Mapping[str, Any]) -> Iterator[ConfigProblem]:
    given = _text(auth, "accessUrl")
    if not given.startswith("https://"):
        return  # `rules` says so
    try:
        url = urllib.parse.urlsplit(given)
        sound = bool(url.hostname) and url.port != 0
    except ValueError:
        sound = False
    if not sound:
        yield ConfigProblem("$.auth.accessUrl", "has no host name, or a port that is none")


def _header_problems(auth: Mapping[str, Any]) -> Iterator[ConfigProblem]:
    headers = auth.get("customHeaders")
    for name, value in headers.items() if isinstance(headers, Mapping) else ():
        path = json_path(("auth", "customHeaders", name))
        if not _HEADER_NAME.fullmatch(name):
            yield ConfigProblem(path, "is not the name of an HTTP header")
        elif name.lower() in _OWN_HEADERS:
            yield ConfigProblem(path, "cannot be set: the token request has its own")
        elif isinstance(value, str) and not _HEADER_VALUE.fullmatch(value):
            yield ConfigProblem(path, "contains what no HTTP header can hold", "use ASCII only")


@dataclass(frozen=True, slots=True)
class _KeyFault:
    message: str
    hint: str
    of_passphrase: bool = False


def _read_key(pem: str, passphrase: str | None) -> RSAPrivateKey | _KeyFault:
    """The key in a PEM text, or why there is none; OpenSSL's own words may show parts of it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    encrypted = "ENCRYPTED" in pem
    if encrypted and not passphrase:
        hint = "give privateKey as an object with key and passphrase"
        return _KeyFault("is encrypted, and there is no passphrase", hint, of_passphrase=True)
    # Node, too, takes a passphrase that nothing needs.
    password = passphrase.encode("utf-8", "replace") if encrypted and passphrase else None
    try:
        key = load_pem_private_key(pem.encode("utf-8", "replace"), password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, RSAPrivateKey) and key.key_size >= _MIN_KEY_BITS:
        return key
    if isinstance(key, RSAPrivateKey):
        return _KeyFault(f"has less than {_MIN_KEY_BITS} bits", "make a new key")
    if encrypted and key is None:
        message = "does not open the private key, or the key is damaged"
        return _KeyFault(message, "check the passphrase", of_passphrase=True)
    return _KeyFault(
        "is not an RSA private key as PEM text",
        "give the PEM text itself, from -----BEGIN to -----END, with its line breaks",
    )


def read_answer(
    answer: Answer, grant: Grant, name: str, secrets: Iterable[str]
) -> Granted | DeliveryError:
    """The token in an answer, or the error that the answer comes to.

    Args:
        answer: what the endpoint answered.
        grant: what it was asked with.
        name: the endpoint's name, to show.
        secrets: what its texts must not show, beyond the grant's own.
    """
    status = answer.status
    if 300 <= status < 400:
        return unusable(
            f"{name} replied {status}: it sends elsewhere, and credentials do not follow",
            "check auth.accessUrl: it must be the token endpoint itself",
        )
    if status >= 500 or status in _LATER_STATUS:
        return later(f"{name} replied {status}", "the token endpoint has a problem: try later")
    fields = _fields(answer.body)
    error = fields.get("error") if fields is not None else None
    if fields is not None and isinstance(error, str) and error:
        texts = [fields.get(key) for key in ("access_token", "refresh_token", "id_token")]
        known = [*grant.secrets, *secrets, *(text for text in texts if isinstance(text, str))]
        return _refused(status, error, fields.get("error_description"), grant, name, known)
    if status >= 400:
        return unusable(f"{name} replied {status}", _CHECK_ALL)
    if fields is None:
        what = "more than 64 KiB" if answer.body is None else "what is no JSON object"
        return _garbage(name, what)
    return _granted(fields, name)


def _fields(body: bytes | None) -> dict[str, Any] | None:
    """The JSON object in a body; None where there is none."""
    try:
        found = json.loads(body or b"", parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _no_number(name: str) -> None:
    raise ValueError(name)


def _granted(fields: Mapping[str, Any], name: str) -> Granted | DeliveryError:
    value, kind = fields.get("access_token"), fields.get("token_type")
    if not isinstance(value, str) or not value:
        return _garbage(name, "without an access_token")
    if len(value) > _MAX_TOKEN or not _TOKEN.fullmatch(value):
        return _garbage(name, "an access_token that is none")
    if kind is not None and not (isinstance(kind, str) and kind.lower() == "bearer"):
        return _garbage(name, "a token that is no bearer token")
    other = fields.get("refresh_token")
    sound = isinstance(other, str) and len(other) <= _MAX_TOKEN and _TOKEN.fullmatch(other)
    return Granted(value, _lifetime(fields.get("expires_in")), str(other) if sound else None)


def _lifetime(value: object) -> float | None:
    """Seconds; some servers write them as text, and some write nonsense, which counts as absent."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return float(min(value, _MAX_LIFETIME)) if value > 0 else None


def _refused(
    status: int,
    error: str,
    description: object,
    grant: Grant,
    name: str,
    secrets: Iterable[str],
) -> DeliveryError:
    shown = _shown(error, secrets)
    if isinstance(description, str) and description:
        shown = f"{shown}: {_shown(description, secrets)}".rstrip(": ")
    if error in _LATER_ERRORS:
        return later(f"{name} replied {status} {shown}", "try later", response=shown)
    return unusable(
        f"{name} refused an access token: {status} {shown}".rstrip(),
        grant.hints.get(error, _CHECK_ALL),
        response=shown,
    )


def _shown(text: str, secrets: Iterable[str]) -> str:
    """A text of the endpoint's, secrets masked and on one line; it may echo what it was sent."""
    if len(text) > _MAX_MASKED:
        return ""
    # A secret that is longer than the text is not in it, and to look for it takes long.
    masked = Redactor(secret for secret in secrets if len(secret) <= len(text))(text)
    plain = " ".join("".join(c if c.isprintable() else " " for c in masked).split())
    return plain if len(plain) <= _MAX_SHOWN else f"{plain[: _MAX_SHOWN - 1]}…"


def _garbage(name: str, what: str) -> DeliveryError:
    return later(f"{name} answered {what}", "check auth.accessUrl: it may be no token endpoint")


def later(reason: str, hint: str, *, response: str = "") -> DeliveryError:
    """No token now; there may be one soon."""
    return TemporaryDeliveryError(reason, stage=_STAGE, hint=hint, response=response, failover=True)


def unusable(reason: str, hint: str, *, response: str = "") -> DeliveryError:
    """No token, until somebody mends something."""
    return PermanentDeliveryError(
        reason, stage=_STAGE, hint=hint, response=response, failover=True, operator=True
    )
