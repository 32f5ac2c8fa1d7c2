"""`config`: a configured connector's config, read and edited value by value."""

from __future__ import annotations

import click

from connector_core.cli.subcommands import Subcommands

__all__ = ["config"]

_COMMANDS = {
    "get": ("config.get", "get", "Show a value, or the whole config."),
    "set": ("config.set", "set_value", "Set a value; the config is checked with it."),
    "unset": ("config.set", "unset", "Take a value out."),
    "diff": ("config.diff", "diff", "Compare with a provider's preset or another config."),
}


@click.group(cls=Subcommands, table=_COMMANDS)
def config() -> None:
    """Show and edit the config of a configured connector in the host file."""
