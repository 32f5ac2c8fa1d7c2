"""Django's mails through the host of a host file.

EMAIL_BACKEND = "connector_core.contrib.django.EmailBackend"
CONNECTORS = {"FILE": BASE_DIR / "connectors.toml"}
INSTALLED_APPS = [..., "connector_core.contrib.django"]  # for its system checks
"""

from __future__ import annotations

from connector_core.contrib.django.backend import EmailBackend
from connector_core.contrib.django.hosts import get_host

__all__ = ["EmailBackend", "get_host"]
