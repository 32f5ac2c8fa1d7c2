"""Rules of how messages are handed over: LMTP, notifications, REQUIRETLS, the pool."""

from __future__ import annotations

import re
from collections.abc import Iterator

from connector_core import ConfigProblem
from connector_core.fields import Fields, Problems
from connectors.smtp.dsn import ORIGINAL_RECIPIENT
from connectors.smtp.i18n import _, mark

__all__ = ["RULES"]

_CASES = ("SUCCESS", "FAILURE", "DELAY")
_SMTP_PORT = 25


def _lmtp(config: Fields) -> Problems:
    if not config.flag("lmtp"):
        return
    if "port" not in config:
        yield ConfigProblem(
            "$.port", _("is missing; lmtp needs it"), _("LMTP servers often use 24")
        )
    if config.number("port") == _SMTP_PORT:
        yield ConfigProblem(
            "$.port", _("is 25, which LMTP must not use (RFC 2033)"), _("LMTP servers often use 24")
        )


def _require_tls_extension(config: Fields) -> Problems:
    if "requireTLSExtensionEnabled" not in config:
        return
    path = "$.requireTLSExtensionEnabled"
    for key in ("ignoreTLS", "opportunisticTLS"):
        if key in config:
            yield ConfigProblem(path, _("contradicts {key}").format(key=key), _("keep one of them"))
    if config.object("tls").flag("rejectUnauthorized") is False:
        yield ConfigProblem(
            path,
            _("contradicts tls.rejectUnauthorized: false"),
            _("leave that out: REQUIRETLS needs a verified server (RFC 8689 section 4.2.1)"),
        )


# Each key of dsn, the name it has in nodemailer's messages, what it may be, and what to say.
_DSN = (
    ("ret", "return", re.compile("FULL|HDRS", re.IGNORECASE), mark("is neither FULL nor HDRS"), ""),
    (
        "envid",
        "id",
        re.compile(r"[!-~]{1,100}"),
        mark("must be 1 to 100 printable ASCII characters without spaces"),
        "",
    ),
    (
        "orcpt",
        "recipient",
        ORIGINAL_RECIPIENT,
        mark("is not an address in ASCII"),
        mark("write rfc822;ann@example.org"),
    ),
)


def _dsn(config: Fields) -> Problems:
    dsn = config.object("dsn")
    for key, same, form, message, hint in _DSN:
        if key in dsn and same in dsn:
            yield ConfigProblem(
                f"$.dsn.{same}", _("means the same as {key}").format(key=key), _("keep one of them")
            )
        for name in (key, same):
            if (text := dsn.text(name)) and not form.fullmatch(text):
                yield ConfigProblem(f"$.dsn.{name}", _(message), _(hint))
    cases = {case.strip().upper() for case in _notify(dsn)}
    if cases - {*_CASES, "NEVER"}:
        yield ConfigProblem("$.dsn.notify", _("may have SUCCESS, FAILURE, DELAY, or NEVER alone"))
    elif "NEVER" in cases and len(cases) > 1:
        yield ConfigProblem("$.dsn.notify", _("has NEVER beside others"), _("leave NEVER alone"))


def _notify(dsn: Fields) -> Iterator[str]:
    value = dsn.text("notify")
    for text in [value] if value else dsn.texts("notify"):
        yield from text.split(",")


def _pool(config: Fields) -> Problems:
    warm, most = config.number("poolMinConnections"), config.number("maxConnections")
    if warm and warm > (5 if most is None else most):
        limit = _("5, its default") if most is None else most
        yield ConfigProblem(
            "$.poolMinConnections",
            _("is {number}, more than maxConnections ({limit})").format(number=warm, limit=limit),
            _("lower it, or raise maxConnections"),
        )
    if warm and config.flag("pool") is False:
        yield ConfigProblem(
            "$.poolMinConnections", _("has no effect with pool: false"), _("leave pool out")
        )


RULES = (_lmtp, _require_tls_extension, _dsn, _pool)
