"""The app, which brings the system checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from connector_core.contrib.django.checks import check_connectors

__all__ = ["ConnectorsConfig"]


class ConnectorsConfig(AppConfig):
    """Registers the checks; it has no models."""

    name = "connector_core.contrib.django"
    label = "connectors"
    verbose_name = "Connectors"

    def ready(self) -> None:
        """Called by Django once all apps are loaded."""
        register(check_connectors)
