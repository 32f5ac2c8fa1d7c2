"""System checks: what `manage.py check` tells of the setting and of the host file."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from connector_core.contrib.django.conf import NAME, configured, has_mailers, settings_problems
from connector_core.errors import ConfigError
from connector_core.i18n import gettext as _
from connector_core.sync import Host

__all__ = ["check_connectors"]

BACKEND = "connector_core.contrib.django.EmailBackend"
# Of Django's own backend; the host file says it for this one.
_UNUSED = (
    *("EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD"),
    *("EMAIL_USE_TLS", "EMAIL_USE_SSL", "EMAIL_SSL_CERTFILE", "EMAIL_SSL_KEYFILE"),
)


def check_connectors(**_kwargs: Any) -> list[CheckMessage]:
    """What is wrong with the setting or with the host file; nothing is connected to.

    A project whose settings name neither the backend nor `CONNECTORS` is not looked at.
    """
    is_backend = _is_backend()
    if not is_backend and not hasattr(settings, NAME):
        return []
    found: list[CheckMessage] = [
        Error(f"{problem.path} {problem.message}", hint=problem.hint or None, id="connectors.E001")
        for problem in settings_problems()
    ]
    if not found:
        found += _of_the_file()
    if is_backend and not has_mailers():
        found += _unused()
    return found


def _is_backend() -> bool:
    if has_mailers():
        return any(mailer.get("BACKEND") == BACKEND for mailer in settings.MAILERS.values())
    return bool(settings.is_overridden("EMAIL_BACKEND") and settings.EMAIL_BACKEND == BACKEND)


def _of_the_file() -> list[CheckMessage]:
    file = configured().file
    try:
        Host.from_file(file).close()
    except ConfigError as error:
        return [
            Error(
                f"{file}, {problem.path}: {problem.message}",
                hint=problem.hint or None,
                id="connectors.E002",
            )
            for problem in error.problems
        ]
    return []


def _unused() -> list[CheckMessage]:
    return [
        CheckWarning(
            _("{name} is set, and not used by {backend}").format(name=name, backend=BACKEND),
            hint=_("the host file says it: remove the setting"),
            id="connectors.W001",
        )
        for name in _UNUSED
        if settings.is_overridden(name)
    ]
