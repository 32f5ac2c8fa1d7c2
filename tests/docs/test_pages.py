"""Each page does what it says: its programs run, its commands print what it shows of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.docs.page import ROOT, page_at, pages
from tests.docs.story import run

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="a story has a loopback address of its own, as Linux has many"
)

PAGES = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in pages()]
# How many blocks of a page are not run, each for a reason that stands above it.
NOT_RUN = {"README.md": 1, "docs/authors/writing.md": 1, "docs/performance.md": 1}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_does_what_it_says(path: Path, tmp_path: Path) -> None:
    run(page_at(path), tmp_path)


def test_few_blocks_are_not_run_and_each_has_its_reason() -> None:
    found: dict[str, int] = {}
    for path in pages():
        page = page_at(path)
        for step in page.steps:
            if "not run" in step.says:
                assert step.says["not run"], f"{page.name}:{step.line}: give the reason"
                found[page.name] = found.get(page.name, 0) + 1
    assert found == NOT_RUN
