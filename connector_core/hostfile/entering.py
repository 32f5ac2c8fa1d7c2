"""Entering a connector in a host file, with the secrets and templates that belong to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector_core.configs import json_path, merge_patch
from connector_core.errors import ConfigError, ConfigProblem
from connector_core.hostfile.editing import apply
from connector_core.hostfile.model import HostFile
from connector_core.hostfile.reading import checked, parsed, text_if_there
from connector_core.hostfile.routing import effective_routes, enable
from connector_core.hostfile.saving import cannot_write, locked
from connector_core.hostfile.templatefiles import file_name, file_text
from connector_core.i18n import gettext as _
from connector_core.routes import ANY_USAGE

__all__ = ["NewEntry", "enter", "refuse_taken_name"]

ConfigPath = tuple[str, ...]

_SECRETS = "secrets"  # the folder beside the host file


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A connector to be entered.

    Attributes:
        name: its name.
        entry: what the host file will say of it.
        secrets: values of its config that go into files of their own, by their paths.
        templates: what to write as template files where there are no templates, by the keys of a
            config template.
        usage_types: what it shall serve, behind those that do; `*` is every usage type without a
            route of its own. None leaves the routes as they are; an empty one lets a new connector
            serve `*`, and one that is replaced what it served.
        replacing: it takes the place of a connector of the same name.
    """

    name: str
    entry: Mapping[str, Any] = field(repr=False)
    secrets: Mapping[ConfigPath, str] = field(default_factory=dict, repr=False)
    templates: Sequence[Mapping[str, str]] = field(default=(), repr=False)
    usage_types: Sequence[str] | None = ()
    replacing: bool = False


def enter(
    path: Path, new: NewEntry, *, secret: Callable[[Mapping[str, Any]], bool]
) -> tuple[HostFile, list[Path]]:
    """Write the entry into the host file, and what belongs to it beside it, or nothing at all.

    No file that is there is overwritten but the host file.

    Args:
        path: the host file; begun where it is not there.
        new: what to enter.
        secret: whether the data of the host file has a secret in clear.

    Returns:
        The host file, and the files that are new beside it.

    Raises:
        ConfigError: it cannot be written; everything is as it was.
    """
    made = _Made()
    try:
        made.folder(path.parent, 0o777)
        with locked(path):
            data = parsed(path, text_if_there(path) or "")
            if not new.replacing:
                refuse_taken_name(data, new.name)
            entry = dict(new.entry)
            for place, value in new.secrets.items():
                reference = _write_secret(path.parent, (new.name, *place), value, made)
                for key in reversed(("config", *place)):
                    reference = {key: reference}
                entry = merge_patch(entry, reference)
            file = checked(path, data)
            if not file.templates:
                for template in new.templates:
                    made.folder(file.template_folder, 0o777)
                    place_ = file.template_folder / file_name(template)
                    made.file(place_, file_text(template).encode(), 0o666)

            def edit(wanted: dict[str, Any]) -> None:
                _put(wanted, new, entry)

            return apply(path, edit, secret=secret), made.files
    except BaseException:
        made.undo()
        raise


def refuse_taken_name(data: Mapping[str, Any], name: str) -> None:
    """Refuse a name that a host file with this data has already.

    Raises:
        ConfigError: it has.
    """
    if name in data.get("connectors", {}):
        told = _("is there already")
        hint = _("choose another name, or let it be replaced")
        raise ConfigError([ConfigProblem(json_path(("connectors", name)), told, hint)])


def _put(data: dict[str, Any], new: NewEntry, entry: Mapping[str, Any]) -> None:
    """Put the entry into the data of a host file, and its name into the routes."""
    connectors = data.setdefault("connectors", {})
    there = new.name in connectors
    usages = new.usage_types
    if usages is not None and not usages and not there:
        usages = [ANY_USAGE]
    if not there or usages:
        # The others go on to serve what they serve; in a file without routes that is written down.
        data["routes"] = effective_routes(data) if connectors else {}
    connectors[new.name] = dict(entry)
    if usages:
        # The last is `*`: those named beside it have routes of their own, whatever it holds.
        enable(data, new.name, sorted(usages, key=ANY_USAGE.__eq__))


def _write_secret(folder: Path, parts: Sequence[str], value: str, made: _Made) -> Any:
    """Write a secret into a file of its own, and return the reference to it."""
    secrets = folder / _SECRETS
    made.folder(secrets, 0o700)
    _require_private(secrets)
    stem, number = "-".join(parts), 1
    while os.path.lexists(secrets / (name := stem if number == 1 else f"{stem}-{number}")):
        number += 1  # what is there may be the secret of another
    # Reading takes one mark of byte order and one line break away.
    mark = "\ufeff" if value.startswith("\ufeff") else ""
    made.file(secrets / name, f"{mark}{value}\n".encode(), 0o600)
    return f"file:{_SECRETS}/{name}"


def _require_private(folder: Path) -> None:
    found = folder.stat()
    if found.st_mode & 0o022 or (hasattr(os, "geteuid") and found.st_uid != os.geteuid()):
        told = _("belongs to somebody else, or others may write into it")
        hint = _("make it your own and chmod 700 it")
        raise ConfigError([ConfigProblem(str(folder), told, hint)])


class _Made:
    """Files and folders that are new, to be taken away again where something fails.

    Attributes:
        files: the files, in the order in which they were made.
    """

    def __init__(self) -> None:
        self.files: list[Path] = []
        self._folders: list[Path] = []

    def folder(self, folder: Path, mode: int) -> None:
        """Make a folder, and those that it is in, unless it is there."""
        for place in (*reversed(folder.parents), folder):
            try:
                os.mkdir(place, mode)  # noqa: PTH102 - of this mode from the start
            except FileExistsError:
                continue
            except OSError as error:
                if os.path.isdir(place):  # noqa: PTH112 - which says no where it may not look
                    continue  # of another's, or on a file system that may only be read
                raise cannot_write(folder, error) from None
            self._folders.append(place)

    def file(self, path: Path, data: bytes, mode: int) -> None:
        """Make a file; one that is there is never written to, nor through a link."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            self.files.append(path)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(path, error) from None

    def undo(self) -> None:
        """Take away what was made."""
        for path in reversed(self.files):
            with suppress(OSError):
                path.unlink()
        for folder in reversed(self._folders):
            with suppress(OSError):
                folder.rmdir()
