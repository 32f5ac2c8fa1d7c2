"""What is wrong with a config in ways that only show between its fields, or in a value's syntax.

Each rule looks at the fields whose type is sound and leaves the others to the schema, so that
every problem is told at once.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connector_core import ConfigProblem
from connector_core.configs import json_path, strings
from connector_core.locales import is_language_tag
from connector_core.models import UsageType
from connectors.smtp.addresses import ascii_domain, control_in, parse_mailbox
from connectors.smtp.auth import MECHANISMS
from connectors.smtp.compose.headers import header_problem, name_problem
from connectors.smtp.compose.mailboxes import MailboxTemplate
from connectors.smtp.config import IMPLICIT_TLS_PORT, SUBMISSION_PORT

__all__ = ["check"]

Problems = Iterator[ConfigProblem]

REQUIRED_USAGES = (
    UsageType.REGISTER,
    UsageType.SIGN_IN,
    UsageType.FORGOT_PASSWORD,
    UsageType.GENERIC,
)
STARTTLS_PORTS = (25, SUBMISSION_PORT)
_LATER = "this version cannot do it yet: leave it out"
_LATER_MECHANISMS = ("SCRAM-SHA-1", "SCRAM-SHA-256", "OAUTHBEARER")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_CLIENT_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_])?")
_CLIENT_LITERAL = re.compile(r"\[[A-Za-z0-9:.]{2,64}\]")
_RULES: list[Callable[[Fields], Problems]] = []


class Fields:
    """The sound fields of an object: what has another type than asked for counts as absent."""

    def __init__(self, value: object) -> None:
        self._fields = value if isinstance(value, Mapping) else {}

    def text(self, key: str) -> str | None:
        """A text; an empty one counts as absent, as it does in Logto."""
        value = self._fields.get(key)
        return value if isinstance(value, str) and value else None

    def flag(self, key: str) -> bool | None:
        """A truth value."""
        value = self._fields.get(key)
        return value if isinstance(value, bool) else None

    def number(self, key: str) -> int | None:
        """A whole number, or a text of digits."""
        value = self._fields.get(key)
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
            return int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def object(self, key: str) -> Fields:
        """An object; empty where there is none."""
        return Fields(self._fields.get(key))

    def objects(self, key: str) -> Iterator[tuple[int, Fields]]:
        """The objects in a list, with their places."""
        value = self._fields.get(key)
        for index, item in enumerate(value if isinstance(value, list) else ()):
            if isinstance(item, Mapping):
                yield index, Fields(item)

    def items(self, key: str) -> Iterator[tuple[str, Any]]:
        """The keys and values of an object."""
        value = self._fields.get(key)
        yield from value.items() if isinstance(value, Mapping) else ()

    def __contains__(self, key: str) -> bool:
        return self._fields.get(key) not in (None, "", False)


def check(config: Mapping[str, Any]) -> list[ConfigProblem]:
    """Every problem that a rule finds; `url` and `service` were expanded."""
    fields = Fields(config)
    found = [problem for rule in _RULES for problem in rule(fields)]
    named = {problem.path for problem in found}
    return found + [problem for problem in _unpaired(config) if problem.path not in named]


def _unpaired(config: Mapping[str, Any]) -> Problems:
    """JSON can name half of a surrogate pair; nothing can write it."""
    for parts, text in strings(config):
        if re.search("[\ud800-\udfff]", text):
            yield ConfigProblem(json_path(parts), "contains half of a surrogate pair")


def _rule(function: Callable[[Fields], Problems]) -> Callable[[Fields], Problems]:
    _RULES.append(function)
    return function


@_rule
def _host(config: Fields) -> Problems:
    host = config.text("host")
    if host is None:
        yield ConfigProblem(
            "$.host", "is missing", "give the mail server's name, or a service or url"
        )
    elif control_in(host) or re.search(r"[\s/@]", host):
        yield ConfigProblem(
            "$.host", "is not a host name", "give the name alone, without smtp:// and path"
        )
    elif ":" in host and not _is_address(host):
        yield ConfigProblem(
            "$.host",
            "has a port or brackets in it",
            "give the port in `port`, and an IPv6 address without brackets",
        )
    elif not _is_host(host.removesuffix(".")):
        yield ConfigProblem("$.host", "is not a host name", "check its spelling")


@_rule
def _transport_security(config: Fields) -> Problems:
    port, secure = config.number("port"), config.flag("secure")
    if (port is None and config.text("port")) or (port is not None and not 1 <= port <= 65535):
        yield ConfigProblem("$.port", "must be from 1 to 65535")
    if port == IMPLICIT_TLS_PORT and secure is False:
        yield ConfigProblem(
            "$.secure",
            "is false, but port 465 expects TLS from the first byte",
            "set secure to true, or use port 587 with requireTLS",
        )
    if port in STARTTLS_PORTS and secure:
        yield ConfigProblem(
            "$.secure",
            f"is true, but port {port} begins in the clear and turns to TLS by STARTTLS",
            "set secure to false and requireTLS to true, or use port 465",
        )
    if "ignoreTLS" in config and "requireTLS" in config:
        yield ConfigProblem(
            "$.ignoreTLS", "contradicts requireTLS", "keep requireTLS unless TLS cannot work"
        )
    for key, other in (
        ("opportunisticTLS", "requireTLS"),
        ("opportunisticTLS", "ignoreTLS"),
        ("opportunisticTLS", "secure"),
        ("ignoreTLS", "secure"),
    ):
        if key in config and other in config:
            yield ConfigProblem(f"$.{key}", f"contradicts {other}", "keep one of them")


@_rule
def _tls(config: Fields) -> Problems:
    tls = config.object("tls")
    if "pfx" in tls:
        yield ConfigProblem("$.tls.pfx", _LATER, "give cert and key as PEM text")
    for given, needed in (("cert", "key"), ("key", "cert"), ("passphrase", "key")):
        if given in tls and needed not in tls:
            yield ConfigProblem(f"$.tls.{needed}", f"is missing; {given} needs it")
    if tls.text("minVersion") == "TLSv1.3" and tls.text("maxVersion") == "TLSv1.2":
        yield ConfigProblem("$.tls.maxVersion", "is older than minVersion")
    if len({name for name in (config.text("servername"), tls.text("servername")) if name}) > 1:
        yield ConfigProblem("$.tls.servername", "contradicts servername", "keep one of them")
    for path, name in (
        ("$.servername", config.text("servername")),
        ("$.tls.servername", tls.text("servername")),
    ):
        if name and not _is_host(name):
            yield ConfigProblem(path, "is not a host name")


@_rule
def _client(config: Fields) -> Problems:
    name = config.text("name")
    if name and not (_CLIENT_NAME.fullmatch(name) or _CLIENT_LITERAL.fullmatch(name)):
        yield ConfigProblem(
            "$.name",
            "is not a name for EHLO: ASCII letters, digits, '.', '-' and '_', no spaces",
            "use the host name of this machine, such as app.example.com",
        )
    local = config.text("localAddress")
    if local and not _is_address(local):
        yield ConfigProblem("$.localAddress", "is not an IP address")


def _is_host(text: str) -> bool:
    """Whether it is an address or a name of labels (RFC 1123), international ones included."""
    return _is_address(text) or _NAME.fullmatch(ascii_domain(text)) is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@_rule
def _auth(config: Fields) -> Problems:
    auth = config.object("auth")
    if is_oauth2(dict(config.items("auth"))):
        yield from _oauth2(auth)
    else:
        for given, needed in (("user", "pass"), ("pass", "user")):
            if given in auth and needed not in auth:
                yield ConfigProblem(f"$.auth.{needed}", f"is missing; {given} needs it")
    for key in ("authMethod", "forceAuth"):
        if key in config and "user" not in auth:
            yield ConfigProblem(f"$.{key}", "has no effect without auth", "give auth.user")
    for key in ("user", "pass", "accessToken"):
        value = auth.text(key)
        # NUL ends a field in PLAIN, U+0001 in XOAUTH2; no credential holds either.
        if value and control_in(value):
            yield ConfigProblem(
                f"$.auth.{key}",
                "contains a control character",
                "copy it again, without line breaks",
            )


def _oauth2(auth: Fields) -> Problems:
    if not any(key in auth for key in ("accessToken", "refreshToken", "privateKey")):
        yield ConfigProblem(
            "$.auth.accessToken",
            "is missing",
            "OAuth2 needs an accessToken, a refreshToken with clientId and clientSecret, or a "
            "serviceClient with its privateKey",
        )
    if "refreshToken" in auth and "clientId" not in auth:
        yield ConfigProblem("$.auth.clientId", "is missing; refreshToken needs it")
    url = auth.text("accessUrl")
    if url and not re.fullmatch(r"https://[!-~]+", url):
        yield ConfigProblem("$.auth.accessUrl", "must be an https:// URL")


@_rule
def _auth_method(config: Fields) -> Problems:
    oauth2 = is_oauth2(dict(config.items("auth")))
    chosen = {
        "$.authMethod": config.text("authMethod"),
        "$.auth.method": config.object("auth").text("method"),
    }
    if len({method.upper() for method in chosen.values() if method}) > 1:
        yield ConfigProblem("$.auth.method", "contradicts authMethod", "keep one of them")
    for path, method in chosen.items():
        if not method:
            continue
        mechanism = MECHANISMS.get(method.upper())
        if method.upper() in _LATER_MECHANISMS:
            yield ConfigProblem(path, _LATER, f"mechanisms: {', '.join(MECHANISMS)}")
        elif mechanism is None:
            yield ConfigProblem(path, f"is not one of {', '.join(MECHANISMS)}")
        elif (mechanism.needs == "token") != oauth2 and config.object("auth").text("user"):
            needs = "an OAuth2 accessToken" if mechanism.needs == "token" else "user and pass"
            yield ConfigProblem(path, f"{mechanism.name} needs {needs} in auth")


def is_oauth2(auth: Mapping[str, Any]) -> bool:
    """Whether `auth` is for OAuth2: it says so, or has a key that only OAuth2 has."""
    kind = auth.get("type")
    return (isinstance(kind, str) and kind.lower() == "oauth2") or any(
        auth.get(key)
        for key in ("accessToken", "refreshToken", "clientId", "clientSecret", "serviceClient")
    )


@_rule
def _mailboxes(config: Fields) -> Problems:
    for key in ("fromEmail", "replyTo"):
        text = config.text(key)
        if text:
            yield from _mailbox(f"$.{key}", parse_mailbox, text)
    for index, template in config.objects("templates"):
        for key in ("sendFrom", "replyTo"):
            text = template.text(key)
            if text:
                yield from _mailbox(f"$.templates[{index}].{key}", MailboxTemplate, text)


def _mailbox(path: str, parse: Callable[[str], object], text: str) -> Problems:
    reason = header_problem(text)
    try:
        parse(text)
    except ValueError as error:
        reason = reason or str(error)
    if reason:
        yield ConfigProblem(path, reason, 'write a@b.example or "Name" <a@b.example>')


@_rule
def _templates(config: Fields) -> Problems:
    templates = list(config.objects("templates"))
    served = {item.text("usageType") for _, item in templates if item.text("locale") is None}
    translated = {item.text("usageType") for _, item in templates}
    if missing := [usage for usage in REQUIRED_USAGES if usage not in translated]:
        yield ConfigProblem(
            "$.templates",
            f"has no template for {', '.join(missing)}",
            "every config needs one for Register, SignIn, ForgotPassword and Generic",
        )
    if only := [usage for usage in REQUIRED_USAGES if usage in translated - served]:
        yield ConfigProblem(
            "$.templates",
            f"has a template for {', '.join(only)} only with a locale",
            "leave `locale` out of the one that shall serve every other language",
        )
    for index, template in templates:
        subject, content = template.text("subject") or "", template.text("content") or ""
        locale = template.text("locale")
        if locale and not is_language_tag(locale):
            yield ConfigProblem(f"$.templates[{index}].locale", "is not a language tag")
        if problem := header_problem(subject):
            yield ConfigProblem(f"$.templates[{index}].subject", problem)
        if re.search("[\0\ud800-\udfff]", content):
            yield ConfigProblem(f"$.templates[{index}].content", "contains NUL or a surrogate")


@_rule
def _custom_headers(config: Fields) -> Problems:
    for name, value in config.items("customHeaders"):
        path = json_path(("customHeaders", name))
        if problem := name_problem(name):
            yield ConfigProblem(path, problem)
        items = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, text in items:
            if isinstance(text, str) and (problem := header_problem(text)):
                yield ConfigProblem(path if index is None else f"{path}[{index}]", problem)


@_rule
def _later(config: Fields) -> Problems:
    """What has no engine yet is told, never ignored."""
    for key in ("lmtp", "dkim", "dsn", "proxy", "requireTLSExtensionEnabled"):
        if key in config:
            yield ConfigProblem(f"$.{key}", _LATER)
