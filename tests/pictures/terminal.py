"""A scene played on a terminal, and drawn as SVG."""

from __future__ import annotations

import io
import shlex
import subprocess
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.docs.screen import Screen
from tests.docs.servers import serving
from tests.docs.story import environment
from tests.pictures.scenes import ENVIRON, Scene

__all__ = ["drawn"]

_PROMPT = Style(color="green", bold=True)
_TYPED = Style(bold=True)
_COLOURS = {"brown": "yellow"}
_THEME = TerminalTheme(
    (24, 27, 34),
    (214, 219, 227),
    [
        *((24, 27, 34), (240, 113, 120), (125, 200, 130), (229, 192, 123)),
        *((110, 170, 245), (200, 140, 230), (96, 200, 210), (214, 219, 227)),
    ],
    [
        *((130, 138, 150), (255, 135, 140), (150, 220, 150), (245, 212, 150)),
        *((140, 190, 255), (220, 165, 245), (130, 220, 228), (255, 255, 255)),
    ],
)
# As rich has it, without the fonts that it loads from elsewhere.
_FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{
        font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
    }}
    .{unique_id}-title {{
        font-size: 18px;
        font-weight: bold;
        font-family: system-ui, sans-serif;
    }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})"
       clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


def drawn(scene: Scene, folder: Path) -> str:
    """Play a scene in an empty folder, against the emulated servers; the picture."""
    with serving(()) as reach:
        environ = {**environment(folder, reach), **ENVIRON, "COLORTERM": "truecolor"}
        environ["TERM"] = "xterm-256color"
        del environ["NO_COLOR"]
        stage = folder / "stage"
        stage.mkdir()
        for command in scene.before:
            subprocess.run(
                ["bash", "-c", command], cwd=stage, env=environ, check=True, capture_output=True
            )
        screen = Screen(shlex.split(scene.command), stage, environ, scene.columns)
        for question, typed in scene.answers:
            screen.answer(question, typed)
        screen.end()
    return _picture(scene, screen)


def _picture(scene: Scene, screen: Screen) -> str:
    console = Console(
        record=True,
        width=scene.columns,
        file=io.StringIO(),  # it would show here, too, what it records
        force_terminal=True,
        color_system="truecolor",
    )
    console.print(Text.assemble(("$ ", _PROMPT), (scene.command, _TYPED)))
    rows = screen.buffer.buffer
    last = max((number for number, row in rows.items() if any(_inked(row))), default=-1)
    for number in range(last + 1):
        row = rows[number]
        cells = [row[place] for place in range(max(row, default=-1) + 1)]
        line = Text(no_wrap=True, overflow="crop")
        # Whole words, for a picture has a text for each piece.
        for style, run in groupby(cells, _style):
            line.append("".join(cell.data for cell in run), style)
        line.rstrip()
        console.print(line, soft_wrap=True)
    return console.export_svg(
        title=" ".join(shlex.split(scene.command)[:2]),
        theme=_THEME,
        code_format=_FORMAT,
        unique_id=f"connector-{scene.name}",
    )


def _inked(row: Any) -> list[bool]:
    return [character.data.strip() != "" for character in row.values()]


def _style(character: Any) -> Style:
    return Style(
        color=_colour(character.fg),
        bgcolor=_colour(character.bg),
        bold=character.bold,
        italic=character.italics,
        underline=character.underscore,
        reverse=character.reverse,
    )


def _colour(name: str) -> str | None:
    """A colour of pyte's as rich has it."""
    if name == "default":
        return None
    if len(name) == 6 and all(digit in "0123456789abcdef" for digit in name):
        return f"#{name}"
    if name.startswith("bright"):
        rest = name.removeprefix("bright")
        return f"bright_{_COLOURS.get(rest, rest)}"
    return _COLOURS.get(name, name)
