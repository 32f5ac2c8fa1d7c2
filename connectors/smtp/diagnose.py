"""From what went wrong on the wire to an error that says what to do about it.

The outcome of a refusal follows from stage and reply code; the hint from what servers are known to
say there, which stands in `causes/`. Nothing here sees a secret: replies are masked before.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence

from connector_core import (
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
)
from connector_core.network import dial
from connector_core.network.tls import certificate_reason
from connectors.smtp.causes import known
from connectors.smtp.endpoint import Endpoint, TlsMode
from connectors.smtp.i18n import _, mark
from connectors.smtp.protocol import Reply
from connectors.smtp.proxy.faults import ProxyError

__all__ = [
    "broken",
    "lost",
    "no_tls",
    "other_protocol",
    "proxy_failed",
    "proxy_timed_out",
    "refused",
    "timed_out",
    "tls_failed",
    "tls_from_the_first_byte",
    "unproven",
    "unreachable",
    "unresolved",
]

_PERMANENT = 500
_AUTHENTICATE = 530
_TOO_BIG = 552
_MESSAGE = ("sender", "recipient", "content")
_OTHER_PROTOCOLS = (
    (b"* ", mark("an IMAP server, which is for reading mail")),
    (b"+OK", mark("a POP3 server, which is for reading mail")),
    (b"HTTP/", mark("a web server")),
    (b"SSH-", mark("an SSH server")),
)
_NO_LMTP = mark(
    "the server does not speak LMTP: leave out lmtp, or use its LMTP port, which is often 24"
)
_NO_TLS = "no TLS"  # said of a server that answers in the clear


def refused(
    stage: str, command: str, what: str, reply: Reply, text: str, *, by_token: bool = False
) -> DeliveryError:
    """The error for a reply of 4yz or 5yz.

    Args:
        stage: where.
        command: the command it replied to: `EHLO`, `MAIL`, …; empty for the greeting.
        what: what it refused, in words.
        reply: what it replied.
        text: the same as text, secrets masked.
        by_token: whether it refused an access token, not a password.
    """
    cause = known.find(stage, text, by_token=by_token)
    permanent = reply.code >= _PERMANENT
    if cause is not None and cause.permanent is not None:
        permanent = cause.permanent
    operator = permanent and (stage not in _MESSAGE or reply.code == _AUTHENTICATE)
    if cause is not None and cause.operator is not None:
        operator = cause.operator
    hint = cause.hint if cause is not None else ""
    if command == "LHLO":
        hint = _NO_LMTP
    kind = PermanentDeliveryError if permanent else TemporaryDeliveryError
    return kind(
        _("the server refused {what}: {text}").format(what=_(what), text=text),
        stage=stage,
        code=reply.code,
        enhanced_code=reply.enhanced_code,
        response=text,
        command=command,
        hint=_(hint),
        failover=_failover(stage, reply, operator=operator),
        operator=operator,
    )


def _failover(stage: str, reply: Reply, *, operator: bool) -> bool:
    """Whether another connector could do better."""
    if stage == "recipient":
        # A recipient that does not exist exists nowhere; greylisting would only start anew.
        return operator or reply.closing
    return not (stage in _MESSAGE and reply.code == _TOO_BIG)


def timed_out(stage: str, endpoint: Endpoint, *, committed: bool = False) -> DeliveryError:
    """The error for a reply that did not come in time."""
    if committed:
        return _uncertain(_("the server did not reply to the whole message in time"), stage)
    hint = {
        "greeting": _(
            "a server that expects TLS from the first byte stays silent, too: set secure to "
            "true on port 465"
        ),
        "connect": _(
            "a firewall may drop the connection: many networks block port 25; use 587 or 465"
        ),
        "resolve": _("check this machine's name servers"),
    }.get(stage, "")
    return TemporaryDeliveryError(
        _("{endpoint} did not answer in time").format(endpoint=endpoint),
        stage=stage,
        hint=hint if stage != "greeting" or endpoint.tls is not TlsMode.IMPLICIT else "",
        failover=True,
    )


def lost(
    stage: str, endpoint: Endpoint, *, encrypted: bool = False, committed: bool = False
) -> DeliveryError:
    """The error for a connection that ended; `encrypted`: after a TLS handshake."""
    if committed:
        return _uncertain(_("the connection was lost after the whole message was written"), stage)
    hint = ""
    if stage in ("greeting", "ehlo"):
        hint = _("it may not serve this machine: use your provider's submission port (587 or 465)")
        if encrypted:
            # With TLS 1.3 a server looks at the client's certificate only after the handshake.
            hint = _("it may want a client certificate: set tls.cert and tls.key")
        elif endpoint.proxy is not None:
            hint = _("the proxy may not reach the mail server: check host and port")
    return TemporaryDeliveryError(
        _("{endpoint} closed the connection").format(endpoint=endpoint),
        stage=stage,
        hint=hint,
        failover=True,
    )


def other_protocol(endpoint: Endpoint, seen: bytes) -> DeliveryError | None:
    """The error for a server of another kind, as its first line shows; None where it does not."""
    kind = next((name for start, name in _OTHER_PROTOCOLS if seen.startswith(start)), None)
    if kind is None:
        return None
    return TemporaryDeliveryError(
        _("{endpoint} is {kind}").format(endpoint=endpoint, kind=_(kind)),
        stage="greeting",
        failover=True,
        hint=_("use the host and port for sending mail, which is 587 or 465"),
    )


def broken(stage: str, reason: str, *, committed: bool = False) -> DeliveryError:
    """The error for a server that broke the protocol."""
    if committed:
        return _uncertain(
            _("the reply to the whole message was none: {reason}").format(reason=_(reason)), stage
        )
    return TemporaryDeliveryError(
        _("the server broke the protocol: {reason}").format(reason=_(reason)),
        stage=stage,
        failover=True,
        hint=_("check that host and port are those of a mail server"),
    )


def _uncertain(reason: str, stage: str) -> UncertainDeliveryError:
    return UncertainDeliveryError(
        reason,
        stage=stage,
        hint=_("the message may have been delivered: ask before you send again"),
    )


def unresolved(endpoint: Endpoint, error: socket.gaierror) -> DeliveryError:
    """The error for a name without addresses."""
    if not dial.no_such_name(error):
        return TemporaryDeliveryError(
            _("the name {host} could not be looked up").format(host=endpoint.host),
            stage="resolve",
            failover=True,
            hint=_("check this machine's name servers"),
        )
    return PermanentDeliveryError(
        _("there is no host {host}").format(host=endpoint.host),
        stage="resolve",
        failover=True,
        operator=True,
        hint=_("check the spelling of host"),
    )


def unreachable(endpoint: Endpoint, errors: Sequence[OSError]) -> DeliveryError:
    """The error for addresses none of which took the connection."""
    refused_by_all = all(isinstance(error, ConnectionRefusedError) for error in errors)
    return TemporaryDeliveryError(
        _("{endpoint} could not be reached: {reasons}").format(
            endpoint=endpoint, reasons=dial.reasons(errors)
        ),
        stage="connect",
        failover=True,
        hint=_("no mail server listens on port {port}; submission is 587 or 465").format(
            port=endpoint.port
        )
        if refused_by_all
        else _("check host, port and firewall"),
    )


def proxy_failed(endpoint: Endpoint, error: ProxyError) -> DeliveryError:
    """The error for a proxy that does not let the connection through."""
    kind = PermanentDeliveryError if error.permanent else TemporaryDeliveryError
    return kind(
        _("no connection to {endpoint} through the proxy {proxy}: {reason}").format(
            endpoint=endpoint, proxy=endpoint.proxy, reason=error.reason
        ),
        stage="connect",
        hint=error.hint,
        failover=True,
        operator=error.permanent,
    )


def proxy_timed_out(endpoint: Endpoint) -> DeliveryError:
    """The error for a proxy that does not answer, or finds no way, in time."""
    return TemporaryDeliveryError(
        _("no connection to {endpoint} through the proxy {proxy} in time").format(
            endpoint=endpoint, proxy=endpoint.proxy
        ),
        stage="connect",
        hint=_("check `proxy`; it may not be allowed to connect to this port"),
        failover=True,
    )


def unproven(endpoint: Endpoint, mechanism: str, reason: str) -> DeliveryError:
    """The error for a server that did not do its part of an authentication."""
    return PermanentDeliveryError(
        _("{mechanism} with {endpoint} failed on its side: {reason}").format(
            mechanism=mechanism, endpoint=endpoint, reason=reason
        ),
        stage="auth",
        command="AUTH",
        hint=_(
            "somebody may stand in for the server: check host; if it is yours, authMethod "
            "PLAIN over TLS does without this proof"
        ),
        failover=True,
        operator=True,
    )


def tls_from_the_first_byte(endpoint: Endpoint) -> DeliveryError:
    """The error for a port that was found to expect TLS, where a greeting was waited for."""
    return PermanentDeliveryError(
        _("{endpoint} expects TLS from the first byte").format(endpoint=endpoint),
        stage="greeting",
        hint=_("the port wants TLS at once: set secure to true"),
        failover=True,
        operator=True,
    )


def tls_failed(endpoint: Endpoint, error: Exception) -> DeliveryError:
    """The error for a handshake that failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason, hint = _certificate(endpoint, error)
    elif isinstance(error, ValueError):
        reason, hint = _("the server name cannot be verified"), _("correct servername, or host")
    elif isinstance(error, ssl.SSLError):
        reason, hint = _handshake(error)
        if reason == _NO_TLS:
            return no_tls(endpoint)
    else:
        # Reset or closed within the handshake: the server, or something on the way, gave up.
        return TemporaryDeliveryError(
            _("{endpoint} closed the connection within the TLS handshake").format(
                endpoint=endpoint
            ),
            stage="tls",
            failover=True,
        )
    return PermanentDeliveryError(
        _("TLS with {endpoint} failed: {reason}").format(endpoint=endpoint, reason=reason),
        stage="tls",
        failover=True,
        operator=True,
        hint=hint,
    )


