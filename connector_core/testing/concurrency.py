"""Checks of many messages at once: on one event loop, and from threads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from connector_core.errors import ConfigError, ConnectorError
from connector_core.models import Receipt
from connector_core.registry import Registry
from connector_core.sync import Host
from connector_core.testing.checks import Checks, check
from connector_core.testing.sending import require_receipt, sent
from connector_core.testing.subject import Config
from connector_core.testing.verdicts import BreachError, blocked

__all__ = ["ConcurrencyChecks"]

_MANY = 24
_THREADS = 6


class ConcurrencyChecks(Checks):
    """One state serves all messages of its config, which come at any time."""

    @check
    async def test_many_at_once(self) -> None:
        """Messages that are sent at once through one state each get the receipt that is theirs."""
        async with self.subject.serving_host() as connector:
            await sent(self.subject, connector)
            ids = [f"at.once.{number:03}" for number in range(_MANY)]
            sending = (
                connector.send_message(**self.subject.sending, message_id=name) for name in ids
            )
            self._require_receipts(ids, await asyncio.gather(*sending, return_exceptions=True))

    @check
    async def test_threads(self) -> None:
        """The blocking `Host` sends from many threads, on an event loop of its own in another."""
        async with self.subject.serving() as config:
            async with self.subject.host(config) as connector:
                await sent(self.subject, connector)
            ids = [f"thread.{number:03}" for number in range(_MANY)]
            self._require_receipts(ids, await asyncio.to_thread(self._by_threads, config, ids))

    def _by_threads(self, config: Config, ids: list[str]) -> list[Receipt | BaseException]:
        with Host(Registry([self.subject.connector], [])) as host:
            try:
                connector = host.configure(self.subject.connector.id, config)
            except ConfigError:
                raise blocked("the connector refuses the config that was given") from None

            def send(name: str) -> Receipt | BaseException:
                try:
                    return connector.send_message(**self.subject.sending, message_id=name)
                except ConnectorError as error:
                    return error

            with ThreadPoolExecutor(_THREADS) as pool:
                return list(pool.map(send, ids))

    def _require_receipts(
        self, ids: Iterable[str], outcomes: Iterable[Receipt | BaseException]
    ) -> None:
        taken = set()
        for name, outcome in zip(ids, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                raise BreachError(
                    f"of messages at once, one fails: {outcome}",
                    "keep what belongs to one message out of the state, or behind a lock",
                )
            require_receipt(self.subject, outcome, name)
            taken.add(outcome.message_id)
        if len(taken) < _MANY:
            raise BreachError("of messages at once, two have receipts with one id")
