"""The pages of docs/reference that are made from the code: `make reference` writes them anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from connector_core.discovery import discover
from tests.reference import api, commands, options

__all__ = ["FOLDER", "made"]

FOLDER = Path(__file__).parents[2] / "docs/reference"
BUILT_IN = "connector-core"


def made() -> Mapping[str, str]:
    """Each page's name and text, as the code has them now."""
    pages: dict[str, Callable[[], str]] = {"api.md": api.page, "commands.md": commands.page}
    texts = {name: page() for name, page in pages.items()}
    for connector in discover():
        if connector.distribution == BUILT_IN:
            texts[f"options-{connector.target}.md"] = options.page(connector)
    return texts
