"""What a connector says in plain data, in the reader's language."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core import Link, Pitfall, Provider, Question, hookimpl
from connector_core.i18n import Catalog, in_language
from connector_core.translation import descriptions, guide_in, provider_in
from tests.core.plugins import Plugin, connector_of
from tests.core.test_i18n import catalog_of

PROVIDER = Provider(
    name="post",
    title="The Post",
    guide="1. Open an account.\n2. Copy the key\n   into `auth`.\n",
    links=(Link("Help", "https://example.com/help"),),
    config={"host": "smtp.example.com"},
    aliases=("mail",),
    user_name="an address",
    questions=(
        Question(
            path=("auth", "user"),
            title="user name",
            help="Your address.",
            example="ann@example.com",
            choices={"eu": "Europe"},
        ),
    ),
    pitfalls=(Pitfall(sign="535 wrong", remedy="Make a new key."),),
)
FRENCH = {
    "The Post": "La Poste",
    "Open an account.": "Ouvrez un compte.",
    "Copy the key into `auth`.": "Copiez la clé dans `auth`.",
    "Help": "Aide",
    "an address": "une adresse",
    "user name": "nom d'utilisateur",
    "Your address.": "Votre adresse.",
    "Europe": "L'Europe",
    "Make a new key.": "Créez une nouvelle clé.",
    "What to print.": "Ce qu'il faut écrire.",
}


class Polyglot(Plugin):
    """A connector with one provider, whose texts are in French too."""

    def __init__(self, catalog: object) -> None:
        schema = {
            "type": "object",
            "properties": {"text": {"type": "string", "description": "What to print."}},
            "required": ["text"],
        }
        super().__init__(schema=schema)
        self._catalog = catalog

    @hookimpl
    def catalog(self) -> Any:
        if isinstance(self._catalog, Exception):
            raise self._catalog
        return self._catalog

    @hookimpl
    def providers(self) -> Sequence[Provider]:
        return [PROVIDER]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return catalog_of(tmp_path, fr=FRENCH)


def test_a_provider_is_shown_in_french(catalog: Catalog) -> None:
    connector = connector_of(Polyglot(catalog))
    assert connector.providers == (PROVIDER,)
    with in_language("fr"):
        [provider] = connector.providers
    assert provider.title == "La Poste"
    assert provider.guide == "1. Ouvrez un compte.\n2. Copiez la clé dans `auth`.\n"
    assert [link.title for link in provider.links] == ["Aide"]
    assert provider.user_name == "une adresse"
    [question] = provider.questions
    assert (question.title, question.help) == ("nom d'utilisateur", "Votre adresse.")
    assert question.choices == {"eu": "L'Europe"}
    [pitfall] = provider.pitfalls
    assert pitfall.remedy == "Créez une nouvelle clé."


def test_what_is_no_text_for_people_stays(catalog: Catalog) -> None:
    with in_language("fr"):
        [provider] = connector_of(Polyglot(catalog)).providers
    assert (provider.name, provider.aliases) == (PROVIDER.name, PROVIDER.aliases)
    assert provider.config == PROVIDER.config
    assert provider.links[0].url == PROVIDER.links[0].url
    assert provider.questions[0].path == ("auth", "user")
    assert provider.questions[0].example == "ann@example.com"
    assert provider.pitfalls[0].sign == "535 wrong"


def test_each_text_of_a_provider_is_given_to_be_translated() -> None:
    """What is found for translation is what is shown translated."""
    given: list[str] = []
    provider_in(PROVIDER, lambda text: given.append(text) or text)  # type: ignore[func-returns-value]
    assert set(given) == set(FRENCH) - {"What to print."}


def test_a_hint_from_the_schema_is_in_french(catalog: Catalog) -> None:
    connector = connector_of(Polyglot(catalog))
    with in_language("fr"):
        _, [problem] = connector.check_config({})
    assert problem.message == "est absent\u00a0; ce doit être du texte"
    assert problem.hint == "Ce qu'il faut écrire."
    _, [problem] = connector.check_config({"text": 5})
    assert problem.hint == "What to print."


@pytest.mark.parametrize("broken", [RuntimeError("no file"), "no catalog"])
def test_a_catalog_that_breaks_leaves_english(
    broken: object, caplog: pytest.LogCaptureFixture
) -> None:
    connector = connector_of(Polyglot(broken))
    with in_language("fr"), caplog.at_level(logging.WARNING, "connector_core"):
        assert connector.providers == (PROVIDER,)
        assert connector.translate("Help") == "Help"
    [record] = caplog.records
    assert "catalog" in record.getMessage()
    assert "no file" not in record.getMessage()


def test_a_connector_without_a_catalog_is_in_english() -> None:
    with in_language("fr"):
        assert connector_of(Plugin()).translate("Help") == "Help"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("one", "ONE"),
        ("one\ntwo\n", "ONE TWO\n"),
        ("one\n\ntwo\n", "ONE\n\nTWO\n"),
        ("# one\n\n- two\n- three\n\nfour\n", "# ONE\n\n- TWO\n- THREE\n\nFOUR\n"),
        ("1. one\n   two\n10. three\n", "1. ONE TWO\n10. THREE\n"),
        ("one:\n  - two\n  * three", "ONE:\n  - TWO\n  * THREE"),
        ("one\n\n```\ntwo\n```\n", "ONE\n\n```\ntwo\n```\n"),
        ("one\n\n    two\n", "ONE\n\n    two\n"),
        ("-one - two", "-ONE - TWO"),
        ("\n\none\n\n\n", "\n\nONE\n\n\n"),
        ("one\n    - two", "ONE\n    - TWO"),
        ("", ""),
    ],
)
def test_a_guide_is_translated_block_by_block(text: str, told: str) -> None:
    assert guide_in(text, str.upper) == told
    assert guide_in(text, lambda block: block) == text


@given(st.text("a-*#1. \n\t`", max_size=60))
def test_a_guide_without_translations_stays_as_it_is(text: str) -> None:
    assert guide_in(text, lambda block: block) == text


@given(st.text("a-*#1. \n\t`", max_size=60))
def test_no_text_is_given_to_be_translated_but_words(text: str) -> None:
    given: list[str] = []
    guide_in(text, lambda block: given.append(block) or block)  # type: ignore[func-returns-value]
    assert all(block == " ".join(block.split()) != "" for block in given)


def test_every_description_of_a_schema_is_found() -> None:
    schema: Mapping[str, Any] = {
        "description": "whole",
        "properties": {
            "description": {"type": "string", "description": "a key of this name"},
            "other": {"anyOf": [{"description": "first"}, {"items": {"description": "inner"}}]},
        },
        "examples": [{"description": "a value"}],
        "default": {"description": "a value"},
        "$defs": {"inner": {"description": "defined"}},
    }
    assert list(descriptions(schema)) == [
        "whole",
        "a key of this name",
        "first",
        "inner",
        "defined",
    ]
