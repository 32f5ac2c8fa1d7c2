"""A mail says exactly what was meant, and nothing else."""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core import MessageError, Template, TemplateNotFoundError
from connectors.file import composer
from tests.file.mails import compose, content_of, parsed
from tests.smtp.helpers import templates

HEADERS = [
    *("Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


def test_a_whole_mail() -> None:
    mail = parsed(compose({"replyTo": '"Doe, Jane" <help@example.org>'}))
    assert mail.keys() == [*HEADERS[:3], "Reply-To", *HEADERS[3:]]
    assert mail["From"].addresses[0].display_name == "Zoé"
    assert mail["From"].addresses[0].addr_spec == "a@example.org"
    assert [item.addr_spec for item in mail["To"].addresses] == ["ann@example.org"]
    assert mail["Reply-To"].addresses[0].display_name == "Doe, Jane"
    assert mail["Subject"] == "Code 123456"
    assert mail["Message-ID"] == "<0123456789abcdef@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(mail["Date"]).utcoffset() is not None
    assert mail.get_content_type() == "text/plain"
    assert content_of(mail) == "Your code is 123456\n"


def test_html_is_html_and_its_values_are_escaped() -> None:
    html = templates(contentType="text/html", content="<p>{{user.name}}</p>\r\n")
    mail = parsed(compose({"templates": html}, payload={"user": {"name": "<b>Zoé</b>"}}))
    assert mail.get_content_type() == "text/html"
    assert mail["Content-Transfer-Encoding"] == "8bit"
    assert content_of(mail) == "<p>&lt;b&gt;Zoé&lt;/b&gt;</p>\n"


def test_a_text_of_ones_own_goes_beside_the_html() -> None:
    template = Template(subject="s", content="<p>{{name}}</p>", text="{{name}}\n{{long}}")
    long = "x" * (composer.MAX_LINE + 1)
    content = compose(template=template, payload={"name": "<Zoé>", "long": long})
    mail = parsed(content)
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert (text["Content-Transfer-Encoding"], html["Content-Transfer-Encoding"]) == (
        "base64",
        "8bit",
    )
    assert content_of(text) == f"<Zoé>\n{long}\n"
    assert content_of(html) == "<p>&lt;Zoé&gt;</p>\n"
    with pytest.raises(MessageError) as caught:
        compose(template=Template(subject="s", content="<p>", text="\0"))
    assert caught.value.field == "text"


@pytest.mark.parametrize(
    ("length", "encoding"),
    [(composer.MAX_LINE, "8bit"), (composer.MAX_LINE + 1, "base64"), (60_000, "base64")],
)
def test_long_lines_go_as_base64(length: int, encoding: str) -> None:
    content = compose(
        {"templates": templates(subject="s", content="{{code}}")}, payload={"code": "x" * length}
    )
    mail = parsed(content)
    assert mail["Content-Transfer-Encoding"] == encoding
    assert content_of(mail) == "x" * length + "\n"
    assert all(len(line) <= composer.MAX_LINE for line in content.split(b"\r\n"))


@given(text=TEXT, subject=TEXT, html=st.booleans())
def test_what_is_parsed_is_what_was_meant(text: str, subject: str, html: bool) -> None:
    kind = "text/html" if html else "text/plain"
    ours = templates(contentType=kind, subject="{{s}}", content=re.sub("[{}]", "", text) + "|")
    try:
        content = compose({"templates": ours}, payload={"s": subject})
    except MessageError as error:
        assert error.field == "subject"  # noqa: PT017 - either it is one, or it says which
        return
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", content) is None
    mail = parsed(content)
    assert mail.keys() == HEADERS
    assert mail["Subject"].split() == subject.split()
    meant = re.sub("\r\n|\r", "\n", re.sub("[{}]", "", text) + "|\n")
    assert content_of(mail) == meant


@pytest.mark.parametrize(
    "value", ["a\r\nBcc: b@example.org", "a\nb", "a\rb", "a\x0bb", "a\u2028b", "a\x00b", "a\ud800b"]
)
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"subject": "{{x}}"}, "subject"),
        ({"sendFrom": "{{x}} <a@example.org>"}, "sendFrom"),
        ({"replyTo": "a@{{x}}"}, "replyTo"),
    ],
)
def test_a_header_cannot_be_broken_out_of(value: str, change: dict[str, Any], field: str) -> None:
    with pytest.raises(MessageError) as caught:
        compose({"templates": templates(**change)}, payload={"x": value})
    assert caught.value.field == field
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to": "ann"}, "to"),
        ({"to": "a@b.example, c@d.example"}, "to"),
        ({"to": "a@b.example\r\nBcc: c@d.example"}, "to"),
        ({"message_id": "a@b@c"}, "message_id"),
        ({"payload": {"code": "x" * 2049}}, "payload.code"),
        ({"payload": {"code": "\ud800"}}, "content"),
    ],
)
def test_what_cannot_become_a_mail(change: dict[str, Any], field: str) -> None:
    with pytest.raises(MessageError) as caught:
        compose(**change)
    assert caught.value.field == field


@pytest.mark.parametrize("value", ["\0", "\ud800", "x" * (64 * 1024 + 1)])
def test_what_cannot_stand_in_a_body(value: str) -> None:
    with pytest.raises(MessageError):
        compose({"templates": templates(subject="s", content="{{x}}")}, payload={"x": value})


def test_a_mail_has_a_limit() -> None:
    many = templates(subject="s", content="{{x}}" * 200)
    with pytest.raises(MessageError, match="10 MiB"):
        compose({"templates": many}, payload={"x": "x" * 64 * 1024})


def test_a_template_of_the_hosts_source_goes_first() -> None:
    template = Template(
        subject="{{code}}!", content="<i>{{code}}</i>", send_from="{{code}} <b@example.net>"
    )
    mail = parsed(compose(template=template))
    assert (mail["Subject"], content_of(mail)) == ("123456!", "<i>123456</i>\n")
    assert mail["From"].addresses[0].addr_spec == "b@example.net"
    assert mail["Message-ID"] == "<0123456789abcdef@example.net>"
    with pytest.raises(MessageError) as caught:
        compose(template=Template(subject="s", content="c", reply_to="nobody"))
    assert caught.value.field == "template.replyTo"


def test_the_locale_chooses() -> None:
    french = {**templates()[1], "locale": "fr", "subject": "Votre code"}
    ours = {"templates": [*templates(), french]}
    assert parsed(compose(ours, locale="fr-CA"))["Subject"] == "Votre code"
    assert parsed(compose(ours, usage_type="Other", locale="fr"))["Subject"] == "Code 123456"


def test_a_usage_type_without_a_template() -> None:
    with pytest.raises(TemplateNotFoundError):
        compose({"templates": templates()[:1]}, usage_type="Other")
