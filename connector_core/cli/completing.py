"""What a shell may complete. Where a file is broken or a plugin fails, nothing is, in silence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import click
    from click.shell_completion import CompletionItem

    from connector_core.connector import Connector

__all__ = [
    "command_items",
    "config_keys",
    "config_paths",
    "configured_names",
    "connectors",
    "locales",
    "providers",
    "senders",
    "usage_types",
]

Source = Callable[["click.Context"], Iterable[str]]
Completer = Callable[["click.Context", "click.Parameter", str], list[str]]


def _completer(source: Source) -> Completer:
    """A completer for click: of what the source has, what begins with the text."""

    @wraps(source)
    def complete(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        logging.disable()  # the shell would show it in the middle of the line
        try:
            return [text for text in dict.fromkeys(source(ctx)) if text.startswith(incomplete)]
        except Exception:  # noqa: BLE001 - whatever is wrong is told by the command itself
            return []
        finally:
            logging.disable(logging.NOTSET)

    return complete


def command_items(texts: Mapping[str, str], incomplete: str) -> list[CompletionItem[str]]:
    """The commands that begin with the text, each with what it does.

    Args:
        texts: what each command does, by its name.
        incomplete: what was typed.
    """
    from click.shell_completion import CompletionItem

    return [
        CompletionItem(name, help=text)
        for name, text in texts.items()
        if name.startswith(incomplete)
    ]


@_completer
def connectors(_ctx: click.Context) -> Iterator[str]:
    """The targets of the connectors that are installed."""
    return _targets()


@_completer
def providers(ctx: click.Context) -> Iterator[str]:
    """The providers of the connector that was named."""
    return (provider.name for provider in _connector(ctx).providers)


@_completer
def configured_names(ctx: click.Context) -> Iterable[str]:
    """The names of the host file's connectors that the command has not got yet."""
    given = ctx.params.get("names") or ()
    return (name for name in _data(ctx).get("connectors", {}) if name not in given)


@_completer
def senders(ctx: click.Context) -> Iterable[str]:
    """What may send: configured connectors, or with `--config` or `--url` any that is installed."""
    if ctx.params.get("path") or ctx.params.get("url"):
        return _targets()
    return list(_data(ctx).get("connectors", {}))


@_completer
def usage_types(ctx: click.Context) -> list[str]:
    """The known usage types, and what routes and templates of the host file have besides."""
    from connector_core.models import UsageType
    from connector_core.routes import ANY_USAGE

    known = list(map(str, UsageType))
    try:
        data = _data(ctx)
        routed = [usage for usage in data.get("routes", {}) if usage != ANY_USAGE]
        return [*known, *routed, *(keys["usageType"] for keys in _templates(ctx, data))]
    except Exception:  # noqa: BLE001 - those that are known are known without a file
        return known


@_completer
def locales(ctx: click.Context) -> Iterator[str]:
    """The locales of the host file's templates."""
    data = _data(ctx)
    return (keys["locale"] for keys in _templates(ctx, data) if "locale" in keys)


@_completer
def config_paths(ctx: click.Context) -> Iterator[str]:
    """The places that the schema of a configured connector knows, and those that its config has."""
    entry = _data(ctx)["connectors"][_argument(ctx, "name")]
    schema = _connector(ctx).schema
    yield from _paths(schema, entry["config"])


@_completer
def config_keys(ctx: click.Context) -> Iterator[str]:
    """The places that the config of a configured connector has."""
    return _paths({}, _data(ctx)["connectors"][_argument(ctx, "name")]["config"])


def _paths(schema: dict[str, Any], config: Any) -> Iterator[str]:
    from connector_core.cli.config.places import dotted, known_places

    return map(dotted, known_places(schema, config))


def _connector(ctx: click.Context) -> Connector:
    """The connector that the command was given, by its target or the name of a configured one.

    Raises:
        Exception: there is none; whatever says so.
    """
    from connector_core.discovery import discover

    if "target" in ctx.params:  # of `setup`
        from connector_core.cli.presets import usual_connector

        registry, target = discover(), ctx.params["target"]
        if (found := registry[target] if target else usual_connector(registry)) is None:
            raise LookupError
        return found
    named = _argument(ctx, "connector")
    if named is None:
        named = _data(ctx)["connectors"][_argument(ctx, "name")]["connector"]
    return discover()[named]


def _targets() -> Iterator[str]:
    from connector_core.discovery import discover

    return (connector.target for connector in discover())


def _argument(ctx: click.Context, name: str) -> str | None:
    """The argument of this name; where the last word is an option, click has sorted none."""
    if (value := ctx.params.get(name)) is not None:
        return str(value)
    names = [item.name for item in ctx.command.params if item.param_type_name == "argument"]
    at = names.index(name) if name in names else len(ctx.args)
    return ctx.args[at] if at < len(ctx.args) else None


def _file(ctx: click.Context) -> Path:
    from connector_core.hostfile.reading import default_path

    path: Path = ctx.params.get("file") or default_path()
    return path


def _data(ctx: click.Context) -> dict[str, Any]:
    # Not held to its schema: the library for that takes longer than a shell may wait.
    from connector_core.hostfile.reading import parsed, text_of

    path = _file(ctx)
    return parsed(path, text_of(path))


def _templates(ctx: click.Context, data: dict[str, Any]) -> Iterator[dict[str, str]]:
    from connector_core.hostfile.templatefiles import template_files

    yield from data.get("templates", ())
    folder = _file(ctx).parent / data.get("templateFolder", "templates")
    for _place, keys in template_files(folder):
        if isinstance(keys, dict):
            yield keys
