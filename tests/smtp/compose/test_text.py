"""One text: how it is laid out, and that it comes back from it whatever is in it."""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Callable, Sequence
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core import MessageError
from connectors.smtp.compose.text import Text
from tests.smtp.helpers import assert_linear

LONG = "x" * 77 + "\n"  # not 7bit
DECODED: dict[str, Callable[[bytes], bytes]] = {
    "7bit": bytes,
    "quoted-printable": quopri.decodestring,
    "base64": base64.b64decode,
}


def written(source: str, *values: str | None, html: bool = False) -> tuple[str, bytes]:
    """What carries a text with its variables {{a}}, {{b}} … replaced, and how it is written."""
    text = Text(source, list("abcdef"[: len(values)]), html=html)
    filled = text.fill(values)
    literals = text.literals(filled.encoding)
    assert len(literals) == len(filled.written) + 1
    pieces: Sequence[bytes] = [*chain(*zip(literals, filled.written, strict=False)), literals[-1]]
    return filled.encoding, b"".join(pieces)


def quoted(source: str, *values: str | None) -> bytes:
    """How a text is written in quoted-printable."""
    encoding, data = written(LONG + source, *values)
    assert encoding == "quoted-printable"
    return data.removeprefix(b"x" * 75 + b"=\r\nxx\r\n")


def test_a_value_is_followed_by_a_soft_line_break() -> None:
    assert quoted("<b>{{a}}</b> =", "123456") == b"<b>123456=\r\n</b> =3D\r\n"
    assert quoted("={{a}}{{b}} c", "1", "2") == b"=3D1=\r\n2=\r\n c\r\n"


@pytest.mark.parametrize("source", ["={{a}}\r\nb", "={{a}}\nb", "={{a}}\rb"])
def test_but_not_where_the_line_ends(source: str) -> None:
    assert quoted(source, "1") == b"=3D1\r\nb\r\n"


def test_a_value_begins_where_the_literal_ends() -> None:
    for column in (74, 75):
        start = f"{'x' * (column - 3)}="
        assert quoted(f"{start}{{{{a}}}}b", "1") == (
            start.encode() + b"3D" + (b"1=\r\nb\r\n" if column == 74 else b"=\r\n1=\r\nb\r\n")
        )


def test_white_space_is_quoted_at_the_end_of_a_line_and_of_a_piece() -> None:
    assert quoted("= {{a}} {{b}}\t\nc ", "1 ", " 2") == (
        b"=3D=201=20=\r\n=20 2=\r\n=09\r\nc=20\r\n"
    )
    assert quoted("= {{a}}\n", "") == b"=3D=20\r\n"


def test_an_empty_value_leaves_a_soft_line_break() -> None:
    assert quoted("=a {{a}}b", "") == b"=3Da=20=\r\nb\r\n"


def test_a_character_may_be_divided_but_no_quoted_octet() -> None:
    assert quoted("x" * 68 + "éé" + "x" * 76) == (
        b"x" * 68 + b"=C3=A9=\r\n=C3=A9" + b"x" * 69 + b"=\r\n" + b"x" * 7 + b"\r\n"
    )
    assert quoted("x" * 71 + "é" + "x" * 9) == b"x" * 71 + b"=C3=\r\n=A9" + b"x" * 9 + b"\r\n"
    assert quoted("x" * 72 + "é" + "x" * 9) == b"x" * 72 + b"=C3=\r\n=A9" + b"x" * 9 + b"\r\n"
    assert quoted("x" * 73 + "é" + "x" * 9) == b"x" * 73 + b"=\r\n=C3=A9" + b"x" * 9 + b"\r\n"


@pytest.mark.parametrize(
    ("source", "value", "lines"),
    [
        ("a{{a}}b", "\r", b"a\r\nb\r\n"),
        ("a{{a}}\nb", "\r", b"a\r\n\r\nb\r\n"),
        ("a\r{{a}}b", "\n", b"a\r\n\r\nb\r\n"),
        ("a\r{{a}}\nb", "", b"a\r\n\r\nb\r\n"),
        ("a\r\n{{a}}b\n\r", "\r\n", b"a\r\n\r\nb\r\n\r\n"),
        ("{{a}}", "", b"\r\n"),
        ("{{a}}", "1\n", b"1\r\n\r\n"),
        ("{{a}}\r", "1", b"1\r\n"),
        ("1{{a}}{{a}}", "\n", b"1\r\n\r\n\r\n"),
    ],
)
def test_line_ends_are_those_of_each_piece_and_there_is_one_at_the_end(
    source: str, value: str, lines: bytes
) -> None:
    assert written(source, value) == ("7bit", lines)
    assert quopri.decodestring(quoted(source, value)) == lines
    encoding, data = written("é" * 99 + source, value)
    assert encoding == "base64"
    assert base64.b64decode(data).decode() == "é" * 99 + lines.decode()


