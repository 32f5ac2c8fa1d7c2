"""The connector's own texts, in the language of the context."""

from __future__ import annotations

from pathlib import Path

from connector_core.i18n import Catalog, mark

__all__ = ["_", "catalog", "mark"]

catalog = Catalog("connectors.http_email", Path(__file__).parent / "locale")
_ = catalog.gettext
