"""The relaxed canonical form, against RFC 6376's example and its words taken one by one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.smtp.dkim.canonical import relaxed_body, relaxed_field
from tests.smtp.helpers import assert_linear


def reduced(line: str) -> str:
    """A line with each run of SP and HTAB as one SP, and none at its end."""
    kept = ""
    for character in line:
        if character not in " \t":
            kept += character
        elif not kept.endswith(" "):
            kept += " "
    return kept.removesuffix(" ")


def body_by_the_book(body: str) -> str:
    """RFC 6376 section 3.4.4, line by line."""
    lines = [reduced(line) for line in body.split("\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return "".join(f"{line}\r\n" for line in lines)


def field_by_the_book(field: str) -> str:
    """RFC 6376 section 3.4.2, step by step."""
    name, _, value = field.partition(":")
    unfolded = value.replace("\r\n", "")
    return f"{name.lower().rstrip(' 	')}:{reduced(unfolded).removeprefix(' ')}\r\n"


def test_the_example_of_the_rfc() -> None:
    """RFC 6376 section 3.4.5."""
    assert relaxed_field(b"A: X\r\n") == b"a:X\r\n"
    assert relaxed_field(b"B : Y\t\r\n\tZ  \r\n") == b"b:Y Z\r\n"
    assert relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n\r\n", b" ", b" \t \r\n\t\r\n"])
def test_a_body_without_anything_is_empty(body: bytes) -> None:
    assert relaxed_body(body) == b""


@pytest.mark.parametrize("body", [b"a", b"a\r\n", b"a \r\n", b"a\t", b"a\r\n\r\n \r\n"])
def test_the_last_line_has_its_end_and_none_comes_after_it(body: bytes) -> None:
    assert relaxed_body(body) == b"a\r\n"


PIECES = st.sampled_from([" ", "  ", "\t", " \t ", "\r\n", "\r\n\r\n", " \r\n", "a", "=", "."])
TEXT = st.lists(PIECES | st.text(st.characters(min_codepoint=33, max_codepoint=126))).map("".join)


@given(TEXT)
@example("\r\n a")
@example("a \r\n\t\r\n b")
def test_any_body(body: str) -> None:
    assert relaxed_body(body.encode()) == body_by_the_book(body).encode()


@given(TEXT)
def test_a_body_in_its_canonical_form_stays_as_it_is(body: str) -> None:
    once = relaxed_body(body.encode())
    assert relaxed_body(once) == once


FOLDS = st.sampled_from(["", " ", "  ", "\t", " \t", "\r\n ", "\r\n\t ", " \r\n  "])


@given(
    st.text("AaZz-09", min_size=1),
    FOLDS.filter(lambda fold: "\r" not in fold),
    st.lists(st.tuples(FOLDS, st.text("aB:;= \x0b\x0c<>é"))),
    FOLDS,
)
def test_any_field(name: str, before: str, words: list[tuple[str, str]], end: str) -> None:
    field = f"{name}{before}:{''.join(fold + word for fold, word in words)}{end}\r\n"
    assert relaxed_field(field.encode()) == field_by_the_book(field).encode()


HOSTILE = [b" ", b"\t", b"\r\n", b" \r\n", b"a  ", b"a \r\n", b"\t a", b"  \r\n\r\na"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_any_body_takes_linear_time(piece: bytes) -> None:
    assert_linear(lambda size: relaxed_body(piece * size), 20_000)


@pytest.mark.parametrize("piece", [b" ", b"\r\n ", b"a ", b":"])
def test_any_field_takes_linear_time(piece: bytes) -> None:
    assert_linear(lambda size: relaxed_field(b"A:" + piece * size + b"\r\n"), 10_000)
