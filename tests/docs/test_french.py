"""The French page of the SMTP connector has all that the English one has."""

from __future__ import annotations

import re

import pytest

from connector_core import Provider
from connector_core.discovery import discover
from connector_core.i18n import in_language
from connectors.smtp.providers import services
from tests.docs.page import ROOT

ENGLISH = (ROOT / "docs/connectors/smtp.md").read_text("utf-8")
FRENCH = (ROOT / "docs/fr/smtp.md").read_text("utf-8")
_TLS = {True: "dès le premier octet", False: "STARTTLS", None: "selon le port"}


def _rows(page: str) -> list[tuple[str, ...]]:
    """The names in the first cell of each row of its tables, where it has any."""
    firsts = re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE)
    return [tuple(re.findall(r"`([^`]*)`", first)) for first in firsts]


def _without_code(page: str) -> str:
    """Its sentences alone: no blocks, comments, code spans or links."""
    text = re.sub(r"^```.*?^```$|<!--.*?-->", "", page, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`]*`|\]\([^)]*\)", "", text)


def test_every_option_and_its_place_are_the_same() -> None:
    assert _rows(FRENCH) == _rows(ENGLISH)
    assert len(_rows(FRENCH)) > 80


def test_what_is_refused_is_as_long_as_in_english() -> None:
    english, french = (
        re.findall(r"^- ", page[page.index(heading) :], re.MULTILINE)
        for page, heading in ((ENGLISH, "## What is refused"), (FRENCH, "## Ce qui est refusé"))
    )
    assert len(french) == len(english) > 15


def test_each_name_of_the_english_page_is_in_the_french_one() -> None:
    names = set(re.findall(r"`([A-Za-z][A-Za-z0-9.]*)`", ENGLISH))
    assert not names - set(re.findall(r"`([A-Za-z][A-Za-z0-9.]*)`", FRENCH))


def _row(preset: Provider) -> str:
    service = services().get(preset.name)
    asked = {question.path: question for question in preset.questions}
    several = ", …" if service and ("host",) in asked else ""
    host = f"{service['host']}{several}" if service else "demandé"
    port = ", ".join(asked["port",].choices) if ("port",) in asked else preset.config["port"]
    tls = _TLS[preset.config["secure"]]
    return f"| `{preset.name}` | {preset.title} | {host} | {port} | {tls} | {preset.user_name} |"


def test_every_provider_is_there_in_the_words_of_the_catalog() -> None:
    with in_language("fr"):
        for preset in discover()["smtp"].providers:
            assert f"\n{_row(preset)}\n" in FRENCH


@pytest.mark.parametrize("mark", [":", ";", "!", "?", "»"])
def test_a_no_break_space_stands_before_it(mark: str) -> None:
    assert f" {mark}" not in _without_code(FRENCH)
