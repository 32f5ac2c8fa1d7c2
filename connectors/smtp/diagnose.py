"""From what went wrong on the wire to an error that says what to do about it.

The outcome of a refusal follows from stage and reply code; the hint from what servers are known to
say there. Nothing here sees a secret: replies are masked before they come in.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Sequence
from typing import NamedTuple

from connector_core import (
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
)
from connectors.smtp.endpoint import Endpoint, TlsMode
from connectors.smtp.protocol import Reply

__all__ = [
    "broken",
    "lost",
    "no_tls",
    "refused",
    "timed_out",
    "tls_failed",
    "unreachable",
    "unresolved",
]

_PERMANENT = 500
# The name exists nowhere; any other failure to look it up may pass.
_NO_SUCH_NAME = {
    getattr(socket, name, None) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
}
_NO_TLS = "does not speak TLS from the first byte"


class _Hint(NamedTuple):
    stage: str
    pattern: re.Pattern[str]
    hint: str


def _hint(stage: str, pattern: str, hint: str) -> _Hint:
    return _Hint(stage, re.compile(pattern, re.IGNORECASE), hint)


# The first that matches counts; the pattern is looked for in code and text of the reply.
_HINTS = (
    _hint(
        "auth",
        r"5\.7\.9|application-specific password",
        "the account needs an app password: turn on two-step verification, create an app password "
        "and put it into auth.pass",
    ),
    _hint(
        "auth",
        r"5\.7\.139|basic authentication is disabled|smtpclientauthentication is disabled",
        "the account does not allow passwords for SMTP: let its administrator turn on "
        "authenticated SMTP, or use OAuth2",
    ),
    _hint(
        "auth", r"^538|encryption required", "the server wants TLS first: set requireTLS to true"
    ),
    _hint(
        "auth",
        r"^53[0-9]|^50[0-9]",
        "check auth.user and auth.pass; many providers want an app password or API key there, not "
        "the password of the account",
    ),
    _hint(
        "sender",
        r"^530|must issue a starttls|authentication required",
        "the server wants authentication or TLS first: set auth, and requireTLS on port 587",
    ),
    _hint(
        "sender",
        r"^553|5\.7\.60|5\.7\.1|not owned|not (?:a )?verified|sender (?:address )?rejected",
        "the server does not let this account send as fromEmail: use an address that belongs to "
        "the account, and verify it with the provider",
    ),
    _hint("recipient", r"5\.1\.[0136]|user unknown|no such user", "the address does not exist"),
    _hint("recipient", r"5\.2\.2|4\.2\.2|mailbox (?:is )?full", "the recipient's mailbox is full"),
    _hint(
        "recipient",
        r"relay",
        "the server does not relay for this client: set auth, or let the server allow this "
        "machine's address",
    ),
    _hint(
        "recipient",
        r"^45[01].*(?:grey|gray)|4\.7\.1",
        "the server asks to try again in a few minutes (greylisting)",
    ),
    _hint(
        "content",
        r"^552|5\.3\.4|too (?:big|large)",
        "the mail is larger than the server allows",
    ),
    _hint(
        "content",
        r"spam|5\.7\.1|blocked|reputation",
        "the server takes the mail for spam: check SPF, DKIM and DMARC of the sender's domain, and "
        "the links in the template",
    ),
    _hint(
        "ehlo",
        r"^5",
        "the server does not accept the name this client gives itself: set `name` to its full host "
        "name, such as app.example.com",
    ),
    _hint(
        "greeting",
        r"^5",
        "the server does not serve this machine's address: send through your provider's "
        "submission port (587 or 465)",
    ),
)


def refused(stage: str, command: str, what: str, reply: Reply, text: str) -> DeliveryError:
    """The error for a reply of 4yz or 5yz.

    Args:
        stage: where.
        command: the command it replied to: `EHLO`, `MAIL`, …; empty for the greeting.
        what: what it refused, in words.
        reply: what it replied.
        text: the same as text, secrets masked.
    """
    permanent = reply.code >= _PERMANENT
    kind = PermanentDeliveryError if permanent else TemporaryDeliveryError
    return kind(
        f"the server refused {what}: {text}",
        stage=stage,
        code=reply.code,
        enhanced_code=reply.enhanced_code,
        response=text,
        command=command,
        hint=next(
            (item.hint for item in _HINTS if item.stage == stage and item.pattern.search(text)),
            "the server asks to try again later" if not permanent else "",
        ),
        failover=_failover(stage, reply),
        operator=permanent and (stage not in ("sender", "recipient", "content") or _unfit(reply)),
    )


def _unfit(reply: Reply) -> bool:
    """530: the server wants something of this client before any mail."""
    return reply.code == 530


def _failover(stage: str, reply: Reply) -> bool:
    """Whether another connector could do better."""
    if stage == "recipient":
        # A recipient that does not exist exists nowhere; greylisting would only start anew.
        return _unfit(reply) or reply.code == 421
    return not (stage in ("sender", "content") and reply.code == 552)


def timed_out(stage: str, endpoint: Endpoint, *, committed: bool = False) -> DeliveryError:
    """The error for a reply that did not come in time."""
    if committed:
        return _uncertain("the server did not reply to the whole message in time", stage)
    hint = {
        "greeting": "a server that expects TLS from the first byte stays silent, too: "
        "set secure to true on port 465",
        "connect": "a firewall may drop the connection: many networks block port 25; "
        "use 587 or 465",
        "resolve": "check this machine's name servers",
    }.get(stage, "")
    return TemporaryDeliveryError(
        f"{endpoint} did not answer in time",
        stage=stage,
        hint=hint if stage != "greeting" or endpoint.tls is not TlsMode.IMPLICIT else "",
        failover=True,
    )


def lost(stage: str, endpoint: Endpoint, *, committed: bool = False) -> DeliveryError:
    """The error for a connection that ended."""
    if committed:
        return _uncertain("the connection was lost after the whole message was written", stage)
    return TemporaryDeliveryError(f"{endpoint} closed the connection", stage=stage, failover=True)


def broken(stage: str, reason: str, *, committed: bool = False) -> DeliveryError:
    """The error for a server that broke the protocol."""
    if committed:
        return _uncertain(f"the reply to the whole message was none: {reason}", stage)
    return TemporaryDeliveryError(
        f"the server broke the protocol: {reason}",
        stage=stage,
        failover=True,
        hint="check that host and port are those of a mail server",
    )


def _uncertain(reason: str, stage: str) -> UncertainDeliveryError:
    return UncertainDeliveryError(
        reason, stage=stage, hint="the message may have been delivered: ask before you send again"
    )


def unresolved(endpoint: Endpoint, error: socket.gaierror) -> DeliveryError:
    """The error for a name without addresses."""
    if error.errno not in _NO_SUCH_NAME:
        return TemporaryDeliveryError(
            f"the name {endpoint.host} could not be looked up",
            stage="resolve",
            failover=True,
            hint="check this machine's name servers",
        )
    return PermanentDeliveryError(
        f"there is no host {endpoint.host}",
        stage="resolve",
        failover=True,
        operator=True,
        hint="check the spelling of host",
    )


def unreachable(endpoint: Endpoint, errors: Sequence[OSError]) -> DeliveryError:
    """The error for addresses none of which took the connection."""
    reasons = dict.fromkeys(error.strerror or type(error).__name__ for error in errors)
    refused_by_all = all(isinstance(error, ConnectionRefusedError) for error in errors)
    return TemporaryDeliveryError(
        f"{endpoint} could not be reached: {'; '.join(reasons)}",
        stage="connect",
        failover=True,
        hint=f"no mail server listens on port {endpoint.port}; submission is 587 or 465"
        if refused_by_all
        else "check host, port and firewall",
    )


def tls_failed(endpoint: Endpoint, error: Exception) -> DeliveryError:
    """The error for a handshake that failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason, hint = _certificate(endpoint, error)
    elif isinstance(error, ValueError):
        reason, hint = "the server name cannot be verified", "correct servername, or host"
    elif isinstance(error, ssl.SSLError):
        reason, hint = _handshake(error)
        if reason == _NO_TLS:
            return no_tls(endpoint)
    else:
        # Reset or closed within the handshake: the server, or something on the way, gave up.
        return TemporaryDeliveryError(
            f"{endpoint} closed the connection within the TLS handshake",
            stage="tls",
            failover=True,
        )
    return PermanentDeliveryError(
        f"TLS with {endpoint} failed: {reason}",
        stage="tls",
        failover=True,
        operator=True,
        hint=hint,
    )


