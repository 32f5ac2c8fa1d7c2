"""Blocking functions of plugins and callers, run off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["off_the_loop"]


async def off_the_loop(function: Callable[[], Any]) -> Any:
    """The function's result; it runs in a thread."""

    def call() -> Any:
        try:
            return function()
        except StopIteration as error:
            # A future cannot carry it (Python before 3.12), and the caller would wait for ever.
            raise RuntimeError("StopIteration was raised") from error

    return await asyncio.to_thread(call)