def no_tls(endpoint: Endpoint) -> DeliveryError:
    """The error for a server that speaks in the clear where TLS was expected."""
    started = endpoint.tls is not TlsMode.IMPLICIT
    return PermanentDeliveryError(
        (
            _("{endpoint} sent what is no TLS")
            if started
            else _("{endpoint} does not speak TLS from the first byte")
        ).format(endpoint=endpoint),
        stage="tls",
        failover=True,
        operator=True,
        hint=_("somebody on the way may interfere: use port 465 with secure")
        if started
        else _(
            "set secure to false, and requireTLS to true, as on port 587; secure is for port 465"
        ),
    )


def _certificate(endpoint: Endpoint, error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    message = error.verify_message or ""
    told = certificate_reason(error)
    if "expired" in message:
        return told, _("the server's certificate has expired: let its operator renew it")
    if "not yet valid" in message:
        return told, _("the certificate is not valid yet: check this machine's clock")
    if "mismatch" in message or "not valid for" in message:
        return (
            _("the certificate is not for {name}").format(name=endpoint.server_name),
            _("set host, or servername, to the name in the certificate"),
        )
    if "self" in message and "chain" not in message:
        return (
            told,
            _(
                "the server made its certificate itself: if it is yours, put it into tls.ca as "
                "PEM text"
            ),
        )
    if "self" in message or "local issuer" in message:
        return (
            _("the certificate's authority is not known: {reason}").format(reason=told),
            _(
                "if the server uses an authority of your own, put its certificate into tls.ca, "
                "as PEM text or file:PATH; if not, the server may not send its intermediate "
                "certificate"
            ),
        )
    if "too weak" in message or "too small" in message or "md too" in message:
        return told, _("the server's certificate is too weak: let its operator replace it")
    if "revoked" in message:
        return told, _("the server's certificate was revoked: let its operator replace it")
    return told, _("check the server's certificate")


def _handshake(error: ssl.SSLError) -> tuple[str, str]:
    reason = (error.reason or "").replace("_", " ").lower() or _("the handshake failed")
    if "wrong version number" in reason or "record layer" in reason or "http request" in reason:
        return _NO_TLS, ""
    if "version" in reason or "protocol" in reason:
        return reason, (
            _(
                "the server speaks no TLS of version 1.2, or of tls.minVersion, or newer: it "
                "must be upgraded"
            )
        )
    if "certificate required" in reason or "bad certificate" in reason:
        return reason, _("the server wants a certificate of this client: set tls.cert and tls.key")
    if "unknown ca" in reason:
        return reason, _("the server does not know the authority of tls.cert: use another tls.cert")
    if "unrecognized name" in reason:
        return reason, _("the server does not know this name: correct servername, or host")
    if "dh key too small" in reason or "ee key too small" in reason:
        return reason, _("the server's key is too short to be safe: it must be upgraded")
    if "handshake failure" in reason or "cipher" in reason or "insufficient security" in reason:
        return reason, _("no common cipher: check tls.ciphers, tls.minVersion and tls.cert")
    return reason, _("check `tls`, and ask the server's operator whether its TLS is sound")
