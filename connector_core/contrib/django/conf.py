"""The setting `CONNECTORS`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from connector_core.errors import ConfigProblem
from connector_core.i18n import gettext as _
from connector_core.models import UsageType

__all__ = [
    "NAME",
    "ConnectorSettings",
    "configured",
    "has_mailers",
    "mail_timeout",
    "settings_problems",
]

NAME = "CONNECTORS"
_EXAMPLE = f'{NAME} = {{"FILE": BASE_DIR / "connectors.toml"}}'
_KEYS = ("FILE", "USAGE_TYPE")


@dataclass(frozen=True, slots=True)
class ConnectorSettings:
    """What a project's settings say.

    Attributes:
        file: the host file.
        usage_type: that of mails which do not say one.
    """

    file: Path
    usage_type: str


def configured() -> ConnectorSettings:
    """What the project's settings say.

    Raises:
        ImproperlyConfigured: they are wrong; it names each setting, with the remedy.
    """
    if problems := settings_problems():
        raise ImproperlyConfigured("\n".join(map(str, problems)))
    given: Mapping[str, Any] = getattr(settings, NAME)
    return ConnectorSettings(Path(given["FILE"]), str(given.get("USAGE_TYPE", UsageType.GENERIC)))


def has_mailers() -> bool:
    """Whether the settings have `MAILERS`; Django 6.1 then has no setting that it replaces."""
    return hasattr(settings, "MAILERS")


def mail_timeout() -> float | None:
    """Seconds that a mail may take by `EMAIL_TIMEOUT`; None without it, or where it is no more."""
    # Django 6.1 warns of every look at such a setting, even at its default.
    if has_mailers() or not settings.is_overridden("EMAIL_TIMEOUT"):
        return None
    timeout: float | None = settings.EMAIL_TIMEOUT
    return timeout


def settings_problems() -> list[ConfigProblem]:
    """All that is wrong with the setting; the paths are Python's, such as `CONNECTORS['FILE']`."""
    remedy = _("write {example} in the settings").format(example=_EXAMPLE)
    given = getattr(settings, NAME, None)
    if given is None:
        return [ConfigProblem(NAME, _("is missing"), remedy)]
    if not isinstance(given, Mapping):
        return [ConfigProblem(NAME, _("must be a dict"), remedy)]
    problems = [
        ConfigProblem(
            _place(key), _("is not a known key"), _("known: {keys}").format(keys=", ".join(_KEYS))
        )
        for key in given
        if key not in _KEYS
    ]
    if problem := _file_problem(given.get("FILE")):
        problems.append(ConfigProblem(_place("FILE"), problem, remedy))
    usage_type = given.get("USAGE_TYPE", UsageType.GENERIC)
    if not isinstance(usage_type, str) or not usage_type:
        hint = _("leave it out for {usage_type}").format(usage_type=UsageType.GENERIC)
        problems.append(ConfigProblem(_place("USAGE_TYPE"), _("must be a usage type"), hint))
    return problems


def _file_problem(file: object) -> str | None:
    if file is None:
        return _("is missing: the path of the host file")
    if not isinstance(file, str | os.PathLike) or not os.fspath(file):
        return _("must be the path of the host file")
    # Servers are started from anywhere.
    return None if Path(file).is_absolute() else _("must be an absolute path")


def _place(key: object) -> str:
    return f"{NAME}[{key!r}]"
