"""A proxy as a URL names it."""

from __future__ import annotations

import importlib.util
import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from connector_core.mail.addresses import ascii_domain, control_in
from connectors.smtp.i18n import _
from connectors.smtp.proxy import faults

__all__ = ["Proxy", "is_ipv6", "is_name", "missing"]

# What a URL may say, and what that comes to: names are always looked up by the proxy.
_SCHEMES = {
    "http": "http",
    "https": "https",
    "socks": "socks5",
    "socks4": "socks4",
    "socks4a": "socks4",
    "socks5": "socks5",
    "socks5h": "socks5",
}
_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks5": 1080}
_LABEL = r"[A-Za-z0-9_-]{1,63}"
_NAME = re.compile(rf"(?=.{{1,254}}\Z){_LABEL}(?:\.{_LABEL})*\.?", re.ASCII)
_MAX_LOGIN = 255  # octets: RFC 1929 section 2


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Attributes:
        scheme: `http`, `https`, `socks4` or `socks5`.
        host: its name in ASCII, or its address.
        port: its port.
        user: empty where it lets anybody in.
        password: the user's; SOCKS4 knows none.
    """

    scheme: str
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def login(self) -> tuple[str, str] | None:
        """User and password, where there are any."""
        return (self.user, self.password) if self.user or self.password else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return (self.password, f"{self.user}:{self.password}") if self.password else ()

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """The proxy that a URL names.

        Raises:
            ValueError: what is wrong with the URL, of which nothing is shown.
        """
        parts = _split(url)
        scheme = _SCHEMES[parts.scheme]
        user, password = _unquoted(parts.username), _unquoted(parts.password)
        if user is None or password is None:
            raise ValueError(_("has percent-encoded bytes that are not UTF-8"))
        if control_in(user) or control_in(password):
            raise ValueError(_("has a control character in its user or password"))
        _check_login(scheme, user, password)
        port = _PORTS[scheme] if parts.port is None else parts.port
        if port == 0:
            raise ValueError(_("has the port 0"))
        return cls(scheme, _host(parts), port, user, password)


def _split(url: str) -> SplitResult:
    """The parts of a URL that names a proxy."""
    # Looked for first: urlsplit takes some of these out without a word.
    if control_in(url) or any(character.isspace() for character in url):
        raise ValueError(_("contains a control character or a space"))
    authority = re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]
    behind = url.partition("://")[2].removeprefix(authority)
    if behind not in ("", "/"):
        raise ValueError(
            _(
                "has a path, a query or a fragment behind the host; in a password write %2F "
                "for /, %3F for ? and %23 for #"
            )
        )
    place = authority.rpartition("@")[2]
    if "[" not in place and place.count(":") > 1:
        raise ValueError(_("has an IPv6 address without brackets: write http://[::1]:3128"))
    parts = _parsed(url)
    if parts is None:
        raise ValueError(_("is not a URL whose port is a number up to 65535"))
    if parts.scheme not in _SCHEMES:
        raise ValueError(_("must start with http://, https://, socks4://, socks4a:// or socks5://"))
    return parts


# These two give None rather than raise from within `except`: the errors that they catch hold parts
# of the URL, and would stay with the new one as its context.


def _parsed(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it raises where the port is no number
    except ValueError:
        return None
    return parts


def _unquoted(text: str | None) -> str | None:
    try:
        return unquote(text or "", errors="strict")
    except UnicodeDecodeError:
        return None


def _host(parts: SplitResult) -> str:
    host = ascii_domain(parts.hostname or "")
    if not host:
        raise ValueError(_("has no host"))
    if "[" in parts.netloc.rpartition("@")[2]:
        if not is_ipv6(host):
            raise ValueError(_("has brackets around what is no IPv6 address"))
    elif not is_name(host):
        raise ValueError(_("has a host that is neither a name nor an address"))
    return host


def is_name(host: str) -> bool:
    """Whether it can be a host's name, or its IPv4 address."""
    return _NAME.fullmatch(host) is not None


def is_ipv6(host: str) -> bool:
    """Whether it is an IPv6 address; one with a zone means nothing beyond this machine."""
    try:
        return "%" not in str(ipaddress.IPv6Address(host))
    except ValueError:
        return False


def _check_login(scheme: str, user: str, password: str) -> None:
    """Refuse what the scheme cannot carry, before it is cut short or left out without a word."""
    if scheme in ("http", "https"):
        if ":" in user:
            raise ValueError(_("has a colon in its user, which HTTP cannot carry"))
        return
    if not (user + password).isascii():
        raise ValueError(
            _("has a user or password that is not ASCII, which SOCKS cannot carry here")
        )
    if scheme == "socks4":
        if password:
            raise ValueError(_("has a password, which SOCKS4 does not know: use socks5://"))
    elif bool(user) != bool(password):
        raise ValueError(_("has a user without a password, or a password without a user"))
    if max(len(user), len(password)) > _MAX_LOGIN:
        raise ValueError(_("has a user or password of more than 255 octets"))


def missing(proxy: Proxy) -> str | None:
    """How to install what the proxy needs, or None where it is there."""
    package = "h11" if proxy.scheme in ("http", "https") else "python_socks"
    return None if importlib.util.find_spec(package) else faults.EXTRA
