"""`templates export`: the templates in a form that other programs read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector_core.cli.hostfile import file_option, host_file
from connector_core.cli.options import once
from connector_core.cli.output import echo_json, printable
from connector_core.cli.overwriting import refuse_overwriting
from connector_core.hostfile.exchange import as_config, as_logto
from connector_core.hostfile.lookup import PlacedTemplate, placed_templates, resolved_template
from connector_core.hostfile.together import written_together
from connector_core.i18n import gettext as _
from connector_core.i18n import ngettext

if TYPE_CHECKING:
    from connector_core.hostfile.model import HostFile

__all__ = ["export"]


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["logto", "json"]),
    default="logto",
    show_default=True,
    help="Logto's e-mail templates, or the templates of a config.",
)
@once(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to this file, not to standard output.",
)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@file_option
def export(form: str, output: Path | None, force: bool, file: Path) -> None:
    """Give the templates to another program, as JSON."""
    found = host_file(file)
    templates = _unique(found)
    given = as_config(templates) if form == "json" else _for_logto(found, templates)
    value = {"templates": given}
    if output is None:
        echo_json(value)
        return
    if not force:
        refuse_overwriting([output])
    text = json.dumps(value, indent=2, ensure_ascii=False)
    with written_together({output: f"{text}\n".encode()}):
        pass
    told = ngettext("{count} template in {path}", "{count} templates in {path}", len(given))
    click.echo(printable(told.format(count=len(given), path=output)))


def _unique(file: HostFile) -> list[PlacedTemplate]:
    """Each usage type and locale once, shared ones first; that others are left out is told."""
    found: dict[tuple[str, str], PlacedTemplate] = {}
    for item in placed_templates(file, *file.connectors):
        first = found.setdefault(item.identity, resolved_template(file, item))
        if first.place != item.place and first.keys != item.keys:
            told = _("note: {place} is left out: {first} is for the same")
            click.echo(printable(told.format(place=item.place, first=first.place)), err=True)
    return list(found.values())


def _for_logto(file: HostFile, templates: Sequence[PlacedTemplate]) -> list[dict[str, Any]]:
    try:
        given = as_logto(templates, file.default_locale)
    except ValueError as error:
        told = _("in Logto each template has a language, and {usage} has none: set defaultLocale")
        raise click.UsageError(told.format(usage=error.args[0])) from None
    if len(given) < len(templates):
        told = _("note: templates without a locale are left out where {locale} has one")
        click.echo(told.format(locale=file.default_locale), err=True)
    return given
