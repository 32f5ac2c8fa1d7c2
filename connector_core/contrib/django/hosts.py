"""The host of a Django project: one in each process."""

from __future__ import annotations

import asyncio
from typing import Any

from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from django.core.signals import setting_changed

from connector_core.contrib.django.conf import NAME, configured
from connector_core.contrib.process import ProcessHost
from connector_core.errors import ConfigError
from connector_core.sync import Host

__all__ = ["get_host", "host_is_made", "in_event_loop"]


def _from_settings() -> Host:
    chosen = configured()
    try:
        return Host.from_file(chosen.file)
    except ConfigError as error:
        raise ImproperlyConfigured(f"{NAME}['FILE'], {chosen.file}: {error}") from error


_hosts = ProcessHost(_from_settings)


def get_host() -> Host:
    """The project's host: made of `CONNECTORS["FILE"]` when first asked for, once a process.

    Do not close it: it is closed as the process exits.

    Raises:
        ImproperlyConfigured: the setting or the host file is wrong; every problem is told.
        SynchronousOnlyOperation: it was called from within an event loop, which it would stop.
    """
    if in_event_loop():
        raise SynchronousOnlyOperation(
            "mail is sent by a blocking call, and here an event loop is running that it would "
            "stop: use sync_to_async, as in await sync_to_async(send_mail)(...)"
        )
    return _hosts.get()


def in_event_loop() -> bool:
    """Whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def host_is_made() -> bool:
    """Whether this process has made its host."""
    return _hosts.made


def _on_setting_changed(*, setting: str, **_kwargs: Any) -> None:
    if setting == NAME:
        _hosts.close()


# Tests change settings; see django.test.override_settings.
setting_changed.connect(_on_setting_changed, dispatch_uid=__name__)
