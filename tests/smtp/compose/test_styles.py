"""CSS written into `style` attributes: where, and that all else stays as it is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core.templates import CompiledText
from connectors.smtp.compose.markup import names
from connectors.smtp.compose.nesting import MAX_ATTRIBUTES, MAX_DEPTH
from connectors.smtp.compose.styles import inline

TEMPLATES = sorted((Path(__file__).parent / "templates").glob("*.html"))
RED = "<style>p { color: red }</style>"


@pytest.mark.parametrize(
    ("html", "inlined"),
    [
        ("<p>a", '<p style="color: red;">a'),
        ("<P  CLASS=a >b</P>", '<P style="color: red;"  CLASS=a >b</P>'),
        ("<p style='margin: 0'>a</p>", '<p style="color: red;margin: 0">a</p>'),
        ("<p style=color:blue id=a>b</p>", '<p style="color: blue" id=a>b</p>'),
        ("<p style='font: \"A b\"' style=c>", "<p style=\"color: red;font: 'A b'\" style=c>"),
        ("<p/>&copy;<br/>", '<p style="color: red;"/>&copy;<br/>'),
        ("<b>a<p>b</b>c</p>", '<b>a<p style="color: red;">b</b>c</p>'),
        ("<table><tr><p>a</table>", '<table><tr><p style="color: red;">a</table>'),
        ("<noscript><p></noscript>", '<noscript><p style="color: red;"></noscript>'),
        ("<div style='color :red'>&amp;</div>", "<div style='color :red'>&amp;</div>"),
        ("<!-- <p> --><textarea><p></textarea>", "<!-- <p> --><textarea><p></textarea>"),
        ("<script>'<p>'</script><title><p></title>", "<script>'<p>'</script><title><p></title>"),
        ("<p data-css-inline=ignore>a", "<p data-css-inline=ignore>a"),
        ("<p>{{ a }}</p>", '<p style="color: red;">{{ a }}</p>'),
        ("<p style='margin:{{ a }}px'>", '<p style="color: red;margin: {{ a }}px">'),
        ("<p {{ a }} class={{ b }}>", '<p style="color: red;" {{ a }} class={{ b }}>'),
        ("<a href={{ a }}?b={{ c }}&d>", "<a href={{ a }}?b={{ c }}&d>"),
    ],
)
def test_what_applies_is_written_into_the_element(html: str, inlined: str) -> None:
    assert inline(RED + html) == RED + inlined


@pytest.mark.parametrize(
    "css",
    [
        "@media (max-width: 600px) { p { color: red } }",
        "p:hover { color: red }",
        "@import url(file:///etc/passwd);",
        "@font-face { font-family: X; src: url(x) }",
        ".a { color: {{ color }} }",
        "<!-- -->",
        "}}} {{{ ;;;",
    ],
)
def test_what_cannot_be_inlined_stays_in_its_element(css: str) -> None:
    html = f"<style>{css}</style><p>a</p>"
    assert inline(html) == html


@pytest.mark.parametrize(
    "attribute",
    [
        *("media=print", "media='(max-width: 600px)'", 'type="text/plain"'),
        "data-css-inline=ignore",
    ],
)
def test_styles_that_are_not_for_everyone_stay(attribute: str) -> None:
    html = f"<style {attribute}>p {{ color: red }}</style><p>a</p>"
    assert inline(html) == html


@pytest.mark.parametrize("attribute", ["media=ALL", "media=screen", "type='text/css'", "media"])
def test_styles_that_are_for_all_screens_do_not(attribute: str) -> None:
    html = f"<style {attribute}>p {{ color: red }}</style><p>"
    assert inline(html).endswith('<p style="color: red;">')


def test_a_document_keeps_all_that_surrounds_it() -> None:
    html = (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://x/xhtml1-strict.dtd">\r\n'
        "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>a</title><meta charset=utf-8/>"
        "<style>* { margin: 0 } td { color: red }</style></head>\n"
        "<!--[if mso]><table><tr><td><![endif]--><![if !mso]><td>&nbsp;<![endif]>"
        "</html>\n\n"
    )
    assert inline(html) == html.replace("<html", '<html style="margin: 0;"')
    body = html.replace("<![if", "<body><table><tr><![if")
    shown = body.replace("<html", '<html style="margin: 0;"')
    for name in ("body", "table", "tr"):
        shown = shown.replace(f"<{name}><", f'<{name} style="margin: 0;"><')
    shown = shown.replace(
        '<!--[if mso]><table style="margin: 0;"><tr style="margin: 0;">', "<!--[if mso]><table><tr>"
    )
    assert inline(body) == shown.replace("<td>&nbsp;", '<td style="margin: 0;color: red;">&nbsp;')


def test_no_file_is_read(tmp_path: Path) -> None:
    sheet = tmp_path / "a.css"
    sheet.write_text("p { color: red }", encoding="utf-8")
    for place in (str(sheet), sheet.as_uri()):
        html = f"<style>@import '{place}';</style><link rel=stylesheet href='{place}'><p>a"
        assert inline(html) == html


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_templates_change_in_their_styles_alone(path: Path) -> None:
    # One of them has a variable in its CSS.
    html = path.read_text(encoding="utf-8").replace("<style", "<style data-css-inline=ignore")
    inlined = inline(f"<style>p, td, h1 {{ margin: 1px }}</style>{html}")
    assert unstyled(inlined) == f"<style>p, td, h1 {{ margin: 1px }}</style>{unstyled(html)}"
    shown = re.sub(r"(?s)<!--.*?-->", "", inlined)
    assert len(re.findall(r"<(?:p|td|h1)\b[^>]*margin", shown)) == len(
        re.findall(r"<(?:p|td|h1)\b", shown)
    )


def unstyled(html: str) -> str:
    return re.sub(r""" style=("[^"]*"|'[^']*')""", "", html)


