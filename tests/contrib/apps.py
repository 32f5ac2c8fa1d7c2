"""The programs of the documentation, as modules."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from tests.docs.page import ROOT, page_at

__all__ = ["program", "source"]


def source(page: str, file: str = "app.py") -> str:
    """The text of a program that a page has its readers write into a file."""
    steps = page_at(ROOT / page).steps
    [text] = [step.content for step in steps if step.says.get("file") == file]
    return text


def program(page: str) -> Any:
    """A page's `app.py`, run as the module `app`."""
    module = ModuleType("app")
    exec(compile(source(page), page, "exec"), vars(module))
    return module
