"""The digest of a body for DKIM: worked out in pieces, it is that of the whole."""

from __future__ import annotations

from hashlib import sha256
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.smtp.compose import body as module
from connectors.smtp.compose.body import Body
from connectors.smtp.compose.content import Content
from connectors.smtp.dkim.canonical import relaxed_body

_words = st.sampled_from(
    [
        "Hello",
        "=",
        "é",
        " ",
        "  ",
        "\t",
        "\n",
        " \n",
        "\n\n",
        "{{a}}",
        "{{b}}",
        "x" * 60,
        "\t {{a}}",
    ]
)
_texts = st.lists(_words, max_size=12).map("".join)
_values = st.sampled_from(
    ["1", "123456", "a b c", "x" * 90, "Zoë", "", " a", "a  b", "a\n", "=", "&"]
)


def filled(content: Content, **values: str) -> module.FilledBody:
    return Body(content.entity(list(values))).fill(list(values.values()))


@settings(max_examples=4 * settings().max_examples)
@given(html=_texts, text=st.none() | _texts, a=_values, b=_values)
def test_it_is_that_of_the_whole_body(html: str, text: str | None, a: str, b: str) -> None:
    found = filled(Content(html, text), a=a, b=b)
    whole = b"".join(found.pieces)
    assert found.digest == sha256(relaxed_body(whole)).digest()


@pytest.mark.parametrize("content", ["{{a}}", "= {{a}} {{b}}", "é {{a}} \n\n", "Hi  \t\n", "\n\n"])
def test_of_plain_values_the_whole_body_is_never_looked_at(
    content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: bytes) -> NoReturn:
        raise AssertionError("plain values do not need this")

    monkeypatch.setattr(module, "body_digest", refused)
    assert filled(Content(None, f"Hello {content} and so on"), a="123456", b="a b").digest
    with pytest.raises(AssertionError):
        _ = filled(Content(None, "Hello {{a}}"), a="").digest