def test_without_style_nothing_changes() -> None:
    html = "<p style=a>{{ b }}\ud800" + "<div>" * 1000
    assert inline(html) == html


@pytest.mark.parametrize(
    ("html", "message"),
    [
        ("<style>p { color: {{ a }} }</style><p>", r"has \{\{ a \}\} in a rule of <style>"),
        (RED + "<p style='{{ a }}: b; {{a}}'>", "is not CSS|has .* that would lose it"),
        (
            "<style>p { color: red !important }</style><p style='color: {{a}}'>",
            r"has \{\{a\}\} in a style that would lose it",
        ),
        (RED + "<p style='color'>", "is not CSS"),
        (RED + "\ud800", "half of a surrogate pair"),
        (
            "<style>*{" + "".join(f"a{n}:b;" for n in range(2000)) + "}</style>" + "<p>" * 9000,
            "CSS",
        ),
        (RED + "<div>" * (MAX_DEPTH + 1), "nests more than"),
        (RED + "<p>" + "".join(f"<b a{n}>" for n in range(60)) + "<p>a" * 2000, "nests more than"),
        (RED + f"<p {' '.join(f'a{n}' for n in range(MAX_ATTRIBUTES + 1))}>", "more than 128 attr"),
    ],
)
def test_what_cannot_be_inlined_is_told(html: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        inline(html)


def test_the_remedy_that_an_error_names_helps() -> None:
    rule = '<style data-css-inline="ignore">p { color: {{ a }} }</style><p>'
    assert inline(rule) == rule
    style = f"{RED}<p data-css-inline=\"ignore\" style='{{{{ a }}}}'>"
    assert inline(style) == style


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        ("", "<div>"),
        ("<svg><style></svg>", "<div>"),
        ("<select><style></select>", "<div>"),
        ("<noscript><!--</noscript>", "<div>"),
        ("", "<div><script><!--<script></script></div></script>"),
        ("", "<b><p></b>"),
    ],
)
def test_no_nesting_ends_the_process(start: str, piece: str) -> None:
    # css-inline overflows its stack from some ten thousand levels on, which nothing can catch.
    program = (
        "import contextlib\n"
        "from connectors.smtp.compose.styles import inline\n"
        "with contextlib.suppress(ValueError):\n"
        f"    inline('<style>p {{}}</style>' + {start!r} + {piece!r} * 20_000)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=100)


CSS = st.lists(
    st.sampled_from(
        [
            "p {",
            "*{",
            "}",
            "color:",
            "red",
            ";",
            "{{ a }}",
            "@media x{",
            '"',
            "'",
            "/*",
            ":hover",
            "é",
        ]
    ),
    max_size=12,
).map(" ".join)
PIECES = st.sampled_from(
    [
        text
        for name in sorted(names("a b div p svg select table td template textarea"))
        for text in (f"<{name}>", f"</{name}>", f"<{name} class='{{{{ c }}}}' title={{{{ t }}}}>")
    ]
    + [*("<!--", "-->", "<", ">", '"', "'", "x", "&amp;", "{{ x }}", "<![if !mso]>", "<br/>", "\n")]
)


def attempt(html: str) -> tuple[str, str]:
    """The inlined template, or why there is none."""
    try:
        return inline(html), ""
    except ValueError as error:
        return html, str(error)


@given(CSS, st.lists(PIECES, max_size=25).map("".join))
def test_only_styles_are_added(css: str, rest: str) -> None:
    html = f"<style>{css}</style>{rest}"
    inlined, refused = attempt(html)
    assert not refused or re.search("{{ a }} in a rule|not CSS", refused)
    assert re.sub(r' style="[^"]*"', "", inlined) == html
    assert sorted(CompiledText(inlined).sources) == sorted(CompiledText(html).sources)


@given(st.text())
def test_any_text_is_inlined_or_refused(text: str) -> None:
    for html in (f"<style>{text}", f"<style>p{{}}</style><p style='{text}'>{text}"):
        _, refused = attempt(html)
        assert not refused or refused.startswith(("has ", "contains "))
