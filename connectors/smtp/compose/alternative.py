"""The text alternative of an HTML template: what a person would write who copies the mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from connector_core.templates import CompiledText
from connectors.smtp.compose.layout import EDGE, LINE, PARAGRAPH, Frame, Table, indented, joined
from connectors.smtp.compose.markup import names
from connectors.smtp.compose.placeholders import Placeholders
from connectors.smtp.compose.visible import TEXT, walk

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["text_of"]

_RULE = "-" * 20
_MAX_INDENTS = 8  # lists and quotations within one another; deeper ones are not indented further

_LINES = names("center div dt fieldset figcaption form legend optgroup option summary")
_PARAGRAPHS = names(
    "address article aside details dl figure footer h1 h2 h3 h4 h5 h6 header hgroup main nav p "
    "section"
)
_LISTS = names("dir menu ol ul")
_VERBATIM = names("listing pre textarea xmp")

_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")
_LINE_END = re.compile(r"\r\n?")
_SPACES = re.compile(r"[\t\n\f\r ]+")
_NOT_IN_URL = re.compile(r"[\t\n\r]")
_SCHEME = re.compile(r"\Ahttps?://", re.IGNORECASE)


def text_of(html: str) -> str:
    """The template as plain text, its variables as they stand; empty if there is nothing to see.

    Links show where they lead. What is hidden is left out, a preview line too. Never raises; takes
    time linear in the template.

    Args:
        html: the source, a document or part of one, in which no value has been filled in.

    Returns:
        Lines that end with LF, the last one too.
    """
    variables = Placeholders(_LINE_END.sub("\n", html))
    writer = _Writer(variables)
    for node, tag, entering in walk(variables.text):
        if entering:
            writer.enter(node, tag)
        else:
            writer.leave(tag)
    text = _without_variables(writer.text())
    return f"{variables.restored(text)}\n" if text.strip() else ""


class _Link(NamedTuple):
    """A link that is open, and what had been written when it began."""

    target: str
    blocks: int
    inline: list[str]
    pieces: int
    images: int


class _Writer:
    """Writes the text of the elements that it is told of."""

    def __init__(self, variables: Placeholders) -> None:
        self._variables = variables
        self._frames = [Frame()]
        self._indents = 0
        self._verbatim = 0
        self._numbers: list[int | None] = []  # of each open list, that of its next item
        self._tables: list[Table] = []
        self._links: list[_Link] = []
        self._images = 0

    def text(self) -> str:
        """All that was written, without a line end."""
        self._end_block(LINE)
        return joined(self._frames[0].blocks)

    def enter(self, node: LexborNode, tag: str) -> None:
        """Write a text, or what stands before what an element contains."""
        if tag == TEXT:
            text = node.text_content or ""
            self._frames[-1].inline.append(text if self._verbatim else _SPACES.sub(" ", text))
        elif gap := _GAPS.get(tag):
            self._end_block(gap)
        elif enter := _ENTER.get(tag):
            enter(self, node)

    def leave(self, tag: str) -> None:
        """Write what stands behind what an element contains."""
        if gap := _GAPS.get(tag):
            self._end_block(gap)
        elif leave := _LEAVE.get(tag):
            leave(self, tag)

    def _end_block(self, gap: int) -> None:
        self._frames[-1].end_block(gap, verbatim=self._verbatim > 0)

    def line_break(self, _: LexborNode) -> None:
        self._frames[-1].inline.append("\n")

    def rule(self, _: LexborNode) -> None:
        self._end_block(PARAGRAPH)
        self._frames[-1].extend([(PARAGRAPH, _RULE)])
        self._end_block(PARAGRAPH)

    def image(self, node: LexborNode) -> None:
        self._images += 1
        if text := _SPACES.sub(" ", node.attrs.sget("alt")).strip():
            self._frames[-1].inline.append(f"{EDGE}{text}{EDGE}")

    def enter_verbatim(self, _: LexborNode) -> None:
        self._end_block(PARAGRAPH)
        self._verbatim += 1

    def leave_verbatim(self, _: str) -> None:
        self._end_block(PARAGRAPH)
        self._verbatim -= 1

    def enter_link(self, node: LexborNode) -> None:
        frame = self._frames[-1]
        target = self._target(node.attrs.sget("href"))
        inline = frame.inline
        self._links.append(_Link(target, len(frame.blocks), inline, len(inline), self._images))

    def leave_link(self, _: str) -> None:
        link = self._links.pop()
        if not link.target:
            return
        frame = self._frames[-1]
        first = link.pieces if frame.inline is link.inline else 0
        written = "".join(frame.inline[first:])
        if text := written.strip():
            before, _, behind = written.partition(text)
            frame.inline[first:] = [before, self._linked(text, link.target), EDGE, behind]
        elif len(frame.blocks) > link.blocks:
            gap, block = frame.blocks[-1]
            frame.blocks[-1] = gap, self._linked(block, link.target)
        elif self._images > link.images:
            frame.inline += [link.target, EDGE]

    def _target(self, href: str) -> str:
        """Where a link leads, as a reader wants it; empty if that is nowhere else."""
        url = _NOT_IN_URL.sub("", href).strip(" ").replace(" ", "%20")
        if url[:7].lower() == "mailto:":
            return url[7:].partition("?")[0]
        return url if _SCHEME.match(url) or url.startswith(self._variables.unused) else ""

    def _linked(self, text: str, target: str) -> str:
        same = self._bare(text.strip(EDGE)) == self._bare(target)
        return target if same else f"{text} ({target})"

    def _bare(self, url: str) -> str:
        """What a URL and a text have in common that names it."""
        url = self._variables.restored(url).replace(" ", "")
        return _SCHEME.sub("", url).rstrip("/").lower()

    def enter_list(self, node: LexborNode) -> None:
        self._end_block(LINE if self._numbers else PARAGRAPH)
        ordered = node.tag == "ol"
        self._numbers.append(_number(node.attrs.sget("start"), 1) if ordered else None)

    def leave_list(self, _: str) -> None:
        self._numbers.pop()
        self._end_block(LINE if self._numbers else PARAGRAPH)

    def enter_item(self, node: LexborNode) -> None:
        if self._numbers and self._numbers[-1] is not None:
            self._numbers[-1] = _number(node.attrs.sget("value"), self._numbers[-1])
        self.enter_indented(node)

    def leave_item(self, _: str) -> None:
        marker = "- "
        if self._numbers and (number := self._numbers[-1]) is not None:
            marker = f"{number}. "
            self._numbers[-1] = number + 1
        self._leave_indented(LINE, marker, " " * len(marker))

    def enter_indented(self, node: LexborNode) -> None:
        self._indents += 1
        self.enter_frame(node)

    def leave_description(self, _: str) -> None:
        self._leave_indented(LINE, "  ", "  ")

    def leave_quotation(self, _: str) -> None:
        self._leave_indented(PARAGRAPH, "> ", "> ")

    def _leave_indented(self, gap: int, first: str, others: str) -> None:
        if text := joined(self._left_frame().blocks):
            if self._indents <= _MAX_INDENTS:
                text = indented(text, first, others)
            gap = PARAGRAPH if "\n\n" in text else gap
            self._frames[-1].extend([(gap, text)])
        self._indents -= 1
        self._end_block(gap)

    def enter_frame(self, _: LexborNode) -> None:
        self._end_block(LINE)
        self._frames.append(Frame())

    def _left_frame(self) -> Frame:
        self._end_block(LINE)
        return self._frames.pop()

    def leave_caption(self, _: str) -> None:
        blocks = self._left_frame().blocks
        self._frames[-1].extend(blocks)

    def enter_table(self, node: LexborNode) -> None:
        self._end_block(PARAGRAPH)
        if self._tables:
            self._tables[-1].arranges = True
        role = node.attrs.sget("role").strip().lower()
        self._tables.append(Table(arranges=role in ("presentation", "none")))

    def leave_table(self, _: str) -> None:
        self._end_block(PARAGRAPH)
        self._frames[-1].extend(self._tables.pop().blocks())
        self._end_block(PARAGRAPH)

    def enter_row(self, _: LexborNode) -> None:
        self._tables[-1].rows.append([])

    def leave_cell(self, tag: str) -> None:
        blocks = self._left_frame().blocks
        self._tables[-1].rows[-1].append(blocks)
        self._tables[-1].headed |= tag == "th" and bool(blocks)


_GAPS = {**dict.fromkeys(_LINES, LINE), **dict.fromkeys(_PARAGRAPHS, PARAGRAPH)}
_ENTER: dict[str, Callable[[_Writer, LexborNode], None]] = {
    "a": _Writer.enter_link,
    "blockquote": _Writer.enter_indented,
    "br": _Writer.line_break,
    "caption": _Writer.enter_frame,
    "dd": _Writer.enter_indented,
    "hr": _Writer.rule,
    "img": _Writer.image,
    "li": _Writer.enter_item,
    "table": _Writer.enter_table,
    "td": _Writer.enter_frame,
    "th": _Writer.enter_frame,
    "tr": _Writer.enter_row,
    **dict.fromkeys(_LISTS, _Writer.enter_list),
    **dict.fromkeys(_VERBATIM, _Writer.enter_verbatim),
}
_LEAVE: dict[str, Callable[[_Writer, str], None]] = {
    "a": _Writer.leave_link,
    "blockquote": _Writer.leave_quotation,
    "caption": _Writer.leave_caption,
    "dd": _Writer.leave_description,
    "li": _Writer.leave_item,
    "table": _Writer.leave_table,
    "td": _Writer.leave_cell,
    "th": _Writer.leave_cell,
    **dict.fromkeys(_LISTS, _Writer.leave_list),
    **dict.fromkeys(_VERBATIM, _Writer.leave_verbatim),
}


def _number(text: str, default: int) -> int:
    return int(text) if _INTEGER.fullmatch(text) else default


def _without_variables(text: str) -> str:
    """The text with the braces set apart that are no variable's.

    What became a variable only by being read as HTML, such as `{&#123;code}}`, is none there.
    """
    found = CompiledText(text)
    return found.fill([source.replace("{{", "{ {") for source in found.sources])
