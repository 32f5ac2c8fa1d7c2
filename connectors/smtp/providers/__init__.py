"""Presets for providers of e-mail: one TOML file each. To add a provider, add a file.

A file has `title`, `guide` (Markdown), `[[links]]` with `title` and `url`, and `[config]`, which
is merged over the sample config; `remove` lists sample keys that the provider does without.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import resources

from connector_core import Link, Provider

__all__ = ["load"]


@lru_cache(maxsize=1)
def load() -> tuple[Provider, ...]:
    """Every provider, by name."""
    files = [item for item in resources.files(__name__).iterdir() if item.name.endswith(".toml")]
    return tuple(
        _provider(item.name.removesuffix(".toml"), item.read_text("utf-8"))
        for item in sorted(files, key=lambda item: item.name)
    )


def _provider(name: str, text: str) -> Provider:
    data = tomllib.loads(text)
    return Provider(
        name=name,
        title=data["title"],
        guide=data["guide"].strip() + "\n",
        links=tuple(Link(**link) for link in data["links"]),
        config={**dict.fromkeys(data.get("remove", ())), **data["config"]},
    )
