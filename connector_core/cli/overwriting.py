"""Files that are there already."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from connector_core.cli.hostfile import is_there
from connector_core.errors import ConfigError, ConfigProblem
from connector_core.i18n import gettext as _

__all__ = ["refuse_overwriting"]


def refuse_overwriting(paths: Iterable[Path]) -> None:
    """Refuse to go on where a file would be lost.

    Raises:
        ConfigError: with each file that is there.
    """
    problems = [
        ConfigProblem(str(path), _("is there already"), _("--force overwrites it"))
        for path in paths
        if is_there(path) or path.is_symlink()
    ]
    if problems:
        raise ConfigError(problems)
