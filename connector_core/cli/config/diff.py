"""`config diff`: how a config differs from a provider's preset, or from another config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import click

from connector_core.cli.completing import configured_names, providers
from connector_core.cli.config.masking import masked, shown
from connector_core.cli.hostfile import file_option, host_file, known_name
from connector_core.cli.output import echo_json, json_option, printable
from connector_core.configs import PathParts, json_path, placeholders
from connector_core.i18n import gettext as _
from connector_core.jsonfile import read_json_object

if TYPE_CHECKING:
    from connector_core.connector import Connector
    from connector_core.hostfile.model import ConfiguredEntry

__all__ = ["diff"]

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_ABSENT = object()


@click.command()
@click.argument("name", shell_complete=configured_names)
@click.option("--provider", help="Compare with the preset for it.", shell_complete=providers)
@click.option(
    "--with",
    "other",
    metavar="FILE",
    type=click.Path(),
    help="Compare with this config (JSON; - reads standard input) or host file (.toml).",
)
@click.option(
    "--connector",
    "other_name",
    metavar="NAME",
    help="Which connector of that host file; without it the one of the same name.",
)
@file_option
@json_option
def diff(
    name: str,
    provider: str | None,
    other: str | None,
    other_name: str | None,
    file: Path,
    as_json: bool,
) -> None:
    """Show what the config of the connector NAME has added, removed and changed."""
    from connector_core.discovery import discover

    if (provider is None) == (other is None):
        raise click.UsageError(_("give either --provider NAME or --with FILE"))
    if other_name is not None and not _is_host_file(other):
        raise click.UsageError(_("--connector needs --with and a host file (.toml)"))
    found = host_file(file)
    entry = found.connectors[known_name(found, name)]
    connector = discover()[entry.connector]
    if provider is not None:
        lines = _from_preset(connector, entry, provider)
    else:
        assert other is not None  # noqa: S101 - one of the two was given
        lines = list(_differences(_other_config(other, other_name or name), entry.config))
    _print(connector, lines, as_json=as_json)


def _is_host_file(path: str | None) -> TypeGuard[str]:
    return path is not None and path.endswith(".toml")


def _other_config(path: str, name: str) -> Mapping[str, Any]:
    if _is_host_file(path):
        found = host_file(Path(path))
        return found.connectors[known_name(found, name)].config
    return read_json_object(path)


def _from_preset(
    connector: Connector, entry: ConfiguredEntry, provider: str
) -> list[tuple[PathParts, Any, Any]]:
    """The differences from the preset: a placeholder stands for whatever was filled in.

    What the sample has of its own, its templates and defaults, no preset asks for.
    """
    try:
        sample = connector.sample_config(provider)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--provider") from None
    preset = next(item.config for item in connector.providers if item.name == provider)
    config = dict(entry.config)
    if "templates" not in preset:
        for item in (sample, config):
            item.pop("templates", None)
    open_values = placeholders(sample)
    asked = {
        parts for parts, value in _leaves(sample) if isinstance(value, str) and value in open_values
    }
    of_preset = asked | {parts for parts, _value in _leaves(preset)}
    return [
        (parts, old if parts in of_preset else _ABSENT, new)
        for parts, old, new in _differences(sample, config)
        if (parts in of_preset if new is _ABSENT else parts not in asked)
    ]


def _differences(old: Any, new: Any) -> Iterator[tuple[PathParts, Any, Any]]:
    """Each innermost place at which the two differ, with what either has."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    for parts in {**before, **after}:
        values = before.get(parts, _ABSENT), after.get(parts, _ABSENT)
        if values[0] != values[1] or type(values[0]) is not type(values[1]):
            yield parts, *values


def _leaves(value: Any, parts: PathParts = ()) -> Iterator[tuple[PathParts, Any]]:
    """Each value that has nothing in it, with its place."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, (*parts, key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, (*parts, index))
    elif parts:
        yield parts, value


def _print(connector: Connector, lines: list[tuple[PathParts, Any, Any]], *, as_json: bool) -> None:
    schema = connector.schema
    told = [
        (
            "added" if old is _ABSENT else "removed" if new is _ABSENT else "changed",
            json_path(parts),
            [masked(schema, value, parts) for value in (old, new) if value is not _ABSENT],
        )
        for parts, old, new in lines
    ]
    if as_json:
        echo_json([{"change": change, "path": path, "values": both} for change, path, both in told])
        return
    for change, path, both in told:
        values = " → ".join(shown(value) for value in both)
        click.echo(f"{_SIGNS[change]} {printable(path)} = {values}")
    if not told:
        click.echo(_("no difference"))
