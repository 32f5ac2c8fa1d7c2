"""The guides say what servers and the connector say, and leave out nothing that goes wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from connectors.smtp.causes.known import CAUSES
from connectors.smtp.oauth2.grants import ClientCredentials, RefreshToken, ServiceKey
from connectors.smtp.providers import load
from tests.docs.page import ROOT
from tests.smtp.test_causes import REPLIES

ERRORS = (ROOT / "docs/errors.md").read_text("utf-8")
# The page of each provider that has one.
PAGES = {
    "aliyun": "aliyun",
    "gmail": "gmail",
    "other": "other",
    "outlook": "microsoft-365",
    "sendgrid": "sendgrid",
    "ses": "ses",
}
_CATALOG = ROOT / "connectors/smtp/locale/fr/LC_MESSAGES/connectors.smtp.po"
_NO_KIND = "not known"  # a reply that is of no kind has no words to be known by


def _squeezed(text: str) -> str:
    """The text without line ends, codes of further lines, emphasis and case."""
    one = re.sub(r"\r\n\d{3}[- ]", " ", text)
    return " ".join(re.sub(r"[*`]", "", one).split()).casefold()


def _signs() -> list[str]:
    """What is quoted in the first cells of the tables of what is seen."""
    tables = ERRORS.partition("## What you see")[2]
    firsts = re.findall(r"^\| ([^|]+) \|[^|]+\|[^|]+\|$", tables, re.MULTILINE)
    return [sign.strip("… ") for first in firsts for sign in re.findall(r"\*([^*]+)\*", first)]


def _has(text: str, sign: str) -> bool:
    """Whether the sign is in the text; its `…` stands for anything."""
    pieces = (re.escape(piece.strip()) for piece in _squeezed(sign).split("…"))
    return re.search(".*".join(pieces), text) is not None


def _sayings() -> list[str]:
    """All that servers, token endpoints and the connector itself are known to say."""
    with _CATALOG.open("rb") as file:
        own = [str(message.id) for message in read_po(file) if isinstance(message.id, str)]
    grants = [
        code for grant in (ClientCredentials, RefreshToken, ServiceKey) for code in grant.hints
    ]
    pitfalls = [pitfall.sign for preset in load() for pitfall in preset.pitfalls]
    replies = [text for _cause, _stage, text in REPLIES]
    return [_squeezed(text) for text in (*own, *grants, *pitfalls, *replies)]


def test_each_sign_is_something_that_is_said() -> None:
    sayings = _sayings()
    unknown = [sign for sign in _signs() if not any(_has(text, sign) for text in sayings)]
    assert not unknown
    assert len(_signs()) > 60


@pytest.mark.parametrize("name", [cause.name for cause in CAUSES])
def test_each_cause_is_found_by_what_is_seen(name: str) -> None:
    replies = [_squeezed(text) for cause, _stage, text in REPLIES if cause == name]
    found = [sign for sign in _signs() if any(_has(text, sign) for text in replies)]
    assert bool(found) == (name != _NO_KIND)


@pytest.mark.parametrize("name", PAGES)
def test_a_providers_page_has_its_links_and_what_goes_wrong(name: str) -> None:
    page = Path(ROOT / f"docs/setup/{PAGES[name]}.md").read_text("utf-8")
    (preset,) = [item for item in load() if item.name == name]
    assert not [link.url for link in preset.links if link.url not in page]
    assert not [
        item.sign for item in preset.pitfalls if _squeezed(item.sign) not in _squeezed(page)
    ]
    assert not [value for item in preset.questions for value in item.choices if value not in page]
