"""What import-linter does not hold: who may use which names, and what is imported when."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import connector_core

ROOT = Path(__file__).parent.parent
MODULES = [*ROOT.glob("connector_core/**/*.py"), *ROOT.glob("connectors/**/*.py")]
# What the core offers authors of connectors; docs/architecture.md says what for.
PUBLIC = {
    *("configmodels", "configs", "errors", "extras", "fields", "i18n", "locales", "mail", "models"),
    *("network", "redaction", "templates", "validation", "verifying"),
}


def _imports(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, name.name) for name in node.names)


def _is_module(name: str) -> bool:
    try:
        return bool(importlib.util.find_spec(name))
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_another_offers(path: Path) -> None:
    for module, name in _imports(path):
        if module.split(".")[0] in ("connector_core", "connectors") and not _is_module(
            f"{module}.{name}"
        ):
            assert name in importlib.import_module(module).__all__, f"{module}.{name}"


def test_a_connector_uses_the_public_modules_of_the_core_only() -> None:
    used = {
        module.split(".")[1]
        for path in ROOT.glob("connectors/**/*.py")
        for module, _ in _imports(path)
        if module.startswith("connector_core.")
    }
    assert used <= PUBLIC


def test_the_names_of_the_package_are_the_same_three_times() -> None:
    tree = ast.parse(Path(connector_core.__file__).read_text("utf-8"))
    [block] = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    typed = {
        name.name: node.module.split(".")[1]
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for name in node.names
    }
    assert typed == connector_core._MODULES
    assert sorted(typed) == sorted(connector_core.__all__)
    for name in typed:
        assert getattr(connector_core, name)
    with pytest.raises(AttributeError, match="Hots"):
        getattr(connector_core, "Hots")  # noqa: B009 - a type checker would see it


def test_listing_the_connectors_imports_nothing_heavy() -> None:
    program = (
        "import sys; from connector_core.cli import main; main(['list', '--json'], "
        "standalone_mode=False); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    assert "connectors.smtp.plugin" in loaded
    heavy = {"jsonschema", "pydantic", "asyncio", "rich", "uvloop", "email_validator", "ssl"}
    assert not heavy & loaded
