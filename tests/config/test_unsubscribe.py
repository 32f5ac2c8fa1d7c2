"""`list`: where to unsubscribe, and what is no place to do so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.config.configs import problems

URL = "https://example.com/u"


@pytest.mark.parametrize(
    "value",
    [
        URL,
        "https://example.com",
        "https://example.com/u?t={{user.token}}&x=1#a",
        "https://{{tenant}}.example.com/u/{{ unsubscribeToken }}",
        "mailto:u@example.com",
        "mailto:u@example.com?subject=unsubscribe%20{{token}}",
        "mailto:u+{{token}}@example.com",
        "u@example.com",
        [URL, "mailto:u@example.com"],
        "https://example.com/" + "x" * 880,
    ],
)
def test_these_are_taken(value: Any) -> None:
    assert problems(list={"unsubscribe": value}) == {}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("http://example.com/u", "is not an https:// or mailto: URL"),
        ("https:///u", "is not an https:// or mailto: URL"),
        ("https:u", "is not an https:// or mailto: URL"),
        ("HTTPS://example.com/u", "is not an https:// or mailto: URL"),
        ("ftp://example.com/u", "is not an https:// or mailto: URL"),
        ("mailto:", "is not an https:// or mailto: URL"),
        ("mailto:a@b@c.example", "is not an https:// or mailto: URL"),
        ("javascript:u@example.com", "is not an https:// or mailto: URL"),
        ("{{unsubscribeUrl}}", "is not an https:// or mailto: URL"),
        ("example.com/u", "is not an https:// or mailto: URL"),
        ("<https://example.com/u>", "contains a character that no URL has"),
        ("https://example.com/u, https://example.com/v", "contains a character that no URL has"),
        ("https://example.com/ü", "contains a character that no URL has"),
        ("https://example.com/u\r\nBcc: a@b.example", "contains a character that no URL has"),
        ("https://example.com/{u}", "contains a character that no URL has"),
        ("https://example.com/u?a=?b", "contains =?"),
        ("https://example.com/" + "x" * 881, "has more than 900 characters"),
    ],
)
def test_these_are_not(value: str, said: str) -> None:
    for given, path in ((value, "$.list.unsubscribe"), ([URL, value], "$.list.unsubscribe[1]")):
        (problem,) = problems(list={"unsubscribe": given}).values()
        assert problem.path == path
        assert said in problem.message


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({}, "$.list.unsubscribe"),
        ({"oneClick": True}, "$.list.unsubscribe"),
        ({"unsubscribe": None}, "$.list.unsubscribe"),
        ({"unsubscribe": ""}, "$.list.unsubscribe"),
        ({"unsubscribe": []}, "$.list.unsubscribe"),
        ({"unsubscribe": [""]}, "$.list.unsubscribe[0]"),
        ({"unsubscribe": [URL] * 9}, "$.list.unsubscribe"),
        ({"unsubscribe": {"url": URL}}, "$.list.unsubscribe"),
        ({"unsubscribe": URL, "oneClick": "yes"}, "$.list.oneClick"),
        ({"unsubscribe": "u@example.com", "oneClick": True}, "$.list.oneClick"),
        ({"unsubscribe": URL, "help": URL}, "$.list.help"),
        (URL, "$.list"),
    ],
)
def test_what_is_no_list_is_told_at_its_place(options: Any, path: str) -> None:
    found = problems(list=options)
    assert path in found
    assert set(found) <= {path, "$.list.oneClick"}


@pytest.mark.parametrize("name", ["List-Unsubscribe", "list-unsubscribe", "List-Unsubscribe-Post"])
def test_it_is_not_said_twice(name: str) -> None:
    headers = {name: "<https://example.com/other>"}
    assert problems(customHeaders=headers) == {}
    (problem,) = problems(customHeaders=headers, list={"unsubscribe": URL}).values()
    assert name in problem.path
    assert problem.message == "contradicts list.unsubscribe"
