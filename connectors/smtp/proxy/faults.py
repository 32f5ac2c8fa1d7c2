"""From what goes wrong at a proxy to an error that says what to do about it.

Of what a proxy says, only its code counts and is shown: its own words may be anything.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Sequence

from connector_core.extras import install
from connector_core.network import dial
from connector_core.network.tls import certificate_reason
from connectors.smtp.i18n import _, mark

__all__ = [
    "EXTRA",
    "ProxyError",
    "garbage",
    "http_refused",
    "lost",
    "no_tls",
    "not_installed",
    "socks_login_refused",
    "socks_refused",
    "tls_failed",
    "unfit",
    "unreachable",
    "unresolved",
]

EXTRA = install("proxy")

_LOGIN = mark("check the user and password in `proxy`")
_NO_LOGIN = mark("put the user and password into `proxy`: {example}")
_HTTP_LOGIN = "http://user:password@host:3128"
_SOCKS_LOGIN = "socks5://user:password@host:1080"
_PORTS = mark(
    "the proxy does not allow a connection to this host and port: use 587 or 465, and let "
    "the proxy's operator allow it"
)
_ADDRESS = mark("check the scheme, host and port in `proxy`")
_TARGET = mark("the proxy seems not to reach the mail server: check host and port")
_LATER = mark("the proxy may be overloaded: try again later")
_NO_CONNECT = mark("the proxy makes no such connections: another proxy is needed")
_SIGN_IN = mark(
    "the proxy wants a browser to sign in, or is no proxy: check the scheme, host and port in "
    "`proxy`"
)


class ProxyError(Exception):
    """There is no connection through the proxy.

    Attributes:
        reason: why, as part of a sentence; it never shows user or password.
        hint: what to do about it, or empty.
        permanent: whether the next attempt would end the same way.
        code: the HTTP status, or the code of a SOCKS reply, if there was one.
    """

    def __init__(
        self, reason: str, *, hint: str = "", permanent: bool = False, code: int | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.permanent = permanent
        self.code = code


def not_installed() -> ProxyError:
    """The error for packages that are not there."""
    return ProxyError(
        _("the packages that proxies need are not installed"), hint=EXTRA, permanent=True
    )


def unfit(reason: str, hint: str = "") -> ProxyError:
    """The error for what a proxy cannot be asked for; nothing was written."""
    return ProxyError(reason, hint=hint, permanent=True)


def unresolved(host: str, error: socket.gaierror) -> ProxyError:
    """The error for a proxy's name without addresses."""
    if dial.no_such_name(error):
        return ProxyError(
            _("there is no host {host}").format(host=host),
            hint=_("check the spelling in `proxy`"),
            permanent=True,
        )
    return ProxyError(
        _("the proxy's name {host} could not be looked up").format(host=host),
        hint=_("check this machine's name servers"),
    )


def unreachable(errors: Sequence[OSError]) -> ProxyError:
    """The error for a proxy none of whose addresses took the connection."""
    return ProxyError(
        _("the proxy could not be reached: {reasons}").format(reasons=dial.reasons(errors)),
        hint=_("check the host and port in `proxy`, and whether it runs"),
    )


def lost() -> ProxyError:
    """The error for a proxy that closed the connection before it answered."""
    return ProxyError(
        _("the proxy closed the connection before it answered"),
        # Some that do not reach the server say no more than that.
        hint=_(
            "check the scheme, host and port in `proxy`, and whether it reaches the mail server"
        ),
    )


def garbage(protocol: str) -> ProxyError:
    """The error for an answer in another protocol, or in none."""
    return ProxyError(
        _("the proxy's answer is no {protocol}").format(protocol=protocol), hint=_(_ADDRESS)
    )


