"""`smtp://user:pass@host:port?option=value` and `service`: short forms of the same options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from connector_core import ConfigProblem
from connector_core.mail.addresses import control_in
from connector_core.validation import nearest
from connectors.smtp import providers, schema
from connectors.smtp.config import IMPLICIT_TLS_PORT
from connectors.smtp.i18n import _, mark

__all__ = ["expand"]


def expand(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[ConfigProblem]]:
    """The config with `url` and `service` replaced by what they stand for.

    An option given on its own goes before one in the URL, and that before the service's.
    """
    expanded = dict(config)
    problems: list[ConfigProblem] = []
    url = expanded.pop("url", None)
    if isinstance(url, str) and url:
        try:
            expanded = _beneath(_options(url), expanded)
        except ValueError as error:
            problems.append(ConfigProblem("$.url", str(error), _(_URL_HINT)))
    service = expanded.pop("service", None)
    if isinstance(service, str) and service:
        services = providers.services()
        given = services.get(service.lower())
        if given is None:
            names = list(services)
            near = nearest(service.lower(), names)
            hint = (
                _("did you mean {name}?").format(name=near)
                if near
                else _("give host and port in its place")
            )
            problems.append(
                ConfigProblem(
                    "$.service", _("is not one of {known}").format(known=", ".join(names)), hint
                )
            )
        else:
            if str(expanded.get("port") or given["port"]) != str(given["port"]):
                given = _at_another_port(given["host"], expanded)
            expanded = _beneath(given, expanded)
    return expanded, problems


def _at_another_port(host: str, own: Mapping[str, Any]) -> dict[str, Any]:
    """When TLS begins belongs to the port, so it is not the service's; but there is TLS."""
    in_the_clear = own.get("ignoreTLS") or own.get("opportunisticTLS") or own.get("secure")
    if in_the_clear or str(own["port"]) == str(IMPLICIT_TLS_PORT):
        return {"host": host}
    return {"host": host, "requireTLS": True}


def _beneath(given: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """What is given, and over it the config's own options; an empty text counts as absent."""
    return {**given, **{key: own[key] for key in own if own[key] != "" or key not in given}}


_URL_HINT = mark(
    "write smtp://user:password@host:587, with %40 for @ and %3A for : in the password"
)


def _options(url: str) -> dict[str, Any]:
    """The options in a URL; ValueError says what is wrong with it and does not show it."""
    parts = _split(url)
    try:
        user, password, host = (
            unquote(part or "", errors="strict")
            for part in (parts.username, parts.password, parts.hostname)
        )
        query = parse_qsl(parts.query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(_("has percent-encoded bytes that are not UTF-8")) from None
    options: dict[str, Any] = {"host": host}
    if parts.port is not None:
        options["port"] = parts.port
    if parts.scheme == "smtps":
        options["secure"] = True
    if user or password:
        options["auth"] = {"user": user, "pass": password}
    for key, value in query:
        _set(options, key, value)
    return options


def _split(url: str) -> SplitResult:
    """The parts of a URL that names a mail server."""
    if control_in(url):
        raise ValueError(_("contains a control character"))
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it raises where the port is no number
    except ValueError:
        raise ValueError(_("is not a URL whose port is a number")) from None
    if parts.scheme not in ("smtp", "smtps"):
        raise ValueError(_("must start with smtp:// or smtps://"))
    if not parts.hostname:
        raise ValueError(_("has no host"))
    if parts.path not in ("", "/") or parts.fragment:
        raise ValueError(_("has a path or fragment behind the host"))
    return parts


def _set(options: dict[str, Any], key: str, value: str) -> None:
    """Set one option of the query; `tls.ca` names a key of an object."""
    first, dot, rest = key.partition(".")
    known = schema.options(first) if dot else schema.options()
    known.pop("url", None)
    name = rest if dot else first
    if name not in known:
        # It is not shown: a password with a ? in it makes options of its other half.
        near = nearest(name, known)
        if near:
            raise ValueError(_("has an unknown option; did you mean {name}?").format(name=near))
        raise ValueError(_("has an unknown option"))
    target = options.setdefault(first, {}) if dot else options
    if not isinstance(target, dict) or name in target:
        raise ValueError(_("gives {key} twice").format(key=key))
    target[name] = _typed(known[name].get("type"), value)


def _typed(kind: str | None, value: str) -> object:
    if kind == "boolean" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if kind == "integer" and value.isascii() and value.isdigit():
        return int(value)
    return value
