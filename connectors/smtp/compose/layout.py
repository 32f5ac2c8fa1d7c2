"""Plain text from blocks and tables, laid out as a person would write it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["EDGE", "LINE", "PARAGRAPH", "Block", "Frame", "Table", "indented", "joined"]

# Line ends before a block: it stands on the next line, or behind an empty one.
LINE = 1
PARAGRAPH = 2

# The line ends before a block, and the text of the block.
Block = tuple[int, str]

# Stands where words do not run into those beside them: around the text of an image, and behind a
# link. No parser leaves a NUL in a text.
EDGE = "\0"
_BETWEEN_WORDS = re.compile(rf"(?<=[\w)]){EDGE}++(?=\w)")
# Not seen: soft hyphens, joiners of characters and words, byte order marks. Spaces that break no
# line are spaces; ideographic ones stay, and so do marks of direction.
_CHARACTERS = {
    **dict.fromkeys(map(ord, "\u00ad\u034f\u200b\u2060\ufeff")),
    **dict.fromkeys(map(ord, "\u00a0\u2007\u202f"), " "),
}
# Zero width (non-)joiners matter within a word; elsewhere they are padding.
_JOINERS = "\u200c\u200d"
_GAP = re.compile(r"\n{3,}")


class Frame:
    """What the whole mail, an item, a quotation or a cell consists of, while it is written.

    Attributes:
        blocks: those that are complete.
        inline: what was written behind them and is no block yet, spaces collapsed; another list
            for each block.
        gap: the line ends before the next block, at least.
    """

    __slots__ = ("blocks", "gap", "inline")

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.inline: list[str] = []
        self.gap = LINE

    def end_block(self, gap: int, *, verbatim: bool = False) -> None:
        """Make a block of what is inline; the next one is the gap away, at least."""
        if self.inline:
            written, self.inline = "".join(self.inline), []
            self._add(_verbatim(written) if verbatim else _tidy(written))
        self.gap = max(self.gap, gap)

    def _add(self, text: str) -> None:
        content = text.strip("\n")
        if not content or text.startswith("\n"):
            # An empty line, unless there is no line at all.
            self.gap = PARAGRAPH if "\n" in text else self.gap
        if content:
            self.extend([(LINE, content)])
            self.gap = PARAGRAPH if text.endswith("\n\n") else LINE

    def extend(self, blocks: Sequence[Block]) -> None:
        """Add blocks; the first may have to keep a greater gap."""
        if blocks:
            gap, text = blocks[0]
            self.blocks += [(max(gap, self.gap), text), *blocks[1:]]
            self.gap = LINE


class Table:
    """The cells of a table, until it shows whether they are data or arrange other things.

    Attributes:
        rows: of each row its cells, of each cell its blocks.
        arranges: whether the table says that it holds no data, or holds other tables.
        headed: whether a cell is a header.
    """

    __slots__ = ("arranges", "headed", "rows")

    def __init__(self, *, arranges: bool) -> None:
        self.rows: list[list[Sequence[Block]]] = []
        self.arranges = arranges
        self.headed = False

    def blocks(self) -> list[Block]:
        """The table as one block of rows, or as the blocks within its cells."""
        if self._has_data():
            return [(PARAGRAPH, "\n".join(filter(None, map(_row, self.rows))))]
        found: list[Block] = []
        for cell in (cell for row in self.rows for cell in row if cell):
            found += [(PARAGRAPH, cell[0][1]), *cell[1:]]
        return found

    def _has_data(self) -> bool:
        """Whether rows have cells side by side, and these have no paragraphs or are headed."""
        if self.arranges or sum(1 for row in self.rows if sum(map(bool, row)) > 1) < 2:
            return False
        return self.headed or all(len(cell) <= 1 for row in self.rows for cell in row)


def _row(cells: Iterable[Sequence[Block]]) -> str:
    texts = [" ".join(filter(None, joined(cell).split("\n"))) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return " | ".join(texts)


def joined(blocks: Sequence[Block]) -> str:
    """The text of the blocks."""
    pieces: list[str] = []
    for gap, text in blocks:
        pieces += ["\n" * gap, text]
    return "".join(pieces[1:])


def indented(text: str, first: str, others: str) -> str:
    """The text with one prefix to its first line, and one to all others."""
    if "\n" not in text:
        return first + text
    lines = text.split("\n")
    rest = [others + line if line else others.rstrip(" ") for line in lines[1:]]
    return "\n".join([first + lines[0], *rest])


def _tidy(text: str) -> str:
    if EDGE in text:
        text = _BETWEEN_WORDS.sub(" ", text).replace(EDGE, "")
    if not text.isascii():
        text = text.translate(_CHARACTERS)
    return _GAP.sub("\n\n", "\n".join(map(_tidy_line, text.split("\n"))))


def _tidy_line(line: str) -> str:
    return " ".join(word for piece in line.split(" ") if (word := piece.strip(_JOINERS)))


def _verbatim(text: str) -> str:
    return text.replace(EDGE, "").replace("\r\n", "\n").replace("\r", "\n")
