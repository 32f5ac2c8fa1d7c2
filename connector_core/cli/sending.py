"""`validate` and `send`: what needs a config."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector_core.cli.completing import locales, senders, usage_types
from connector_core.cli.configfile import config_options, payload_of, read_config
from connector_core.cli.hostfile import file_option, known_name, there
from connector_core.cli.options import once
from connector_core.cli.output import echo_json, json_option, printable, receipt_data
from connector_core.cli.presets import usual_connector
from connector_core.cli.running import log_to_stderr, run
from connector_core.cli.usages import check_usage, note_slip
from connector_core.errors import ConfigError
from connector_core.i18n import gettext as _
from connector_core.i18n import ngettext, system_reason

if TYPE_CHECKING:
    from connector_core.connector import Connector
    from connector_core.models import Provider, Receipt
    from connector_core.registry import Registry

__all__ = ["Chosen", "choose", "print_receipt", "send", "validate"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The connector that a command's options choose, with its config.

    Attributes:
        registry: the connectors there are.
        connector: the connector.
        config: its config, references resolved.
        provider: the preset that the config was made from, if it is known.
    """

    registry: Registry
    connector: Connector
    config: Mapping[str, Any] = field(repr=False)
    provider: Provider | None = None


def choose(
    name: str | None, path: str | None, url: str | None, sender: str | None, file: Path
) -> Chosen:
    """A configured connector of the host file, or with `--config` or `--url` any connector.

    Raises:
        ConfigError: the config cannot be used.
        click.UsageError: the options do not fit.
    """
    from connector_core.discovery import discover

    registry = discover()
    if path is None and url is None:
        if sender is not None:
            raise click.UsageError(_("--from goes with --config or --url"))
        return _from_host_file(registry, name, file)
    connector = registry[name] if name is not None else usual_connector(registry)
    if connector is None:
        raise click.UsageError(_("name the connector that the config is for"))
    from connector_core.providers import recognised

    config = read_config(connector, path, url, sender)
    return Chosen(registry, connector, config, recognised(connector.providers, config))


def _from_host_file(registry: Registry, name: str | None, path: Path) -> Chosen:
    from connector_core.hostfile.reading import read
    from connector_core.hostfile.resolving import resolved_entry

    file = read(there(path))
    found = resolved_entry(file, known_name(file, name), registry)
    providers = found.connector.providers
    provider = next((item for item in providers if item.name == found.entry.provider), None)
    return Chosen(registry, found.connector, found.config, provider)


def _usages_of(chosen: Chosen | Path) -> list[str]:
    """The usage types that have a template or a route of their own."""
    if isinstance(chosen, Path):
        from connector_core.hostfile.lookup import own_usages
        from connector_core.hostfile.reading import read

        return own_usages(read(chosen))
    templates = chosen.config.get("templates")
    items = templates if isinstance(templates, list) else ()
    return [str(item.get("usageType")) for item in items if isinstance(item, Mapping)]


async def _send(chosen: Chosen | Path, usage: str, arguments: dict[str, Any]) -> Receipt:
    """Send by the routes of a host file, or through one connector."""
    from connector_core.host import AsyncHost
    from connector_core.trial import send_once

    if isinstance(chosen, Path):
        async with AsyncHost.from_file(chosen) as host:
            return await send_once(host, usage, **arguments)
    async with AsyncHost(chosen.registry) as host:
        configured = host.configure(chosen.connector.id, chosen.config)
        return await send_once(configured, usage, **arguments)


def print_receipt(receipt: Receipt, *, as_json: bool, **more: Any) -> None:
    """Tell of a message that was sent; `more` goes into the JSON."""
    try:
        if as_json:
            echo_json(receipt_data(receipt) | more)
        else:
            told = _("sent to {recipients}: {response}")
            recipients = ", ".join(receipt.accepted)
            click.echo(printable(told.format(recipients=recipients, response=receipt.response)))
            click.echo(f"Message-ID: {receipt.message_id}")
        sys.stdout.flush()
    except OSError as error:
        # It was sent: that is what the exit code must say.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - for what is flushed at exit
        told = _("sent, but this could not be printed: {reason}")
        click.echo(told.format(reason=system_reason(error)), err=True)


@click.command()
@click.argument("name", required=False, shell_complete=senders)
@config_options
@file_option
@json_option
def validate(
    name: str | None,
    path: str | None,
    url: str | None,
    sender: str | None,
    file: Path,
    as_json: bool,
) -> None:
    """Check the host file, or a config, against everything that can be checked without sending.

    NAME is a configured connector of the host file, all of them without it; with --config or --url
    it is a connector's id or target.
    """
    from connector_core.discovery import discover

    if path is None and url is None and name is None:
        from connector_core.hostfile.reading import read
        from connector_core.hostfile.resolving import resolved

        count = len(resolved(read(there(file)), discover()))
        told = ngettext(
            "{file} is valid, with {count} connector",
            "{file} is valid, with {count} connectors",
            count,
        ).format(file=file, count=count)
    else:
        chosen = choose(name, path, url, sender, file)
        _plain, problems = chosen.connector.check_config(chosen.config)
        if problems:
            raise ConfigError(problems)
        told = _("the config is valid for {connector}").format(connector=chosen.connector.id)
    if as_json:
        echo_json({"problems": []})
    else:
        click.echo(told)


@click.command()
@click.argument("name", required=False, shell_complete=senders)
@config_options
@file_option
@once(
    "--usage",
    required=True,
    help="The usage type, such as SignIn.",
    shell_complete=usage_types,
)
@once("--to", "to", required=True, metavar="ADDRESS", help="The recipient.")
@click.option(
    "--var",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="A value for the template, such as code=123456 or user.name=Ann. May be repeated.",
)
@once("--payload", "payload_path", metavar="FILE", help="Values as a JSON object.")
@once("--locale", help="The language tag of the template, such as fr.", shell_complete=locales)
@once(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Give up after this time.",
)
@click.option("--verbose", is_flag=True, help="Write what is logged to standard error.")
@json_option
def send(
    name: str | None,
    path: str | None,
    url: str | None,
    sender: str | None,
    file: Path,
    usage: str,
    to: str,
    variables: tuple[str, ...],
    payload_path: str | None,
    locale: str | None,
    timeout: float | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Send one message by the routes of the host file.

    NAME is a configured connector to send through, whatever the routes; with --config or --url it
    is a connector's id or target.
    """
    by_routes = name is None and path is None and url is None
    chosen = there(file) if by_routes else choose(name, path, url, sender, file)
    check_usage(usage)
    note_slip(usage, lambda: _usages_of(chosen))
    if verbose:
        log_to_stderr()
    arguments = {
        "to": to,
        "payload": payload_of(variables, payload_path),
        "locale": locale,
        "timeout": timeout,
    }
    print_receipt(run(_send(chosen, usage, arguments)), as_json=as_json)
