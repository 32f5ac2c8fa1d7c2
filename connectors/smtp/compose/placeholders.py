"""The variables of a template, kept out of the way of what reads it as HTML or CSS."""

from __future__ import annotations

import hashlib
import re

from connector_core.templates import CompiledText

__all__ = ["Placeholders"]


class Placeholders:
    """A template with a word of lower-case letters and digits in place of each variable.

    A word means the same wherever a variable may stand: in text, in names and values of attributes,
    quoted or not, in URLs and in CSS. Like the variable it makes no tag of a `<` before it.

    Attributes:
        text: the template with the words.
        unused: what the words begin with, save those behind a `<`. It stands nowhere in the
            template, not even written with character references: it is made of its digest.
    """

    __slots__ = ("_sources", "_word", "text", "unused")

    def __init__(self, template: str) -> None:
        compiled = CompiledText(template)
        digest = hashlib.sha256(template.encode("utf-8", "surrogatepass")).hexdigest()[:24]
        self.unused = f"v{digest}"
        self._sources = compiled.sources
        self._word = re.compile(rf"(?:v|0w){digest}n([0-9]+)z")
        pieces = [compiled.literals[0]]
        for number, behind in enumerate(compiled.literals[1:]):
            start = "0w" if pieces[-1].endswith(("<", "</")) else "v"
            pieces += [f"{start}{digest}n{number}z", behind]
        self.text = "".join(pieces)

    def restored(self, text: str) -> str:
        """The text with the variables in place of their words, as they stood in the template."""
        return self._word.sub(lambda found: self._sources[int(found[1])], text)
