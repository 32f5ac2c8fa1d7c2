"""Connectors made in the test's own process, and hosts that know them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pluggy

from connector_core import (
    Connector,
    ConnectorMetadata,
    Message,
    Receipt,
    Registry,
    hookimpl,
    hookspecs,
)
from connector_core.models import ConnectorType

OPEN_SCHEMA: dict[str, Any] = {"type": "object"}

Sender = Callable[[Any, Message], Receipt | Awaitable[Receipt]]


def receipt_of(message: Message, connector: str = "test") -> Receipt:
    return Receipt(message_id=message.message_id, connector_id=connector, accepted=(message.to,))


class Plugin:
    """A plugin that keeps what it is handed; `then` decides what comes of a message."""

    def __init__(
        self,
        connector: str = "test",
        *,
        type: ConnectorType = "Email",
        schema: Mapping[str, Any] = OPEN_SCHEMA,
        then: Sender | None = None,
    ) -> None:
        self.connector = connector
        self.type = type
        self.schema = schema
        self.then = then
        self.states: list[Any] = []
        self.messages: list[Message] = []
        self.closed: list[Any] = []

    @hookimpl
    def metadata(self) -> ConnectorMetadata:
        return ConnectorMetadata(
            id=f"{self.connector}-id",
            target=self.connector,
            name={"en": "Test"},
            description={"en": "A test."},
            type=self.type,
        )

    @hookimpl
    def config_schema(self) -> Mapping[str, Any]:
        return self.schema

    @hookimpl
    async def send_message(self, state: Any, message: Message) -> Receipt:
        self.states.append(state)
        self.messages.append(message)
        result = self.then(state, message) if self.then else receipt_of(message, self.connector)
        if isinstance(result, Awaitable):
            result = await result
        return result

    @hookimpl
    async def close(self, state: Any) -> None:
        self.closed.append(state)


def connector_of(plugin: Any) -> Connector:
    """The connector of a plugin, as discovery makes it."""
    manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    return Connector(
        manager.hook.metadata(),
        manager.hook.config_schema(),
        manager.hook,
        entry_point="test",
        distribution="test-connector",
        version="1.0",
    )


def registry_of(*plugins: Any) -> Registry:
    """A registry of these plugins."""
    return Registry([connector_of(plugin) for plugin in plugins], [])