def tls_failed(host: str, error: Exception) -> ProxyError:
    """The error for TLS with the proxy itself that came to nothing."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ProxyError(
            _("the proxy's certificate was refused: {certificate}").format(
                certificate=_certificate(host, error)
            ),
            hint=_(
                "give the name in the certificate as the proxy's host; if it has an authority "
                "of your own, put its certificate into tls.ca"
            ),
            permanent=True,
        )
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").replace("_", " ").lower()
        return no_tls(reason or _("the handshake failed"))
    if isinstance(error, ValueError):
        return unfit(_("the proxy's name cannot be verified"), _(_ADDRESS))
    return ProxyError(
        _("the proxy closed the connection within the TLS handshake"), hint=_(_ADDRESS)
    )


def no_tls(reason: str) -> ProxyError:
    """The error for a proxy that does not speak TLS, or none that is known here."""
    return ProxyError(
        _("TLS with the proxy failed: {reason}").format(reason=reason),
        hint=_("if the proxy does not speak TLS itself, which is usual, write http:// in `proxy`"),
        permanent=True,
    )


def _certificate(host: str, error: ssl.SSLCertVerificationError) -> str:
    if "mismatch" in (error.verify_message or ""):
        return _("it is not for {host}").format(host=host)
    return certificate_reason(error)


def http_refused(code: int, *, with_login: bool, schemes: Iterable[str] = ()) -> ProxyError:
    """The error for an HTTP status that is not 2xx.

    Args:
        code: the status.
        with_login: whether user and password were sent.
        schemes: the schemes of authentication that the proxy offers, in lower case.
    """
    from http import HTTPStatus

    try:
        status = f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        status = str(code)
    return ProxyError(
        _("the proxy answered {status}").format(status=status),
        hint=_status_hint(code, with_login=with_login, schemes=set(schemes)),
        # A server's fault may pass, and so may 408 and 429; the request itself will not change.
        permanent=code in (501, 505, 511) or (code < 500 and code not in (408, 425, 429)),
        code=code,
    )


def _status_hint(code: int, *, with_login: bool, schemes: set[str]) -> str:
    if code in (401, 407):  # 401 is what tinyproxy answers to a wrong password
        if schemes and "basic" not in schemes:
            return _("the proxy does not take Basic authentication, the only one known here")
        return _login_hint(_HTTP_LOGIN, with_login=with_login)
    if code in (403, 405):
        return _(_PORTS)
    if code in (500, 502, 503, 504):
        return _(_TARGET)
    if code in (408, 425, 429):
        return _(_LATER)
    if code in (501, 505):
        return _(_NO_CONNECT)
    if code == 511 or code < 400:
        return _(_SIGN_IN)
    return _(_ADDRESS) if code < 500 else ""


def _login_hint(example: str, *, with_login: bool) -> str:
    return _(_LOGIN) if with_login else _(_NO_LOGIN).format(example=example)


# By the reply's code: SOCKS5 (RFC 1928 section 6), then SOCKS4, whose codes begin at 90.
_SOCKS = {
    1: (mark("has failed"), _TARGET, False),
    2: (mark("does not allow it"), _PORTS, True),
    3: (mark("finds the network unreachable"), _TARGET, False),
    4: (mark("finds the host unreachable"), _TARGET, False),
    5: (mark("finds the connection refused"), _TARGET, False),
    6: (mark("finds the host too far away (TTL expired)"), _TARGET, False),
    7: (mark("does not know CONNECT"), _NO_CONNECT, True),
    8: (
        mark("does not know this type of address"),
        mark("give host as a name, or as an IPv4 address"),
        True,
    ),
    91: (
        mark("refuses, or has failed"),
        mark(
            "the proxy seems not to reach the mail server: check host and port; or it does not "
            "allow this port"
        ),
        False,
    ),
    92: (mark("cannot ask this machine who its user is (identd)"), _LOGIN, True),
    93: (mark("does not accept this user"), _LOGIN, True),
}


def socks_refused(code: int) -> ProxyError:
    """The error for the code in the reply of a SOCKS proxy."""
    what, hint, permanent = _SOCKS.get(code, (mark("refuses"), "", False))
    return ProxyError(
        _("the proxy says that it {what} (SOCKS code {code})").format(what=_(what), code=code),
        hint=_(hint),
        permanent=permanent,
        code=code,
    )


def socks_login_refused(*, with_login: bool) -> ProxyError:
    """The error for a SOCKS proxy that lets nobody in, or not this user."""
    return ProxyError(
        _("the proxy refused user and password")
        if with_login
        else _("the proxy wants authentication"),
        hint=_login_hint(_SOCKS_LOGIN, with_login=with_login),
        permanent=True,
    )
