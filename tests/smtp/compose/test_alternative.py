"""Text alternatives: what a person would write, with every variable that is seen, and no markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core.templates import CompiledText
from connectors.smtp.compose.alternative import text_of
from connectors.smtp.compose.markup import names
from tests.smtp.helpers import assert_linear

TEMPLATES = sorted((Path(__file__).parent / "templates").glob("*.html"))


def variables(text: str) -> list[str]:
    return list(CompiledText(text).sources)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_templates_as_people_and_tools_write_them(path: Path) -> None:
    expected = path.with_suffix(".txt").read_text(encoding="utf-8")
    assert text_of(path.read_text(encoding="utf-8")) == expected


def test_there_are_templates() -> None:
    assert len(TEMPLATES) >= 8


@pytest.mark.parametrize(
    ("html", "text"),
    [
        # Blocks and lines.
        ("a <!-- b --> c", "a c"),
        ("a\n\t b<br>c<br/> <br>d", "a b\nc\n\nd"),
        ("<p>a<p>b", "a\n\nb"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ("<div>a<br></div><div>b</div>", "a\nb"),
        ("<div>a</div><p></p><div>b</div>", "a\n\nb"),
        ("a<hr>b", "a\n\n--------------------\n\nb"),
        ("<h1>a</h1>b<h2>c</h2>", "a\n\nb\n\nc"),
        ("<pre>\n a\n\n  b </pre>c", " a\n\n  b \n\nc"),
        ("<b>a</b>b <i> c </i> d", "ab c d"),
        # Lists and quotations.
        ("<ul><li>a<li>b</ul>c", "- a\n- b\n\nc"),
        ("<ol start=9><li>a<li>b<br>c</ol>", "9. a\n10. b\n    c"),
        ("<ol><li>a<li value=5>b<li>c<li value=x>d</ol>", "1. a\n5. b\n6. c\n7. d"),
        ("<ol><li>a<ul><li>b</ul><li>c</ol>", "1. a\n   - b\n2. c"),
        ("<ul><li><p>a<p>b</li><li>c</ul>", "- a\n\n  b\n\n- c"),
        ("<ul><li></li><li>a</ul>", "- a"),
        ("<dl><dt>a<dd>b<dd>c<dt>d</dl>", "a\n  b\n  c\nd"),
        ("a<blockquote>b<blockquote>c</blockquote></blockquote>", "a\n\n> b\n>\n> > c"),
        # Tables.
        ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", "a | b\nc | d"),
        ("<table><tr><th>a<th>b<tr><td><p>c<p>d<td>e</table>", "a | b\nc d | e"),
        ("<table><tr><td>a<td>b<td><tr><td><td>c<td>d</table>", "a | b\n | c | d"),
        ("<table><tr><td><p>a<p>b<td>c<tr><td>d<td>e</table>", "a\n\nb\n\nc\n\nd\n\ne"),
        ("<table><tr><td>a<td>b</table>", "a\n\nb"),
        ("<table><tr><td>a<tr><td>b</table>", "a\n\nb"),
        ("<table role=Presentation><tr><td>a<td>b<tr><td>c<td>d</table>", "a\n\nb\n\nc\n\nd"),
        ("<table><tr><td>a<td>b<tr><td>c<td><table><tr><td>d</table></table>", "a\n\nb\n\nc\n\nd"),
        ("<table><caption>a</caption><tr><td>b<td>c<tr><td>d<td>e</table>", "a\n\nb | c\nd | e"),
        ("<table>{{ a }}<tr>{{ b }}<td>c</table>", "{{ a }}{{ b }}\n\nc"),
        # Links and images.
        ('<a href="https://x/y?a&amp;b">c</a>.', "c (https://x/y?a&b)."),
        ('<a href=" HTTP://x/ y\n z ">c</a>', "c (HTTP://x/%20y%20z)"),
        (
            '<a href="https://x/">https://x</a> <a href="https://x/y">X/y/</a>',
            "https://x/ https://x/y",
        ),
        (
            '<a href="mailto:a@b.c?subject=d">a@b.c</a> <a href=MailTo:a@b.c>e</a>',
            "a@b.c e (a@b.c)",
        ),
        (
            "<a href=#x>a</a> <a href=/b>b</a> <a href=tel:1>c</a> <a>d</a> <a href>e</a>",
            "a b c d e",
        ),
        ("<a href={{ link }}>a</a> <a href='{{ link }}'>{{link}}</a>", "a ({{ link }}) {{ link }}"),
        ("<a href='https://x/{{a}}/{{ b }}'>c</a>", "c (https://x/{{a}}/{{ b }})"),
        ("<a href='mailto:{{ a }}'>b</a> <a href='#{{c}}'>d</a>", "b ({{ a }}) d"),
        (
            "a <a href=http://x> b </a> c <a href=http://y>d<br></a>e",
            "a b (http://x) c d (http://y)\ne",
        ),
        ("<a href=http://x><p>a</p><p>b</p></a>", "a\n\nb (http://x)"),
        ("a <a href=http://x><div></div>b</a>", "a\nb (http://x)"),
        ("a<a href=http://x></a> <a href=http://y> <b></b></a>b", "a b"),
        ("<a href=http://x><img></a><a href=http://y><img alt=b></a>", "http://x b (http://y)"),
        ("a<img alt='b &amp; c'>d, <img alt='e'>.<img alt=''>", "a b & c d, e."),
        # What is not seen.
        ("<title>a</title><style>b</style><script>c</script><template>d</template>e", "e"),
        ("<svg><title>a</title><text>b</text></svg><iframe>c</iframe>d", "d"),
        ("<p hidden>a</p><p style='color:red; DISPLAY : None !important'>b</p>c", "c"),
        ("<p style='visibility:hidden'>a</p><p style='opacity:0.0'>b</p>c", "c"),
        ("<p style='max-height:0px;overflow:hidden'>a</p><p style='max-height:0'>b</p>", "b"),
        ("<p style='font-size:0'><span style='font-size:9px;mso-hide:all'>a</span></p>", "a"),
        ("<p style='display:none;display:block'>a</p>", "a"),
        (
            "<!--[if mso]>a<![endif]--><!--[if !mso]><!-->b<!--<![endif]--><![if !mso]>c<![endif]>",
            "bc",
        ),
        ("<noscript>a</noscript><object>b</object>", "ab"),
        ("<p>&zwnj;&nbsp;&zwnj; &#8203;&#65279;&shy;</p>a", "a"),
        # Characters.
        ("&lt;b&gt; &amp;amp; &copy;&#x1F600;", "<b> &amp; ©\N{GRINNING FACE}"),
        ("a&nbsp;&nbsp;b&#8239;c &shy;d&shy;e", "a b c de"),
        ("می&zwnj;خواهم \U0001f468&zwj;\U0001f469", "می\u200cخواهم \U0001f468\u200d\U0001f469"),
        ("\u3000您好", "\u3000您好"),
        ("a\0b\ud800c", "abc"),
        # What is a variable, and what merely looks like one.
        ("{{ a < b }} {{ a.0 }}", "{{ a < b }} {{ a.0 }}"),
        ("{{a}}{&#123;a}} {{<b>a</b>}} {{&#32;a}}", "{{a}}{ {a}} { {a}} { { a}}"),
        ("<{{ tag }} {{ a }}=b>c</{{tag}}>", "<{{ tag }} {{ a }}=b>c"),
        ("<p class='{{ a }}' style='{{b}}' {{ c }}>d</p><!-- {{ e }} -->", "d"),
        ("<select>{{a}}<option>{{b}}</option></select>", "{{a}}\n{{b}}"),
        ("<frameset>{{ a }}<frame>{{b}}</frameset>", "{{ a }}{{b}}"),
        ("<math><mi>{{ a }}</mi></math><textarea>{{b}}</textarea>", "{{ a }}\n\n{{b}}"),
    ],
)
def test_each_thing_has_its_form(html: str, text: str) -> None:
    assert text_of(html) == f"{text}\n"


@pytest.mark.parametrize(
    "html", ["", " \n", "<img src=x.png>", "<pre> \n </pre>", "<p>&nbsp;", "<a"]
)
def test_nothing_to_see_is_no_text(html: str) -> None:
    assert text_of(html) == ""


def test_deep_lists_are_indented_no_further() -> None:
    html = "<ul><li>a" * 60
    longest = max(len(line) for line in text_of(html).splitlines())
    assert longest < 40


def test_elements_that_are_never_closed_cost_no_paragraphs() -> None:
    html = "<p>" + "".join(f"<font a{number}>" for number in range(100)) + "<p>x</p>" * 2000
    assert text_of(html) == "\n\n".join(["x"] * 2000) + "\n"


class Piece(NamedTuple):
    """Some HTML, and the variables in it that are seen, in their order."""

    html: str
    seen: tuple[str, ...] = ()


def joined(pieces: list[Piece]) -> Piece:
    return Piece(
        "".join(piece.html for piece in pieces),
        tuple(variable for piece in pieces for variable in piece.seen),
    )


def wrapped(before: str, behind: str) -> Callable[[Piece], Piece]:
    return lambda piece: Piece(f"{before}{piece.html}{behind}", piece.seen)


def unseen(before: str, behind: str) -> Callable[[Piece], Piece]:
    return lambda piece: Piece(f"{before}{piece.html}{behind}")


def linked(piece: Piece) -> Piece:
    html = f"<a class='{{{{ c }}}}' href={{{{ href }}}}>go {piece.html}</a>"
    return Piece(html, (*piece.seen, "{{ href }}"))


VARIABLES = st.sampled_from(["{{a}}", "{{ a }}", "{{ user.name }}", "{{\tb_1.0 }}", "{{{c}}}"])
WORDS = st.sampled_from(
    ["word", " two words ", "&amp;", "&lt; ", "\n", "&nbsp;", "{{", "}}", "é", "漢"]
)
TEXTS = WORDS.map(Piece) | VARIABLES.map(lambda source: Piece(source, tuple(variables(source))))
LEAVES = TEXTS | st.sampled_from(
    [
        Piece("<br>"),
        Piece("<img alt='{{ alt }}' src='{{ src }}'>", ("{{ alt }}",)),
        Piece("<!-- {{ no }} -->"),
        Piece("<style>p { color: {{ no }} }</style>"),
    ]
)
INLINE = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(joined),
        inner.map(wrapped("<b title='{{ no }}'>", "</b>")),
        inner.map(wrapped("<span>", "</span>")),
        inner.map(unseen("<i hidden>", "</i>")),
    ),
    max_leaves=6,
)
FLOW = INLINE | INLINE.map(linked)
DOCUMENTS = st.recursive(
    FLOW,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(joined),
        inner.map(wrapped("<div class='{{ no }}'>", "</div>")),
        inner.map(wrapped("<h1>", "</h1>")),
        inner.map(wrapped("<ul><li>", "</li><li>x</li></ul>")),
        inner.map(wrapped("<ol><li>x<li>", "</ol>")),
        inner.map(wrapped("<blockquote>", "</blockquote>")),
        inner.map(wrapped("<table><tr><td>", "<td>x<tr><td>y<td>z</table>")),
        inner.map(wrapped("<table role=none><tr><td>", "</td></tr></table>")),
        inner.map(unseen("<div style='display:none'>", "</div>")),
        FLOW.map(wrapped("<pre>", "</pre>")),
        FLOW.map(wrapped("<p>", "</p>")),
    ),
    max_leaves=12,
)


@given(DOCUMENTS)
def test_every_variable_that_is_seen_is_in_the_text(document: Piece) -> None:
    assert variables(text_of(document.html)) == list(document.seen)


@given(DOCUMENTS)
def test_the_text_has_no_markup_and_no_loose_ends(document: Piece) -> None:
    text = text_of(document.html)
    assert not re.search(r"</?[a-z]|&[a-z]+;|\r|\0", text)
    assert text == "" or (text.strip() and text.endswith("\n") and not text.endswith("\n\n"))


@given(DOCUMENTS)
def test_line_ends_of_the_source_make_no_difference(document: Piece) -> None:
    text = text_of(document.html)
    for line_end in ("\r\n", "\r"):
        assert text_of(document.html.replace("\n", line_end)) == text


ELEMENTS = names("a b caption dd li option pre script select svg table td textarea tr ul")
PIECES = st.sampled_from(
    [text for name in sorted(ELEMENTS) for text in (f"<{name}>", f"</{name}>")]
    + [*("<a href=http://x>", "<img alt=\0>", "<br>", "<frameset>", "<template>", "<p", "x", "\0")]
    + [*("{{ a }}", "{{", "}}", "&", "&amp;", "&#0;", "&#13;", '"', "'", "<", ">", "<!--", "-->")]
)


@given(st.text() | st.lists(PIECES, max_size=40).map(" ".join))
def test_a_text_is_made_of_whatever_there_is(html: str) -> None:
    text = text_of(html)
    assert text == text_of(html)
    assert text == "" or text.endswith("\n")
    assert "\r" not in text
    assert "\0" not in text


@pytest.mark.parametrize(
    "piece",
    [
        *("<div>", "<div>x", "<b>x", "<ul><li>x", "<blockquote>x", "<table><tr><td>x", "<li>x"),
        *(
            "<a href=http://x>y</a>",
            "<img alt=x>",
            "<br>",
            "&nbsp;",
            "\u200c",
            "{{a}}",
            " ",
            "<pre>",
        ),
    ],
)
def test_a_text_is_made_in_linear_time(piece: str) -> None:
    assert_linear(lambda size: text_of(piece * size), 500)
