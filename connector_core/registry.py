"""All connectors that were found, and the plugins that could not be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector_core.errors import UnknownConnectorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connector_core.connector import Connector
    from connector_core.errors import PluginFailure

__all__ = ["Registry"]


class Registry:
    """The connectors found by discovery; iterating gives them ordered by id.

    Attributes:
        failures: the plugins that could not be loaded.
    """

    def __init__(self, connectors: Iterable[Connector], failures: Iterable[PluginFailure]) -> None:
        self._connectors = tuple(sorted(connectors, key=lambda connector: connector.id))
        self.failures: tuple[PluginFailure, ...] = tuple(failures)

    def __iter__(self) -> Iterator[Connector]:
        return iter(self._connectors)

    def __len__(self) -> int:
        return len(self._connectors)

    def __getitem__(self, wanted: str) -> Connector:
        """The connector with this id or target.

        Raises:
            UnknownConnectorError: there is none; the error says why its plugin failed, or names
                those there are.
        """
        for connector in self._connectors:
            if wanted in (connector.id, connector.target):
                return connector
        known = [f"{connector.target} ({connector.id})" for connector in self._connectors]
        failures = [failure for failure in self.failures if failure.name == wanted]
        raise UnknownConnectorError(wanted, known, failures)
