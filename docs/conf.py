"""The documentation as a site: `make docs`.

The source is the whole repository, so that links between pages are the same here and on a code
host, also those to CONTRIBUTING.md and the like. The pages know nothing of the site: what is
Sphinx's own, such as the navigation, stands here.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# The navigation; a page that no pattern matches is an error, a pattern without a page is none.
NAVIGATION = {
    "Set up mail": (
        *("docs/start", "docs/setup/*", "docs/templates", "docs/host-file", "docs/cli"),
        *("docs/errors", "docs/security", "docs/connectors/*", "docs/moving/*"),
    ),
    "Embed the host": ("docs/library", "docs/embedding/*"),
    "Write a connector": ("docs/authors/writing", "docs/authors/*", "docs/architecture"),
    "Reference": ("docs/reference/*", "docs/performance"),
    "En français": ("docs/fr/*",),
    "The project": ("README", "CONTRIBUTING", "CHANGELOG"),
}

project = _PROJECT["name"]
version = release = _PROJECT["version"]
project_copyright = "its authors, MIT licence"

extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "docs/**/*.md"]
# Nothing of these is looked through: some are large, and some are links to elsewhere.
exclude_patterns = [".*", "connector_core", "connectors", "tests", "build", "dist", "node_modules"]
# As deep as links lead, with the names that code hosts give to headings.
myst_heading_anchors = 3
# Templates of mails are not quite HTML, nor is JSON with `…` in it; they are shown all the same.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = f"{project} {version}"
html_copy_source = False
html_show_sourcelink = False
html_use_index = False
html_last_updated_fmt = None


def _documents(patterns: tuple[str, ...]) -> list[str]:
    """The pages that the patterns match, in their order, each once."""
    found = [
        path.relative_to(ROOT).with_suffix("").as_posix()
        for pattern in patterns
        for path in sorted(ROOT.glob(f"{pattern}.md"))
    ]
    return list(dict.fromkeys(found))


def _with_navigation(_app: Any, docname: str, source: list[str]) -> None:
    """Give the first page its tables of contents, which a code host would show as code."""
    if docname != root_doc:
        return
    for caption, patterns in NAVIGATION.items():
        if documents := _documents(patterns):
            listed = "\n".join(f"/{document}" for document in documents)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n"


def _in_its_language(_app: Any, docname: str, _template: str, context: Any, _tree: Any) -> None:
    """Say in the page's HTML which language it is in."""
    if docname.startswith("docs/fr/"):
        context["language"] = "fr"


def _lead_in(app: Any, error: Exception | None) -> None:
    """Lead from the site's root to its first page."""
    if error is None and app.builder.format == "html":
        there = f"{root_doc}.html"
        lead = (
            f'<!doctype html><meta charset="utf-8"><title>{project}</title>',
            f'<meta http-equiv="refresh" content="0; url={there}">',
            f'<a href="{there}">{project}</a>\n',
        )
        (Path(app.outdir) / "index.html").write_text("\n".join(lead), "utf-8")


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _with_navigation)
    app.connect("html-page-context", _in_its_language)
    app.connect("build-finished", _lead_in)
