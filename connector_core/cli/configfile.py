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

__all__ = ["config_options", "payload_of", "read_config"]

F = TypeVar("F", bound=Callable[..., Any])

# Up to the last @: the path of a file may have anything in it.
_PASSWORD = re.compile(
    r"(?P<before>[a-z+]+://[^:@/]*:)(?P<reference>(?:env|file):.+)(?P<after>@[^@]*)"
)
MAX_FILE = 16 * 1024 * 1024  # octets


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
        raise click.UsageError("give either --config FILE (- for standard input) or --url URL")
    if path is not None:
        config = _parse(_read(path))
        if isinstance(config.get("url"), str):
            config["url"] = _with_password(config["url"])
    else:
        assert url is not None  # noqa: S101 - one of the two was given
        templates = connector.sample_config().get("templates", [])
        config = {"url": _with_password(url), "templates": templates}
        if sender is None:
            raise click.UsageError("--url needs --from: who the mails come from")
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
                raise ConfigError([ConfigProblem("$", "there is no standard input to read")])
            data = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ConfigError([ConfigProblem(path, f"cannot be read: {error.strerror}")]) from None
    if len(data) > MAX_FILE:
        raise ConfigError([ConfigProblem("$", f"{path} has more than {MAX_FILE >> 20} MiB")])
    return data


def _parse(data: bytes) -> dict[str, Any]:
    try:
        config = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_unique)
    except UnicodeDecodeError:
        raise ConfigError([ConfigProblem("$", "the config is not UTF-8 text")]) from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        problem = ConfigProblem("$", f"the config is not JSON: {error.msg} at {place}")
        raise ConfigError([problem]) from None
    except ValueError as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(
            [ConfigProblem("$", "the config has a number that is too long")]
        ) from None
    except RecursionError:
        raise ConfigError([ConfigProblem("$", "the config is nested too deeply")]) from None
    if not isinstance(config, dict):
        raise ConfigError([ConfigProblem("$", "the config must be a JSON object")])
    return config


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; JSON would let the last of two values for one key win in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twice = sorted({key for key in names if names.count(key) > 1})
        raise ConfigError(
            [ConfigProblem("$", f"the key {key!r} stands twice in one object") for key in twice]
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
            payload = _parse(_read(path))
        except ConfigError as error:
            reason = error.problems[0].message.replace("the config", "the payload")
            raise MessageError("payload", reason) from None
    for variable in variables:
        name, equals, value = variable.partition("=")
        if not name or not equals:
            raise click.BadParameter("must have the form name=value", param_hint="--var")
        *outer, last = name.split(".")
        place = payload
        for part in outer:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                raise click.BadParameter(f"{part!r} has a value already", param_hint="--var")
            place = inner
        place[last] = value
    return payload
