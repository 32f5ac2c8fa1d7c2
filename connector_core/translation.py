"""What a connector says in plain data, its providers and its schema, in the reader's language.

The same functions find what is to be translated: they are given what to make of each text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from connector_core.models import Link, Pitfall, Provider, Question

__all__ = ["Translate", "descriptions", "guide_in", "link_in", "provider_in"]

Translate = Callable[[str], str]

# Where a block of Markdown begins: behind an empty line, or with the mark of a list's item.
_BLOCKS = re.compile(r"(\n\n+|\n(?=[ \t]*(?:[-*]|[0-9]+\.)[ \t]))")
_BLOCK = re.compile(
    r"(?P<start>\s*(?:(?:[-*]|[0-9]+\.|#+)[ \t]+)?)(?P<words>\S.*?)(?P<end>\s*)", re.DOTALL
)
_CODE = re.compile(r"```| {4,}(?!(?:[-*]|[0-9]+\.)[ \t])")


def provider_in(provider: Provider, translate: Translate) -> Provider:
    """The provider with each text that people read translated."""
    return replace(
        provider,
        title=translate(provider.title),
        guide=guide_in(provider.guide, translate),
        links=tuple(link_in(link, translate) for link in provider.links),
        user_name=translate(provider.user_name),
        questions=tuple(_question_in(question, translate) for question in provider.questions),
        pitfalls=tuple(_pitfall_in(pitfall, translate) for pitfall in provider.pitfalls),
    )


def link_in(link: Link, translate: Translate) -> Link:
    """The link with its title translated."""
    return replace(link, title=translate(link.title))


def _question_in(question: Question, translate: Translate) -> Question:
    return replace(
        question,
        title=translate(question.title),
        help=translate(question.help),
        choices={value: translate(meaning) for value, meaning in question.choices.items()},
    )


def _pitfall_in(pitfall: Pitfall, translate: Translate) -> Pitfall:
    return replace(pitfall, remedy=translate(pitfall.remedy))


def guide_in(text: str, translate: Translate) -> str:
    """A text in Markdown translated block by block, so that a change of one leaves the others.

    A block is a paragraph or the item of a list, without its mark; its lines count as one.
    """
    parts = _BLOCKS.split(text)
    return "".join(
        part if place % 2 else _block_in(part, translate) for place, part in enumerate(parts)
    )


def _block_in(block: str, translate: Translate) -> str:
    found = _BLOCK.fullmatch(block)
    if _CODE.match(block) or not found:
        return block
    words = " ".join(found["words"].split())
    told = translate(words)
    return block if told == words else f"{found['start']}{told}{found['end']}"


def descriptions(schema: object) -> Iterator[str]:
    """Each description in a JSON Schema, wherever it stands."""
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "description" and isinstance(value, str):
                yield value
            elif key not in ("default", "examples", "const", "enum"):
                yield from descriptions(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from descriptions(item)
