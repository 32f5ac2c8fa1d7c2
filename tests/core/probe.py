"""Discovers connectors with other distributions on the path, and tells what came of it as JSON.

A process of its own: what plugins do at import stays in it. No socket can be connected in it.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import socket
import sys
from typing import Any, NoReturn

import pluggy

from connector_core import AsyncHost, DiscoveryError, PluginFailure, Registry

complaints: list[str] = []


def _refuse(*arguments: object, **_more: object) -> NoReturn:
    complaints.append(f"a socket was used: {arguments!r}")
    raise OSError("no network here")


def _told(failure: PluginFailure) -> dict[str, str]:
    return {
        "entry_point": failure.entry_point,
        "distribution": failure.distribution,
        "version": failure.version,
        "stage": failure.stage,
        "error": failure.error,
        "traceback": failure.traceback,
        "text": str(failure),
    }


async def _send(registry: Registry, connector: str, config: dict[str, Any]) -> str:
    async with AsyncHost(registry) as host:
        host.configure(connector, config)
        return (await host.send_message("SignIn", to="ann@example.org")).connector_id


def _discover(case: dict[str, Any]) -> dict[str, Any]:
    complaints.clear()
    importlib.invalidate_caches()
    try:
        host = AsyncHost.discover(strict=case.get("strict", False))
    except DiscoveryError as error:
        return {"failures": [_told(failure) for failure in error.failures], "raised": str(error)}
    registry = host.registry
    sent = {}
    for connector in case.get("send", ["good"]):
        try:
            sent[connector] = asyncio.run(_send(registry, connector, case.get("config", {})))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            sent[connector] = f"{type(error).__name__}: {error}"
    failures = [_told(failure) for failure in registry.failures]
    gc.collect()
    managers = sum(isinstance(item, pluggy.PluginManager) for item in gc.get_objects())
    return {
        "connectors": {connector.id: connector.distribution for connector in registry},
        "targets": [connector.target for connector in registry],
        "failures": failures,
        "sent": sent,
        "managers": managers,
    }


def main() -> None:
    sys.unraisablehook = lambda raised: complaints.append(repr(raised.exc_value))
    base = list(sys.path)
    # The event loop needs a pair of sockets; nothing else may even look up a name.
    socket.socket.connect = _refuse  # type: ignore[method-assign]
    socket.create_connection = _refuse
    socket.getaddrinfo = _refuse
    told = []
    for case in json.load(sys.stdin):
        sys.path[:] = [*case["paths"], *base]
        os.environ.update(case.get("environment", {}))
        told.append(_discover(case) | {"complaints": list(complaints)})
        for name in case.get("environment", {}):
            del os.environ[name]
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
