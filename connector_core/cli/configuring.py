"""`config`: a configured connector's config, read and edited value by value."""

from __future__ import annotations

import click

from connector_core.cli.subcommands import Subcommands

__all__ = ["config"]

_COMMANDS = {
    "get": ("configget", "get", "Show a value, or the whole config."),
    "set": ("configset", "set_value", "Set a value; the config is checked with it."),
    "unset": ("configset", "unset", "Take a value out."),
    "diff": ("configdiff", "diff", "Compare with a provider's preset or another config."),
}


@click.group(cls=Subcommands, table=_COMMANDS)
def config() -> None:
    """Show and edit the config of a configured connector in the host file."""
