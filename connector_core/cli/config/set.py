"""`config set` and `config unset`: one value of a config, checked with all the others."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from connector_core.cli.completing import config_paths, configured_names
from connector_core.cli.config.check import edit_config
from connector_core.cli.config.masking import masked, shown
from connector_core.cli.config.places import place_of, put, take_out, value_at
from connector_core.cli.hostfile import file_option, host_file, known_name
from connector_core.cli.output import echo_json, json_option, printable
from connector_core.configs import PathParts, is_reference, json_path
from connector_core.i18n import gettext as _
from connector_core.schemas import is_secret
from connector_core.typedvalues import typed_value

__all__ = ["set_value", "unset"]

_MAX_INPUT = 1024 * 1024  # octets

_force = click.option(
    "--force", is_flag=True, help="Write it although the config has more problems with it."
)


@click.command("set")
@click.argument("name", shell_complete=configured_names)
@click.argument("path", shell_complete=config_paths)
@click.argument("value", required=False)
@click.option("--json-value", is_flag=True, help="VALUE is JSON, also where text is taken.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the value from standard input.")
@_force
@file_option
@json_option
def set_value(
    name: str,
    path: str,
    value: str | None,
    json_value: bool,
    from_stdin: bool,
    force: bool,
    file: Path,
    as_json: bool,
) -> None:
    """Set the value at PATH in the config of the connector NAME.

    VALUE is text where text is taken, else JSON: 587, true, ["a", "b"]. env:NAME and file:PATH
    are references, resolved when the file is used. A secret that is left out is asked for on a
    terminal.
    """
    parts = _inner_place(path)
    schema = _schema(file, name)
    kept = _reference(file, name, parts)
    text = _given(schema, parts, value, from_stdin=from_stdin)
    try:
        wanted = typed_value(schema, parts, text, as_json=json_value)
    except ValueError as error:
        told = _("{path} {reason}").format(path=json_path(parts), reason=error)
        raise click.BadParameter(told, param_hint=_("VALUE")) from None
    edit_config(file, name, parts, _told(lambda config: put(config, parts, wanted)), force=force)
    safe = masked(schema, wanted, parts)
    if as_json:
        echo_json({"connector": name, "path": json_path(parts), "value": safe})
    else:
        click.echo(f"{printable(json_path(parts))} = {shown(safe)}")
    if kept and is_secret(schema, parts) and not is_reference(text):
        told = _("note: {path} was kept in {reference}, and now stands in {file} itself")
        note = told.format(path=json_path(parts), reference=kept, file=file)
        click.echo(printable(note), err=True)


@click.command()
@click.argument("name", shell_complete=configured_names)
@click.argument("path", shell_complete=config_paths)
@_force
@file_option
@json_option
def unset(name: str, path: str, force: bool, file: Path, as_json: bool) -> None:
    """Take what is at PATH out of the config of the connector NAME."""
    parts = _inner_place(path)
    edit_config(file, name, None, _told(lambda config: take_out(config, parts)), force=force)
    if as_json:
        echo_json({"connector": name, "path": json_path(parts)})
    else:
        click.echo(printable(_("{path} was taken out.").format(path=json_path(parts))))


def _inner_place(path: str) -> PathParts:
    try:
        parts = place_of(path)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=_("PATH")) from None
    if not parts:
        raise click.BadParameter(
            _("name a value in the config, such as host"), param_hint=_("PATH")
        )
    return parts


def _schema(file: Path, name: str) -> dict[str, Any]:
    from connector_core.discovery import discover

    found = host_file(file)
    return discover()[found.connectors[known_name(found, name)].connector].schema


def _reference(file: Path, name: str, parts: PathParts) -> str | None:
    """The reference that stands at a place, if one does."""
    found = host_file(file)
    with suppress(LookupError):
        value = value_at(found.connectors[known_name(found, name)].config, parts)
        return value if isinstance(value, str) and is_reference(value) else None
    return None


def _told(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    def edit(config: dict[str, Any]) -> None:
        try:
            change(config)
        except LookupError as error:
            raise click.BadParameter(error.args[0], param_hint=_("PATH")) from None

    return edit


def _given(schema: dict[str, Any], parts: PathParts, value: str | None, *, from_stdin: bool) -> str:
    """The value as it was typed, from wherever it comes."""
    if from_stdin:
        if value is not None:
            raise click.UsageError(_("give either VALUE or --stdin"))
        return _from_stdin()
    if value is not None:
        return value
    if is_secret(schema, parts) and sys.stdin.isatty():
        asked: str = click.prompt(json_path(parts), hide_input=True, err=True)
        return asked
    raise click.UsageError(_("VALUE is missing: give it, or --stdin to read it from there"))


def _from_stdin() -> str:
    data = sys.stdin.buffer.read(_MAX_INPUT + 1)
    if len(data) > _MAX_INPUT:
        told = _("standard input has more than {count} MiB").format(count=_MAX_INPUT >> 20)
        raise click.UsageError(told)
    try:
        # As in a file that a reference names, the last line break does not count.
        return data.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise click.UsageError(_("standard input is not UTF-8 text")) from None
