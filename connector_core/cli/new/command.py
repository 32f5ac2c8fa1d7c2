"""`new`: the project of a connector of your own, complete and tested."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from connector_core.cli.new.projects import Project, author_problem, name_problem, text_problem
from connector_core.cli.options import once
from connector_core.cli.output import echo_json, json_option, printable
from connector_core.i18n import gettext as _
from connector_core.i18n import ngettext, system_reason

if TYPE_CHECKING:
    from connector_core.models import ConnectorType

__all__ = ["new"]


@click.command()
@click.argument("name", required=False)
@once(
    "--type", "kind", type=click.Choice(["Email", "Sms"]), help="What it sends; Email without this."
)
@once(
    "--folder",
    metavar="PATH",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to make; without this NAME.",
)
@once("--title", metavar="TEXT", help="Its name as people write it.")
@once("--description", metavar="TEXT", help="What it does, in a sentence.")
@once("--author", metavar="TEXT", help='Who writes it: "Name <a@b.example>".')
@json_option
def new(
    name: str | None,
    kind: str | None,
    folder: Path | None,
    title: str | None,
    description: str | None,
    author: str | None,
    as_json: bool,
) -> None:
    """Make the project of a new connector: code, tests, checks, documentation.

    NAME is that of its distribution, and its id and target: acme-mail.
    """
    if name is None:
        name, kind, title = _asked(kind, title, may_ask=not as_json)
    _require("NAME", name, _problem_of_name)
    for option, text in (("--title", title), ("--description", description)):
        _require(option, text, text_problem)
    _require("--author", author, author_problem)
    project = Project.of(name, cast("ConnectorType", kind or "Email"), title, description, author)
    folder = folder or Path(project.name)
    files = _written(project, folder)
    steps = [
        f"cd {shlex.quote(str(folder.resolve() if folder == Path() else folder))}",
        "python -m pip install --upgrade pip",  # --group came with pip 25.1
        "python -m pip install --editable . --group=dev",
        "python -m pytest",
    ]
    if as_json:
        made = {"name": project.name, "package": project.package, "folder": str(folder)}
        echo_json({**made, "files": files, "next": steps})
        return
    told = ngettext("made {name}: {count} file", "made {name}: {count} files", len(files))
    click.echo(told.format(name=project.name, count=len(files)))
    click.echo(_("What to do next, in a virtual environment:"))
    click.echo(printable("\n".join(f"  {step}" for step in steps)))


def _asked(
    kind: str | None, title: str | None, *, may_ask: bool
) -> tuple[str, str | None, str | None]:
    """Name, type and title, asked for on a terminal."""
    from connector_core.cli.setup.prompts import choose, interactive, text

    if not may_ask or not interactive():
        raise click.UsageError(_("say what it is to be called: connector new NAME"))
    name = text(_("Name of the distribution, such as acme-mail"), check=_problem_of_name)
    if kind is None:
        kinds = [("Email", _("e-mails")), ("Sms", _("text messages"))]
        kind = choose(_("What does it send?"), kinds, default="Email")
    if title is None:
        proposed = Project.of(name).title
        title = text(_("Its name as people write it"), default=proposed, check=text_problem)
    return name, kind, title


def _problem_of_name(name: str) -> str:
    from connector_core.discovery import discover

    return name_problem(name, discover())


def _require(parameter: str, text: str | None, problem_of: Callable[[str], str]) -> None:
    if text is not None and (problem := problem_of(text)):
        raise click.BadParameter(problem, param_hint=parameter)


def _written(project: Project, folder: Path) -> list[str]:
    """Write the project; the paths of its files.

    Raises:
        click.ClickException: it cannot be written; then nothing is.
    """
    if folder.is_dir() and any(folder.iterdir()):
        told = _("{path} is not empty: name another by --folder").format(path=folder)
        raise click.BadParameter(told, param_hint="--folder")
    try:
        return project.write(folder)
    except OSError as error:
        told = _("{path} cannot be made: {reason}. Nothing was written")
        message = told.format(path=folder, reason=system_reason(error))
        raise click.ClickException(message) from None
