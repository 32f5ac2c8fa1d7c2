"""The host of a Django project: one in each process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from django.core.signals import setting_changed

from connector_core.contrib.django.conf import NAME, configured
from connector_core.contrib.process import ProcessHost
from connector_core.errors import ConfigError
from connector_core.sync import Host

__all__ = ["get_host", "host_is_made", "whatever_runs"]

T = TypeVar("T")


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
    if _in_event_loop():
        raise SynchronousOnlyOperation(
            "mail is sent by a blocking call, and here an event loop is running that it would "
            "stop: use sync_to_async, as in await sync_to_async(send_mail)(...)"
        )
    return _hosts.get()


def whatever_runs(call: Callable[[], T]) -> T:
    """The result of a blocking call; in another thread, where an event loop runs in this one."""
    if not _in_event_loop():
        return call()
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(copy_context().run, call).result()


def _in_event_loop() -> bool:
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
        whatever_runs(_hosts.close)


# Tests change settings; see django.test.override_settings.
setting_changed.connect(_on_setting_changed, dispatch_uid=__name__)
