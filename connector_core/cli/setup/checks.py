"""What is wrong with what people type for names and addresses; empty where nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from connector_core.configs import is_reference
from connector_core.i18n import gettext as _

if TYPE_CHECKING:
    from connector_core.connector import Connector

__all__ = ["address_problem", "name_problem", "require_address", "variable_problem"]


def name_problem(name: str) -> str:
    """Of the name of a configured connector, by the schema of host files."""
    plain = name.replace("-", "").replace("_", "")
    if plain.isascii() and plain.isalnum() and name[0].isalnum() and len(name) <= 64:
        return ""
    return _("use letters, digits, - and _, at most 64 of them, a letter or digit first")


def require_address(connector: Connector, to: str | None) -> None:
    """Refuse what `--to` cannot be.

    Raises:
        click.BadParameter: it is no address.
    """
    if to is not None and (problem := address_problem(connector, to)):
        raise click.BadParameter(problem, param_hint="--to")


def address_problem(connector: Connector, text: str) -> str:
    """Of a recipient's address, as far as it is obvious; the connector knows the rest."""
    if connector.metadata.type != "Email":
        return "" if text.strip() else _("is empty")
    local, _at, domain = text.rpartition("@")
    quoted = local.startswith('"') and local.endswith('"')
    spaced = " " in domain or (" " in local and not quoted)
    if local and domain and text.isprintable() and not spaced:
        return ""
    return _("is not an e-mail address such as you@example.org")


def variable_problem(name: str) -> str:
    """Of the name of an environment variable."""
    return "" if is_reference(f"env:{name}") else _("use letters, digits and _")
