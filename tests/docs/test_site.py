"""The site builds without a warning, and a reader needs no network for it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from tests.docs.page import ROOT, pages

REMOTE = re.compile(
    r"""<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=["'](?:https?:)?//"""
)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The site, as `make docs` builds it, once for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "site"
    with FileLock(f"{folder}.lock"):
        if not (folder / "index.html").exists():
            options = ("-W", "--keep-going", "-n", "-q", "-c", "docs", "-d", f"{folder}.doctrees")
            built = subprocess.run(
                [sys.executable, "-m", "sphinx", *options, ".", str(folder)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert built.returncode == 0, built.stderr
    return folder


def test_every_page_is_in_the_site_and_in_its_navigation(site: Path) -> None:
    first = (site / "docs/index.html").read_text("utf-8")
    for path in pages():
        name = path.relative_to(ROOT).with_suffix(".html")
        assert (site / name).exists(), name
        link = f"{name.relative_to('docs')}" if name.parts[0] == "docs" else f"../{name}"
        assert name.name == "index.html" or f'href="{link}"' in first, name
    assert "docs/index.html" in (site / "index.html").read_text("utf-8")


def test_a_page_says_which_language_it_is_in(site: Path) -> None:
    for page in (site / "docs").rglob("*.html"):
        language = "fr" if page.parent.name == "fr" else "en"
        assert f' lang="{language}"' in page.read_text("utf-8").partition(">")[2][:200], page.name


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert not REMOTE.search(page.read_text("utf-8")), page.name
    for sheet in site.rglob("*.css"):
        text = sheet.read_text("utf-8")
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", text), sheet.name


def test_there_is_a_search(site: Path) -> None:
    assert "opportunistictl" in (site / "searchindex.js").read_text("utf-8").lower()
