"""The parts of a mail: which there are, and that no value can make another one."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from tests.smtp.compose.mails import body_in, composer, html, mail, parsed, plain

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAA"
)
PIXEL = f'<img src="data:image/png;base64,{base64.b64encode(PNG).decode()}" alt="A dot">'


def structure(content: bytes) -> list[str]:
    """The types of the parts, each outer one before its inner ones."""
    return [part.get_content_type() for part in parsed(content).walk()]


def composed(
    template: dict[str, str], payload: dict[str, Any] | None = None, **changes: Any
) -> bytes:
    return composer(template, **changes).compose(mail(payload)).content


@pytest.mark.parametrize(
    ("content", "changes", "types"),
    [
        ("<p>Hi</p>", {}, ["multipart/alternative", "text/plain", "text/html"]),
        ("<p>Hi</p>", {"textAlternative": False}, ["text/html"]),
        (
            f"<p>Hi {PIXEL}</p>",
            {},
            [
                *("multipart/alternative", "text/plain"),
                *("multipart/related", "text/html", "image/png"),
            ],
        ),
        (
            f"<p>Hi {PIXEL}</p>",
            {"textAlternative": False},
            ["multipart/related", "text/html", "image/png"],
        ),
        (
            f"<p>Hi {PIXEL}</p>",
            {"attachDataUrls": False},
            ["multipart/alternative", "text/plain", "text/html"],
        ),
        ("<p> </p>", {}, ["text/html"]),
        ('<img src="https://example.com/a.png">', {}, ["text/html"]),
        ("", {}, ["text/html"]),
    ],
)
def test_html_has_the_parts_that_it_takes(
    content: str, changes: dict[str, Any], types: list[str]
) -> None:
    assert structure(composed(html(content), **changes)) == types
    if "attachDataUrls" not in changes:
        assert structure(composed(html(content), attachDataUrls=True, **changes)) == types


def test_plain_text_is_one_part() -> None:
    content = composed(plain(f"<p>Hi {PIXEL}</p>"), textAlternative=True, attachDataUrls=True)
    assert structure(content) == ["text/plain"]
    assert PIXEL in body_in(content, "plain")


def test_the_text_beside_html_has_the_values_as_they_are() -> None:
    content = composed(html("<h1>Hi {{name}}</h1><p>{{code}}"), {"name": "<Zoë & Co>", "code": "1"})
    assert body_in(content, "plain") == "Hi <Zoë & Co>\r\n\r\n1\r\n"
    assert body_in(content, "html") == "<h1>Hi &lt;Zoë &amp; Co&gt;</h1><p>1\r\n"


def test_images_are_parts_that_the_html_names() -> None:
    gif = base64.b64encode(b"GIF89a").decode()
    source = f'<p>{PIXEL}</p><img src="data:image/gif;base64,{gif}">{PIXEL}'
    content = composed(html(source))
    first, second = (
        part for part in parsed(content).walk() if part.get_content_maintype() == "image"
    )
    for part, data, name in ((first, PNG, "image-1.png"), (second, b"GIF89a", "image-2.gif")):
        assert part.get_payload(decode=True) == data
        assert part["Content-Transfer-Encoding"] == "base64"
        assert part.get_content_disposition() == "inline"
        assert part.get_filename() == name
    shown = body_in(content, "html")
    assert re.findall(r'src="cid:([^"]*)"', shown) == [
        part["Content-ID"].strip("<>") for part in (first, second, first)
    ]
    assert "data:" not in shown
    (outer,) = (part for part in parsed(content).walk() if part.get_content_subtype() == "related")
    assert outer.get_param("type") == "text/html"


def boundaries(content: bytes) -> list[str]:
    found = [part.get_boundary() for part in parsed(content).walk()]
    return [boundary for boundary in found if boundary]


NESTED = html(f"<p>{{{{a}}}} {PIXEL}</p>")


def test_boundaries_are_the_same_for_each_mail_of_a_template_and_for_no_other() -> None:
    first, second = boundaries(composed(NESTED, {"a": "1"}))
    assert [first, second] == boundaries(composed(NESTED, {"a": "é" * 99}))
    others = boundaries(composed(html(f"<p>{{{{a}}}}. {PIXEL}</p>"), {"a": "1"}))
    assert len({first, second, *others}) == 4
    for boundary in (first, second, *others):
        assert re.fullmatch("=_[0-9a-f]{32}", boundary)


@pytest.mark.parametrize(
    "evil",
    [
        "--{}",
        "\n--{}\nContent-Type: text/html\n\n<b>evil</b>\n--{}--\n",
        "\r\n--{}\r\n",
        "\n--{}--",
        "é" * 99 + "\n--{}\nContent-Type: text/html\n\nevil",
        "x" * 76 + "\n--{}\n",
        "\n--{}\n" * 9,
    ],
)
@pytest.mark.parametrize("which", [0, 1])
def test_who_knows_a_boundary_cannot_make_a_part(evil: str, which: int) -> None:
    boundary = boundaries(composed(NESTED, {"a": "1"}))[which]
    value = evil.replace("{}", boundary)
    content = composed(NESTED, {"a": value})
    assert structure(content) == structure(composed(NESTED, {"a": "1"}))
    assert re.sub(r"\r\n|\r|\n", "\r\n", value) in body_in(content, "plain")
    # Each boundary stands where it is said, before both parts, and behind the last one.
    assert content.count(boundary.encode()) == 4


@pytest.mark.parametrize("cut", range(1, 34))
def test_nor_whose_boundary_is_pieced_together(cut: int) -> None:
    """Half of it stands in the template, which is the attacker's at worst, half in a value."""
    template = html("<p>{{a}}{{b}}")
    boundary = boundaries(composed(template, {"a": "1", "b": "2"}))[0]
    content = composed(template, {"a": f"\n--{boundary[:cut]}", "b": f"{boundary[cut:]}\n\nevil"})
    assert structure(content) == ["multipart/alternative", "text/plain", "text/html"]
    assert content.count(boundary.encode()) == 4


def test_a_template_with_a_boundary_of_its_own_is_text() -> None:
    source = "<pre>\n--=_0123456789abcdef\nContent-Type: text/html\n\n</pre>"
    content = composed(html(source))
    assert structure(content) == ["multipart/alternative", "text/plain", "text/html"]
    assert content.count(b"=_0123456789abcdef") == 0
    assert "--=_0123456789abcdef" in body_in(content, "html")
