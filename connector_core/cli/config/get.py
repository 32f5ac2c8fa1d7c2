"""`config get`: what a config says."""

from __future__ import annotations

from pathlib import Path

import click

from connector_core.cli.completing import config_keys, configured_names
from connector_core.cli.config.masking import masked, shown
from connector_core.cli.config.places import place_of, value_at
from connector_core.cli.hostfile import file_option, host_file, known_name
from connector_core.cli.output import echo_json, json_option
from connector_core.i18n import gettext as _

__all__ = ["get"]


@click.command()
@click.argument("name", shell_complete=configured_names)
@click.argument("path", default="$", shell_complete=config_keys)
@click.option("--show-secrets", is_flag=True, help="Show secrets that stand in the file in clear.")
@file_option
@json_option
def get(name: str, path: str, show_secrets: bool, file: Path, as_json: bool) -> None:
    """Show the value at PATH, such as auth.user, or the whole config of the connector NAME."""
    from connector_core.discovery import discover

    found = host_file(file)
    entry = found.connectors[known_name(found, name)]
    try:
        parts = place_of(path)
        value = value_at(entry.config, parts)
    except (ValueError, LookupError) as error:
        raise click.BadParameter(error.args[0], param_hint=_("PATH")) from None
    if not show_secrets:
        value = masked(discover()[entry.connector].schema, value, parts)
    if as_json:
        echo_json(value)
    else:
        click.echo(shown(value))
