"""`validate` and `send`: what needs a config."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from connector_core.cli.configfile import config_options, payload_of, read_config
from connector_core.cli.options import once
from connector_core.cli.output import echo_json, json_option, printable, receipt_data
from connector_core.cli.running import log_to_stderr, run
from connector_core.errors import ConfigError, UncertainDeliveryError
from connector_core.i18n import gettext as _
from connector_core.i18n import system_reason

if TYPE_CHECKING:
    from connector_core.host import AsyncConfiguredConnector
    from connector_core.models import Receipt

__all__ = ["print_receipt", "send", "send_through", "validate"]


async def _send(
    connector: str, config: dict[str, Any], usage: str, arguments: dict[str, Any]
) -> Receipt:
    from connector_core.host import AsyncHost

    async with AsyncHost.discover() as host:
        return await send_through(host.configure(connector, config), usage, arguments)


async def send_through(
    configured: AsyncConfiguredConnector, usage: str, arguments: dict[str, Any]
) -> Receipt:
    """Send one message; an interruption leaves it uncertain whether it was sent."""
    try:
        return await configured.send_message(usage, **arguments)
    except asyncio.CancelledError:
        raise UncertainDeliveryError(
            _("interrupted before the server had replied"), stage="content"
        ) from None


def print_receipt(receipt: Receipt, *, as_json: bool, **more: Any) -> None:
    """Tell of a message that was sent; `more` goes into the JSON."""
    try:
        if as_json:
            echo_json(receipt_data(receipt) | more)
        else:
            click.echo(
                _("sent to {recipients}: {response}").format(
                    recipients=", ".join(receipt.accepted), response=printable(receipt.response)
                )
            )
            click.echo(f"Message-ID: {receipt.message_id}")
        sys.stdout.flush()
    except OSError as error:
        # It was sent: that is what the exit code must say.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - for what is flushed at exit
        click.echo(
            _("sent, but this could not be printed: {reason}").format(reason=system_reason(error)),
            err=True,
        )


@click.command()
@click.argument("connector")
@config_options
@json_option
def validate(
    connector: str,
    path: str | None,
    url: str | None,
    sender: str | None,
    as_json: bool,
) -> None:
    """Check a config against everything that can be checked without sending."""
    from connector_core.discovery import discover

    found = discover()[connector]
    _config, problems = found.check_config(read_config(found, path, url, sender))
    if problems:
        raise ConfigError(problems)
    if as_json:
        echo_json({"problems": []})
    else:
        click.echo(_("the config is valid for {connector}").format(connector=found.id))


@click.command()
@click.argument("connector")
@config_options
@once("--usage", required=True, help="The usage type, such as SignIn.")
@once("--to", "to", required=True, metavar="ADDRESS", help="The recipient.")
@click.option(
    "--var",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="A value for the template, such as code=123456 or user.name=Ann. May be repeated.",
)
@once("--payload", "payload_path", metavar="FILE", help="Values as a JSON object.")
@once("--locale", help="The language tag of the template, such as fr.")
@once(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Give up after this time.",
)
@click.option("--verbose", is_flag=True, help="Write what is logged to standard error.")
@json_option
def send(
    connector: str,
    path: str | None,
    url: str | None,
    sender: str | None,
    usage: str,
    to: str,
    variables: tuple[str, ...],
    payload_path: str | None,
    locale: str | None,
    timeout: float | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Send one message through CONNECTOR, named by its id or target."""
    from connector_core.discovery import discover

    config = read_config(discover()[connector], path, url, sender)
    if verbose:
        log_to_stderr()
    arguments = {
        "to": to,
        "payload": payload_of(variables, payload_path),
        "locale": locale,
        "timeout": timeout,
    }
    print_receipt(run(_send(connector, config, usage, arguments)), as_json=as_json)
