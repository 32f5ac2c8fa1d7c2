"""Where and how to connect: what a connection needs of the config, worked out once."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from connector_core.mail.addresses import ascii_domain
from connector_core.network.tls import trusting_context
from connectors.smtp.config import IMPLICIT_TLS_PORT, SUBMISSION_PORT, DsnOptions, TlsOptions
from connectors.smtp.dsn import original_recipient, xtext
from connectors.smtp.proxy.url import Proxy
from connectors.smtp.tls import TlsClient
from connectors.smtp.transaction import MailOptions

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
        tls_client: for TLS with it.
        server_name: the name its certificate must have.
        client_name: for EHLO; None takes the machine's own.
        local_address: the address to connect from.
        proxy: what to connect through, if anything.
        proxy_context: for TLS with the proxy, where it is reached by TLS.
        mail: how messages are handed over.
        log_in: whether to authenticate.
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
    tls_client: TlsClient
    server_name: str
    client_name: str | None
    local_address: str | None
    proxy: Proxy | None = field(repr=False)
    proxy_context: ssl.SSLContext | None
    mail: MailOptions
    log_in: bool
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
        proxy = Proxy.parse(config.proxy) if config.proxy else None
        return cls(
            host=host,
            port=port,
            tls=_tls_mode(config, port),
            tls_client=TlsClient(tls),
            server_name=ascii_domain(config.servername or tls.servername or host),
            client_name=config.name or None,
            local_address=config.local_address or None,
            proxy=proxy,
            proxy_context=trusting_context(tls.ca) if proxy and proxy.scheme == "https" else None,
            mail=MailOptions(
                lmtp=bool(config.lmtp),
                chunking=config.chunking is not False,
                require_tls=bool(config.require_tls_extension_enabled),
                dsn_mail=_dsn_mail(config.dsn or DsnOptions()),
                dsn_rcpt=_dsn_rcpt(config.dsn or DsnOptions()),
            ),
            log_in=bool(config.auth and config.auth.user),
            force_auth=bool(config.force_auth),
            resolve_timeout=(config.dns_timeout or 30_000) / 1000,
            connect_timeout=(config.connection_timeout or 120_000) / 1000,
            greeting_timeout=(config.greeting_timeout or 30_000) / 1000,
            socket_timeout=(config.socket_timeout or 600_000) / 1000,
            log_dialogue=bool(config.debug or config.transaction_log),
        )

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def plain_will_do(self) -> bool:
        """Whether nothing is asked of the server that only EHLO announces."""
        mail = self.mail
        return not (self.log_in or mail.lmtp or mail.require_tls or self.tls is TlsMode.REQUIRED)


def _tls_mode(config: SmtpConfig, port: int) -> TlsMode:
    secure = port == IMPLICIT_TLS_PORT if config.secure is None else config.secure
    if secure:
        return TlsMode.IMPLICIT
    if config.require_tls:
        return TlsMode.REQUIRED
    if config.ignore_tls:
        return TlsMode.NEVER
    return TlsMode.OPPORTUNISTIC if config.opportunistic_tls else TlsMode.OFFERED


def _dsn_mail(dsn: DsnOptions) -> tuple[str, ...]:
    """The parameters of MAIL (RFC 3461 section 4.3 and 4.4)."""
    ret, envid = dsn.ret or dsn.return_, dsn.envid or dsn.id
    parameters = [f"RET={ret.upper()}"] if ret else []
    return (*parameters, f"ENVID={xtext(envid)}") if envid else tuple(parameters)


def _dsn_rcpt(dsn: DsnOptions) -> tuple[str, ...]:
    """The parameters of RCPT (RFC 3461 section 4.1 and 4.2)."""
    cases = [dsn.notify] if isinstance(dsn.notify, str) else dsn.notify or []
    notify = ",".join(case.strip().upper() for text in cases for case in text.split(","))
    orcpt = dsn.orcpt or dsn.recipient
    parameters = [f"NOTIFY={notify}"] if notify else []
    if orcpt:
        kind, address = original_recipient(orcpt)
        parameters.append(f"ORCPT={kind};{xtext(address)}")
    return tuple(parameters)
