"""Reading a config and a payload for the commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import click

from connector_core.cli.options import once
from connector_core.configs import resolve_secrets
from connector_core.connector import Connector
from connector_core.errors import ConfigError, MessageError
from connector_core.i18n import gettext as _
from connector_core.jsonfile import read_json, read_json_object

__all__ = ["config_options", "payload_of", "read_config"]

F = TypeVar("F", bound=Callable[..., Any])

# Up to the last @: the path of a file may have anything in it.
_PASSWORD = re.compile(
    r"(?P<before>[a-z+]+://[^:@/]*:)(?P<reference>(?:env|file):.+)(?P<after>@[^@]*)"
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
        config = read_json_object(path)
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


def payload_of(variables: Iterable[str], path: str | None) -> dict[str, Any]:
    """The payload from `--payload FILE` with each `--var name=value` set in it.

    Raises:
        MessageError: the file cannot be read or is no JSON object.
        click.BadParameter: a variable has not the form name=value.
    """
    payload = _payload_in(path) if path is not None else {}
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


def _payload_in(path: str) -> dict[str, Any]:
    try:
        payload = read_json(path)
    except ConfigError as error:
        raise MessageError("payload", error.problems[0].message) from None
    if not isinstance(payload, dict):
        raise MessageError("payload", _("the payload must be a JSON object"))
    return payload
