"""What the checks are about: one connector, a config, and peers that fail it."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
)
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from connector_core.configs import merge_patch, plain_copy
from connector_core.configured import AsyncConfiguredConnector
from connector_core.connector import Connector
from connector_core.discovery import discover, registry_of
from connector_core.errors import ConfigError, PluginFailure
from connector_core.host import AsyncHost
from connector_core.models import Message
from connector_core.registry import Registry
from connector_core.samplepayload import PAYLOAD, RECIPIENT
from connector_core.testing.servers import Address, closed_port, silent_server
from connector_core.testing.verdicts import BreachError, blocked, not_given

__all__ = ["Config", "ConfigSource", "Subject"]

Config = Mapping[str, Any]
ConfigSource = (
    Config | Callable[[], AbstractContextManager[Config] | AbstractAsyncContextManager[Config]]
)

_STAGES = ("load", "contract", "register", "hooks", "metadata", "config_schema", "duplicate")
_TELEPHONE = "+12025550123"  # of a range that nobody is given (NANP, 555-0100 to 555-0199)


@dataclass(frozen=True)
class Subject:
    """A connector and what its checks need; the arguments of `conformance_suite`."""

    wanted: object
    config: ConfigSource
    peer: Callable[[str, int], Config] | None = None
    unreachable: ConfigSource | None = None
    stalled: ConfigSource | None = None
    to: str | None = None
    usage_type: str = "SignIn"
    payload: Config = field(default_factory=lambda: PAYLOAD)
    assigns_ids: bool = False
    not_secret: Collection[str] = ()
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None

    @cached_property
    def registry(self) -> Registry:
        """What discovery finds: all that is installed, or the plugin that was given."""
        return discover() if isinstance(self.wanted, str) else registry_of(self.wanted)

    @cached_property
    def found(self) -> Connector | None:
        """The connector, if it could be loaded."""
        if not isinstance(self.wanted, str):
            return next(iter(self.registry), None)
        known = (item for item in self.registry if self.wanted in (item.id, item.target))
        return next(known, None)

    @property
    def failures(self) -> tuple[PluginFailure, ...]:
        """The plugins that could not be loaded; of one that was given, its own failure."""
        return self.registry.failures

    @property
    def connector(self) -> Connector:
        """The connector; without it, the check that asks for it is skipped."""
        if self.found is None:
            raise self.unloaded()
        return self.found

    def require_loading(self, *stages: str) -> None:
        """Raise BreachError if the connector could not be loaded because of one of these stages.

        Where an earlier stage is the reason, the check is skipped.

        Args:
            stages: those of PluginFailure.
        """
        if self.found is not None:
            return
        for failure in self.failures:
            if failure.stage in stages:
                raise BreachError(str(failure), failure.traceback)
        first = _STAGES.index(stages[0])
        if first and all(_STAGES.index(item.stage) < first for item in self.failures):
            raise self.unloaded()

    def unloaded(self) -> BaseException:
        """What skips a check for which the connector must be loaded."""
        return blocked("the connector could not be loaded")

    @property
    def recipient(self) -> str:
        """Whom the messages go to."""
        if self.to is not None:
            return self.to
        return RECIPIENT if self.connector.metadata.type == "Email" else _TELEPHONE

    @property
    def sending(self) -> dict[str, Any]:
        """The arguments of `AsyncHost.send_message` for a message that arrives."""
        return {
            "usage_type": self.usage_type,
            "to": self.recipient,
            "payload": copy.deepcopy(dict(self.payload)),
        }

    def message(self, **changed: Any) -> Message:
        """The same message as a hook is handed it."""
        given = {"type": self.connector.metadata.type, "message_id": "conformance", **self.sending}
        return Message(**{**given, **changed})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[dict[str, Any]]:
        """A config by which messages arrive, with what it leads to."""
        async with _opened(self.config) as config:
            yield _own_copy(config)

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[dict[str, Any]]:
        """A config by which no message can arrive."""
        async with self._elsewhere("unreachable", self.unreachable, closed_port) as config:
            yield config

    @asynccontextmanager
    async def stalling(self) -> AsyncIterator[dict[str, Any]]:
        """A config whose peer never answers."""
        async with self._elsewhere("stalled", self.stalled, silent_server) as config:
            yield config

    @asynccontextmanager
    async def _elsewhere(
        self,
        name: str,
        source: ConfigSource | None,
        peer: Callable[[], AbstractContextManager[Address]],
    ) -> AsyncIterator[dict[str, Any]]:
        if source is not None:
            async with _opened(source) as config:
                yield _own_copy(config)
            return
        if self.peer is None:
            raise not_given(
                f"give `{name}`, or `peer=lambda host, port: {{…}}`: what to change in the config "
                "so that it leads to another host and port"
            )
        async with _opened(self.config) as config:
            with peer() as address:
                yield dict(merge_patch(_own_copy(config), self.peer(*address)))

    @asynccontextmanager
    async def host(self, config: Config) -> AsyncIterator[AsyncConfiguredConnector]:
        """The connector as it is configured in a host of its own, closed at the end."""
        async with AsyncHost(Registry([self.connector], [])) as host:
            yield self.configured(host, config)

    @asynccontextmanager
    async def serving_host(self) -> AsyncIterator[AsyncConfiguredConnector]:
        """The connector as it is configured where messages arrive."""
        async with self.serving() as config, self.host(config) as connector:
            yield connector

    def configured(self, host: AsyncHost, config: Config) -> AsyncConfiguredConnector:
        """The connector configured in a host; without that, the check is skipped."""
        try:
            return host.configure(self.connector.id, config)
        except ConfigError:
            raise blocked("the connector refuses the config that was given") from None


def _own_copy(config: object) -> dict[str, Any]:
    plain, problems = plain_copy(config)
    if problems:
        raise BreachError(f"the config that was given is not plain JSON: {problems[0]}")
    if not isinstance(plain, dict):
        raise TypeError(f"a config is a mapping; {type(config).__name__} was given")
    return plain


@asynccontextmanager
async def _opened(source: ConfigSource) -> AsyncIterator[Config]:
    if isinstance(source, Mapping):
        yield source
        return
    manager = source()
    if isinstance(manager, AbstractContextManager):
        with manager as config:
            yield config
    elif isinstance(manager, AbstractAsyncContextManager):
        async with manager as config:
            yield config
    else:
        raise TypeError(
            f"the function for a config returned {type(manager).__name__}; it must return a "
            "context manager: decorate it with contextlib.contextmanager"
        )
