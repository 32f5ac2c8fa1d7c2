"""The header fields that every mail of a config has: Date, Auto-Submitted, List-Unsubscribe."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector_core import MessageError
from connectors.smtp.compose import message
from tests.smtp.compose.mails import composer, html, mail, parsed, plain

URL = "https://example.com/unsubscribe"
POST = "List-Unsubscribe=One-Click"


def header(payload: dict[str, Any] | None = None, **changes: Any) -> Any:
    return parsed(composer(plain("Hi"), **changes).compose(mail(payload)).content)


def lines(payload: dict[str, Any] | None = None, **changes: Any) -> list[str]:
    content = composer(plain("Hi"), **changes).compose(mail(payload)).content
    return content.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")


def test_the_date_is_that_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    made = composer(plain("Hi"))
    found = parsedate_to_datetime(parsed(made.compose(mail()).content)["Date"])
    assert abs(found - datetime.now(UTC)) < timedelta(minutes=1)
    for now, shown in (
        (951_782_399.9, "Mon, 28 Feb 2000 23:59:59 +0000"),
        (951_782_400.0, "Tue, 29 Feb 2000 00:00:00 +0000"),
        (951_782_400.9, "Tue, 29 Feb 2000 00:00:00 +0000"),
        (951_782_399.0, "Mon, 28 Feb 2000 23:59:59 +0000"),
    ):
        monkeypatch.setattr(message, "time", SimpleNamespace(time=lambda now=now: now))
        assert f"Date: {shown}\r\n".encode() in made.compose(mail()).content
    assert time.time() > 951_782_400


# Auto-Submitted


def test_every_mail_says_that_nobody_wrote_it() -> None:
    for template in (plain("Hi"), html("<p>Hi</p>")):
        content = composer(template).compose(mail()).content
        assert parsed(content).get_all("Auto-Submitted") == ["auto-generated"]


@pytest.mark.parametrize("name", ["Auto-Submitted", "auto-submitted", "AUTO-SUBMITTED"])
def test_unless_the_config_says_otherwise(name: str) -> None:
    assert header(customHeaders={name: "no"}).get_all("Auto-Submitted") == ["no"]
    assert header(customHeaders={name: []}).get_all("Auto-Submitted") is None


# List-Unsubscribe


def test_without_the_option_there_is_none() -> None:
    assert not [name for name in header().keys() if name.startswith("List-")]  # noqa: SIM118


@pytest.mark.parametrize(
    ("options", "unsubscribe", "post"),
    [
        ({"unsubscribe": URL}, f"<{URL}>", POST),
        ({"unsubscribe": URL, "oneClick": True}, f"<{URL}>", POST),
        ({"unsubscribe": URL, "oneClick": False}, f"<{URL}>", None),
        ({"unsubscribe": "mailto:u@example.com"}, "<mailto:u@example.com>", None),
        ({"unsubscribe": "u@example.com?subject=x"}, "<mailto:u@example.com?subject=x>", None),
        (
            {"unsubscribe": ["mailto:u@example.com", URL]},
            f"<mailto:u@example.com>, <{URL}>",
            POST,
        ),
    ],
)
def test_it_says_where_to_unsubscribe(
    options: dict[str, Any], unsubscribe: str, post: str | None
) -> None:
    found = header(list=options)
    assert found.get_all("List-Unsubscribe") == [unsubscribe]
    assert found.get_all("List-Unsubscribe-Post", [None]) == [post]


def test_lines_are_folded_between_urls() -> None:
    urls = [f"{URL}/{'x' * 50}", "mailto:u@example.com", "mailto:v@example.com"]
    assert lines(list={"unsubscribe": urls})[6:9] == [
        f"List-Unsubscribe: <{urls[0]}>,",
        f" <{urls[1]}>, <{urls[2]}>",
        f"List-Unsubscribe-Post: {POST}",
    ]


@example(token="a/b?c=d&e#f%20é")
@given(token=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_values_are_percent_encoded(token: str) -> None:
    options = {"unsubscribe": f"{URL}?t={{{{user.token}}}}&u={{{{ user.token }}}}"}
    (line,) = (
        line
        for line in lines({"user": {"token": token}}, list=options)
        if line.startswith("List-Unsubscribe: ")
    )
    url = line.removeprefix(f"List-Unsubscribe: <{URL}?t=").removesuffix(">")
    first, second = url.split("&u=")
    assert first == second
    assert unquote(first) == token
    assert first.isascii()
    assert not set(first) & set(" <>&=,/?#\r\n")


@pytest.mark.parametrize(
    "payload",
    [{}, {"user": {}}, {"user": {"token": ""}}, {"user": {"token": None}}, {"user": None}],
)
def test_a_value_that_is_not_there_is_told(payload: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match="has no value, which List-Unsubscribe needs") as caught:
        header(payload, list={"unsubscribe": f"{URL}/{{{{user.token}}}}"})
    assert caught.value.field == "payload.user.token"


@pytest.mark.parametrize("value", ["x" * 900, "x" * 2049, "é" * 200])
def test_a_value_that_is_too_long_is_told(value: str) -> None:
    with pytest.raises(MessageError, match="too long") as caught:
        header({"token": value}, list={"unsubscribe": f"{URL}/{{{{token}}}}"})
    assert caught.value.field == "payload.token"


def test_half_a_surrogate_pair_is_told() -> None:
    with pytest.raises(MessageError, match="surrogate") as caught:
        header({"token": "\ud800"}, list={"unsubscribe": f"{URL}/{{{{token}}}}"})
    assert caught.value.field == "payload.token"


# Addresses


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("Ann.O'Hara+x@Example.ORG", "Ann.O'Hara+x@example.org"),
        ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
        ('"a b"@example.org', '"a b"@example.org'),
        ("ann@[IPv6:2001:DB8::1]", "ann@[IPv6:2001:db8::1]"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
    ],
)
def test_the_recipient_is_written_as_it_is_in_the_envelope(to: str, said: str) -> None:
    composed = composer(plain("Hi")).compose(mail(to=to))
    assert composed.envelope.recipient == said
    assert f"\r\nTo: {said}\r\n".encode() in composed.content
    assert not composed.envelope.international


def test_an_international_recipient_is_written_as_utf8() -> None:
    composed = composer(plain("Hi")).compose(mail(to="jörg@bücher.example"))
    assert "\r\nTo: jörg@xn--bcher-kva.example\r\n".encode() in composed.content
    assert composed.envelope.international
