"""`smtp://user:pass@host:port?option=value` and `service`: short forms of the same options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from connector_core import ConfigProblem
from connectors.smtp import providers, schema

__all__ = ["expand"]

_SERVICE_KEYS = ("host", "port", "secure", "requireTLS")


def expand(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[ConfigProblem]]:
    """The config with `url` and `service` replaced by what they stand for.

    An option given on its own goes before one in the URL, and that before the service's.
    """
    expanded = dict(config)
    problems: list[ConfigProblem] = []
    url = expanded.pop("url", None)
    if isinstance(url, str):
        try:
            expanded = {**_options(url), **expanded}
        except ValueError as error:
            problems.append(ConfigProblem("$.url", str(error), _URL_HINT))
    service = expanded.pop("service", None)
    if isinstance(service, str):
        preset = next((item for item in providers.load() if item.name == service.lower()), None)
        if preset is None:
            there = ", ".join(item.name for item in providers.load())
            problems.append(ConfigProblem("$.service", f"is not one of {there}", "give the host"))
        else:
            given = {
                key: preset.config[key]
                for key in _SERVICE_KEYS
                if preset.config.get(key) is not None
            }
            # TLS on the wire belongs to the port: a port of one's own brings its own mode.
            expanded = {**({} if "port" in expanded else given), **expanded}
            expanded.setdefault("host", given["host"])
    return expanded, problems


_URL_HINT = "write smtp://user:password@host:587, with %40 for @ and %3A for : in the password"


def _options(url: str) -> dict[str, Any]:
    """The options in a URL; ValueError says what is wrong with it and does not show it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("is not a URL whose port is a number") from None
    if parts.scheme not in ("smtp", "smtps"):
        raise ValueError("must start with smtp:// or smtps://")
    if not parts.hostname:
        raise ValueError("has no host")
    if parts.path not in ("", "/") or parts.fragment:
        raise ValueError("has a path or fragment behind the host")
    options: dict[str, Any] = {"host": unquote(parts.hostname)}
    if port is not None:
        options["port"] = port
    if parts.scheme == "smtps":
        options["secure"] = True
    if parts.username or parts.password:
        options["auth"] = {
            "user": unquote(parts.username or ""),
            "pass": unquote(parts.password or ""),
        }
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        _set(options, key, value)
    return options


def _set(options: dict[str, Any], key: str, value: str) -> None:
    """Set one option of the query; `tls.ca` names a key of an object."""
    first, _, rest = key.partition(".")
    if rest:
        inner = options.setdefault(first, {})
        if isinstance(inner, dict):
            inner[rest] = _typed(schema.kind(first, rest), value)
    else:
        options[first] = _typed(schema.kind(first), value)


def _typed(kind: str, value: str) -> object:
    if kind == "boolean" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if kind == "integer" and value.isascii() and value.isdigit():
        return int(value)
    return value
