"""What an HTML parser must not be given, lest it take seconds, gigabytes or the whole process.

Parsers do as the standard says, which is quadratic in the depth of elements and in the number of
attributes, and has elements such as `<b>` opened again in every paragraph while they are not
closed; css-inline recurses besides, and at some thousand levels its stack overflows. Browsers
hence stop at 512 levels. What is counted here is never less than what a parser has open, but for
a small factor.
"""

from __future__ import annotations

from connectors.smtp.compose.markup import RAW, VOID, Tag, attributes, names

__all__ = ["FORMATTING", "MAX_ATTRIBUTES", "MAX_DEPTH", "RENAMED", "Nesting", "is_crowded"]

MAX_DEPTH = 128  # mails of the usual frameworks have some 30 levels
MAX_ATTRIBUTES = 128  # of one tag
_MAX_REOPENED = 100_000  # elements of `FORMATTING`, at worst, in one source

# "Formatting" elements (WHATWG HTML section 13.2.4.3), save `<a>`: a second one closes the first.
FORMATTING = names("b big code em font i nobr s small strike strong tt u")
# Elements within which a source is read by other rules, and what may stand for them in a copy that
# is to be read by the usual ones.
RENAMED = {name: f"x-{name}" for name in ("frameset", "math", "noscript", "select")} | {
    "svg": "template"
}
# Elements that never pile up by themselves, and may lack their end tag in a well-made source.
_UNCOUNTED = VOID | RAW | names("caption colgroup option p tbody td tfoot th thead tr")
_ITEMS = {"li": ("li",), "dd": ("dd", "dt"), "dt": ("dd", "dt")}
_LISTS = names("dir dl menu ol ul")


class Nesting:
    """Follows the tags of a source and says of each whether a parser may be given it.

    Only an end tag that belongs to what was opened last closes anything: which others close what,
    a parser alone knows.
    """

    __slots__ = ("_formatting", "_open", "_reopened")

    def __init__(self) -> None:
        self._open: list[str] = []
        self._formatting = 0
        self._reopened = 0

    def takes(self, name: str, *, closing: bool) -> bool:
        """Whether the tag belongs to an element that is not too deep."""
        self._reopened += self._formatting
        if self._reopened > _MAX_REOPENED:
            return False
        if name in _UNCOUNTED:
            return True
        return self._close(name) if closing else self._enter(name)

    def _enter(self, name: str) -> bool:
        if self._open and self._open[-1] in _ITEMS.get(name, ()):
            self._open[-1] = name
        else:
            self._open.append(name)
            self._formatting += name in FORMATTING
        return len(self._open) <= MAX_DEPTH

    def _close(self, name: str) -> bool:
        if name in _LISTS and self._open[-2:-1] == [name] and self._open[-1] in _ITEMS:
            self._open.pop()  # the last item may lack its end tag
        if not self._open or self._open[-1] != name:
            return True
        self._open.pop()
        self._formatting -= name in FORMATTING
        return len(self._open) < MAX_DEPTH


def is_crowded(source: str, tag: Tag) -> bool:
    """Whether a tag has more attributes than a parser may be given."""
    if tag.end - tag.inside <= 2 * MAX_ATTRIBUTES:
        return False
    return sum(1 for _ in attributes(source, tag)) > MAX_ATTRIBUTES
