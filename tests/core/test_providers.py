"""Presets of any connector: found by what people type, completed by what they answer."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core import Provider, Question
from connector_core.providers import matching, preset_config


def provider(name: str, title: str, *aliases: str) -> Provider:
    return Provider(name=name, title=title, guide="", links=(), config={}, aliases=aliases)


POST = provider("post", "La Poste Électronique", "courrier")
BANK = provider("bank", "Istanbul Bankası", "ISTANBUL")
BOTH = (POST, BANK)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", BOTH),
        ("  ", BOTH),
        ("post", (POST,)),
        ("ELECTRONIQUE", (POST,)),
        ("e\N{COMBINING ACUTE ACCENT}lec poste", (POST,)),
        ("électronique la courr", (POST,)),
        ("İstanbul", (BANK,)),
        ("BANKASI", (BANK,)),
        ("bankasi", (BANK,)),
        ("ＢＡＮＫ", (BANK,)),
        ("courrier bank", ()),
        ("a", BOTH),
        ("x", ()),
    ],
)
def test_every_word_is_looked_for_in_every_name(text: str, found: tuple[Provider, ...]) -> None:
    assert tuple(matching(BOTH, text)) == found


@given(st.text(), st.text())
def test_a_provider_is_found_by_any_title(title: str, other: str) -> None:
    found = provider("a", title)
    assert matching([found], title) == [found]
    assert matching([found], title.upper()) == [found]
    assert not matching([found], f"{title} {other}\N{SNOWMAN}") or "\N{SNOWMAN}" in title


SAMPLE: dict[str, Any] = {
    "host": "<host>",
    "auth": {"type": "login", "user": "<user>", "pass": "<key>"},
    "from": "<user>",
    "templates": [{"subject": "<b>"}],
}
USER = Question(path=("auth", "user"), title="user", also=(("from",),))
KEY = Question(path=("auth", "pass"), title="key", also=(("auth", "user"),))
FROM = Question(path=("from",), title="sender")


def test_an_answer_goes_to_its_place_and_to_those_that_are_the_same() -> None:
    before = copy.deepcopy(SAMPLE)
    config = preset_config(SAMPLE, [USER], {("auth", "user"): "ann"})
    assert config == {**SAMPLE, "auth": {**SAMPLE["auth"], "user": "ann"}, "from": "ann"}
    assert before == SAMPLE


def test_what_is_asked_for_itself_does_not_follow_from_another_answer() -> None:
    answers = {("auth", "user"): "ann", ("from",): "bob", ("auth", "pass"): "k"}
    for questions in ([USER, KEY, FROM], [FROM, KEY, USER]):
        config = preset_config(SAMPLE, questions, answers)
        assert config["auth"] == {"type": "login", "user": "ann", "pass": "k"}
        assert config["from"] == "bob"
    assert preset_config(SAMPLE, [USER, FROM], {("auth", "user"): "ann"})["from"] == "<user>"


def test_what_is_not_answered_stays_and_none_takes_it_out() -> None:
    assert preset_config(SAMPLE, [USER, KEY, FROM], {}) == SAMPLE
    config = preset_config(SAMPLE, [USER, KEY], {("auth", "pass"): None})
    assert config["auth"] == {"type": "login", "user": "<user>"}


def test_an_answer_to_no_question_is_an_error_that_does_not_show_it() -> None:
    with pytest.raises(ValueError, match=r"no question asks for \$\.auth\.token$"):
        preset_config(SAMPLE, [USER], {("auth", "token"): "never-shown"})
