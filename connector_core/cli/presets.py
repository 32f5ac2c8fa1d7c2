"""The provider that `--provider` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from connector_core.i18n import gettext as _
from connector_core.providers import matching

if TYPE_CHECKING:
    from connector_core.connector import Connector
    from connector_core.models import Provider

__all__ = ["provider_named"]


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
