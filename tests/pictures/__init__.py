"""The pictures of the documentation, made from real runs: `make pictures` makes them anew."""

from __future__ import annotations

from pathlib import Path

__all__ = ["FOLDER"]

FOLDER = Path(__file__).parents[2] / "docs/pictures"
