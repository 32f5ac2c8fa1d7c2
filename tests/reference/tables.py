"""Tables and cells in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["NOTE", "code", "plain", "table"]

NOTE = "<!-- made by `make reference`: change the code, and not this page -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; what would end a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def code(text: str) -> str:
    """Text as code within a line; empty stays empty."""
    return f"`{text}`" if text else ""


def plain(text: str) -> str:
    """Text in which what stands in `<` and `>` is code, and no HTML."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(
        piece if piece.startswith("`") else re.sub(r"<[^>]*>", r"`\g<0>`", piece)
        for piece in pieces
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
