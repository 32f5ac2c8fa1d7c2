"""A mail as a user of the standard library's `email` builds it, one a message."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import localtime, make_msgid

from tests.bench.task import SENDER, Mail, recipient

__all__ = ["email_message"]


def email_message(mail: Mail, code: str) -> EmailMessage:
    """The mail with this code."""
    message = EmailMessage()
    message["From"] = SENDER
    message["To"] = recipient(code)
    message["Subject"] = mail.subject
    message["Date"] = localtime()
    # with a domain, as otherwise the machine's name is looked up for each
    message["Message-ID"] = make_msgid(domain="example.com")
    message.set_content(mail.filled(code), subtype=mail.subtype)
    return message
