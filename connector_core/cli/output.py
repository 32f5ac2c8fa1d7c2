"""What the commands print: JSON for machines, tables and sentences for people."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from connector_core.errors import (
    ConfigError,
    ConnectorError,
    DeliveryError,
    MessageError,
    NoConnectorForUsageError,
    UncertainDeliveryError,
    UnknownConnectorError,
)
from connector_core.i18n import gettext as _
from connector_core.i18n import ngettext

if TYPE_CHECKING:
    from connector_core.models import Receipt, Stage
    from connector_core.registry import Registry

__all__ = [
    "FAILED",
    "PROBLEM",
    "UNCERTAIN",
    "echo_json",
    "error_data",
    "json_option",
    "print_error",
    "print_registry",
    "printable",
    "receipt_data",
    "report",
    "stage_data",
    "table",
]

PROBLEM, USAGE, FAILED, UNCERTAIN = 1, 2, 3, 4

# A mail or a server's reply must not steer the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# JSON leaves these as they are: C1 controls, which steer terminals, and halves of surrogate pairs.
_UNSAFE = re.compile("[\x7f-\x9f\ud800-\udfff]")


def printable(text: str) -> str:
    """The text without control characters, line breaks and tabs apart."""
    return _CONTROL.sub("�", text.replace("\r\n", "\n"))


def _remember_json(ctx: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    ctx.meta["connector_core.json"] = value
    return value


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    callback=_remember_json,
    help="Print JSON, for machines.",
)


def echo_json(value: Any) -> None:
    """Print a value as JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    click.echo(_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: drawn on a terminal, as plain columns into a file or pipe."""
    if not sys.stdout.isatty():
        _plain_table(title, columns, rows)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(drawn)


def _plain_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [tuple(columns), *(tuple(" ".join(cell.split()) for cell in row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    click.echo(title)
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo(printable("  ".join(cells).rstrip()))


def print_registry(registry: Registry, locale: str | None = None) -> None:
    """Print every connector, and every plugin that failed."""
    rows = [
        (
            connector.target,
            connector.id,
            connector.metadata.type,
            connector.metadata.name_in(locale),
            f"{connector.distribution} {connector.version}",
        )
        for connector in registry
    ]
    columns = (_("target"), _("id"), _("type"), _("name"), _("distribution"))
    table(_("Connectors"), columns, rows)
    if registry.failures:
        click.echo(_("Plugins that failed"))
    # Not as a table: an author copies the name of a file from here.
    for item in registry.failures:
        message = _("could not be loaded at the stage {stage}: {reason}").format(
            stage=item.stage, reason=item.error
        )
        plugin = f"{item.entry_point} ({item.distribution} {item.version})"
        click.echo(printable(f"  {plugin}: {message}"))
        if item.hint:
            click.echo(printable(f"      {item.hint}"))


def receipt_data(receipt: Receipt) -> dict[str, Any]:
    """A receipt as JSON."""
    return {
        "messageId": receipt.message_id,
        "connectorId": receipt.connector_id,
        "accepted": list(receipt.accepted),
        "rejected": list(receipt.rejected),
        "response": receipt.response,
        "enhancedCode": receipt.enhanced_code,
        "seconds": {stage: round(value, 6) for stage, value in receipt.seconds.items()},
    }


def stage_data(stage: Stage) -> dict[str, Any]:
    """A stage of a verification as JSON."""
    return {
        "name": stage.name,
        "ok": stage.ok,
        "seconds": round(stage.seconds, 6),
        "detail": stage.detail,
        "facts": dict(stage.facts),
    }


def report(error: ConnectorError, *, as_json: bool) -> int:
    """Tell an error on stderr, in sentences; with `--json` also on stdout. Return the exit code.

    What a command put into the context under `connector_core.more` goes into the JSON.
    """
    if as_json:
        more = click.get_current_context().meta.get("connector_core.more", {})
        echo_json({"error": error_data(error), **more})
    print_error(error)
    if isinstance(error, UncertainDeliveryError):
        return UNCERTAIN
    if isinstance(error, DeliveryError):
        return FAILED
    return USAGE if isinstance(error, UnknownConnectorError) else PROBLEM


def print_error(error: ConnectorError) -> None:
    """Tell an error on stderr, in sentences."""
    for line in _sentences(error):
        click.echo(printable(line), err=True)


def _sentences(error: ConnectorError) -> Iterable[str]:
    if isinstance(error, ConfigError):
        count = len(error.problems)
        yield ngettext(
            "error: the config has {count} problem:",
            "error: the config has {count} problems:",
            count,
        ).format(count=count)
        for problem in error.problems:
            yield f"  {problem.path}: {problem.message}"
            if problem.hint:
                yield f"      {problem.hint}"
        return
    yield _("error: {error}").format(error=error)
    if isinstance(error, NoConnectorForUsageError) and error.configured:
        hint = _("connector enable NAME --usage TYPE, or without --usage for all others")
        yield "  " + _("what to do: {hint}").format(hint=hint)
    if isinstance(error, DeliveryError):
        if error.hint:
            yield "  " + _("what to do: {hint}").format(hint=error.hint)
        for note in getattr(error, "__notes__", ()):
            if not note.startswith("  File "):  # a stack is for the plugin's author
                yield f"  {note}"


def error_data(error: ConnectorError) -> dict[str, Any]:
    """An error as JSON."""
    data: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, ConfigError):
        data["problems"] = [
            {"path": problem.path, "message": problem.message, "hint": problem.hint}
            for problem in error.problems
        ]
    if isinstance(error, MessageError):
        data["field"] = error.field
    if isinstance(error, DeliveryError):
        data |= {
            "stage": error.stage,
            "code": error.code,
            "enhancedCode": error.enhanced_code,
            "response": error.response,
            "command": error.command,
            "hint": error.hint,
            "retry": error.retry,
            "failover": error.failover,
            "operator": error.operator,
        }
    return data
