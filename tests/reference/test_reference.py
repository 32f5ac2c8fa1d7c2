"""The reference is as the code is now, and what of it is written by hand leaves nothing out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import connector_core
from connector_core.discovery import discover
from tests.reference import FOLDER, made

ROOT = Path(__file__).parents[2]
MADE = made()


@pytest.mark.parametrize("name", list(MADE))
def test_a_page_is_fresh(name: str) -> None:
    there = FOLDER / name
    assert there.exists(), f"docs/reference/{name} is missing: say make reference"
    assert there.read_text("utf-8") == MADE[name], "it is stale: say make reference"


def test_no_page_is_left_of_a_connector_that_is_gone() -> None:
    assert {path.name for path in FOLDER.glob("options-*.md")} <= set(MADE), "say make reference"


def test_every_public_name_is_in_the_interface() -> None:
    headings = re.findall(r"^### `(\w+)`$", MADE["api.md"], re.MULTILINE)
    assert sorted(headings) == sorted(connector_core.__all__)


def test_methods_of_the_host_that_blocks_are_in_the_interface_too() -> None:
    asynchronous, blocking = (
        set(re.findall(rf"^#### `{name}\.(\w+)`$", MADE["api.md"], re.MULTILINE))
        for name in ("AsyncHost", "Host")
    )
    assert {"send_message", "from_file"} <= blocking
    assert asynchronous - blocking == {"aclose"}


def test_every_option_of_the_smtp_connector_has_a_row() -> None:
    schema, page = discover()["smtp"].schema, MADE["options-smtp.md"]
    needed = schema["required"]
    for key, own in schema["properties"].items():
        (row,) = re.findall(rf"^\| `{key}` \|(.*)$", page, re.MULTILINE)
        kind, default, meaning, _ = (cell.strip() for cell in row.split("|"))
        assert default == (f"`{own['default']}`" if "default" in own else "")
        assert kind.endswith(", secret") == bool(own.get("writeOnly"))
        assert kind.endswith(", needed") == (key in needed)
        assert meaning.replace("`", "") == own["description"].replace("`", "")
    assert "| `templates[].subject` | string, needed |  |" in page
    assert "| `dkim.keys[].privateKey.key` | string, needed, secret |  |" in page


def _variables(path: Path) -> Iterator[str]:
    """The environment variables that a module asks for by a name of its own."""
    tree = ast.parse(path.read_text("utf-8"))
    constants = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and "environ" in ast.unparse(node.func)):
            continue
        name = node.args[0] if node.args else None
        if isinstance(name, ast.Constant):
            yield str(name.value)
        elif isinstance(name, ast.Name) and name.id in constants:
            yield str(constants[name.id])


def test_every_environment_variable_is_told() -> None:
    text = (FOLDER / "environment.md").read_text("utf-8")
    found = {name for path in ROOT.glob("connector*/**/*.py") for name in _variables(path)}
    assert {"CONNECTOR_DISABLE", "CONNECTOR_FILE"} <= found
    missing = {name for name in found - {"LANGUAGE"} if f"`{name}`" not in text}
    assert not missing
