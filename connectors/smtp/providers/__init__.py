"""Presets for providers of e-mail: one TOML file each. To add a provider, add a file.

A file has `title`, `guide` (Markdown), `[[links]]` with `title` and `url`, and `[config]`, which
is merged over the sample config; `remove` lists sample keys that the provider does without.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

from connector_core import Link, Provider

__all__ = ["load"]


@lru_cache(maxsize=1)
def load() -> tuple[Provider, ...]:
    """Every provider, by name."""
    files = sorted(Path(__file__).parent.glob("*.toml"))
    return tuple(_provider(file.stem, file.read_text("utf-8")) for file in files)


def _provider(name: str, text: str) -> Provider:
    data = tomllib.loads(text)
    return Provider(
        name=name,
        title=data["title"],
        guide=data["guide"].strip() + "\n",
        links=tuple(Link(**link) for link in data["links"]),
        config={**dict.fromkeys(data.get("remove", ())), **data["config"]},
    )
