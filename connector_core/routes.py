"""Which configured connector serves which usage type, and in what order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from connector_core.errors import NoConnectorForUsageError, UnknownConnectorError

if TYPE_CHECKING:
    from connector_core.models import ConnectorType

__all__ = ["ANY_USAGE", "Routes"]

ANY_USAGE = "*"  # in a table of routes: every usage type that has none of its own

_MOST_KNOWN = 1000  # usage types whose connectors are remembered: any text may be one


class Routed(Protocol):
    """What a route leads to."""

    @property
    def name(self) -> str:
        """Its unique name."""

    @property
    def type(self) -> ConnectorType:
        """The channel it sends on."""


R = TypeVar("R", bound=Routed)


@dataclass
class Routes(Generic[R]):
    """The configured connectors by name, and the usage types they were enabled for."""

    configured: dict[str, R] = field(default_factory=dict)
    _enabled: dict[str, dict[str, None]] = field(default_factory=dict)
    _chosen: set[str] = field(default_factory=set)
    _table: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _found: dict[tuple[str, ConnectorType], list[R]] = field(default_factory=dict)

    def add(self, name: str, connector: R) -> None:
        """Add a configured connector."""
        self.configured[name] = connector
        self._found.clear()

    def unused_name(self, base: str) -> str:
        """The base itself where it is free, else with the first free number behind it."""
        name, number = base, 2
        while name in self.configured:
            name, number = f"{base}-{number}", number + 1
        return name

    def __getitem__(self, name: str) -> R:
        """The configured connector of this name.

        Raises:
            UnknownConnectorError: there is none.
        """
        try:
            return self.configured[name]
        except KeyError:
            raise UnknownConnectorError(name, list(self.configured)) from None

    def enable(self, name: str, usage_types: Iterable[str]) -> None:
        """Let the connector serve these usage types, and no others than it was enabled for."""
        self._found.clear()
        self._chosen.add(name)
        for usage_type in usage_types:
            self._enabled.setdefault(usage_type, {})[name] = None

    def with_table(
        self,
        connectors: Mapping[str, R],
        table: Mapping[str, Sequence[str]] | None,
        gone: Iterable[str],
    ) -> Routes[R]:
        """Further routes: these connectors before those there are, save the ones that are gone.

        Args:
            connectors: by name.
            table: which of them serve each usage type, or `ANY_USAGE`, in order; None lets each
                serve every usage type.
            gone: names of connectors that are left out.
        """
        out = {*gone, *connectors}
        others = {name: item for name, item in self.configured.items() if name not in out}
        return Routes(
            configured={**connectors, **others},
            _enabled={
                usage_type: {name: None for name in names if name in others}
                for usage_type, names in self._enabled.items()
            },
            _chosen=(self._chosen & set(others)) | (set() if table is None else set(connectors)),
            _table=table or {},
        )

    def candidates(self, usage_type: str, type: ConnectorType) -> list[R]:
        """The connectors to try, in order; never empty.

        Raises:
            NoConnectorForUsageError: none serves this usage type on this channel.
        """
        if (known := self._found.get((usage_type, type))) is not None:
            return known
        order = [
            *self._table.get(usage_type, self._table.get(ANY_USAGE, ())),
            *self._enabled.get(usage_type, {}),
            *(name for name in self.configured if name not in self._chosen),
        ]
        found = [self.configured[name] for name in order if self.configured[name].type == type]
        if not found:
            raise NoConnectorForUsageError(usage_type, type, self._serving())
        if len(self._found) >= _MOST_KNOWN:
            self._found.clear()
        self._found[usage_type, type] = found
        return found

    def _serving(self) -> dict[str, tuple[str, tuple[str, ...] | None]]:
        return {
            name: (
                connector.type,
                tuple(
                    usage
                    for routes in (self._table, self._enabled)
                    for usage, names in routes.items()
                    if name in names
                )
                if name in self._chosen
                else None,
            )
            for name, connector in self.configured.items()
        }
