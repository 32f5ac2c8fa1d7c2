"""The composer: made once from a config, it makes the bytes of each message."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, TypeVar

from connector_core import Message, MessageError, Template
from connector_core.templates import CompiledText, TemplateIndex, escape_html
from connectors.smtp.addresses import Mailbox, parse_address, parse_mailbox
from connectors.smtp.compose.body import encode_body
from connectors.smtp.compose.headers import header, header_problem, mailbox_header
from connectors.smtp.compose.mailboxes import MailboxTemplate
from connectors.smtp.transaction import Envelope

if TYPE_CHECKING:
    from connectors.smtp.config import SmtpConfig

__all__ = ["Composed", "Composer"]

_LOG = logging.getLogger("connectors.smtp")

T = TypeVar("T")
V = TypeVar("V")

MAX_HEADER_VALUE = 2 * 1024  # characters of one value in a subject or mailbox
MAX_BODY_VALUE = 64 * 1024  # characters of one value in a body
MAX_MESSAGE = 10 * 1024 * 1024  # octets of a whole message
MAX_SUBJECT_TEMPLATE = 2 * 1024  # characters; those of a config are held to the same by its model
MAX_CONTENT_TEMPLATE = 1024 * 1024
_MAX_MESSAGE_ID = 900  # characters, so that its line stays below 998 octets

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_MESSAGE_ID = re.compile(rf"<?(?P<left>{_ATOM})(?:@(?P<right>{_ATOM}|\[[!-Z^-~]*\]))?>?")


@dataclass(frozen=True, slots=True)
class Composed:
    """One message, ready to send.

    Attributes:
        envelope: sender and recipient.
        content: the message with CRLF line ends.
        message_id: its Message-ID, angle brackets included.
    """

    envelope: Envelope
    content: bytes
    message_id: str


@dataclass(frozen=True, slots=True)
class _MailboxHeader:
    """A header with one mailbox, written, and what the envelope needs of its address."""

    line: str
    address: str
    domain: str
    international: bool

    @classmethod
    def of(cls, name: str, field: str, mailbox: Mailbox) -> _MailboxHeader:
        """The header of a mailbox that came from a field.

        Raises:
            MessageError: the display name cannot stand in a header.
        """
        if len(mailbox.name) > MAX_HEADER_VALUE:
            raise MessageError(field, f"has a name of more than {MAX_HEADER_VALUE} characters")
        if problem := header_problem(mailbox.name):
            raise MessageError(field, problem)
        address = mailbox.address
        line = mailbox_header(name, mailbox)
        return cls(line, str(address), address.domain, address.international)


_NO_HEADER = _MailboxHeader("", "", "", international=False)


class _Prepared:
    """A template taken apart once: its texts split at their variables, its mailboxes parsed."""

    def __init__(self, template: Template) -> None:
        self.subject = CompiledText(template.subject)
        self.content = CompiledText(template.content)
        self.html = template.content_type == "text/html"
        self.sender = _mailbox_template("sendFrom", template.send_from)
        self.reply_to = _mailbox_template("replyTo", template.reply_to)
        self._warned = False

    def warn_of_gaps(self, usage_type: str, values: Sequence[str | None]) -> None:
        """Tell once that a variable stays as it stands: recipients will read its braces."""
        if self._warned or None not in values:
            return
        self._warned = True
        paths = (*self.subject.paths, *self.content.paths)
        gaps = [path for path, value in zip(paths, values, strict=True) if value is None]
        _LOG.warning(
            "the payload for %r has no value for %s, so the mail shows the variable itself",
            usage_type,
            ", ".join(f"{{{{{path}}}}}" for path in dict.fromkeys(gaps)),
        )


def _mailbox_template(field: str, text: str | None) -> MailboxTemplate | None:
    if not text:
        return None
    try:
        return MailboxTemplate(text)
    except ValueError as error:
        raise MessageError(f"template.{field}", str(error)) from None


class Composer:
    """Makes a message of a template and its values."""

    def __init__(self, config: SmtpConfig) -> None:
        self._sender = _MailboxHeader.of("From", "fromEmail", parse_mailbox(config.from_email))
        self._reply_to = _NO_HEADER
        if config.reply_to:
            parsed = parse_mailbox(config.reply_to)
            self._reply_to = _MailboxHeader.of("Reply-To", "replyTo", parsed)
        templates = [
            Template(
                subject=item.subject,
                content=item.content,
                content_type=item.content_type,
                usage_type=item.usage_type,
                locale=item.locale or None,
                send_from=item.send_from,
                reply_to=item.reply_to,
            )
            for item in config.templates
        ]
        self._index = TemplateIndex(templates)
        self._prepared = {id(template): _Prepared(template) for template in templates}
        self._custom = "".join(_custom_headers(config.custom_headers or {}))

    def compose(self, message: Message) -> Composed:
        """The message's bytes and envelope.

        Raises:
            MessageError: the data cannot become a mail; the error names the field.
            TemplateNotFoundError: there is no template for the usage type.
        """
        prepared = self._choose(message)
        recipient = _parsed("to", parse_address, message.to)
        sender = _filled("From", "sendFrom", prepared.sender, message.payload) or self._sender
        reply_to = _filled("Reply-To", "replyTo", prepared.reply_to, message.payload)
        reply_to = reply_to or self._reply_to
        subject = _values("subject", prepared.subject, message.payload, MAX_HEADER_VALUE)
        content = _values("content", prepared.content, message.payload, MAX_BODY_VALUE)
        prepared.warn_of_gaps(message.usage_type, [*subject, *content])
        message_id = _message_id(message.message_id, sender.domain)
        headers = [
            f"Date: {formatdate(time.time())[:-5]}+0000\r\n",
            sender.line,
            mailbox_header("To", Mailbox(recipient)),
            reply_to.line,
            _subject(prepared.subject.fill(subject)),
            f"Message-ID: {message_id}\r\n",
            self._custom,
        ]
        body = prepared.content.fill(content, escape_html if prepared.html else None)
        if len(body) > MAX_MESSAGE:
            # Before it is encoded: escaping may have made it six times as long.
            raise _too_large()
        international = recipient.international or sender.international or reply_to.international
        return Composed(
            Envelope(sender.address, str(recipient), international),
            _assembled(headers, body, html=prepared.html),
            message_id,
        )

    def _choose(self, message: Message) -> _Prepared:
        if message.template is not None:
            return _Prepared(_capped(message.template))
        return self._prepared[id(self._index.find(message.usage_type, message.locale))]


def _capped(template: Template) -> Template:
    for field, text, limit in (
        ("subject", template.subject, MAX_SUBJECT_TEMPLATE),
        ("content", template.content, MAX_CONTENT_TEMPLATE),
    ):
        if len(text) > limit:
            raise MessageError(f"template.{field}", f"has more than {limit} characters")
    return template


def _assembled(headers: Sequence[str], body: str, *, html: bool) -> bytes:
    try:
        encoding, encoded = encode_body(body)
    except UnicodeEncodeError:
        raise MessageError("content", "contains half of a surrogate pair") from None
    except ValueError as error:
        raise MessageError("content", str(error)) from None
    kind = "html" if html else "plain"
    mime = (
        "MIME-Version: 1.0\r\n"
        f"Content-Type: text/{kind}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    content = ("".join(headers) + mime).encode() + encoded
    if len(content) > MAX_MESSAGE:
        raise _too_large()
    return content


def _too_large() -> MessageError:
    return MessageError("content", f"the mail has more than {MAX_MESSAGE >> 20} MiB")


def _values(
    field: str, text: CompiledText, payload: Mapping[str, Any], limit: int
) -> list[str | None]:
    values = text.values(payload)
    for path, value in zip(text.paths, values, strict=True):
        if value is not None and len(value) > limit:
            raise MessageError(
                f"payload.{path}", f"has more than {limit} characters, too many for the {field}"
            )
    if sum(len(value) for value in values if value) > MAX_MESSAGE:
        raise MessageError(field, f"its values have more than {MAX_MESSAGE >> 20} MiB together")
    return values


def _filled(
    name: str, field: str, template: MailboxTemplate | None, payload: Mapping[str, Any]
) -> _MailboxHeader | None:
    if template is None:
        return None
    return _MailboxHeader.of(name, field, _parsed(field, template.fill, payload))


def _parsed(field: str, parse: Callable[[V], T], value: V) -> T:
    try:
        return parse(value)
    except ValueError as error:
        raise MessageError(field, str(error)) from None


def _subject(text: str) -> str:
    if problem := header_problem(text):
        raise MessageError("subject", problem)
    return header("Subject", text)


def _message_id(wanted: str, domain: str) -> str:
    """The Message-ID (RFC 5322 section 3.6.4): as given, or with the sender's domain behind it."""
    found = _MESSAGE_ID.fullmatch(wanted)
    if not found or "=?" in wanted or (wanted.startswith("<") != wanted.endswith(">")):
        raise MessageError("message_id", "is not of the form <left@right>, nor its left side alone")
    full = f"<{found['left']}@{found['right'] or domain}>"
    if len(full) > _MAX_MESSAGE_ID:
        raise MessageError("message_id", f"has more than {_MAX_MESSAGE_ID} characters")
    return full


def _custom_headers(headers: Mapping[str, str | Sequence[str]]) -> Iterable[str]:
    for name, value in headers.items():
        for item in [value] if isinstance(value, str) else value:
            yield header(name, item.strip(" \t"))
