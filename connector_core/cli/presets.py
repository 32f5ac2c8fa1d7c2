"""The connector and the provider that options name, or leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from connector_core.i18n import gettext as _
from connector_core.providers import matching

if TYPE_CHECKING:
    from connector_core.connector import Connector
    from connector_core.models import Provider
    from connector_core.registry import Registry

__all__ = ["provider_named", "usual_connector"]

_USUAL = "smtp"


def usual_connector(registry: Registry) -> Connector | None:
    """The connector that is meant where none is named: the only one, else the one for SMTP."""
    if len(registry) == 1:
        return next(iter(registry))
    return next((connector for connector in registry if connector.target == _USUAL), None)


def provider_named(connector: Connector, name: str) -> Provider:
    """The provider of this name, as `--provider` gives it.

    Raises:
        click.BadParameter: the connector has none of this name.
    """
    for provider in connector.providers:
        if provider.name == name:
            return provider
    near = matching(connector.providers, name) or connector.providers
    names = ", ".join(item.name for item in near) or _("none")
    told = _("there is no {name!r}, but {known}").format(name=name, known=names)
    raise click.BadParameter(told, param_hint="--provider")
