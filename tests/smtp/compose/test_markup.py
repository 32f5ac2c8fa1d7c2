"""What an HTML source is taken apart into, and how deep a parser may find it."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from connectors.smtp.compose import nesting
from connectors.smtp.compose.markup import attributes, names, tags
from connectors.smtp.compose.placeholders import Placeholders
from connectors.smtp.compose.visible import walk
from tests.smtp.helpers import assert_linear

KELVIN = "\N{KELVIN SIGN}"  # the lower case of which is an ASCII letter
MARKUP = [
    "<",
    "</",
    ">",
    "/>",
    "/",
    "=",
    " =",
    "'",
    '"',
    "<!",
    "<?",
    "<!--",
    "-->",
    "--!>",
    "<!-->",
]
IMAGES = ["<img", "<IMG SRC=E>", "</ img>", " src=a", ' src="b"', " src='c'", " src = d", " src"]
ELSEWHERE = [' alt="<img src=x>"', '<div a="', "<a/b=", f"<lin{KELVIN}>", "x", "é", " ", "\n", "\f"]
RAW = names("script style textarea title xmp iframe")
PIECES = st.sampled_from(
    [*MARKUP, *IMAGES, *ELSEWHERE, "<p>", "</p>", "<b>", "</b>", "<textarea", "</XMP>"]
    + [text for name in sorted(RAW) for text in (f"<{name}>", f"</{name}>")]
)
SOURCES = st.lists(PIECES, max_size=40).map("".join)

ELEMENTS = names(
    "a b button caption center dd div dl dt font form h1 i li marquee math noscript object ol "
    "optgroup option p rt ruby select span svg table tbody td template textarea th title tr ul"
)
SOUPS = st.lists(
    st.sampled_from(
        [text for name in sorted(ELEMENTS) for text in (f"<{name}>", f"</{name}>", "x")]
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("a<b>c</b >d", ["<b>", "</b >"]),
        ("<p a='>' b=\">\" c=d/>", ["<p a='>' b=\">\" c=d/>"]),
        ("<!-- <b> --><!--><i><!DOCTYPE html><?xml <b>?></ b><u>", ["<i>", "<u>"]),
        ("<script><b></scripty></SCRIPT ><b>", ["<script>", "</SCRIPT >", "<b>"]),
        ("<b><i a='x><u>", ["<b>"]),
        ("1 < 2 <b> <3 </> >", ["<b>"]),
        ("<style>b</style", ["<style>"]),
        ("<\N{LATIN SMALL LETTER LONG S}cript><b>", ["<b>"]),
    ],
)
def test_tags_are_where_a_browser_finds_them(source: str, found: list[str]) -> None:
    assert [source[tag.start : tag.end] for tag in tags(source)] == found


def test_only_ascii_has_two_cases() -> None:
    assert [tag.name for tag in tags(f"<LINK><lin{KELVIN}>")] == ["link", f"lin{KELVIN}"]


def test_attributes_are_read_with_and_without_quotes() -> None:
    source = "<A b='x\"y' C=\"1 &lt; 2\" d = e f h= i/j=k L='' =m n=>"
    [tag] = tags(source)
    found = [(each.name, each.value) for each in attributes(source, tag)]
    assert found == [
        *(("b", 'x"y'), ("c", "1 < 2"), ("d", "e"), ("f", ""), ("h", "i/j=k"), ("l", "")),
        *(("=m", ""), ("n", "")),
    ]
    written = [source[each.start : each.end] for each in attributes(source, tag)]
    assert written == ["'x\"y'", '"1 &lt; 2"', "e", "", "i/j=k", "''", "", ""]


@given(SOURCES)
def test_images_are_those_that_lexbor_finds(source: str) -> None:
    # Within an escaped script a second one may begin, and end, which is left out here.
    assume("<script>" not in source or "<!--" not in source)
    ours = []
    for tag in tags(source):
        if tag.name == "img" and not tag.closing:
            given = [each.value for each in attributes(source, tag) if each.name == "src"]
            ours.append(given[0] if given else None)
    theirs = LexborHTMLParser(f"<body>{source}").css("img")
    assert ours == [each.attrs.sget("src") if "src" in each.attrs else None for each in theirs]


@given(st.text() | SOURCES)
def test_tags_follow_one_another_in_any_text(source: str) -> None:
    position = 0
    for tag in tags(source):
        assert position <= tag.start < tag.inside < tag.end <= tag.text_end <= len(source)
        assert source[tag.start] == "<"
        assert source[tag.end - 1] == ">"
        for each in attributes(source, tag):
            assert tag.inside <= each.start <= each.end < tag.end
        position = tag.text_end


@given(SOUPS, SOUPS)
def test_no_tree_gets_much_deeper_than_the_limit(once: list[str], again: list[str]) -> None:
    with patch.object(nesting, "MAX_DEPTH", 8):
        depth = deepest = 0
        for _, tag, entering in walk("".join(once + again * 40)):
            if tag != "-text":
                depth += 1 if entering else -1
                deepest = max(deepest, depth)
    # A table alone is four elements for the one that is counted.
    assert deepest <= 5 * 8 + 8


@pytest.mark.parametrize(
    ("start", "piece", "end"),
    [
        ("", "<div>", ""),
        ("", "<div>", "</p>"),
        ("", "<span>", "</x>"),
        ("", "<b><div></b>", ""),
        ("", "<table><tr><td>", "x"),
        ("", "<li><dd>", ""),
        ("<svg><style></svg>", "<div>", ""),
        ("<select><style></select>", "<div>", ""),
        ("<p>" + "".join(f"<i a{number}>" for number in range(100)), "<p>x", ""),
        ("", "<", ""),
        ("", "<!--", ""),
        ("", "<a '", ""),
        ("", "<textarea>", ""),
    ],
)
def test_a_tree_is_walked_in_linear_time(start: str, piece: str, end: str) -> None:
    def work(size: int) -> None:
        for _ in walk(start + piece * size + end * size):
            pass

    assert_linear(work, 1000)


def test_any_number_of_attributes_is_read_in_linear_time() -> None:
    def work(size: int) -> None:
        given = " ".join(f"a{number}" for number in range(size))
        assert any(tag == "p" for _, tag, _ in walk(f"<p {given}>"))

    assert_linear(work, 2000)


def test_well_made_sources_may_leave_end_tags_out() -> None:
    rows = "<tr><td>a<td><p>b<p>c" * 500
    items = "<li>d" * 500
    terms = "<dt>e<dd>f" * 500
    follower = nesting.Nesting()
    source = f"<table>{rows}</table><ul>{items}</ul><dl>{terms}</dl>" * 2
    assert all(follower.takes(tag.name, closing=tag.closing) for tag in tags(source))


def test_what_is_too_deep_is_known_with_its_end() -> None:
    follower = nesting.Nesting()
    depth = nesting.MAX_DEPTH + 2
    opened = [follower.takes("div", closing=False) for _ in range(depth)]
    assert opened == [True] * nesting.MAX_DEPTH + [False] * 2
    assert [follower.takes("div", closing=True) for _ in range(depth)] == opened[::-1]


@given(st.text(alphabet="{} ab.\n<&", max_size=60))
def test_words_stand_for_variables_and_nothing_else(template: str) -> None:
    variables = Placeholders(template)
    assert variables.restored(variables.text) == template
    assert variables.unused not in template
    assert variables.unused.isalnum()
    assert variables.unused == variables.unused.lower()


def test_a_word_is_no_tag_where_its_variable_is_none() -> None:
    text = Placeholders("<{{a}} b='{{c}}'></{{d}}><b{{e}}>").text
    assert [tag.name[0] for tag in tags(text)] == ["b"]
