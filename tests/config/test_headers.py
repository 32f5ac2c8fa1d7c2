"""Custom headers: what they may set and what they may not."""

from __future__ import annotations

from email import policy
from email.parser import Parser
from typing import Any

import pytest

from connector_core import AsyncHost
from tests.config.configs import config, problems
from tests.config.server import recording

FORBIDDEN = [
    *("From", "To", "Cc", "Bcc", "Sender", "Reply-To", "Subject", "Date", "Message-ID"),
    *("Return-Path", "Received", "DKIM-Signature", "DKIM-Filter", "MIME-Version", "MIME-Other"),
    *("Content-Type", "Content-Transfer-Encoding", "Content-Language", "from", "BCC", "content-x"),
]


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_the_mail_sets_itself_is_refused(name: str) -> None:
    (problem,) = problems(customHeaders={name: "x"}).values()
    assert name in problem.path
    assert "the mail sets itself" in problem.message


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X-Ä", "X\r\nBcc", "X\0", "x" * 77, " X", "X\t"])
def test_what_is_no_name_is_refused(name: str) -> None:
    (problem,) = problems(customHeaders={name: "x"}).values()
    assert problem.path.startswith('$.customHeaders["') or name == "x" * 77
    assert "is not a header name" in problem.message


@pytest.mark.parametrize(
    "value",
    [
        "a\r\nBcc: b@c.example",
        "a\nb",
        "a\rb",
        "a\x00b",
        "\x1b[31m",
        "a\u2028b",
        "a\x85b",
        "\ud800",
        "=?utf-8?b?YQ0KQmNjOiBi?=",
    ],
)
@pytest.mark.parametrize("as_list", [False, True])
def test_control_characters_are_refused(value: str, as_list: bool) -> None:
    given = ["fine", value] if as_list else value
    path = '$.customHeaders["X-Tag"]' + ("[1]" if as_list else "")
    assert list(problems(customHeaders={"X-Tag": given})) == [path]


@pytest.mark.parametrize("value", [5, True, {"a": "b"}, ["a", 5], [["a"]], "x" * 1025])
def test_other_values_than_texts_are_refused(value: Any) -> None:
    (path,) = problems(customHeaders={"X-Tag": value})
    assert path.startswith('$.customHeaders["X-Tag"]')


def test_a_name_and_a_value_that_are_wrong_are_told_at_one_path() -> None:
    assert list(problems(customHeaders={"X-Ä": 5})) == ['$.customHeaders["X-Ä"]']


async def test_others_arrive(host: AsyncHost) -> None:
    headers = {
        "X-Tag": "sign-in",
        "X-Hop": ["one", "two", "three"],
        "X-Ünsafe".replace("Ü", "U"): "Prüfung – ✓",
        "List-Unsubscribe": "<https://example.com/u>, <mailto:u@example.com>",
        "X-None": [],
        "X-Tab": "a\tb",
        "Auto-Submitted": "auto-generated",
        "X-Long": "word " * 200,
    }
    async with recording() as server:
        whole = config(host="127.0.0.1", port=server.port, customHeaders=headers)
        await host.configure("smtp", whole).send_message("Generic", to="ann@example.org")
        await host.aclose()
    message = Parser(policy=policy.default).parsestr(server.mails[0])
    for name, value in headers.items():
        expected = [value] if isinstance(value, str) else value
        assert message.get_all(name, []) == [text.strip() for text in expected], name
    assert all(len(line) <= 998 for line in server.mails[0].split("\r\n"))


@pytest.mark.parametrize("given", [{}, None])
def test_none_are_none(given: Any) -> None:
    assert problems(customHeaders=given) == {}
