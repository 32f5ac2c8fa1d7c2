"""Language tags (BCP 47) and the lookup of the best match among them (RFC 4647 section 3.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["fallbacks", "is_language_tag", "localised"]

_TAG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
_MAX_TAG = 64


def is_language_tag(text: str) -> bool:
    """Whether the text has the form of a BCP 47 language tag."""
    return len(text) <= _MAX_TAG and _TAG.fullmatch(text) is not None


def fallbacks(tag: str) -> Iterator[str]:
    """The tag in lower case, then ever less specific: `zh-Hant-TW`, `zh-hant`, `zh`.

    A single-letter subtag left at the end goes with the one behind it (RFC 4647 section 3.4).
    What has not the form of a tag yields nothing. POSIX's `fr_CA` counts as `fr-CA`.
    """
    tag = tag.replace("_", "-")
    if not is_language_tag(tag):
        return
    parts = tag.lower().split("-")
    while parts:
        yield "-".join(parts)
        parts.pop()
        while parts and len(parts[-1]) == 1:
            parts.pop()


def localised(texts: Mapping[str, str], locale: str | None) -> str:
    """The text for the locale by lookup, else the English one, which must be there."""
    if locale:
        by_tag = {tag.lower(): text for tag, text in texts.items()}
        for tag in fallbacks(locale):
            if tag in by_tag:
                return by_tag[tag]
    return texts["en"]
