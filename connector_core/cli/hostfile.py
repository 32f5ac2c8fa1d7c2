"""The host file as the commands use it: which one, what is in it, how it is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from connector_core.hostfile.reading import default_path
from connector_core.i18n import gettext as _
from connector_core.i18n import system_reason

if TYPE_CHECKING:
    from connector_core.hostfile.model import HostFile
    from connector_core.registry import Registry

__all__ = ["change_file", "file_option", "host_file", "is_there", "known_name", "there"]

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


def host_file(path: Path) -> HostFile:
    """Read the host file that a command works on.

    Raises:
        ConfigError: with every problem of the file and of its template files.
        click.UsageError: it is not there, and what to do instead.
    """
    from connector_core.hostfile.reading import read

    return read(there(path, or_config=False))


def there(path: Path, *, or_config: bool = True) -> Path:
    """The path of a host file that is there.

    Args:
        path: the path.
        or_config: the command takes `--config` and `--url` in place of a host file.

    Raises:
        ConfigError: nobody can tell: it is in a folder that one may not enter.
        click.UsageError: it is not, and what to do instead.
    """
    if is_there(path):
        return path
    told = (
        _(
            "there is no {path}: make it with connector setup, name another with --file, or "
            "give a config with --config FILE or --url URL"
        )
        if or_config
        else _("there is no {path}: make it with connector setup, or name another with --file")
    )
    raise click.UsageError(told.format(path=path))


def is_there(path: Path) -> bool:
    """Whether there is such a file.

    Raises:
        ConfigError: nobody can tell: it is in a folder that one may not enter.
    """
    from connector_core.errors import ConfigError, ConfigProblem

    try:
        return path.exists()
    except OSError as error:
        reason = _("cannot be read: {reason}").format(reason=system_reason(error))
        raise ConfigError([ConfigProblem(str(path), reason)]) from None


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
