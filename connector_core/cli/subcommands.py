"""A group of subcommands of which each is imported only when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from connector_core.i18n import gettext as _

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["Subcommands"]


class Subcommands(click.Group):
    """Finds subcommands by name without importing the others.

    Args:
        table: by name: the module of this package, the command in it, and what it does.
        more: as click.Group takes it.
    """

    def __init__(self, table: Mapping[str, tuple[str, str, str]], **more: Any) -> None:
        super().__init__(**more)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in self._table:
            return None
        module, function, _text = self._table[cmd_name]
        loaded = importlib.import_module(f"connector_core.cli.{module}")
        command: click.Command = getattr(loaded, function)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Complete from the table: click would import every command for its help."""
        from connector_core.cli.completing import command_items

        texts = {name: text for name, (_, _, text) in self._table.items()}
        return [
            *command_items(texts, incomplete),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each does, as the table has it."""
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, _(item[2])) for name, item in self._table.items()])
