"""The layers that imports run down through, drawn from import-linter's contracts."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

__all__ = ["drawn"]

ROOT = Path(__file__).parents[2]
_ROW, _GAP, _PAD, _HEAD = 30, 8, 14, 44
_WIDTH = {"connector_core": 720, "connectors.smtp": 440}
# Readable on white and on black alike: the cards carry their own ground, the rest is mid grey.
_GREY = "#7d8590"
_HUES = {"connector_core": ("#2f5fb3", "#ffffff"), "connectors.smtp": ("#2d7a5f", "#ffffff")}


class _Panel(NamedTuple):
    """One package with its layers, uppermost first, each with its modules."""

    package: str
    title: str
    layers: list[list[str]]

    @property
    def height(self) -> int:
        return _HEAD + len(self.layers) * (_ROW + _GAP) - _GAP + _PAD


def _panels() -> list[_Panel]:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layered = [item for item in tool["contracts"] if item["type"] == "layers"]
    core = next(item for item in layered if "containers" not in item)
    smtp = next(item for item in layered if item.get("containers") == ["connectors.smtp"])
    return [
        _Panel("connector_core", "connector_core", _split(core["layers"])),
        _Panel("connectors.smtp", "connectors/smtp", _split(smtp["layers"])),
    ]


def _split(layers: list[str]) -> list[list[str]]:
    return [
        [name.strip().removeprefix("connector_core.") for name in layer.split("|")]
        for layer in layers
    ]


def drawn() -> str:
    """The picture."""
    panels = _panels()
    arrow = 46
    width = sum(_WIDTH[panel.package] for panel in panels) + 2 * arrow + 1
    height = max(panel.height for panel in panels) + 2
    parts: list[str] = []
    x = float(arrow)
    for panel in panels:
        parts += _panel(panel, x)
        x += _WIDTH[panel.package] + arrow
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'role="img" font-family="system-ui, -apple-system, Segoe UI, sans-serif">',
            "<title>Layers of connector_core and of the SMTP connector; imports run downwards"
            "</title>",
            *_downwards(height),
            *parts,
            *_hooks(arrow + _WIDTH["connector_core"], arrow),
            "</svg>\n",
        ]
    )


def _panel(panel: _Panel, x: float) -> Iterator[str]:
    width = _WIDTH[panel.package]
    yield (
        f'<rect x="{x}" y="1" width="{width}" height="{panel.height}" rx="10" fill="none" '
        f'stroke="{_GREY}" stroke-opacity="0.6"/>'
    )
    yield (
        f'<text x="{x + _PAD}" y="29" font-size="17" font-weight="600" fill="{_GREY}">'
        f"{escape(panel.title)}</text>"
    )
    ground, ink = _HUES[panel.package]
    for number, modules in enumerate(panel.layers):
        y = _HEAD + number * (_ROW + _GAP)
        room = width - 2 * _PAD - _GAP * (len(modules) - 1)
        # Each has the room that its name needs, and a share of what is left.
        letters = sum(len(name) + 4 for name in modules)
        left = x + _PAD
        for name in modules:
            wide = room * (len(name) + 4) / letters
            yield (
                f'<rect x="{left:.1f}" y="{y}" width="{wide:.1f}" height="{_ROW}" rx="5" '
                f'fill="{ground}"/>'
            )
            yield (
                f'<text x="{left + wide / 2:.1f}" y="{y + 20}" font-size="13.5" fill="{ink}" '
                f'text-anchor="middle">{escape(name)}</text>'
            )
            left += wide + _GAP


def _downwards(height: int) -> Iterator[str]:
    """The arrow that says which way imports run."""
    yield (
        f'<path d="M22 {_HEAD} V{height - 20} m-5 -8 l5 8 l5 -8" fill="none" stroke="{_GREY}" '
        'stroke-width="2"/>'
    )
    middle = height / 2
    yield (
        f'<text x="12" y="{middle}" font-size="13" fill="{_GREY}" text-anchor="middle" '
        f'transform="rotate(-90 12 {middle})">imports</text>'
    )


def _hooks(x: float, wide: float) -> Iterator[str]:
    """The arrow from the core to a plugin: hooks are called, nothing is imported."""
    y = _HEAD + _ROW / 2
    yield (
        f'<path d="M{x + 5} {y} H{x + wide - 6}" stroke="{_GREY}" stroke-width="2" '
        'stroke-dasharray="5 3"/>'
    )
    yield (
        f'<path d="M{x + wide - 13} {y - 5} l8 5 l-8 5" fill="none" stroke="{_GREY}" '
        'stroke-width="2"/>'
    )
    yield (
        f'<text x="{x + wide / 2}" y="{y - 9}" font-size="12" fill="{_GREY}" '
        'text-anchor="middle">hooks</text>'
    )
