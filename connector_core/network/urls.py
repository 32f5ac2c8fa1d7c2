"""URLs of HTTP servers, taken apart once and checked for what only misleads."""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field
from ipaddress import ip_address

from connector_core.i18n import gettext as _
from connector_core.mail.addresses import ascii_domain

__all__ = ["HttpUrl"]

_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?", re.ASCII)
_KEPT = "!$%&'()*+,/:;=?@~"  # of a target, beside letters, digits and -._ (RFC 3986 section 3.3)
_LITERAL = re.compile(r"\[[^]]*](?::[0-9]*)?")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """An absolute URL (RFC 9110 section 4.2). As text it is host and port alone.

    Attributes:
        secure: whether it is https.
        host: the name in ASCII, or the address without brackets.
        port: the port.
        target: path and query, percent-encoded; they may hold a key, and are not shown.
    """

    secure: bool
    host: str
    port: int
    target: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> HttpUrl:
        """The URL in a text.

        Raises:
            ValueError: why it is none; the text itself is not shown.
        """
        if _UNSEEN.search(text):  # urllib would leave some of them out
            raise ValueError(_("contains a space or a control character"))
        try:
            parts = urllib.parse.urlsplit(text)
            port = parts.port
        except ValueError:
            raise ValueError(_("has no host name, or a port that is none")) from None
        if parts.scheme not in _PORTS:
            raise ValueError(_("is no https:// URL"))
        if "@" in parts.netloc:
            raise ValueError(_("has a user or a password in it"))
        host = ascii_domain(parts.hostname or "")
        if not _is_host(host) or port == 0 or not _is_literal(parts.netloc, host):
            raise ValueError(_("has no host name, or a port that is none"))
        if parts.fragment:
            raise ValueError(_("has a # in it, and what stands behind it is never sent"))
        target = urllib.parse.quote(parts.path or "/", safe=_KEPT)
        if parts.query:
            target += "?" + urllib.parse.quote(parts.query, safe=_KEPT)
        return cls(parts.scheme == "https", host, port or _PORTS[parts.scheme], target)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (
            host
            if self.port == _PORTS["https" if self.secure else "http"]
            else (f"{host}:{self.port}")
        )

    @property
    def is_loopback(self) -> bool:
        """Whether it is sure, without asking anybody, that it leads to this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    @property
    def address(self) -> str | None:
        """The host, where it is an address."""
        try:
            return str(ip_address(self.host))
        except ValueError:
            return None


def _is_literal(netloc: str, host: str) -> bool:
    """Whether brackets, if there are any, stand around an IPv6 address alone (RFC 3986 3.2.2).

    Not every Python looks at what is beside them, and "v1.name" in them is no name of DNS.
    """
    return "[" not in netloc or bool(":" in host and _LITERAL.fullmatch(netloc))


def _is_host(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return len(text) <= 253 and all(map(_NAME.fullmatch, text.removesuffix(".").split(".")))
    return True
