"""The authors' page about the kit says of each check what its docstring says."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

from connector_core.testing import ConformanceSuite, conformance_suite
from tests.testing.runs import CHECKS

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/authors/conformance.md").read_text("utf-8")


def section(group: type[Any]) -> str:
    """A group of checks as it stands on the page."""
    head = inspect.cleandoc(str(group.__doc__)).rstrip(".").split("\n")[0]
    items = [
        f"- **`{name}`**: {' '.join(inspect.cleandoc(str(check.__doc__)).split())}"
        for name, check in vars(group).items()
        if name.startswith("test_")
    ]
    return "\n".join([f"### {head}", "", *items])


def test_the_page_has_every_check() -> None:
    groups = [item for item in ConformanceSuite.__mro__ if "test_" in " ".join(vars(item))]
    wanted = "\n\n".join(map(section, groups))
    assert wanted in PAGE, f"the checks on the page must be:\n\n{wanted}"
    assert set(re.findall(r"\*\*`(test_\w+)`\*\*", PAGE)) == set(CHECKS)


def test_the_page_has_every_argument() -> None:
    for name in inspect.signature(conformance_suite).parameters:
        assert f"| `{name}` |" in PAGE


def test_the_programs_on_the_page_are_sound() -> None:
    programs = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(programs) >= 3
    known = set(inspect.signature(conformance_suite).parameters)
    for program in programs:
        for node in ast.walk(ast.parse(program)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "conformance_suite":
                assert {keyword.arg for keyword in node.keywords} <= known
