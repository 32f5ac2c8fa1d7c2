"""`remove` and `rename`: a configured connector goes, or gets another name."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from connector_core.cli.completing import configured_names
from connector_core.cli.hostfile import file_option, host_file, known_name
from connector_core.cli.output import PROBLEM, json_option, printable
from connector_core.cli.routes import edit_routes, tell_routes
from connector_core.configs import strings
from connector_core.hostfile.routing import remove_connector, rename_connector
from connector_core.i18n import gettext as _

__all__ = ["remove", "rename"]


@click.command()
@click.argument("name", shell_complete=configured_names)
@click.option("--yes", is_flag=True, help="Do not ask.")
@file_option
@json_option
def remove(name: str, yes: bool, file: Path, as_json: bool) -> None:
    """Take the configured connector NAME out of the host file, and out of its routes."""
    known_name(host_file(file), name)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(_("there is no terminal to ask on: give --yes to remove it"))
        told = _("Remove {name} with its config from {file}?").format(name=name, file=file)
        if not click.confirm(told, err=True):
            click.echo(_("nothing was changed"), err=True)
            click.get_current_context().exit(PROBLEM)

    def edit(data: dict[str, Any]) -> None:
        remove_connector(data, name)

    before, after = edit_routes(file, name, edit)
    if not as_json:
        click.echo(_("{name} was removed from {file}.").format(name=name, file=file))
    unused = sorted(_secret_files(before) - _secret_files(after.data))
    tell_routes(before, after, as_json=as_json, removed=name, unused=unused)
    if unused and not as_json:
        click.echo(printable(_("no longer used: {paths}").format(paths=", ".join(unused))))


def _secret_files(data: Mapping[str, Any]) -> set[str]:
    """The files beside a host file that its configs refer to, as `connector setup` writes them."""
    prefix = "file:secrets/"
    texts = (text for _parts, text in strings(data) if text.startswith(prefix))
    return {text.removeprefix("file:") for text in texts}


@click.command()
@click.argument("old", shell_complete=configured_names)
@click.argument("new")
@file_option
@json_option
def rename(old: str, new: str, file: Path, as_json: bool) -> None:
    """Give the configured connector OLD the name NEW; its routes and comments stay."""
    from connector_core.hostfile.reading import outer_schema

    if not re.search(outer_schema()["properties"]["connectors"]["propertyNames"]["pattern"], new):
        told = _("{name!r} cannot be a name: letters, digits, - and _, at most 64 of them")
        raise click.UsageError(told.format(name=new))

    def edit(data: dict[str, Any]) -> None:
        if new in data["connectors"] and new != old:
            told = _("{file} has a connector {name!r} already").format(file=file, name=new)
            raise click.UsageError(told)
        rename_connector(data, old, new)

    before, after = edit_routes(file, old, edit, {("connectors", old): new})
    if not as_json:
        click.echo(_("{old} is {new} now.").format(old=old, new=new))
    tell_routes(before, after, as_json=as_json, renamed={"from": old, "to": new})