def test_nothing_is_a_line_end() -> None:
    assert written("") == ("7bit", b"\r\n")


@pytest.mark.parametrize(
    ("source", "values", "encoding"),
    [
        ("{{a}}" + "x" * 70, ["123456"], "7bit"),
        ("{{a}}" + "x" * 71, ["123456"], "quoted-printable"),
        ("{{a}}\n{{b}}" + "x" * 70, ["x" * 76, "123456"], "7bit"),
        ("{{a}}{{b}}" + "x" * 70, ["123", "456"], "7bit"),
        ("{{a}}{{b}}" + "x" * 70, ["1234", "456"], "quoted-printable"),
        ("{{a}}" + "x" * 70, ["a\n123456"], "7bit"),
        ("{{a}}" + "x" * 70, ["a\n1234567"], "quoted-printable"),
        ("x" * 70 + "{{a}}" + "x" * 70, ["a\nb"], "7bit"),
        ("x" * 70 + "{{\na }}" + "x" * 70, [None], "7bit"),
        ("x" * 70 + "{{a}}" + "x" * 70, ["ab"], "quoted-printable"),
        ("{{a}}", ["é" + "x" * 9], "quoted-printable"),
        ("{{a}}", ["é" * 9], "base64"),
        ("{{a}}", [" \t "], "7bit"),
        ("{{a}}", ["\x7f"], "base64"),
        ("{{a}}\x0b", ["x" * 9], "quoted-printable"),
        ("{{ a }}" + "x" * 69, [None], "7bit"),
        ("{{ a }}" + "x" * 70, [None], "quoted-printable"),
        ("{{\na }}" + "x" * 72, [None], "7bit"),
    ],
)
def test_the_whole_text_decides_what_carries_it(
    source: str, values: list[str | None], encoding: str
) -> None:
    assert written(source, *values)[0] == encoding


@pytest.mark.parametrize(
    ("source", "value"),
    [("a=_", "1"), ("{{a}}", "=_"), ("={{a}}", "_"), ("{{a}}_", "="), ("=_{{a}}", None)],
)
def test_what_every_boundary_has_is_never_7bit(source: str, value: str | None) -> None:
    encoding, data = written(f"{source} and more of it", value)
    assert encoding == "quoted-printable"
    assert b"=_" not in data


@pytest.mark.parametrize("source", ["=", "_"])
def test_half_of_it_may_be(source: str) -> None:
    assert written(source + "{{a}}", "1")[0] == "7bit"
    assert written("={{a}}_", "1")[0] == "7bit"
    assert written("={{a}}_", "")[0] == "quoted-printable"


def test_values_are_escaped_in_html_and_the_rest_is_not() -> None:
    values = ("<&\"'>", None, "1")
    assert written("<p>{{a}}&{{b}}{{c}}", *values, html=True) == (
        "7bit",
        b"<p>&lt;&amp;&quot;&#x27;&gt;&{{b}}1\r\n",
    )
    assert written("<p>{{a}}", "<", html=False) == ("7bit", b"<p><\r\n")


@pytest.mark.parametrize(("evil", "said"), [("\0", "NUL"), ("\ud800", "surrogate")])
def test_what_no_mail_can_hold_is_refused(evil: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Text(f"a{evil}", [], html=False)
    with pytest.raises(MessageError, match=said) as caught:
        written("a{{a}}", f"b{evil}")
    assert caught.value.field == "content"


_texts = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            [".", "=", " ", "\t", "\r", "\n", "\r\n", "é", "名", "x" * 76, "a", "From "]
        )
    ).map("".join),
).filter(lambda text: not re.search("[\0\ud800-\udfff]", text))


@given(before=_texts, value=_texts, behind=_texts)
def test_a_text_comes_back(before: str, value: str, behind: str) -> None:
    before, behind = before.replace("{{", ""), behind.replace("{{", "")
    encoding, data = written(f"{before}{{{{a}}}}{behind}", value)
    expected = "".join(re.sub(r"\r\n|\r|\n", "\r\n", text) for text in (before, value, behind))
    if not behind.endswith(("\r", "\n")):
        expected += "\r\n"
    assert DECODED[encoding](data).decode() == expected
    assert data.isascii()
    assert data.endswith(b"\r\n")
    assert data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n")
    assert max(map(len, data.split(b"\r\n"))) <= 76
    assert encoding == "7bit" or not re.search(rb"[ \t]\r\n", data)


@pytest.mark.parametrize("piece", ["{{a}}", "x", "é", "=", "\n", " ", "{{a}}\n", "=\n{{a}} "])
def test_preparing_and_filling_take_linear_time(piece: str) -> None:
    assert_linear(lambda size: written(piece * (size // len(piece)), "1"), 10_000)
    assert_linear(lambda size: written("={{a}}é", piece * (size // len(piece))), 10_000)
