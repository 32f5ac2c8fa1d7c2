"""Tests in a module that says `BOTH_LOOPS = True` run on asyncio's event loop and on uvloop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from connector_core import guard


@pytest.fixture(autouse=True)
def _what_the_connector_itself_says_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host gives a connector a moment past the deadline: here one that any machine keeps."""
    monkeypatch.setattr(guard, "_GRACE", 30.0)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Function
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
        "asyncio": asyncio.new_event_loop
    }
    if not getattr(item.module, "BOTH_LOOPS", False):
        return factories
    try:
        import uvloop
    except ImportError:
        return factories
    return {**factories, "uvloop": uvloop.new_event_loop}
