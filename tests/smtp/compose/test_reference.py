"""Whatever the template and the values, a mail is what the reference makes of them, to the octet.

The same mails are read again with the standard library's parser, which must find exactly the
header fields, parts and texts that were meant.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector_core import MessageError
from connectors.smtp.compose.message import Composer
from tests.smtp.compose.mails import (
    composer,
    date_of,
    expected,
    mail,
    parsed,
    plain,
    text_in,
)
from tests.smtp.compose.reference import Mail, RefusedError, filled, lines_ended

PIXEL = "data:image/png;base64,iVBORw0KGgo="
PATHS = ["code", "name", "link", "user.name", "missing", "a.b", "none"]
# What needs thought: where lines end, what the encodings write, what they are told apart by.
_tricky = st.sampled_from(
    [
        *("\r", "\n", "\r\n", "\n\r", "\r\n\r\n", "\0", "\t", " ", "  ", "\x0b", "\x7f", "\ud800"),
        *("=", "=3D", "=_", "_", "=\r\n", ".", "..", "\n.\n", "From ", "\nFrom me", "--", "--=_"),
        *(
            "é",
            "名前",
            "\N{PARTY POPPER}",
            "\u2028",
            "\xa0",
            "&",
            "<",
            ">",
            '"',
            "'",
            "&amp;",
            "{{",
            "}}",
        ),
        *("=?", "?=", "=?utf-8?q?a?=", "x" * 73, "x" * 75, "x" * 76, "x" * 77, "word " * 30),
    ]
)
_plain = st.from_regex(r"[A-Za-z0-9]{1,8}( [A-Za-z0-9]{1,8})?", fullmatch=True)
_any = st.lists(_tricky | _plain | st.text(max_size=8), max_size=6).map("".join)
_variable = st.builds(
    "{{{{{}{}{}}}}}".format,
    st.sampled_from(["", " ", "  ", "\n", "\t"]),
    st.sampled_from(PATHS),
    st.sampled_from(["", " ", "\r\n"]),
)
_template = st.lists(_variable | _plain | _tricky | st.text(max_size=12), max_size=10).map("".join)
_markup = st.sampled_from(
    [
        *("<p>", "</p>", "<br>", "<b>", "</b>", '<a href="{{link}}">', "</a>", "<!-- {{code}} -->"),
        *(
            '<p style="color: red">',
            "<h1>",
            "</h1>\n",
            "<li>",
            "<td>",
            "\n",
            f'<img src="{PIXEL}">',
        ),
    ]
)
_html = st.lists(_variable | _plain | _markup | _tricky, max_size=14).map("".join)
_value = st.one_of(_plain, _plain, _any, st.text(max_size=100), st.integers(), st.just(""))
_payload = st.fixed_dictionaries(
    {},
    optional={
        "code": _value,
        "name": _value,
        "link": _value,
        "user": st.fixed_dictionaries({}, optional={"name": _value}),
        "a": st.none() | _value,
        "none": st.none(),
    },
)
_safe = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=90)
_options = st.fixed_dictionaries(
    {},
    optional={
        "textAlternative": st.booleans(),
        "attachDataUrls": st.booleans(),
        "customHeaders": st.dictionaries(
            st.sampled_from(["X-Tag", "X-Hop", "auto-submitted", "Feedback-ID"]),
            _safe.filter(lambda text: "=?" not in text),
            max_size=3,
        ),
    },
)
_templates = st.one_of(
    st.fixed_dictionaries({"contentType": st.just("text/plain"), "content": _template}),
    st.fixed_dictionaries({"contentType": st.just("text/html"), "content": _html | _template}),
)
_subject = st.lists(
    st.sampled_from([*(f"{{{{{path}}}}}" for path in PATHS), "=?", "  ", "\t", "word " * 15])
    | _plain
    | _safe,
    max_size=4,
).map("".join)


_mails = st.builds(lambda item, subject: {**item, "subject": subject}, _templates, _subject).filter(
    # A config with others is refused; what encoded-words hide has tests elsewhere.
    lambda item: not re.search("[\0\ud800-\udfff]", item["content"]) and "?=" not in item["subject"]
)


@settings(max_examples=4 * settings().max_examples)
@given(template=_mails, payload=_payload, options=_options)
def test_every_octet_is_as_the_reference_has_it(
    template: dict[str, Any], payload: dict[str, Any], options: dict[str, Any]
) -> None:
    made = composer(template, **options)
    content = _composed(made, payload)
    if isinstance(content, MessageError):
        refused = _refusal(expected(template, payload, b"", **options))
        in_encoded_words = content.field == "subject" and "=?" in str(payload)
        assert refused == content.field or in_encoded_words
        return
    wanted = expected(template, payload, date_of(content), **options)
    assert content == wanted.written()
    _is_well_formed(content)
    _is_read_as_meant(parsed(content), wanted)
    # What was made ready for the first mail serves the second.
    assert made.compose(mail(payload)).content.partition(b"\r\n")[2] in content


# Most are plain; a few look like it and are not.
_near = st.integers(1, 80).flatmap(
    lambda size: st.lists(
        st.text(st.sampled_from("0123456789abcXYZ_.?-{} "), min_size=size, max_size=size)
        | st.text(st.characters(codec="ascii"), min_size=size, max_size=size),
        min_size=3,
        max_size=3,
    )
)


@given(template=_mails, codes=_near, names=_near)
def test_values_of_the_same_lengths_are_laid_out_alike_only_where_they_can_be(
    template: dict[str, Any], codes: list[str], names: list[str]
) -> None:
    made = composer(template)
    for code, name in zip(codes, names, strict=True):
        payload = {"code": code, "name": name, "link": code, "user": {"name": name}, "a": {"b": 1}}
        payload |= {"missing": "0", "none": name}
        content = _composed(made, payload)
        if isinstance(content, MessageError):
            assert _refusal(expected(template, payload, b"")) == content.field
        else:
            assert content == expected(template, payload, date_of(content)).written()


def _composed(made: Composer, payload: Mapping[str, Any]) -> bytes | MessageError:
    try:
        return made.compose(mail(payload)).content
    except MessageError as error:
        return error


def _refusal(wanted: Mail) -> str | None:
    try:
        wanted.written()
    except RefusedError as refused:
        return refused.where
    return None


def _is_well_formed(content: bytes) -> None:
    """Lines as RFC 5322 section 2.1.1 and RFC 2045 section 6 want them, in 7 bits."""
    assert content.isascii()
    assert b"\0" not in content
    assert content.endswith(b"\r\n")
    assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
    head, _, body = content.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 78
    # Quoted-printable and base64 leave no white space at the end of a line.
    if b"Encoding: 7bit" not in content:
        assert not re.search(rb"[ \t]\r\n", body)


def _is_read_as_meant(found: EmailMessage, wanted: Mail) -> None:
    names = ["Date", "From", "To", "Subject", "Message-ID", *(name for name, _ in wanted.custom)]
    if "auto-submitted" not in [name.lower() for name in names]:
        names.append("Auto-Submitted")
    encoding = [] if found.is_multipart() else ["Content-Transfer-Encoding"]
    assert found.keys() == [*names, "MIME-Version", "Content-Type", *encoding]
    assert found["Subject"] == "".join(text for text, _ in filled(wanted.subject, wanted.payload))
    assert [item.addr_spec for item in found["From"].addresses] == ["noreply@example.com"]
    assert [item.addr_spec for item in found["To"].addresses] == ["ann@example.org"]
    for name, value in wanted.custom:
        assert found[name] == value.strip(" \t")
    parts = [part for part in found.walk() if not part.is_multipart()]
    assert [defect for part in found.walk() for defect in part.defects] == []
    assert [part.get_content_type() for part in parts] == [
        *(["text/plain"] if wanted.text is not None else []),
        *(["text/html"] if wanted.html is not None else []),
        *(image.media_type for image in wanted.images),
    ]
    for part in parts:
        if part.get_content_maintype() == "image":
            continue
        template = wanted.html if part.get_content_subtype() == "html" else wanted.text
        assert text_in(part) == _meant(template or "", wanted.payload, part.get_content_subtype())
    for part, image in zip(parts[-len(wanted.images) :], wanted.images, strict=False):
        assert part["Content-ID"] == f"<{image.cid}>"
        assert part.get_content_disposition() == "inline"
        assert part.get_payload(decode=True) == image.data


def _meant(template: str, payload: Mapping[str, Any], kind: str) -> str:
    pieces = [
        html.escape(text) if kind == "html" and is_value else text
        for text, is_value in filled(template, payload)
    ]
    text = "".join(map(lines_ended, pieces))
    return text if template.endswith(("\r", "\n")) else f"{text}\r\n"


@given(name=_safe.filter(lambda text: "=?" not in text))
def test_a_mailbox_is_as_the_reference_has_it(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    of_config = composer(plain("Hi"), replyTo=f'"{quoted}" <help@example.com>')
    of_template = composer({**plain("Hi"), "replyTo": "{{name}} <help@example.com>"})
    for made, shown in ((of_config, name), (of_template, name.strip(" "))):
        content = made.compose(mail({"name": name})).content
        wanted = expected(plain("Hi"), {}, date_of(content))
        wanted.reply_to = (shown, "help@example.com")
        assert content == wanted.written()
