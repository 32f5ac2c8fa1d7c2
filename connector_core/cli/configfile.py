"""Reading a config and a payload for the commands."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import click

from connector_core.cli.options import once
from connector_core.configs import resolve_secrets
from connector_core.connector import Connector
from connector_core.errors import ConfigError, ConfigProblem, MessageError
from connector_core.i18n import gettext as _
from connector_core.i18n import mark, system_reason

__all__ = ["config_options", "payload_of", "read_config"]

F = TypeVar("F", bound=Callable[..., Any])

# Up to the last @: the path of a file may have anything in it.
_PASSWORD = re.compile(
    r"(?P<before>[a-z+]+://[^:@/]*:)(?P<reference>(?:env|file):.+)(?P<after>@[^@]*)"
)
MAX_FILE = 16 * 1024 * 1024  # octets

# What the standard library says of text that is no JSON.
_JSON_FAULTS = (
    mark("Expecting value"),
    mark("Expecting property name enclosed in double quotes"),
    mark("Expecting ':' delimiter"),
    mark("Expecting ',' delimiter"),
    mark("Illegal trailing comma before end of array"),
    mark("Illegal trailing comma before end of object"),
    mark("Unterminated string starting at"),
    mark("Invalid control character at"),
    mark("Invalid \\escape"),
    mark("Invalid \\uXXXX escape"),
    mark("Extra data"),
)


def config_options(function: F) -> F:
    """`--config`, `--url` and `--from`."""
    for option in (
        once(
            "--from",
            "sender",
            metavar="MAILBOX",
            help="The sender; goes before the config's fromEmail.",
        ),
        once(
            "--url",
            metavar="URL",
            help="smtp://user:password@host:port in place of a config; the templates are the "
            "sample's. The URL or its password may be env:NAME or file:PATH.",
        ),
        once(
            "--config",
            "path",
            metavar="FILE",
            help="The config as JSON; - reads standard input. Any value may be env:NAME or "
            "file:PATH.",
        ),
    ):
        function = option(function)
    return function


def read_config(
    connector: Connector, path: str | None, url: str | None, sender: str | None
) -> dict[str, Any]:
    """The config that the options name, its references resolved.

    Raises:
        ConfigError: it cannot be read, is no JSON, or has references that lead nowhere.
        click.UsageError: the options do not fit.
    """
    if (path is None) == (url is None):
        raise click.UsageError(_("give either --config FILE (- for standard input) or --url URL"))
    if path is not None:
        config = _parse(_read(path), _("the config"))
        if isinstance(config.get("url"), str):
            config["url"] = _with_password(config["url"])
    else:
        assert url is not None  # noqa: S101 - one of the two was given
        templates = connector.sample_config().get("templates", [])
        config = {"url": _with_password(url), "templates": templates}
        if sender is None:
            raise click.UsageError(_("--url needs --from: who the mails come from"))
    if sender is not None:
        config["fromEmail"] = sender
    return resolve_secrets(config)


def _with_password(url: str) -> str:
    """The URL with its password resolved, where that is a reference such as `env:NAME`."""
    found = _PASSWORD.fullmatch(url)
    if not found:
        return url
    secret = resolve_secrets({"url": unquote(found["reference"])})["url"]
    return f"{found['before']}{quote(secret, safe='')}{found['after']}"


def _read(path: str) -> bytes:
    try:
        if path == "-":
            if sys.stdin is None:
                raise ConfigError([ConfigProblem("$", _("there is no standard input to read"))])
            data = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ConfigError(
            [ConfigProblem(path, _("cannot be read: {reason}").format(reason=system_reason(error)))]
        ) from None
    if len(data) > MAX_FILE:
        raise ConfigError(
            [
                ConfigProblem(
                    "$", _("{path} has more than {size} MiB").format(path=path, size=MAX_FILE >> 20)
                )
            ]
        )
    return data


def _parse(data: bytes, what: str) -> dict[str, Any]:
    try:
        config = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_unique)
    except UnicodeDecodeError:
        raise ConfigError(
            [ConfigProblem("$", _("{what} is not UTF-8 text").format(what=what))]
        ) from None
    except json.JSONDecodeError as error:
        told = _("{what} is not JSON: {reason} at line {line}, column {column}").format(
            what=what, reason=_(error.msg), line=error.lineno, column=error.colno
        )
        problem = ConfigProblem("$", told)
        raise ConfigError([problem]) from None
    except ValueError as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(
            [ConfigProblem("$", _("{what} has a number that is too long").format(what=what))]
        ) from None
    except RecursionError:
        raise ConfigError(
            [ConfigProblem("$", _("{what} is nested too deeply").format(what=what))]
        ) from None
    if not isinstance(config, dict):
        raise ConfigError([ConfigProblem("$", _("{what} must be a JSON object").format(what=what))])
    return config


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; JSON would let the last of two values for one key win in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twice = sorted({key for key in names if names.count(key) > 1})
        raise ConfigError(
            [
                ConfigProblem("$", _("the key {key!r} stands twice in one object").format(key=key))
                for key in twice
            ]
        )
    return found


def payload_of(variables: Iterable[str], path: str | None) -> dict[str, Any]:
    """The payload from `--payload FILE` with each `--var name=value` set in it.

    Raises:
        MessageError: the file cannot be read or is no JSON object.
        click.BadParameter: a variable has not the form name=value.
    """
    payload: dict[str, Any] = {}
    if path is not None:
        try:
            payload = _parse(_read(path), _("the payload"))
        except ConfigError as error:
            raise MessageError("payload", error.problems[0].message) from None
    for variable in variables:
        name, equals, value = variable.partition("=")
        if not name or not equals:
            raise click.BadParameter(_("must have the form name=value"), param_hint="--var")
        *outer, last = name.split(".")
        place = payload
        for part in outer:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                raise click.BadParameter(
                    _("{part!r} has a value already").format(part=part), param_hint="--var"
                )
            place = inner
        place[last] = value
    return payload
