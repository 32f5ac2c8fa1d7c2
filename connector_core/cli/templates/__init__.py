"""`templates`: what the mails say, listed, shown, previewed, brought in and given out."""

from __future__ import annotations

import click

from connector_core.cli.subcommands import Subcommands

__all__ = ["templates"]

_COMMANDS = {
    "list": ("templates.listing", "list_templates", "List them by usage type and locale."),
    "show": ("templates.listing", "show", "Show the one that a message would get."),
    "preview": ("templates.previewing", "preview", "Write a message as it would be sent."),
    "import": ("templates.importing", "import_templates", "Take over those of another program."),
    "export": ("templates.exporting", "export", "Give them to another program."),
}


@click.group(cls=Subcommands, table=_COMMANDS)
def templates() -> None:
    """Show and exchange the templates of the host file and of the folder beside it."""
