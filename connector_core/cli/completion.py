"""`completion`: what makes a shell complete the commands and what they take."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete commands, names, usage types and more."""
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click has one for each of the choices
    script = kind(ctx.find_root().command, {}, "connector", "_CONNECTOR_COMPLETE").source()
    click.echo(script)
