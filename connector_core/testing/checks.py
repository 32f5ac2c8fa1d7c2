"""How a check runs: on an event loop of its own if need be, its contract told at a breach."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, TypeVar

import pytest

from connector_core.testing.leaks import OWN_THREADS
from connector_core.testing.subject import Subject
from connector_core.testing.verdicts import BreachError

__all__ = ["Checks", "check"]

C = TypeVar("C", bound="Checks")


class Checks:
    """A group of checks of one connector.

    Attributes:
        subject: the connector, and what its checks need.
    """

    subject: Subject


def check(test: Callable[[C], Coroutine[Any, Any, None] | None]) -> Callable[[C], None]:
    """A test of a method that raises BreachError; one that is asynchronous gets an event loop."""

    @wraps(test)
    def run(self: C) -> None:
        breach: BreachError | None = None
        try:
            pending = test(self)
            if inspect.iscoroutine(pending):
                _run(pending, self.subject)
        except BreachError as error:
            breach = error
        if breach is not None:  # out here, where there is no traceback to tell besides
            contract = inspect.cleandoc(test.__doc__ or "")
            pytest.fail(f"{breach}\n\nThe contract: {contract}", pytrace=False)

    return run


def _run(pending: Coroutine[Any, Any, None], subject: Subject) -> None:
    # A factory is always given: without one, a runner takes the thread's current loop away.
    with asyncio.Runner(loop_factory=subject.loop_factory or asyncio.new_event_loop) as runner:
        runner.get_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix=OWN_THREADS))
        runner.run(pending)
