"""Where and how to connect: what a connection needs of the config, worked out once."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from connectors.smtp.addresses import ascii_domain
from connectors.smtp.auth import Credentials
from connectors.smtp.config import IMPLICIT_TLS_PORT, SUBMISSION_PORT, LoginAuth, TlsOptions
from connectors.smtp.tls import make_context

if TYPE_CHECKING:
    from connectors.smtp.config import SmtpConfig

__all__ = ["Endpoint", "TlsMode"]


class TlsMode(Enum):
    """When the connection turns to TLS."""

    IMPLICIT = "from the first byte"
    REQUIRED = "STARTTLS or fail"
    OFFERED = "STARTTLS where it is offered; if it is then refused, fail"
    OPPORTUNISTIC = "STARTTLS where it is offered; if it is then refused, carry on"
    NEVER = "in the clear"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A mail server as the config describes it. Times are in seconds.

    Attributes:
        host: its name in ASCII, or its address.
        port: its port.
        tls: when the connection turns to TLS.
        context: for TLS.
        server_name: the name its certificate must have.
        client_name: for EHLO; None takes the machine's own.
        local_address: the address to connect from.
        credentials: None where the server allows the client by its address.
        needs_token: the credentials are OAuth2 without a valid token.
        token_expires: when the token expires, in seconds since the epoch, if that is known.
        force_auth: authenticate even if the server does not offer it.
        resolve_timeout: for the name's addresses.
        connect_timeout: for the connection.
        greeting_timeout: for the greeting, and for a TLS handshake.
        socket_timeout: for the reply to a command, and for a transaction.
        log_dialogue: whether to log the dialogue.
    """

    host: str
    port: int
    tls: TlsMode
    context: ssl.SSLContext
    server_name: str
    client_name: str | None
    local_address: str | None
    credentials: Credentials | None = field(repr=False)
    needs_token: bool
    token_expires: float | None
    force_auth: bool
    resolve_timeout: float
    connect_timeout: float
    greeting_timeout: float
    socket_timeout: float
    log_dialogue: bool

    @classmethod
    def of(cls, config: SmtpConfig) -> Endpoint:
        """The endpoint that a config describes; the rules found nothing wrong with it."""
        tls = config.tls or TlsOptions()
        host = ascii_domain(config.host or "")
        port = int(config.port or (IMPLICIT_TLS_PORT if config.secure else SUBMISSION_PORT))
        credentials, expires = _credentials(config)
        return cls(
            host=host,
            port=port,
            tls=_tls_mode(config, port),
            context=make_context(tls)[0],
            server_name=ascii_domain(config.servername or tls.servername or host),
            client_name=config.name or None,
            local_address=config.local_address or None,
            credentials=credentials,
            needs_token=bool(credentials and not (credentials.password or credentials.token)),
            token_expires=expires,
            force_auth=bool(config.force_auth),
            resolve_timeout=(config.dns_timeout or 30_000) / 1000,
            connect_timeout=(config.connection_timeout or 120_000) / 1000,
            greeting_timeout=(config.greeting_timeout or 30_000) / 1000,
            socket_timeout=(config.socket_timeout or 600_000) / 1000,
            log_dialogue=bool(config.debug or config.transaction_log),
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def _tls_mode(config: SmtpConfig, port: int) -> TlsMode:
    secure = port == IMPLICIT_TLS_PORT if config.secure is None else config.secure
    if secure:
        return TlsMode.IMPLICIT
    if config.require_tls:
        return TlsMode.REQUIRED
    if config.ignore_tls:
        return TlsMode.NEVER
    return TlsMode.OPPORTUNISTIC if config.opportunistic_tls else TlsMode.OFFERED


def _credentials(config: SmtpConfig) -> tuple[Credentials | None, float | None]:
    """The credentials, and when the token in them expires, in seconds since the epoch."""
    auth = config.auth
    if auth is None:
        return None, None
    method = (config.auth_method or auth.method or "").upper() or None
    if isinstance(auth, LoginAuth):
        if not auth.user or not auth.password:
            return None, None
        return Credentials(auth.user, password=auth.password, method=method), None
    expires = auth.expires / 1000 if auth.expires else None
    return Credentials(auth.user, token=auth.access_token or None, method=method), expires
