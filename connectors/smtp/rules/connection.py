"""Rules of the connection: host, port, TLS, the client's name and address, the proxy."""

from __future__ import annotations

import ipaddress
import re

from connector_core import ConfigProblem
from connector_core.fields import Fields, Problems
from connector_core.mail.addresses import ascii_domain, control_in
from connectors.smtp.config import IMPLICIT_TLS_PORT, SUBMISSION_PORT
from connectors.smtp.i18n import _
from connectors.smtp.proxy.url import Proxy, missing

__all__ = ["RULES"]

STARTTLS_PORTS = (25, SUBMISSION_PORT)
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_CLIENT_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_])?")
_CLIENT_LITERAL = re.compile(r"\[[A-Za-z0-9:.]{2,64}\]")


def _host(config: Fields) -> Problems:
    host = config.text("host")
    if host is None:
        yield ConfigProblem(
            "$.host", _("is missing"), _("give the mail server's name, or a service or url")
        )
    elif control_in(host) or re.search(r"[\s/@]", host):
        yield ConfigProblem(
            "$.host", _("is not a host name"), _("give the name alone, without smtp:// and path")
        )
    elif ":" in host and not _is_address(host):
        yield ConfigProblem(
            "$.host",
            _("has a port or brackets in it"),
            _("give the port in `port`, and an IPv6 address without brackets"),
        )
    elif not _is_host(host.removesuffix(".")):
        yield ConfigProblem("$.host", _("is not a host name"), _("check its spelling"))


def _transport_security(config: Fields) -> Problems:
    port, secure = config.number("port"), config.flag("secure")
    if (port is None and config.text("port")) or (port is not None and not 1 <= port <= 65535):
        yield ConfigProblem("$.port", _("must be from 1 to 65535"))
    if port == IMPLICIT_TLS_PORT and secure is False:
        yield ConfigProblem(
            "$.secure",
            _("is false, but port 465 expects TLS from the first byte"),
            _("set secure to true, or use port 587 with requireTLS"),
        )
    if port in STARTTLS_PORTS and secure:
        yield ConfigProblem(
            "$.secure",
            _("is true, but port {port} begins in the clear and turns to TLS by STARTTLS").format(
                port=port
            ),
            _("set secure to false and requireTLS to true, or use port 465"),
        )
    if "ignoreTLS" in config and "requireTLS" in config:
        yield ConfigProblem(
            "$.ignoreTLS", _("contradicts requireTLS"), _("keep requireTLS unless TLS cannot work")
        )
    for key, other in (
        ("opportunisticTLS", "requireTLS"),
        ("opportunisticTLS", "ignoreTLS"),
        ("opportunisticTLS", "secure"),
        ("ignoreTLS", "secure"),
    ):
        if key in config and other in config:
            yield ConfigProblem(
                f"$.{key}", _("contradicts {other}").format(other=other), _("keep one of them")
            )


def _tls(config: Fields) -> Problems:
    tls = config.object("tls")
    if "pfx" in tls:
        yield ConfigProblem(
            "$.tls.pfx",
            _("is not supported"),
            _("give cert and key as PEM text; `openssl pkcs12 -in FILE -nodes` shows both"),
        )
    for given, needed in (("cert", "key"), ("key", "cert"), ("passphrase", "key")):
        if given in tls and needed not in tls:
            yield ConfigProblem(
                f"$.tls.{needed}", _("is missing; {given} needs it").format(given=given)
            )
    if tls.text("minVersion") == "TLSv1.3" and tls.text("maxVersion") == "TLSv1.2":
        yield ConfigProblem("$.tls.maxVersion", _("is older than minVersion"))
    if len({name for name in (config.text("servername"), tls.text("servername")) if name}) > 1:
        yield ConfigProblem("$.tls.servername", _("contradicts servername"), _("keep one of them"))
    for path, name in (
        ("$.servername", config.text("servername")),
        ("$.tls.servername", tls.text("servername")),
    ):
        if name and not _is_host(name):
            yield ConfigProblem(path, _("is not a host name"))


def _client(config: Fields) -> Problems:
    name = config.text("name")
    if name and not (_CLIENT_NAME.fullmatch(name) or _CLIENT_LITERAL.fullmatch(name)):
        yield ConfigProblem(
            "$.name",
            _("is not a name for EHLO: ASCII letters, digits, '.', '-' and '_', no spaces"),
            _("use the host name of this machine, such as app.example.com"),
        )
    local = config.text("localAddress")
    if local and not _is_address(local):
        yield ConfigProblem("$.localAddress", _("is not an IP address"))
    elif (
        local and _is_address(host := config.text("host") or "") and (":" in host) != (":" in local)
    ):
        yield ConfigProblem(
            "$.localAddress", _("is of another family than host"), _("leave it out")
        )


def _is_host(text: str) -> bool:
    """Whether it is an address or a name of labels (RFC 1123), international ones included."""
    return _is_address(text) or _NAME.fullmatch(ascii_domain(text)) is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _proxy(config: Fields) -> Problems:
    url = config.text("proxy")
    if not url:
        return
    try:
        found = Proxy.parse(url)
    except ValueError as error:
        yield ConfigProblem("$.proxy", str(error), _("write socks5://user:password@host:1080"))
        return
    auth = config.object("auth")
    if found.scheme == "socks4" and any(
        key in auth for key in ("refreshToken", "clientId", "privateKey")
    ):
        yield ConfigProblem(
            "$.proxy", _("is a SOCKS4 proxy, which cannot fetch access tokens"), _("use socks5://")
        )
    if hint := missing(found):
        yield ConfigProblem("$.proxy", _("needs packages that are not installed"), hint)


RULES = (_host, _transport_security, _tls, _client, _proxy)
