"""Images taken out of HTML: which, as what, and that nothing else changes."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.smtp.compose.images import Extracted, InlineImage, extract
from tests.smtp.helpers import assert_linear

PNG = b"\x89PNG\r\n\x1a\n"
URI = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def image_in(html: str) -> InlineImage:
    """The one image, which the HTML names where it stood."""
    extracted = extract(html)
    [image] = extracted.images
    assert f"cid:{image.cid}" in extracted.html
    return image


@pytest.mark.parametrize(
    ("html", "data"),
    [
        (f'<img src="{URI}">', PNG),
        (f"<IMG alt='>' SRC='{URI}'/>", PNG),
        (f"<img src={URI} alt=x>", PNG),
        (f'<img\n  width="1"\n  src = "\n {URI} "\n>', PNG),
        (f'<img src="{URI[:30]}\r\n\t  {URI[30:]}">', PNG),
        (f'<img src="{URI.rstrip("=")}">', PNG),
        (f'<img src="{URI.replace(";base64", "; charset=x ;BASE64")}">', PNG),
        (f'<img src="{URI.replace("=", "%3D")}">', PNG),
        (f'<img src="{URI.replace("/", "&#47;")}">', PNG),
        ('<img src="data:image/png,%89PNG%0D%0A%1A%0A">', PNG),
        ("<img src=\"data:image/png;utf8,<svg a='é'>\">", "<svg a='é'>".encode()),
        ('<img src="DATA:Image/PNG;base64,AAA">', b"\0\0"),
    ],
)
def test_images_are_found_however_they_are_written(html: str, data: bytes) -> None:
    image = image_in(html)
    assert image.data == data
    assert image.media_type == "image/png"


@pytest.mark.parametrize("kind", ["gif", "jpeg", "webp", "svg+xml", "vnd.microsoft.icon"])
def test_every_kind_of_image_is_taken(kind: str) -> None:
    assert image_in(f'<img src="data:image/{kind};base64,AAAA">').media_type == f"image/{kind}"


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<img>",
        "<img src>",
        "<img src=x.png>",
        '<img src="data:image/png;base64,">',
        '<img src="data:image/png;base64,A">',
        '<img src="data:image/png;base64,AA=">',
        '<img src="data:image/png;base64,A-_A">',
        '<img src="data:image/png;base64,AA==AA==">',
        '<img src="data:image/png;base64 AAAA">',
        '<img src="data:image/png;base64,{{ logo }}">',
        '<img src="data:image/png;base64,AAAA{{logo}}">',
        '<img src="data:image/{{kind}};base64,AAAA">',
        '<img src="data:image/png,{{ logo }}">',
        "<img src=data:image/png,{{ logo }}>",
        "<img src=\"data:image/svg+xml,<svg fill='#fff'>\">",
        '<img src="data:image/svg+xml,\ud800">',
        '<img src="data:text/html;base64,AAAA">',
        f'<img src="data:image/{"x" * 60};base64,AAAA">',
        '<img src="data:image/p%0ang;base64,AAAA">',
        f'<img src="x.png" src="{URI}">',
        f'<img srcset="{URI}">',
        f"<img alt='src=\"{URI}\"'>",
        f"<a title='<img src=\"{URI}\">'>",
        f'<input type=image src="{URI}"><table background="{URI}">',
        f"<p style=\"background: url('{URI}')\"><style>p {{ background: url({URI}) }}</style>",
        f'<!-- <img src="{URI}"> --><!--[if mso]><img src="{URI}"><![endif]-->',
        f'<textarea><img src="{URI}"></textarea><title><img src="{URI}"></title>',
        f'<script>"<img src={URI}>"</script>',
        f'<img src="{URI}',
    ],
)
def test_all_else_stays(html: str) -> None:
    assert extract(html) == Extracted(html, ())


def test_nothing_but_the_value_changes() -> None:
    html = (
        f"<!doctype html>\r\n<p CLASS=a>&copy; {{{{ x }}}}<IMG  src='{URI}'\talt={{{{ y }}}}>\n</P>"
    )
    [image] = extract(html).images
    assert extract(html).html == html.replace(URI, f"cid:{image.cid}")


def test_the_same_image_is_one_part() -> None:
    other = "data:image/png;base64,AAAA"
    html = f'<img src="{URI}"><img src="{other}"><img src={URI.rstrip("=")}>'
    extracted = extract(html)
    assert [image.data for image in extracted.images] == [PNG, b"\0\0\0"]
    shown = re.findall(r"cid:([^\">]+)", extracted.html)
    assert shown == [extracted.images[place].cid for place in (0, 1, 0)]


def test_a_cid_depends_on_image_and_type_alone() -> None:
    png, again = image_in(f'<img src="{URI}">'), image_in(f"x<img alt=y src={URI}>")
    gif = image_in(f'<img src="{URI.replace("png", "gif")}">')
    assert png == again
    assert png.cid != gif.cid
    assert re.fullmatch(r"[0-9a-f]{32}@inline", png.cid)


DATA = st.binary(min_size=1, max_size=60)
TEXT = st.text(alphabet="abc {}.\n\r\té&;'", max_size=20)


@given(st.lists(st.tuples(TEXT, DATA, st.sampled_from(["", '"', "'"]))), TEXT)
def test_images_come_out_as_they_went_in(images: list[tuple[str, bytes, str]], rest: str) -> None:
    html, shown = "", ""
    for text, data, quote in images:
        uri = f"data:image/x;base64,{base64.b64encode(data).decode()}"
        cid = image_in(f"<img src={uri}>").cid
        html += f"{text}<img src={quote}{uri}{quote} alt=''>"
        shown += f"{text}<img src={quote}cid:{cid}{quote} alt=''>"
    extracted = extract(html + rest)
    assert extracted.html == shown + rest
    assert [image.data for image in extracted.images] == list(
        dict.fromkeys(data for _, data, _ in images)
    )
    assert extract(extracted.html) == Extracted(extracted.html, ())


@given(
    st.text()
    | st.lists(
        st.sampled_from(["<img ", "src=", '"', "'", "data:image/png", ";base64", ",", "AAAA", ">"])
    ).map("".join)
)
def test_extracting_never_raises(html: str) -> None:
    extracted = extract(html)
    assert (extracted.html == html) == (not extracted.images)


@pytest.mark.parametrize(
    ("start", "piece", "end"),
    [
        ("", "<img ", ""),
        ("", '<img src="', ""),
        ("<img src=data:image/png", ";a", ">"),
        ("<img src=data:image/png;base64,", "%41", "!>"),
        ("<img ", "src=data:image/png,", ">"),
        ("", "<!--", ""),
        ("", "<textarea>", ""),
    ],
)
def test_extracting_takes_linear_time(start: str, piece: str, end: str) -> None:
    assert_linear(lambda size: extract(start + piece * size + end), 2000)
