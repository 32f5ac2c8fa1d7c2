"""The tags of an HTML source and where they stand in it (WHATWG HTML section 13.2.5).

For what must leave all other characters as they are, or must know what a parser would meet before
it is let loose on a source. There is no tree here: tags are found as a browser finds them, and not
in comments, attribute values, or the text of elements such as `<script>`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["RAW", "VOID", "Attribute", "Tag", "attribute", "attributes", "names", "tags"]


def names(text: str) -> frozenset[str]:
    """Names of elements, written with spaces between them."""
    return frozenset(text.split())


# Elements whose content is text, up to their own end tag.
RAW = names("iframe noembed noframes script style textarea title xmp")
# Elements without content and without an end tag.
VOID = names(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source "
    "track wbr"
)

# Possessive quantifiers throughout: without backtracking the time stays linear in the source.
_SPACE = r"[\t\n\f\r ]"
_NAME_END = r"(?=[\t\n\f\r />])"
_NAME = r"[^\t\n\f\r />][^\t\n\f\r />=]*+"
_EQUALS = rf"{_SPACE}*+={_SPACE}*+"
_VALUE = r""" "[^"]*+" | '[^']*+' | [^\t\n\f\r >"'][^\t\n\f\r >]*+ | (?=>) """
_ATTRIBUTE = re.compile(
    rf"(?P<name>{_NAME}) (?:{_EQUALS}(?P<value>{_VALUE}) | (?!{_EQUALS}))", re.VERBOSE
)
_ATTRIBUTES = rf"(?:{_SPACE}++ | / | {_NAME}(?:{_EQUALS}(?:{_VALUE}) | (?!{_EQUALS})))*+"
_MARKUP = re.compile(
    rf"""
    <(?i:({"|".join(sorted(RAW))})){_NAME_END}{_ATTRIBUTES}(>).*?(?=</(?i:\1){_NAME_END}|\Z)
    |
    <(/?)([A-Za-z][^\t\n\f\r />]*+){_ATTRIBUTES}>
    |
    <!--(?:-?> | .*?(?:--!?>|\Z))
    |
    # What else is taken for a comment, doctypes among it.
    <(?:[!?] | /[^A-Za-z>])[^>]*+>?+
    |
    # A tag that does not end takes with it all that stands behind it.
    </?[A-Za-z].*+
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class Tag(NamedTuple):
    """A start or end tag: `source[start:end]`.

    Attributes:
        name: in lower case.
        closing: whether it is an end tag.
        start: where its `<` stands.
        inside: where its name ends and its attributes begin.
        end: behind its `>`.
        text_end: behind the text that belongs to the start tag of an element in `RAW`; of all
            other tags the same as `end`.
    """

    name: str
    closing: bool
    start: int
    inside: int
    end: int
    text_end: int


class Attribute(NamedTuple):
    """An attribute of a start tag; its value as written, quotes included, is `source[start:end]`.

    Attributes:
        name: in lower case.
        value: without quotes, character references replaced.
        start: where the value begins; behind the name if there is none.
        end: behind the value.
    """

    name: str
    value: str
    start: int
    end: int


def tags(source: str) -> Iterator[Tag]:
    """The tags of the source in order, up to its end or to a tag that does not end."""
    for found in _MARKUP.finditer(source):
        raw, _, slash, name = found.groups()
        start, end = found.span()
        if name:
            yield Tag(_lower(name), slash == "/", start, found.end(4), end, end)
        elif raw:
            yield Tag(raw.lower(), False, start, found.end(1), found.end(2), end)


def attributes(source: str, tag: Tag) -> Iterator[Attribute]:
    """The attributes of a tag in order; of two with one name, the first counts."""
    for found in _ATTRIBUTE.finditer(source, tag.inside, tag.end):
        name, value = found.groups()
        start, end = (found.end(), found.end()) if value is None else found.span(2)
        if value and value[0] in ('"', "'"):
            value = value[1:-1]
        yield Attribute(_lower(name), html.unescape(value or ""), start, end)


def attribute(source: str, tag: Tag, name: str) -> Attribute | None:
    """The attribute of this name, if the tag has it."""
    return next((found for found in attributes(source, tag) if found.name == name), None)


def _lower(name: str) -> str:
    # Only ASCII has two cases here: the Kelvin sign is no k.
    return name.lower() if name.isascii() else name
