"""Packages that a plain installation does not bring, and the extras that do."""

from __future__ import annotations

import importlib.util

from connector_core.errors import ConfigProblem
from connector_core.i18n import gettext as _

__all__ = ["install", "missing"]


def install(extra: str) -> str:
    """The line that installs an extra."""
    return f"pip install 'connector-core[{extra}]'"


def missing(path: str, extra: str, package: str) -> ConfigProblem | None:
    """What to say where the value at this path needs a package that is not installed."""
    if importlib.util.find_spec(package):
        return None
    return ConfigProblem(path, _("needs a package that is not installed"), install(extra))
