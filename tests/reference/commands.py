"""Every command with its usage and options, as click has them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from connector_core.cli import main
from connector_core.cli.language import translated
from tests.reference.tables import NOTE, code, plain, table

__all__ = ["command_names", "page"]

_NAME = "connector"
# Where click wraps a usage; one line is what a page wants.
_WIDE = 1000


def page() -> str:
    """The page of all commands."""
    parts = [
        "# Commands",
        NOTE,
        "[The guide](../cli.md) says what they are for, and shows them. Each takes `-h`.",
    ]
    context = click.Context(_copy(), info_name=_NAME, terminal_width=_WIDE, max_content_width=_WIDE)
    for found in _all(context):
        parts += _section(found)
    return "\n\n".join(parts) + "\n"


def command_names() -> list[str]:
    """The words of every command that is no group: `config get`."""
    context = click.Context(_copy(), info_name=_NAME)
    return [
        found.command_path.removeprefix(f"{_NAME} ")
        for found in _all(context)
        if not isinstance(found.command, click.Group)
    ]


def _copy() -> click.Command:
    """The command, as a copy: click keeps some of what is shown once, in its language."""
    return translated(main, str)


def _all(context: click.Context) -> Iterator[click.Context]:
    """The context of a command, and of those within it."""
    yield context
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _all(
                click.Context(
                    inner,
                    parent=context,
                    info_name=name,
                    terminal_width=_WIDE,
                    max_content_width=_WIDE,
                )
            )


def _section(context: click.Context) -> Iterator[str]:
    command = context.command
    yield f"## `{context.command_path}`"
    yield f"```text\n{command.get_usage(context).removeprefix('Usage: ')}\n```"
    # Within a command's help \b keeps click from filling lines; what is left is Markdown.
    text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    yield plain(text)
    records = (item.get_help_record(context) for item in command.params)
    rows = [(code(record[0]), plain(record[1])) for record in records if record is not None]
    if rows:
        yield table(("option", "meaning"), rows)
