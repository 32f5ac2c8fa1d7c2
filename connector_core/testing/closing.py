"""Checks of the end: the state is closed, and nothing of it is left."""

from __future__ import annotations

import gc
import warnings
from contextlib import suppress

from connector_core.configured import AsyncConfiguredConnector
from connector_core.errors import ConnectorError
from connector_core.testing import hooks
from connector_core.testing.checks import Checks, check
from connector_core.testing.leaks import held, left_over
from connector_core.testing.sending import sent
from connector_core.testing.subject import Config
from connector_core.testing.verdicts import BreachError

__all__ = ["ClosingChecks"]


class ClosingChecks(Checks):
    """What is left of a connector once its host is closed."""

    @check
    async def test_close(self) -> None:
        """`close` ends in bounded time and raises nothing, whether messages were sent or not.

        The host calls it once for each state.
        """
        async with self.subject.serving() as config:
            await hooks.close(self.subject, hooks.state_of(self.subject, config))
            async with self.subject.host(config) as connector:
                await sent(self.subject, connector)
            state = hooks.state_of(self.subject, config)
            await hooks.ask(
                self.subject, "send_message", state=state, message=self.subject.message()
            )
            await hooks.close(self.subject, state)

    @check
    async def test_nothing_is_left(self) -> None:
        """After `close` there is no task, no thread, no open socket and no open file left.

        Nor does anything warn that it was left open (ResourceWarning), or was never awaited.
        """
        async with self.subject.serving() as config:
            await self._life(config)  # what is imported and kept for good comes with the first use
            before = held()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                await self._life(config)
                left = await left_over(before)
                gc.collect()
        if left:
            raise BreachError(
                f"after close there is still {', '.join(sorted(left))}",
                "close and await in `close` what the state holds",
            )
        for warning in caught:
            if issubclass(warning.category, ResourceWarning) or _unawaited(str(warning.message)):
                raise BreachError(f"Python warns: {warning.message}")

    @check
    async def test_side_by_side(self) -> None:
        """Two configured connectors have nothing in common: one is closed, the other goes on."""
        async with self.subject.serving() as config, self.subject.host(config) as other:
            async with self.subject.host(config) as going:
                await sent(self.subject, going)
                await self._still_sends(other, "while another is open")
            await self._still_sends(other, "after another was closed")

    async def _still_sends(self, connector: AsyncConfiguredConnector, when: str) -> None:
        work = connector.send_message(**self.subject.sending)
        task = await hooks.ended(work, hooks.CLOSE_SECONDS, f"a send {when}")
        if error := task.exception():
            raise BreachError(
                f"{when} a configured connector fails: {error}",
                "keep connections, sessions and locks in the state, not in the module or plugin",
            )

    async def _life(self, config: Config) -> None:
        """Everything that a configured connector is used for, from the beginning to the end."""
        async with self.subject.host(config) as configured:
            await sent(self.subject, configured)
            with suppress(ConnectorError):  # another check says so
                await configured.preview(**self.subject.sending)
            with suppress(ConnectorError):
                await configured.verify()


def _unawaited(text: str) -> bool:
    return "never awaited" in text
