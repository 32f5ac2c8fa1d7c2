"""E-mail addresses and mailboxes: parsed once, and from then on written from the parsed value.

ASCII addresses go by a grammar of our own, which takes a microsecond; email-validator takes the
rest: quoted and non-ASCII local parts, international domain names.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import NamedTuple

import idna

from connector_core.i18n import gettext as _

__all__ = [
    "Address",
    "Mailbox",
    "ascii_domain",
    "control_in",
    "parse_address",
    "parse_mailbox",
]

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOT_ATOM = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@({_LABEL}(?:\.{_LABEL})*)", re.ASCII)
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_LITERAL = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@\[([0-9A-Za-z:.]+)\]", re.ASCII)
_PUBLIC = "example.com"  # stands in for a domain that was checked already
_MAX_LOCAL = 64  # octets: RFC 5321 section 4.5.3.1.1
_MAX_ADDRESS = 254  # octets: RFC 5321 section 4.5.3.1.3, less the angle brackets

# Controls, the separators that some software takes for line ends, and halves of surrogate pairs.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME_SPECIALS = re.compile(r'[,;:<>@\[\]\\"]')


def control_in(text: str, *, allow: str = "") -> str | None:
    """The first character that must not stand in a header or command, as `U+000A`, if any."""
    if text.isascii() and text.isprintable():
        return None  # nearly every text; looking for what it has not takes ten times as long
    for found in _CONTROL.finditer(text):
        if found[0] not in allow:
            return f"U+{ord(found[0]):04X}"
    return None


class Address(NamedTuple):
    """An addr-spec (RFC 5322 section 3.4.1, RFC 6531).

    Attributes:
        local: the local part as it goes on the wire, quotes included.
        domain: the domain in ASCII and lower case, or an address literal.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def international(self) -> bool:
        """Whether it needs SMTPUTF8 (RFC 6531): its local part is not ASCII."""
        return not self.local.isascii()


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with a display name, which may be empty."""

    address: Address
    name: str = ""


def parse_address(text: str) -> Address:
    """One addr-spec, nothing around it.

    Raises:
        ValueError: why it is none; the text itself is not shown.
    """
    if len(text) <= _MAX_ADDRESS and "=?" not in text and (found := _DOT_ATOM.fullmatch(text)):
        # ASCII without controls, within the limits: what nearly every recipient has.
        local, domain = found.groups()
        if len(local) <= _MAX_LOCAL:
            return Address(local, domain.lower())
    return _unusual(text)


def _unusual(text: str) -> Address:
    """What is no short dot-atom in ASCII: other addresses, and none."""
    if code := control_in(text):
        raise ValueError(_("contains the control character {code}").format(code=code))
    if "=?" in text:
        # Legal in a local part, and read as an encoded-word by more than one parser of headers.
        raise ValueError(_("contains =?, the beginning of an encoded-word"))
    if len(text) > 4 * _MAX_ADDRESS:
        raise ValueError(_("has more than 254 octets"))
    if found := _DOT_ATOM.fullmatch(text):
        address = Address(found[1], found[2].lower())
    elif found := _LITERAL.fullmatch(text):
        address = Address(found[1], _literal(found[2]))
    else:
        address = _by_library(text)
    if len(address.local.encode()) > _MAX_LOCAL:
        raise ValueError(_("has a local part of more than 64 octets"))
    if len(str(address).encode()) > _MAX_ADDRESS:
        raise ValueError(_("has more than 254 octets"))
    return address


def _literal(text: str) -> str:
    """An address literal (RFC 5321 section 4.1.3)."""
    try:
        if text.lower().startswith("ipv6:"):
            return f"[IPv6:{ipaddress.IPv6Address(text[5:])}]"
        return f"[{ipaddress.IPv4Address(text)}]"
    except ValueError:
        raise ValueError(_("has an address literal that is no IP address")) from None


def _by_library(text: str) -> Address:
    if text.count("@") == 0:
        raise ValueError(_("is not an e-mail address: it has no @"))
    from email_validator import EmailNotValidError, validate_email

    local, _at, domain = text.rpartition("@")
    domain = ascii_domain(domain)
    # The library refuses localhost, .local and the like: those are for the server to know.
    checked = _DOMAIN.fullmatch(domain) is not None
    try:
        found = validate_email(
            f"{local}@{_PUBLIC}" if checked else text,
            check_deliverability=False,
            allow_quoted_local=True,
            allow_smtputf8=True,
            allow_display_name=False,
        )
    except EmailNotValidError:
        # The library's own message quotes parts of the address.
        raise ValueError(_("is not one e-mail address such as ann@example.org")) from None
    return Address(found.local_part, (domain if checked else found.ascii_domain).lower())


def ascii_domain(domain: str) -> str:
    """An international domain name in its ASCII form (RFC 5891); what is none, as it stands."""
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain


def parse_mailbox(text: str) -> Mailbox:
    """One mailbox: `a@b`, `<a@b>`, `Name <a@b>` or `"Doe, Jane" <a@b>`.

    Raises:
        ValueError: why it is none; the text itself is not shown.
    """
    name, address = split_mailbox(text)
    return Mailbox(parse_address(address), parse_name(name))


def split_mailbox(text: str) -> tuple[str, str]:
    """The display name as written and the address within a mailbox.

    Raises:
        ValueError: the angle brackets do not match.
    """
    if code := control_in(text):
        raise ValueError(_("contains the control character {code}").format(code=code))
    text = text.strip(" ")
    if not text.endswith(">"):
        return "", text
    name, bracket, address = text[:-1].rpartition("<")
    if not bracket:
        raise ValueError(_("has a > without a <"))
    return name.strip(" "), address.strip(" ")


def parse_name(text: str) -> str:
    """A display name, its quotes removed.

    Raises:
        ValueError: it needs quotes and has none, or they do not match.
    """
    if text.startswith('"'):
        inner = text[1:-1]
        if len(text) < 2 or not text.endswith('"') or not _quoted(inner):
            raise ValueError(_("has a display name whose quotes do not match"))
        return re.sub(r"\\(.)", r"\1", inner)
    if found := _NAME_SPECIALS.search(text):
        raise ValueError(
            _(
                'has a display name with {character} in it: put the name in quotes, "…" <address>'
            ).format(character=found[0])
        )
    return text


def _quoted(inner: str) -> bool:
    return re.fullmatch(r'(?:[^"\\]|\\.)*+', inner) is not None
