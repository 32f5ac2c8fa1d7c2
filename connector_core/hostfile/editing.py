"""Changing a host file: one writer at a time, checked before it is written, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from connector_core.errors import ConfigError, ConfigProblem
from connector_core.hostfile.model import HostFile
from connector_core.hostfile.reading import checked, parsed, shape, text_if_there
from connector_core.hostfile.saving import locked, write_whole
from connector_core.hostfile.toml import CannotEditError, edited
from connector_core.i18n import gettext as _

__all__ = ["apply", "change"]


def change(
    path: Path,
    edit: Callable[[dict[str, Any]], None],
    *,
    secret: Callable[[Mapping[str, Any]], bool],
    renamed: Mapping[tuple[str, ...], str] | None = None,
) -> HostFile:
    """Change a host file, or begin one.

    Args:
        path: the file; a new one is made where it is not there.
        edit: changes the data of the file, as `tomllib` gives it; called once, while no other
            writer is at work. If it raises, nothing is changed.
        secret: whether the data holds a secret in clear, so that only the owner may read the file.
        renamed: tables that the edit gives another last key, by their paths.

    Raises:
        ConfigError: the file is unsound before or after the edit, or cannot be written; it stays
            as it was.
    """
    with locked(path):
        return apply(path, edit, secret=secret, renamed=renamed)


def apply(
    path: Path,
    edit: Callable[[dict[str, Any]], None],
    *,
    secret: Callable[[Mapping[str, Any]], bool],
    renamed: Mapping[tuple[str, ...], str] | None = None,
) -> HostFile:
    """As `change`, for whoever holds the file's lock.

    Raises:
        ConfigError: as `change`.
    """
    there = text_if_there(path)
    text = there or ""
    wanted = parsed(path, text)
    if problems := shape(wanted)[1]:
        raise ConfigError(problems)
    edit(wanted)
    result = checked(path, wanted)
    try:
        changed = edited(text, wanted, renamed)
    except CannotEditError:
        told = _("is written in a form that cannot be changed without losing something")
        hint = _("change it by hand; nothing was written")
        raise ConfigError([ConfigProblem(str(path), told, hint)]) from None
    if changed != there:
        write_whole(path, changed.encode(), private=secret(wanted))
    return result
