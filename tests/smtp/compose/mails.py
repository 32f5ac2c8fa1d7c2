"""Mails to compose, and what the reference makes of the same."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

from connector_core import Message
from connectors.smtp.compose.alternative import text_of
from connectors.smtp.compose.images import extract
from connectors.smtp.compose.message import Composer
from connectors.smtp.config import SmtpConfig
from tests.smtp.compose.reference import Image, Mail

SENDER = ("Example", "noreply@example.com")
RECIPIENT = "ann@example.org"
MESSAGE_ID = "<0123456789abcdef@example.com>"


def composer(template: Mapping[str, Any], **changes: Any) -> Composer:
    """The composer of a config with this template for every usage type."""
    whole = {
        "host": "mail.example.com",
        "fromEmail": "{} <{}>".format(*SENDER),
        "templates": [{"usageType": "Generic", **template}],
        **changes,
    }
    return Composer(SmtpConfig.model_validate(whole))


def html(content: str, subject: str = "Hello") -> dict[str, str]:
    return {"contentType": "text/html", "subject": subject, "content": content}


def plain(content: str, subject: str = "Hello") -> dict[str, str]:
    return {"contentType": "text/plain", "subject": subject, "content": content}


def mail(payload: Mapping[str, Any] | None = None, **changes: Any) -> Message:
    given = {"to": RECIPIENT, "message_id": MESSAGE_ID, **changes}
    return Message(type="Email", usage_type="SignIn", payload=payload or {}, **given)


def expected(
    template: Mapping[str, Any], payload: Mapping[str, Any], date: bytes, **changes: Any
) -> Mail:
    """What the mail has to consist of, where the config is changed in these ways."""
    content, text, images = template["content"], template["content"], []
    if template["contentType"] == "text/html":
        text = text_of(content) if changes.get("textAlternative") is not False else ""
        if changes.get("attachDataUrls") is not False:
            extracted = extract(content)
            content = extracted.html
            images = [Image(item.cid, item.media_type, item.data) for item in extracted.images]
    return Mail(
        subject=template["subject"],
        payload=payload,
        date=date,
        message_id=MESSAGE_ID,
        to=RECIPIENT,
        sender=SENDER,
        html=content if template["contentType"] == "text/html" else None,
        text=text if text or template["contentType"] == "text/plain" else None,
        images=images,
        custom=list(changes.get("customHeaders", {}).items()),
    )


def date_of(content: bytes) -> bytes:
    """The field with the date, whatever it is: that has a test of its own."""
    found = re.match(rb"Date: [!-~ ]+\r\n", content)
    assert found
    return found[0]


def parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)


def text_in(part: EmailMessage) -> str:
    """The text of a part as it was meant, its line ends included."""
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def body_in(content: bytes, kind: str) -> str:
    """The text of the part of this kind, `plain` or `html`."""
    found = parsed(content).get_body((kind,))
    assert isinstance(found, EmailMessage)
    return text_in(found)
