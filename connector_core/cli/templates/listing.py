"""`templates list` and `templates show`: which templates there are, and which one serves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from connector_core.cli.completing import configured_names, locales, usage_types
from connector_core.cli.hostfile import file_option, host_file, known_name
from connector_core.cli.options import once
from connector_core.cli.output import echo_json, json_option, printable, table
from connector_core.cli.usages import asked_locale, check_usage, note_slip
from connector_core.hostfile.lookup import (
    PlacedTemplate,
    chosen,
    locales_of,
    missing_templates,
    own_usages,
    placed_templates,
    usages_of,
)
from connector_core.hostfile.model import HostFile
from connector_core.i18n import gettext as _

__all__ = ["list_templates", "show"]


@click.command("list")
@file_option
@json_option
def list_templates(file: Path, as_json: bool) -> None:
    """List the templates by usage type and locale, where each stands, and which are missing."""
    found = host_file(file)
    placed = placed_templates(found, *found.connectors)
    missing = missing_templates(placed, found.default_locale)
    if as_json:
        echo_json(
            {
                "templates": [
                    {
                        "usageType": item.usage_type,
                        "locale": item.locale,
                        "place": item.place,
                        "connector": item.connector,
                    }
                    for item in placed
                ],
                "missing": [{"usageType": usage, "locale": tag} for usage, tag in missing],
            }
        )
        return
    _print_matrix(found, placed)
    if missing:
        told = ", ".join(f"{usage} ({tag or _('any locale')})" for usage, tag in missing)
        click.echo(printable(_("Missing: {templates}").format(templates=told)))


@click.command()
@click.argument("usage", shell_complete=usage_types)
@once("--locale", metavar="TAG", help="The language asked for.", shell_complete=locales)
@once(
    "--connector",
    "name",
    metavar="NAME",
    help="The configured connector that sends; without it the first that serves USAGE.",
    shell_complete=configured_names,
)
@file_option
@json_option
def show(usage: str, locale: str | None, name: str | None, file: Path, as_json: bool) -> None:
    """Show the template that a message for USAGE gets, where it stands, and its variables."""
    check_usage(usage)
    locale = asked_locale(locale)
    found = host_file(file)
    note_slip(usage, lambda: own_usages(found))
    name = known_name(found, name) if name else next(iter(found.candidates(usage)), None)
    item = chosen(found, usage, locale, name)
    if as_json:
        echo_json(
            {
                "place": item.place,
                "connector": item.connector,
                "template": dict(item.keys),
                "variables": item.variables,
            }
        )
        return
    for title, text in (
        (_("stands in"), _place(found, item)),
        (_("usage type"), item.usage_type),
        (_("locale"), item.locale or _("any")),
        (_("form"), item.keys.get("contentType", "text/html")),
        (_("variables"), ", ".join(item.variables) or _("none")),
        (_("sender"), item.keys.get("sendFrom", "")),
        (_("replies to"), item.keys.get("replyTo", "")),
        (_("subject"), item.keys["subject"]),
    ):
        if text:
            click.echo(printable(f"{title}: {text}"))
    click.echo(printable(f"\n{item.keys['content']}"))


def _print_matrix(file: HostFile, placed: Sequence[PlacedTemplate]) -> None:
    tags = locales_of(placed)
    columns = [_("usage type"), *(tag or _("any locale") for tag in tags)]
    table(
        _("Templates"),
        columns,
        [
            (
                usage,
                *(", ".join(_places(file, placed, (usage, tag.lower()))) or "-" for tag in tags),
            )
            for usage in usages_of(placed)
        ],
    )


def _places(
    file: HostFile, placed: Iterable[PlacedTemplate], identity: tuple[str, str]
) -> list[str]:
    return list(dict.fromkeys(_place(file, item) for item in placed if item.identity == identity))


def _place(file: HostFile, item: PlacedTemplate) -> str:
    """Where a template stands, in a word or two: a file, the host file, or a connector."""
    if item.connector is not None:
        return _("config of {name}").format(name=item.connector)
    return file.path.name if item.place.startswith("$") else item.place
