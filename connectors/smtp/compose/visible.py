"""What a reader sees of an HTML source: its tree as lexbor builds it, without what is hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from connectors.smtp.compose.markup import names, tags
from connectors.smtp.compose.nesting import FORMATTING, RENAMED, Nesting, is_crowded

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["TEXT", "walk"]

TEXT = "-text"  # the tag that lexbor gives a text

_UNSEEN_TEXT = names("iframe noembed noframes script style title")
_UNSEEN = names("datalist head template")
_ZERO = re.compile(r"[0.]+(?:px|pt|em|%)?")


def walk(source: str) -> Iterator[tuple[LexborNode, str, bool]]:
    """The nodes that are seen, and their tags: True when one is entered, False when it is left.

    Texts are only entered. Takes time linear in the source, and no stack.
    """
    from selectolax.lexbor import LexborHTMLParser  # only here: few processes need it

    node = LexborHTMLParser(_parsable(source)).root
    above: list[tuple[LexborNode, str]] = []
    while node is not None or above:
        if node is None:
            node, tag = above.pop()
            yield node, tag, False
        elif node.is_text_node:
            yield node, TEXT, True
        elif node.is_element_node and not _is_hidden(node, tag := node.tag or ""):
            yield node, tag, True
            above.append((node, tag))
            node = node.first_child
            continue
        node = node.next


def _parsable(source: str) -> str:
    """The source without texts that are never seen, and without what would overtax the parser."""
    pieces: list[str] = []
    nesting, position = Nesting(), 0
    for tag in tags(source):
        # `<b>` and its like show in no text, and a parser may have to reopen them endlessly.
        name = "span" if tag.name in FORMATTING else RENAMED.get(tag.name, tag.name)
        end = tag.end
        if tag.name in _UNSEEN_TEXT:
            written, end = "", tag.text_end
        elif not nesting.takes(name, closing=tag.closing):
            written = " "
        elif is_crowded(source, tag):
            written = f"<{name}>"
        elif name != tag.name:
            written = f"<{'/' * tag.closing}{name}{source[tag.inside : end]}"
        else:
            continue
        pieces += [source[position : tag.start], written]
        position = end
    return "".join([*pieces, source[position:]])


def _is_hidden(node: LexborNode, tag: str) -> bool:
    """Whether an element is not to be seen, by its kind or its own attributes.

    `mso-hide: all` hides from Outlook alone what all others may see, and within `font-size: 0`
    another size is often set: neither counts.
    """
    if tag in _UNSEEN:
        return True
    attributes = node.attributes
    if not attributes:
        return False
    style = _declarations(attributes.get("style") or "")
    return (
        "hidden" in attributes
        or style.get("display") == "none"
        or style.get("visibility") in ("hidden", "collapse")
        or _is_zero(style.get("opacity"))
        or (
            style.get("overflow") == "hidden"
            and (_is_zero(style.get("max-height")) or _is_zero(style.get("height")))
        )
    )


def _declarations(style: str) -> dict[str, str]:
    """The declarations of a style attribute; of two for one property, the last."""
    found: dict[str, str] = {}
    for declaration in style.lower().split(";") if style else ():
        name, _, value = declaration.partition(":")
        found[name.strip()] = value.replace("!important", "").strip()
    return found


def _is_zero(value: str | None) -> bool:
    return value is not None and _ZERO.fullmatch(value) is not None
