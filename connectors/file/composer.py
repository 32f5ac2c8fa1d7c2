"""The composer: from a template and its values to the bytes of one mail.

A mail is one part, in text or in HTML, as its template says, or one of each where a template in
HTML has a text of its own: 8bit, or base64 where a line is longer than a mail may have (RFC 5322
section 2.1.1).
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from connector_core import (
    ConfigError,
    ConfigProblem,
    ContentType,
    Message,
    MessageError,
    Template,
)
from connector_core.mail.addresses import parse_address, parse_mailbox
from connector_core.mail.headers import MAX_HEADER_VALUE, header, header_problem
from connector_core.mail.mailboxes import MailboxField, MailboxFieldTemplate
from connector_core.mail.origin import date_field, message_id
from connector_core.mail.templates import templates_of
from connector_core.templates import CompiledText, TemplateIndex, render
from connectors.file.i18n import _

if TYPE_CHECKING:
    from connectors.file.config import FileConfig

__all__ = ["Composed", "Composer"]

MAX_LINE = 998  # octets without the line end: RFC 5322 section 2.1.1
MAX_BODY_VALUE = 64 * 1024  # characters
MAX_BODY = 10 * 1024 * 1024  # octets
_LINE_END = re.compile(r"\r\n|\r|\n")
_UNSENDABLE = re.compile("[\0\ud800-\udfff]")


class Composed(NamedTuple):
    """One mail.

    Attributes:
        content: its bytes, with CRLF line ends.
        message_id: its Message-ID, angle brackets included.
    """

    content: bytes
    message_id: str


class Composer:
    """Makes mails by the templates of a config.

    Raises:
        ConfigError: a mailbox of the config is none.
    """

    def __init__(self, config: FileConfig) -> None:
        self._sender = _mailbox("From", "fromEmail", config.from_email)
        self._reply_to = (
            _mailbox("Reply-To", "replyTo", config.reply_to) if config.reply_to else None
        )
        self._index = TemplateIndex(templates_of(config.templates))

    def compose(self, message: Message) -> Composed:
        """One mail.

        Raises:
            MessageError: the data cannot become a mail; the error names the field.
            TemplateNotFoundError: there is no template for the usage type.
        """
        template = message.template or self._index.find(message.usage_type, message.locale)
        try:
            to = str(parse_address(message.to))
        except ValueError as error:
            raise MessageError("to", str(error)) from None
        sender = _field("From", "sendFrom", template.send_from, message) or self._sender
        reply_to = _field("Reply-To", "replyTo", template.reply_to, message) or self._reply_to
        full_id = message_id(message.message_id, sender.domain)
        entity = _entity(template, message)
        fields = [
            date_field(int(time.time())),
            sender.line,
            f"To: {to}\r\n".encode(),
            reply_to.line if reply_to else b"",
            _subject(template, message),
            f"Message-ID: {full_id}\r\n".encode("ascii"),
            b"Auto-Submitted: auto-generated\r\n",  # RFC 3834 section 5
            b"MIME-Version: 1.0\r\n",
        ]
        return Composed(b"".join([*fields, entity]), full_id)


def _mailbox(name: str, key: str, text: str) -> MailboxField:
    try:
        return MailboxField.of(name, parse_mailbox(text))
    except ValueError as error:
        raise ConfigError([ConfigProblem(f"$.{key}", str(error))]) from None


def _field(name: str, key: str, text: str | None, message: Message) -> MailboxField | None:
    """A mailbox of the template, its variables filled in."""
    if not text:
        return None
    try:
        return MailboxFieldTemplate(name, key, text).fill(message.payload)
    except ValueError as error:
        raise MessageError(f"template.{key}", str(error)) from None


def _subject(template: Template, message: Message) -> bytes:
    _check_values(template.subject, message, MAX_HEADER_VALUE)
    subject = render(template.subject, message.payload)
    if problem := header_problem(subject):
        raise MessageError("subject", problem)
    return header("Subject", subject).encode("ascii")


def _entity(template: Template, message: Message) -> bytes:
    """What says how to read the body, an empty line, and the body (RFC 2045)."""
    content = _part("content", template.content, template.content_type, message)
    if not template.text:
        return content
    text = _part("text", template.text, "text/plain", message)
    # No part can be made to hold a digest of itself (RFC 2046 section 5.1.1).
    boundary = hashlib.sha256(text + content).hexdigest().encode()
    fields = b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n'
    parts = [b"--" + boundary + b"\r\n" + part + b"\r\n" for part in (text, content)]
    return b"".join([fields, b"\r\n", *parts, b"--", boundary, b"--\r\n"])


def _part(key: str, source: str, kind: ContentType, message: Message) -> bytes:
    body = _body(key, source, message, escape=kind == "text/html")
    encoding = "8bit"
    if any(len(line) > MAX_LINE for line in body.split(b"\r\n")):
        encoding, body = "base64", base64.encodebytes(body).replace(b"\n", b"\r\n")
    fields = f"Content-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return fields.encode("ascii") + body


def _body(key: str, source: str, message: Message, *, escape: bool) -> bytes:
    """The text as it was meant, each line end CRLF, the last line's as well."""
    _check_values(source, message, MAX_BODY_VALUE)
    text = render(source, message.payload, escape=escape)
    if _UNSENDABLE.search(text):
        raise MessageError(key, _("contains NUL or a surrogate"))
    body = _LINE_END.sub("\r\n", text).encode()
    if len(body) > MAX_BODY:
        told = _("the mail has more than {size} MiB")
        raise MessageError(key, told.format(size=MAX_BODY >> 20))
    return body if body.endswith(b"\r\n") else body + b"\r\n"


def _check_values(text: str, message: Message, most: int) -> None:
    compiled = CompiledText(text)
    for path, value in zip(compiled.paths, compiled.values(message.payload), strict=True):
        if value is not None and len(value) > most:
            told = _("has more than {limit} characters")
            raise MessageError(f"payload.{path}", told.format(limit=most))
