"""`enable`, `disable`, `order`, `routes`: who serves which usage type, and in what order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

import click

from connector_core.cli.completing import configured_names, usage_types
from connector_core.cli.hostfile import change_file, file_option, host_file, known_name, there
from connector_core.cli.output import echo_json, json_option, printable, table
from connector_core.cli.usages import check_usage, note_slip
from connector_core.hostfile import routing
from connector_core.hostfile.model import HostFile
from connector_core.i18n import gettext as _
from connector_core.routes import ANY_USAGE

__all__ = ["disable", "edit_routes", "enable", "order", "route_data", "routes", "tell_routes"]

F = TypeVar("F", bound=Callable[..., Any])


def _usage_option(text: str) -> Callable[[F], F]:
    return click.option(
        "--usage",
        "usages",
        multiple=True,
        metavar="TYPE",
        help=text,
        callback=lambda _ctx, _parameter, values: [check_usage(value) for value in values],
        shell_complete=usage_types,
    )


@click.command()
@click.argument("name", shell_complete=configured_names)
@_usage_option(
    "A usage type, such as SignIn; may be repeated. Without it every usage type that has no line "
    "of its own."
)
@click.option("--first", is_flag=True, help="Try it before the others, not after them.")
@file_option
@json_option
def enable(name: str, usages: list[str], first: bool, file: Path, as_json: bool) -> None:
    """Let the configured connector NAME serve usage types."""

    def edit(data: dict[str, Any]) -> None:
        routing.enable(data, name, usages or [ANY_USAGE], first=first)

    before, after = edit_routes(file, name, edit)
    _note_slips(before, usages)
    tell_routes(before, after, usages or [ANY_USAGE], as_json=as_json)
    dead = [usage for usage, names in routing.effective_routes(after.data).items() if not names]
    if dead and not usages:
        told = _("note: no connector serves {usages}: that needs --usage, for it has its own line")
        click.echo(printable(told.format(usages=", ".join(dead))), err=True)


@click.command()
@click.argument("name", shell_complete=configured_names)
@_usage_option("A usage type, such as SignIn; may be repeated. Without it all that it serves.")
@file_option
@json_option
def disable(name: str, usages: list[str], file: Path, as_json: bool) -> None:
    """Let the configured connector NAME serve usage types no more."""

    def edit(data: dict[str, Any]) -> None:
        routing.disable(data, name, usages or None)

    before, after = edit_routes(file, name, edit)
    tell_routes(before, after, usages, as_json=as_json)
    if not usages and not as_json:
        click.echo(_("{name} serves no usage type.").format(name=name))


@click.command()
@click.argument("usage", metavar="USAGE", shell_complete=usage_types)
@click.argument("names", nargs=-1, required=True, shell_complete=configured_names)
@file_option
@json_option
def order(usage: str, names: tuple[str, ...], file: Path, as_json: bool) -> None:
    """Try the connectors that serve USAGE, or *, in this order: the first that works sends."""
    check_usage(usage)

    def edit(data: dict[str, Any]) -> None:
        try:
            routing.reorder(data, usage, names)
        except ValueError as error:
            told = _("name each connector that serves {usage} once; those are: {names}")
            serving = ", ".join(error.args[0]) or _("none")
            raise click.UsageError(told.format(usage=usage, names=serving)) from None

    before, after = edit_routes(file, None, edit)
    _note_slips(before, [usage])
    tell_routes(before, after, [usage], as_json=as_json)


@click.command()
@file_option
@json_option
def routes(file: Path, as_json: bool) -> None:
    """Show who serves which usage type, and in what order."""
    found = host_file(file)
    if as_json:
        echo_json(route_data(found))
        return
    serving = routing.effective_routes(found.data)
    rows = [(_called(usage, serving), _in_words(names)) for usage, names in serving.items()]
    table(_("Routes"), (_("usage type"), _("connectors")), rows)
    if unused := routing.idle(found):
        told = _("These serve no usage type: {names}").format(names=", ".join(unused))
        click.echo(printable(told))


def edit_routes(
    path: Path,
    name: str | None,
    edit: Callable[[dict[str, Any]], None],
    renamed: Mapping[tuple[str, ...], str] | None = None,
) -> tuple[Mapping[str, Any], HostFile]:
    """Edit the routes of a host file that has this connector: its data before, and it after.

    Raises:
        ConfigError: the file cannot be read or written, or is unsound.
        click.UsageError: it has no connector of this name.
    """
    from connector_core.discovery import discover
    from connector_core.hostfile.reading import checked, text_of

    before: dict[str, Any] = {}

    def known_edit(data: dict[str, Any]) -> None:
        if name is not None:
            known_name(checked(path, data), name)
        before.update(deepcopy(data))
        edit(data)

    # There is nothing to edit in a file that is yet to be made.
    text_of(there(path, or_config=False))
    after = change_file(path, discover(), known_edit, renamed=renamed)
    return before, after


def route_data(file: HostFile) -> dict[str, Any]:
    """The routes as JSON."""
    return {"routes": routing.effective_routes(file.data), "idle": routing.idle(file)}


def tell_routes(
    before: Mapping[str, Any],
    after: HostFile,
    usages: Iterable[str] = (),
    *,
    as_json: bool,
    **more: Any,
) -> None:
    """Print what holds now for the routes that changed; where none did, for those asked for.

    Args:
        before: the data of the file before.
        after: the file now.
        usages: the usage types that were asked for.
        as_json: print JSON.
        more: what the JSON has besides.
    """
    changed = routing.changed_routes(before, after.data)
    if as_json:
        echo_json({**more, "changed": changed, **route_data(after)})
        return
    serving = routing.effective_routes(after.data)
    for usage in changed or dict.fromkeys(usages):
        line = f"{_called(usage, serving)}: {_in_words(after.candidates(usage))}"
        click.echo(printable(line if changed else _("{line} (as before)").format(line=line)))


def _note_slips(before: Mapping[str, Any], usages: Iterable[str]) -> None:
    """Tell of usage types that are new to the routes, and nearly a known one."""
    for usage in usages:
        note_slip(usage, lambda: [ANY_USAGE, *routing.effective_routes(before)])


def _called(usage: str, routes: Mapping[str, object]) -> str:
    if usage != ANY_USAGE:
        return usage
    return _("every usage type") if len(routes) == 1 else _("every other usage type")


def _in_words(names: Iterable[str]) -> str:
    return _(", then ").join(names) or _("no connector")
