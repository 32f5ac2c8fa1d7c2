"""The pictures show what there is: commands that the command line takes, layers that are held."""

from __future__ import annotations

import re
import shlex
from html import unescape
from pathlib import Path

import click
import pytest

from connector_core.cli import main
from connector_core.discovery import discover
from tests.docs.page import ROOT, pages
from tests.pictures import FOLDER, layers
from tests.pictures.scenes import SCENES, Scene

NAMES = {"layers", *(scene.name for scene in SCENES)}
PAGES = {path: path.read_text("utf-8") for path in pages()}


def _shown(name: str) -> str:
    """The text of a picture."""
    svg = (FOLDER / f"{name}.svg").read_text("utf-8")
    pieces = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    return unescape("".join(pieces)).replace("\N{NO-BREAK SPACE}", " ")


def test_there_is_each_picture_and_no_other() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == NAMES, "say make pictures"


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_picture_shows_a_command_that_there_is(scene: Scene) -> None:
    assert f"$ {scene.command}" in _shown(scene.name), "it is stale: say make pictures"
    context: click.Context = click.Context(main)
    name, *arguments = shlex.split(scene.command)
    assert name == "connector"
    command = main.get_command(context, arguments[0])
    assert command is not None
    command.make_context(arguments[0], arguments[1:], parent=context)


def test_the_layers_are_those_that_imports_are_held_to() -> None:
    fresh = (FOLDER / "layers.svg").read_text("utf-8") == layers.drawn()
    assert fresh, "it is stale: say make pictures PICTURES=layers"


def test_the_list_has_every_connector() -> None:
    for connector in discover():
        assert connector.id in _shown("list"), "it is stale: say make pictures PICTURES=list"


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_picture_loads_nothing_and_has_no_secret(name: str) -> None:
    svg = (FOLDER / f"{name}.svg").read_text("utf-8")
    without_names = re.sub(r'xmlns="[^"]*"', "", svg)
    assert not re.search(r"(?:href|src)=|url\(\s*[\"']?[^#\s]|@import|<script", without_names)
    assert not re.search(r"SG\.aaaaaaaa|tr0ub4dor", _shown(name))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_picture_is_in_a_page_and_told_to_those_who_do_not_see_it(name: str) -> None:
    used: list[tuple[Path, str]] = [
        (path, alternative)
        for path, text in PAGES.items()
        for alternative, target in re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", text)
        if (path.parent / target).resolve() == FOLDER / f"{name}.svg"
    ]
    assert used, f"no page shows {name}.svg"
    for path, alternative in used:
        assert len(alternative) > 20, f"{path.relative_to(ROOT)}: say what {name}.svg shows"
