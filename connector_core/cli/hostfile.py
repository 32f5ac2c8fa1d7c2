"""The host file as the commands use it: which one, what is in it, how it is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from connector_core.hostfile.reading import default_path
from connector_core.i18n import gettext as _

if TYPE_CHECKING:
    from connector_core.hostfile.model import HostFile
    from connector_core.registry import Registry

__all__ = ["change_file", "file_option", "known_name", "there"]

F = TypeVar("F", bound=Callable[..., Any])


def file_option(function: F) -> F:
    """`--file`, given to the command as the path of the host file."""
    return click.option(
        "--file",
        "file",
        type=click.Path(path_type=Path),
        default=default_path,
        metavar="PATH",
        help="The host file; without it the one that CONNECTOR_FILE names, or connectors.toml.",
    )(function)


def change_file(
    path: Path,
    registry: Registry,
    edit: Callable[[dict[str, Any]], None],
    *,
    renamed: Mapping[tuple[str, ...], str] | None = None,
) -> HostFile:
    """Change the host file; see `connector_core.hostfile.editing.change`."""
    from connector_core.hostfile.editing import change
    from connector_core.hostfile.resolving import has_secret

    return change(path, edit, secret=lambda data: has_secret(data, registry), renamed=renamed)


def there(path: Path) -> Path:
    """The path of a host file that is there.

    Raises:
        click.UsageError: it is not, and what to do instead.
    """
    if not path.exists():
        raise click.UsageError(
            _(
                "there is no {path}: make it with connector setup, name another with --file, or "
                "give a config with --config FILE or --url URL"
            ).format(path=path)
        )
    return path


def known_name(file: HostFile, name: str | None) -> str:
    """The name of a configured connector; the only one there is without a name.

    Raises:
        click.UsageError: there is none of this name, or several to choose from.
    """
    names = list(file.connectors)
    if name is None and len(names) == 1:
        return names[0]
    if name in file.connectors:
        assert name is not None  # noqa: S101 - None is no key
        return name
    told = ", ".join(names) or _("none; connector setup makes one")
    if name is None:
        raise click.UsageError(
            _("name one of the configured connectors: {names}").format(names=told)
        )
    raise click.UsageError(
        _("{path} has no connector {name!r}; there are: {names}").format(
            path=file.path, name=name, names=told
        )
    )
