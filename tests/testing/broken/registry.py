"""Which broken connector is for which check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

__all__ = ["BROKEN", "breaks"]

T = TypeVar("T", bound=Callable[[Path], object])

BROKEN: list[tuple[str, Callable[[Path], object]]] = []


def breaks(check: str) -> Callable[[T], T]:
    """Note that a connector must fail this check, and no other."""

    def note(plugin: T) -> T:
        BROKEN.append((check, plugin))
        return plugin

    return note
