"""Changing who serves what: each edit of a host file's routes leaves all others as they were.

A file without `[routes]` lets every connector serve everything; the first edit writes that down.
A usage type without a line of its own is served by those of `"*"`; an edit that concerns it alone
gives it a line that begins with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from connector_core.routes import ANY_USAGE

if TYPE_CHECKING:
    from connector_core.hostfile.model import HostFile

__all__ = [
    "changed_routes",
    "disable",
    "effective_routes",
    "enable",
    "idle",
    "remove_connector",
    "rename_connector",
    "reorder",
]


def effective_routes(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """The routes by usage type, written out where the file has none."""
    routes = data.get("routes")
    if routes is None:
        return {ANY_USAGE: list(data.get("connectors", {}))}
    return {usage_type: list(names) for usage_type, names in routes.items()}


def changed_routes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The usage types that have another line after an edit, in the order of the file."""
    old = effective_routes(before)
    return [usage for usage, names in effective_routes(after).items() if old.get(usage) != names]


def idle(file: HostFile) -> list[str]:
    """The names of the connectors that serve no usage type."""
    busy = {name for names in effective_routes(file.data).values() for name in names}
    return [name for name in file.connectors if name not in busy]


def enable(
    data: dict[str, Any], name: str, usage_types: Iterable[str], *, first: bool = False
) -> None:
    """Let a connector serve these usage types, behind those that do, or before them."""
    routes = _written_out(data)
    for usage_type in usage_types:
        serving = _serving(routes, usage_type)
        others = [other for other in serving if other != name]
        if first:
            _set(routes, usage_type, [name, *others])
        elif name not in serving:
            _set(routes, usage_type, [*serving, name])


def disable(data: dict[str, Any], name: str, usage_types: Iterable[str] | None = None) -> None:
    """Let a connector serve these usage types no more; without them none at all."""
    routes = _written_out(data)
    for usage_type in list(routes if usage_types is None else usage_types):
        serving = _serving(routes, usage_type)
        if name in serving:
            _set(routes, usage_type, [other for other in serving if other != name])


def reorder(data: dict[str, Any], usage_type: str, names: Sequence[str]) -> None:
    """Try the connectors of a usage type in this order.

    Raises:
        ValueError: these are not the ones that serve it; its argument is the list of those.
    """
    routes = _written_out(data)
    serving = _serving(routes, usage_type)
    if sorted(names) != sorted(serving):
        raise ValueError(serving)
    routes[usage_type] = list(names)


def remove_connector(data: dict[str, Any], name: str) -> None:
    """Take a connector out, and out of every route."""
    del data["connectors"][name]
    for usage_type, names in data.get("routes", {}).items():
        data["routes"][usage_type] = [other for other in names if other != name]


def rename_connector(data: dict[str, Any], old: str, new: str) -> None:
    """Give a connector another name, in the routes too."""
    data["connectors"] = {
        new if name == old else name: entry for name, entry in data["connectors"].items()
    }
    for usage_type, names in data.get("routes", {}).items():
        data["routes"][usage_type] = [new if name == old else name for name in names]


def _written_out(data: dict[str, Any]) -> dict[str, list[str]]:
    routes: dict[str, list[str]] = data.setdefault("routes", effective_routes(data))
    return routes


def _serving(routes: Mapping[str, Sequence[str]], usage_type: str) -> list[str]:
    return list(routes.get(usage_type, routes.get(ANY_USAGE, ())))


def _set(routes: dict[str, list[str]], usage_type: str, names: list[str]) -> None:
    if names != _serving(routes, usage_type):
        routes[usage_type] = names
