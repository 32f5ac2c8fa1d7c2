"""Presets for providers of e-mail: one TOML file each. To add a provider, add a file.

A file has `title`, `aliases`, `userName`, `guide` (Markdown), `[[links]]` with `title` and `url`,
`[[questions]]` and `[[pitfalls]]` with the fields of `Question` and `Pitfall`, paths written with
dots (`auth.user`), and `[config]`, which is merged over the sample config; `remove` lists the paths
of the sample that the provider does without. A key that is none of these is an error.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from connector_core import Link, Pitfall, Provider, Question
from connector_core.configs import merge_patch, placeholders

__all__ = ["load", "services"]

# What the sample shows, and no provider asks for.
_UNUSED = (
    "ignoreTLS",
    "opportunisticTLS",
    "authMethod",
    "forceAuth",
    "replyTo",
    "name",
    "localAddress",
    "servername",
)
_SERVER = ("host", "port", "secure", "requireTLS")


@lru_cache(maxsize=1)
def load() -> tuple[Provider, ...]:
    """Every provider, by name."""
    files = sorted(Path(__file__).parent.glob("*.toml"))
    return tuple(_provider(file.stem, file.read_text("utf-8")) for file in files)


def services() -> dict[str, dict[str, Any]]:
    """The server of each provider that has one of its own: host, port and TLS mode, by name.

    Where the host is asked for, it is the first of the question's choices, as in nodemailer's list
    of services.
    """
    servers = {}
    for preset in load():
        server = {key: preset.config[key] for key in _SERVER if preset.config.get(key) is not None}
        hosts = (item.choices for item in preset.questions if item.path == ("host",))
        if first := next(iter(next(hosts, ())), None):
            server["host"] = first
        if not placeholders(server):
            servers[preset.name] = server
    return servers


def _provider(name: str, text: str) -> Provider:
    data = tomllib.loads(text)
    preset = Provider(
        name=name,
        title=data.pop("title"),
        aliases=tuple(data.pop("aliases", ())),
        user_name=data.pop("userName", ""),
        guide=data.pop("guide").strip() + "\n",
        links=tuple(Link(**link) for link in data.pop("links")),
        questions=tuple(_question(**item) for item in data.pop("questions", ())),
        pitfalls=tuple(Pitfall(**item) for item in data.pop("pitfalls", ())),
        config=merge_patch(_without((*_UNUSED, *data.pop("remove", ()))), data.pop("config")),
    )
    if data:
        raise ValueError(f"{name}.toml has unknown keys: {', '.join(sorted(data))}")
    return preset


def _question(path: str, also: Iterable[str] = (), **more: Any) -> Question:
    return Question(path=_keys(path), also=tuple(_keys(item) for item in also), **more)


def _without(paths: Iterable[str]) -> dict[str, Any]:
    """The merge patch (RFC 7396) that takes these away."""
    patch: dict[str, Any] = {}
    for path in paths:
        *around, last = _keys(path)
        place = patch
        for key in around:
            place = place.setdefault(key, {})
        place[last] = None
    return patch


def _keys(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))