def no_tls(endpoint: Endpoint) -> DeliveryError:
    """The error for a server that speaks in the clear where TLS was expected."""
    started = endpoint.tls is not TlsMode.IMPLICIT
    return PermanentDeliveryError(
        f"{endpoint} {_NO_TLS}" if not started else f"{endpoint} sent what is no TLS",
        stage="tls",
        failover=True,
        operator=True,
        hint="somebody on the way may interfere: use port 465 with secure"
        if started
        else "set secure to false, and requireTLS to true, as on port 587; secure is for port 465",
    )


def _certificate(endpoint: Endpoint, error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    message = error.verify_message or "the certificate is not valid"
    if "expired" in message:
        return message, "the server's certificate has expired: let its operator renew it"
    if "mismatch" in message or "not valid for" in message:
        return (
            f"the certificate is not for {endpoint.server_name}",
            "set host, or servername, to the name in the certificate",
        )
    if "self" in message or "local issuer" in message:
        return (
            message,
            "if the server uses an authority of your own, put its certificate into tls.ca as PEM "
            "text; if not, the server may not send its intermediate certificate",
        )
    return message, "check the server's certificate"


def _handshake(error: ssl.SSLError) -> tuple[str, str]:
    reason = (error.reason or "the handshake failed").replace("_", " ").lower()
    if "wrong version number" in reason or "record layer" in reason or "http request" in reason:
        return _NO_TLS, ""
    if "version" in reason or "protocol" in reason:
        return reason, "the server speaks no TLS of version 1.2 or newer: it must be upgraded"
    return reason, "check tls.ciphers, tls.minVersion and tls.cert"
