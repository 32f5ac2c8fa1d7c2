"""Hooks called as the host calls them, where what they raise must be seen as it is."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any

from connector_core.errors import ConfigError
from connector_core.guard import Guard
from connector_core.testing.subject import Config, Subject
from connector_core.testing.verdicts import BreachError, blocked
from connector_core.threads import off_the_loop

__all__ = ["CLOSE_SECONDS", "ask", "close", "discard", "ended", "state_of"]

CLOSE_SECONDS = 15.0  # what the host waits for a connector to close


def state_of(subject: Subject, config: Config) -> Any:
    """What `configure` makes of a config; without that, the check is skipped."""
    try:
        return subject.connector.configure(config)
    except ConfigError:
        raise blocked("the connector refuses the config that was given") from None


async def ask(subject: Subject, name: str, **arguments: Any) -> Any:
    """What a hook that may be asynchronous gives; None where it is not implemented."""
    hook = getattr(subject.connector.hook, name)
    implementation = next(iter(hook.get_hookimpls()), None)
    if implementation is None:
        return None
    if inspect.iscoroutinefunction(implementation.function):
        return await hook(**arguments)
    result = await off_the_loop(lambda: hook(**arguments))
    return await result if inspect.isawaitable(result) else result


async def ended(work: Coroutine[Any, Any, Any], seconds: float, what: str) -> asyncio.Task[Any]:
    """The task of the work, done with, whatever came of it.

    Raises:
        BreachError: it did not end in this time; it is cancelled.
    """
    task = asyncio.ensure_future(work)
    await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        task.cancel()
        raise BreachError(f"{what} did not end within {seconds:g} seconds")
    return task


async def discard(subject: Subject, state: Any) -> None:
    """Close a state as a host does: whatever goes wrong then is for another check."""
    await Guard("conformance", subject.connector, state).close()


async def close(subject: Subject, state: Any) -> None:
    """Close a state.

    Raises:
        BreachError: the hook raised, or did not end in the time that the host gives it.
    """
    task = await ended(ask(subject, "close", state=state), CLOSE_SECONDS, "close")
    if task.cancelled() or task.exception() is not None:
        raised = "CancelledError" if task.cancelled() else type(task.exception()).__name__
        raise BreachError(
            f"close raised {raised}",
            "give back all that there is, whatever goes wrong with a part of it, and raise nothing",
        )
