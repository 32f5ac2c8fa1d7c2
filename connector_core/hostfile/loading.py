"""From a host file to connectors at work, and from one state of the file to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connector_core.configs import json_path
from connector_core.errors import ConfigError, ConfigProblem
from connector_core.guard import Guard
from connector_core.hostfile.reading import read
from connector_core.hostfile.resolving import ResolvedEntry, resolved
from connector_core.i18n import gettext as _

if TYPE_CHECKING:
    from connector_core.hostfile.model import HostFile
    from connector_core.registry import Registry
    from connector_core.routes import Routes

__all__ = ["FileChange", "FileLoader"]


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a host file says now, ready to be gone over to.

    Attributes:
        guards: its connectors by name; those whose config is unchanged are the ones at work.
        gone: the names of those that the file had, and has no more.
        table: which of them serve each usage type; None lets each serve every one.
        entries: what the connectors were made of, by name.
    """

    guards: Mapping[str, Guard]
    gone: frozenset[str]
    table: Mapping[str, Sequence[str]] | None
    entries: Mapping[str, ResolvedEntry]

    def routes(self, old: Routes[Guard]) -> Routes[Guard]:
        """The routes with what the file says, and what the program configured beside it."""
        return old.with_table(self.guards, self.table, self.gone)


class FileLoader:
    """Reads one host file, again and again.

    Attributes:
        path: the file.
        lock: held by whoever goes over to what was read.
    """

    def __init__(self, path: Path, registry: Registry) -> None:
        self.path = path
        self.lock = asyncio.Lock()
        self._registry = registry
        self._entries: Mapping[str, ResolvedEntry] = {}

    def took(self, change: FileChange) -> None:
        """Note that the host went over to what was read; all else that was read counts nothing."""
        self._entries = change.entries

    def load(self, routes: Routes[Guard]) -> FileChange:
        """Read the file; what it says is checked whole before anything is made of it.

        Args:
            routes: those at work.

        Raises:
            ConfigError: with every problem of the file.
        """
        file = read(self.path)
        entries = {item.entry.name: item for item in resolved(file, self._registry)}
        self._refuse_taken_names(file, routes)
        guards = {name: self._guard(entry, routes) for name, entry in entries.items()}
        gone = frozenset(self._entries) - set(entries)
        return FileChange(guards, gone, file.routes, entries)

    def _guard(self, entry: ResolvedEntry, routes: Routes[Guard]) -> Guard:
        name = entry.entry.name
        before = self._entries.get(name)
        at_work = routes.configured.get(name)
        if (
            at_work is not None
            and before is not None
            and before.connector is entry.connector
            and before.config == entry.config
        ):
            return at_work
        # A copy: the state may keep it, and what it makes of it is its own.
        return Guard(name, entry.connector, entry.connector.state_of(deepcopy(dict(entry.config))))

    def _refuse_taken_names(self, file: HostFile, routes: Routes[Guard]) -> None:
        taken = [
            name
            for name in file.connectors
            if name in routes.configured and name not in self._entries
        ]
        if taken:
            raise ConfigError(
                [
                    ConfigProblem(
                        json_path(("connectors", name)),
                        _("is the name of a connector that the program configured itself"),
                        _("choose another name"),
                    )
                    for name in taken
                ]
            )
