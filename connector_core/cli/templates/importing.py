"""`templates import`: templates of another program become template files, all or none."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector_core.cli.hostfile import change_file, file_option, is_there
from connector_core.cli.options import once
from connector_core.cli.output import echo_json, json_option, printable, table
from connector_core.cli.usages import check_locale
from connector_core.configs import json_path
from connector_core.errors import ConfigError, ConfigProblem
from connector_core.hostfile.exchange import from_json
from connector_core.hostfile.lookup import PlacedTemplate
from connector_core.hostfile.reading import read
from connector_core.hostfile.templatefiles import file_name, file_text, template_files
from connector_core.hostfile.together import written_together
from connector_core.i18n import gettext as _
from connector_core.jsonfile import read_json

if TYPE_CHECKING:
    from connector_core.hostfile.model import HostFile

__all__ = ["import_templates"]

_MAX_NAME = 200  # octets; file systems take 255, and a file that is being written has a longer one
Identity = tuple[str, str]


@dataclass(slots=True)
class _Plan:
    """What an import comes to.

    Attributes:
        files: what is written, or removed, by its path.
        inline: what goes into the host file.
        gone: what goes out of it.
        moved: each template with the place that it gets.
        twice: each template that is left out, with the one before it for the same.
    """

    files: dict[Path, bytes | None] = field(default_factory=dict)
    inline: list[PlacedTemplate] = field(default_factory=list)
    gone: set[Identity] = field(default_factory=set)
    moved: list[tuple[PlacedTemplate, str]] = field(default_factory=list)
    twice: list[tuple[PlacedTemplate, PlacedTemplate]] = field(default_factory=list)


@click.command("import")
@click.argument("source", metavar="FILE", type=click.Path())
@once(
    "--into",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write the files; without it the template folder of the host file.",
)
@once("--locale", metavar="TAG", help="The language of those that say none.")
@click.option("--force", is_flag=True, help="Replace templates that are there.")
@file_option
@json_option
def import_templates(
    source: str, folder: Path | None, locale: str | None, force: bool, file: Path, as_json: bool
) -> None:
    """Take over the templates in FILE (JSON; - reads standard input).

    It is a connector's config, Logto's e-mail templates, or what `templates export` gave. Each
    becomes a template file; what cannot be a file goes into the host file.
    """
    check_locale(locale)
    found = from_json(read_json(source), locale)
    if not found:
        raise ConfigError([ConfigProblem(source, _("has no templates"))])
    host = read(file) if is_there(file) else None
    usual = host.template_folder if host else file.parent / "templates"
    plan = _plan(found, folder or usual, file)
    shared = host is not None and _same(folder or usual, usual)
    _make_room(plan, host, folder or usual, shared=shared, force=force)
    _carry_out(plan, file, check=shared)
    _tell(plan, as_json=as_json)
    if not as_json and not _same(folder or usual, usual):
        told = _("note: {file} reads templates from {folder}; templateFolder names another")
        click.echo(printable(told.format(file=file, folder=usual)), err=True)


def _plan(found: Iterable[PlacedTemplate], folder: Path, file: Path) -> _Plan:
    plan = _Plan()
    first: dict[Identity, PlacedTemplate] = {}
    for item in found:
        if item.identity in first:
            plan.twice.append((item, first[item.identity]))
            continue
        first[item.identity] = item
        try:
            name, text = file_name(item.keys), file_text(item.keys)
        except ValueError:
            name, text = "", ""
        path = folder / name
        if name and len(name.encode()) <= _MAX_NAME and path not in plan.files:
            plan.files[path] = text.encode()
            plan.moved.append((item, str(path)))
        else:
            plan.inline.append(item)
            plan.moved.append((item, file.name))
    return plan


def _make_room(
    plan: _Plan, host: HostFile | None, folder: Path, *, shared: bool, force: bool
) -> None:
    """Find what is in the way; with `force` it goes.

    Raises:
        ConfigError: with each template that is there already.
    """
    coming = {item.identity for item, _to in plan.moved}
    in_the_way = [str(path) for path in plan.files if is_there(path)]
    for place, keys in template_files(folder):
        path = folder / Path(place).name
        if isinstance(keys, dict) and PlacedTemplate(place, keys).identity in coming:
            in_the_way.append(str(path))
            plan.files.setdefault(path, None)
    # Those of the host file go before files: one that stays would hide what comes.
    hidden = coming if shared else {item.identity for item in plan.inline}
    for index, keys in enumerate(host.data.get("templates", ()) if host else ()):
        item = PlacedTemplate(json_path(("templates", index)), keys)
        if item.identity in hidden:
            in_the_way.append(item.place)
            plan.gone.add(item.identity)
    if in_the_way and not force:
        hint = _("--force replaces it")
        problems = [
            ConfigProblem(place, _("is there already"), hint) for place in dict.fromkeys(in_the_way)
        ]
        raise ConfigError(problems)


def _carry_out(plan: _Plan, file: Path, *, check: bool) -> None:
    def edit(data: dict[str, Any]) -> None:
        kept = [
            keys
            for keys in data.get("templates", ())
            if PlacedTemplate("", keys).identity not in plan.gone
        ]
        data["templates"] = [*kept, *(dict(item.keys) for item in plan.inline)]
        if not data["templates"]:
            del data["templates"]

    with written_together(plan.files) if plan.files else nullcontext():
        if plan.inline or plan.gone:
            from connector_core.discovery import discover

            change_file(file, discover(), edit)
        elif check:
            read(file)


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _tell(plan: _Plan, *, as_json: bool) -> None:
    if as_json:
        echo_json(
            {
                "imported": [
                    {**_about(item), "from": item.place, "to": place} for item, place in plan.moved
                ],
                "leftOut": [
                    {**_about(item), "from": item.place, "sameAs": first.place}
                    for item, first in plan.twice
                ],
            }
        )
        return
    rows = [
        (item.usage_type, item.locale or _("any"), item.place, place) for item, place in plan.moved
    ]
    told = _("left out: {first} is for the same, and the first counts")
    rows += [
        (item.usage_type, item.locale or _("any"), item.place, told.format(first=first.place))
        for item, first in plan.twice
    ]
    table(_("Templates"), (_("usage type"), _("locale"), _("from"), _("to")), rows)


def _about(item: PlacedTemplate) -> dict[str, str | None]:
    return {"usageType": item.usage_type, "locale": item.locale}
