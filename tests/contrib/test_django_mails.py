"""What becomes of each field of a mail of Django's; what cannot be carried is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage as StandardMessage
from email.utils import formataddr
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector_core import MessageError
from connector_core.contrib.django.mails import Mail
from tests.inboxes import ThreadedInbox

pytestmark = pytest.mark.usefixtures("project")

TO = "ann@example.org"


def of(**fields: Any) -> EmailMultiAlternatives:
    return EmailMultiAlternatives(
        **{"subject": "Hello", "body": "Text", "from_email": "a@example.com", "to": [TO], **fields}
    )


def changed(name: str, value: object) -> EmailMultiAlternatives:
    message = of()
    setattr(message, name, value)
    return message


class Signed(EmailMessage):
    """One that makes its own MIME message."""

    def message(self, *_arguments: Any, **_options: Any) -> Any:
        return StandardMessage()


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("cc", lambda: of(cc=["bob@example.org"])),
        ("attachments", lambda: of(attachments=[("a.txt", "text", "text/plain")])),
        ("headers['X-Tag']", lambda: of(headers={"X-Tag": "a"})),
        ("headers['From']", lambda: of(headers={"From": "b@example.com"})),
        ("headers['To']", lambda: of(headers={"To": "list@example.com"})),
        ("headers['Message-ID']", lambda: of(headers={"Message-ID": "two words"})),
        ("reply_to", lambda: of(reply_to=["b@example.com", "c@example.com"])),
        ("reply_to", lambda: of(reply_to=["b@example.com, c@example.com"])),
        ("reply_to", lambda: of(headers={"Reply-To": "b@example.com\r\nBcc: x@example.com"})),
        ("alternatives", lambda: of(alternatives=[("BEGIN:VCALENDAR", "text/calendar")])),
        ("alternatives", lambda: of(alternatives=[("<p>", "text/html"), ("<b>", "text/html")])),
        ("alternatives", lambda: of(alternatives=[(b"<p>", "text/html")])),
        ("content_subtype", lambda: changed("content_subtype", "markdown")),
        ("encoding", lambda: changed("encoding", "iso-8859-1")),
        ("usage_type", lambda: changed("usage_type", 5)),
        ("Signed", lambda: Signed("Hello", "Text", "a@example.com", [TO])),
        ("to", lambda: of(to=["ann@example.org\r\nBcc: x@example.com"])),
        ("to", lambda: of(to=["ann@example.org, bob@example.org"])),
        ("bcc", lambda: of(bcc=["nobody"])),
        ("from_email", lambda: of(from_email="a@example.com, b@example.com")),
        ("from_email", lambda: of(from_email="A\r\nBcc: x@example.com <a@example.com>")),
        ("from_email", lambda: of(from_email='"<b@example.com>" <a@example.com>')),
        ("from_email", lambda: of(from_email="=?utf-8?q?a=0D=0ABcc=3Ax?= <a@example.com>")),
        ("subject", lambda: of(subject="Hello\r\nBcc: x@example.com")),
        ("subject", lambda: of(subject="x" * 3000)),
        ("body", lambda: of(body="\0")),
        ("body", lambda: of(body="\0", alternatives=[("<p>", "text/html")])),
        ("alternatives", lambda: of(alternatives=[("\0", "text/html")])),
        ("alternatives", lambda: of(alternatives=[("x" * 1024 * 1024 + "x", "text/html")])),
        ("body", lambda: of(body=b"text")),
        ("body", lambda: of(body="x" * 1024 * 1024 + "x")),
    ],
)
def test_what_cannot_be_carried_is_refused_by_its_name(
    inbox: ThreadedInbox, field: str, make: Callable[[], EmailMessage]
) -> None:
    with pytest.raises(MessageError) as caught:
        make().send()
    assert caught.value.field == field
    assert "example.com" not in caught.value.reason
    assert not inbox.mails
    assert make().send(fail_silently=True) == 0


def test_each_recipient_gets_a_mail_of_its_own(inbox: ThreadedInbox) -> None:
    message = of(to=["Ann <ann@example.org>", "bob@example.org", ""], bcc=["eve@example.org", TO])
    assert message.send() == 1
    assert [mail.recipients for mail in inbox.mails] == [
        (TO,),
        ("bob@example.org",),
        ("eve@example.org",),
    ]
    assert [mail.message["To"] for mail in inbox.mails] == [
        TO,
        "bob@example.org",
        "eve@example.org",
    ]
    assert not any("Bcc" in mail.message for mail in inbox.mails)


def test_one_place_for_replies_and_a_message_id_are_carried(inbox: ThreadedInbox) -> None:
    of(reply_to=["Help <help@example.com>"], headers={"Message-ID": "<a.1@example.com>"}).send()
    of(headers={"reply-to": "other@example.com"}, reply_to=["help@example.com"]).send()
    assert inbox.mails[0].message["Reply-To"] == "Help <help@example.com>"
    assert inbox.mails[0].message["Message-ID"] == "<a.1@example.com>"
    assert inbox.mails[1].message["Reply-To"] == "other@example.com"


@pytest.mark.parametrize(
    "name", ["Zoé", "Doe, Jane", 'The "best"', "back\\slash", "{{code}}", "日本", "=? no word"]
)
def test_a_senders_name_arrives_as_it_was_meant(inbox: ThreadedInbox, name: str) -> None:
    of(from_email=formataddr((name, "a@example.com"))).send()
    [sender] = inbox.mails[0].message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "a@example.com")


def test_html_as_the_body_itself(inbox: ThreadedInbox) -> None:
    message = of(body="<p>Hello &amp; welcome</p>")
    message.content_subtype = "html"
    message.send()
    text = inbox.mails[0].message.get_body(("plain",))
    assert text is not None
    assert text.get_content().strip() == "Hello & welcome"


@pytest.mark.parametrize(
    ("body", "text"), [("As {{code}} I wrote it.\n\n-- \nUs", None), (" \n", "Hello & welcome")]
)
def test_the_text_beside_html_is_the_authors(
    inbox: ThreadedInbox, body: str, text: str | None
) -> None:
    of(body=body, alternatives=[("<p>Hello &amp; <b>welcome</b></p>", "text/html")]).send()
    [mail] = inbox.mails
    parts = [part.get_content_type() for part in mail.message.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]
    plain, html = (mail.message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n").strip() == (text or body)
    assert html.get_content().strip() == "<p>Hello &amp; <b>welcome</b></p>"


def test_an_empty_mail_is_one_too(inbox: ThreadedInbox) -> None:
    assert of(subject="", body="").send() == 1
    assert inbox.mails[0].body.strip() == ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    subject=st.text(),
    body=st.text(),
    name=st.text(),
    headers=st.dictionaries(st.text(), st.text(), max_size=2),
)
def test_whatever_it_says_it_is_a_mail_or_a_refusal(
    subject: str, body: str, name: str, headers: dict[str, str]
) -> None:
    message = of(
        subject=subject, body=body, from_email=f'"{name}" <a@example.com>', headers=headers
    )
    try:
        mail = Mail.of(message, "Generic")
    except MessageError:
        return
    assert (mail.template.subject, mail.template.content) == (subject, body)
    assert mail.recipients == (TO,)
    assert mail.template.send_from is not None
    assert mail.template.send_from.endswith(
        "a@example.com>" if name.strip(" ") else "a@example.com"
    )
