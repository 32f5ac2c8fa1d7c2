"""An edit of one config in the host file, refused where the config is worse for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from connector_core.cli.hostfile import change_file, known_name, there
from connector_core.cli.output import printable
from connector_core.configs import PathParts, json_path
from connector_core.errors import ConfigError, ConfigProblem
from connector_core.i18n import ngettext

__all__ = ["edit_config"]

_INDEX = re.compile(r"\[[0-9]+\]")


def edit_config(
    path: Path,
    name: str,
    place: PathParts | None,
    edit: Callable[[dict[str, Any]], None],
    *,
    force: bool,
) -> None:
    """Edit the config of a configured connector.

    What was wrong with it before, elsewhere than at the place, is in nobody's way; it is told.

    Args:
        path: the host file.
        name: the configured connector.
        place: where in its config a value is set; None where one is taken out.
        edit: changes the config.
        force: write it whatever the connector thinks of it.

    Raises:
        ConfigError: with every problem that the config has after the edit, if it has one that it
            had not, or one at the place; or the host file is unsound.
        click.UsageError: there is no connector of this name.
    """
    from connector_core.discovery import discover
    from connector_core.hostfile.reading import checked, text_of
    from connector_core.hostfile.resolving import resolved_entry

    registry = discover()
    left: list[ConfigProblem] = []

    def problems(data: dict[str, Any]) -> list[ConfigProblem]:
        file = checked(path, data)
        try:
            resolved_entry(file, known_name(file, name), registry)
        except ConfigError as error:
            return list(error.problems)
        return []

    def checked_edit(data: dict[str, Any]) -> None:
        before = problems(data)
        edit(data["connectors"][name]["config"])
        after = problems(data)
        if not force and (_added(before, after) or (place and _at(name, place, after))):
            raise ConfigError(after)
        left[:] = after

    text_of(there(path, or_config=False))
    change_file(path, registry, checked_edit)
    if left:
        told = ngettext(
            "note: {name} has {count} problem left:",
            "note: {name} has {count} problems left:",
            len(left),
        )
        click.echo(told.format(name=name, count=len(left)), err=True)
        for problem in left:
            click.echo(printable(f"  {problem.path}: {problem.message}"), err=True)


def _added(before: Iterable[ConfigProblem], after: Iterable[ConfigProblem]) -> bool:
    """Whether there are problems that were not there; items of lists may have moved up."""

    def kinds(problems: Iterable[ConfigProblem]) -> Counter[tuple[str, str]]:
        return Counter((_INDEX.sub("[]", item.path), item.message) for item in problems)

    return bool(kinds(after) - kinds(before))


def _at(name: str, place: PathParts, problems: Iterable[ConfigProblem]) -> bool:
    """Whether one of the problems is at the place, or within it."""
    where = json_path(("connectors", name, "config", *place))
    return any(f"{item.path}.".startswith((f"{where}.", f"{where}[")) for item in problems)
