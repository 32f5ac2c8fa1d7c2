"""Rules of signing: keys and where their public halves are found, the headers to sign."""

from __future__ import annotations

import re

from connector_core import ConfigProblem
from connector_core.fields import Fields, Problems
from connector_core.mail.addresses import ascii_domain
from connectors.smtp.dkim.coverage import UNSIGNABLE, names_in
from connectors.smtp.dkim.keys import missing, read_key
from connectors.smtp.i18n import _, mark
from connectors.smtp.pem import KeyFault

__all__ = ["RULES"]

_PARTS = ("domainName", "keySelector", "privateKey")
_SUB_DOMAIN = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # RFC 5321 section 4.1.2
_DOMAIN = re.compile(rf"{_SUB_DOMAIN}(?:\.{_SUB_DOMAIN})+")  # RFC 6376 section 3.5
_SELECTOR = re.compile(rf"{_SUB_DOMAIN}(?:\.{_SUB_DOMAIN})*")  # RFC 6376 section 3.1
_MAX_RECORD_NAME = 253  # octets of a DNS name in this form: RFC 1035 section 2.3.4
# Of a field name (RFC 5322 section 3.6.8), what a list of tags can hold.
_HEADER_NAME = re.compile(r"[!-9<-~]+")
_NO_LIST = mark("is not a list of header names with : between"), mark("write From:To:Subject")
_FROM = mark("From must be signed (RFC 6376 section 5.4)")


def _keys(config: Fields) -> Problems:
    if "dkim" not in config:
        return
    dkim = config.object("dkim")
    one = any(part in dkim for part in _PARTS)
    if problem := missing():
        yield problem
    elif "keys" not in dkim and not one:
        hint = _("give domainName, keySelector and privateKey, or several keys")
        yield ConfigProblem("$.dkim", _("has no key"), hint)
    if "keys" in dkim and one:
        message = _("stands beside domainName, keySelector or privateKey")
        yield ConfigProblem("$.dkim.keys", message, _("put that key into the list, too"))
    elif one:
        yield from _key("$.dkim", dkim)
    records: dict[str, str] = {}
    for index, key in dkim.objects("keys"):
        path = f"$.dkim.keys[{index}]"
        yield from _key(path, key)
        if (record := _record(key)) and (first := records.setdefault(record, path)) != path:
            yield ConfigProblem(
                f"{path}.keySelector",
                _("is that of {other} in the same domain").format(
                    other=first.removeprefix("$.dkim.")
                ),
                _("a DNS record holds one key: give each a selector of its own"),
            )


def _key(path: str, key: Fields) -> Problems:
    """What is wrong with one key."""
    for part in _PARTS:
        if part not in key:
            yield ConfigProblem(f"{path}.{part}", _("is missing"))
    domain, selector = key.text("domainName"), key.text("keySelector")
    if domain and not _DOMAIN.fullmatch(ascii_domain(domain)):
        hint = _("give the domain whose DNS holds the public key, such as example.com")
        yield ConfigProblem(f"{path}.domainName", _("is not a domain name"), hint)
    if selector and not _SELECTOR.fullmatch(selector):
        yield ConfigProblem(
            f"{path}.keySelector",
            _("is not a selector: ASCII letters, digits and -, perhaps in parts with . between"),
            _("give what stands before ._domainkey in the name of the DNS record"),
        )
    elif len(_record(key)) > _MAX_RECORD_NAME:
        message = _("makes the name of the DNS record longer than {limit} characters").format(
            limit=_MAX_RECORD_NAME
        )
        yield ConfigProblem(f"{path}.keySelector", message)
    yield from _private(f"{path}.privateKey", key)


def _private(path: str, key: Fields) -> Problems:
    within = key.object("privateKey")
    pem = key.text("privateKey") or within.text("key")
    if not pem or missing():
        return
    passphrase = within.text("passphrase") if "passphrase" in within else None
    found = read_key(pem, passphrase)
    if isinstance(found, KeyFault):
        yield found.at(path)


def _record(key: Fields) -> str:
    """The name of the DNS record with the public key (RFC 6376 section 3.6.2.1), if it has one."""
    domain, selector = key.text("domainName"), key.text("keySelector")
    return f"{selector}._domainkey.{ascii_domain(domain)}".lower() if domain and selector else ""


def _digest(config: Fields) -> Problems:
    digest = config.object("dkim").text("hashAlgo")
    if digest and digest.lower() != "sha256":
        message = _("is not sha256, the only digest that servers accept (RFC 8301)")
        yield ConfigProblem("$.dkim.hashAlgo", message, _("leave it out"))


def _headers(config: Fields) -> Problems:
    for option, fault in (("headerFieldNames", _signed_fault), ("skipFields", _skipped_fault)):
        if text := config.object("dkim").text(option):
            names = frozenset(names_in(text))
            sound = all(map(_HEADER_NAME.fullmatch, names))
            if found := fault(names) if sound else _NO_LIST:
                yield ConfigProblem(f"$.dkim.{option}", *map(_, found))


def _signed_fault(names: frozenset[str]) -> tuple[str, str] | None:
    if "from" not in names:
        return mark("has no From in it"), _FROM
    if changing := ", ".join(sorted(names & UNSIGNABLE)):
        return mark("has a header in it that servers on the way change"), _(
            "leave out {changing}"
        ).format(changing=changing)
    return None


def _skipped_fault(names: frozenset[str]) -> tuple[str, str] | None:
    return (mark("has From in it"), _FROM) if "from" in names else None


RULES = (_keys, _digest, _headers)
