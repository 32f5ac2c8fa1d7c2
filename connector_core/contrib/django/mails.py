"""From a mail of Django's to what the host sends, or an error that names what it cannot carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Any, NamedTuple

from django.conf import settings
from django.core.mail import EmailMessage

from connector_core.errors import MessageError
from connector_core.i18n import gettext as _
from connector_core.mail.addresses import parse_mailbox
from connector_core.models import ContentType, Template

__all__ = ["USAGE_HEADER", "Mail"]

USAGE_HEADER = "X-Connector-Usage-Type"
_CONTENT_TYPES: dict[str, ContentType] = {"plain": "text/plain", "html": "text/html"}
_HTML = "text/html"


class _Said(NamedTuple):
    """What a mail says.

    Attributes:
        field: where the content stands, as Django calls it.
        content: the text, or the HTML.
        kind: which of them it is.
        beside: the text beside the HTML; None where the connector is to make it.
    """

    field: str
    content: str
    kind: ContentType
    beside: str | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """What the host sends for one mail of Django's, to each recipient by itself.

    Attributes:
        recipients: the addresses, each once.
        template: what it says.
        content_field: where its content stands: `body` or `alternatives`.
        usage_type: why it is sent.
        message_id: its Message-ID, where it has one of its own.
    """

    recipients: tuple[str, ...]
    template: Template = field(repr=False)
    content_field: str
    usage_type: str
    message_id: str | None

    @classmethod
    def of(cls, message: EmailMessage, usage_type: str) -> Mail:
        """The mail for this message.

        Args:
            message: Django's.
            usage_type: where the message does not say one.

        Raises:
            MessageError: the message has what cannot be carried; the field is named as Django
                calls it.
        """
        _refuse_what_cannot_be_carried(message)
        headers = _headers(message)
        said = _said(message)
        usage = getattr(message, "usage_type", None) or headers.get(USAGE_HEADER.lower())
        return cls(
            recipients=tuple(dict.fromkeys(_recipients(message))),
            template=Template(
                subject=_text("subject", message.subject),
                content=said.content,
                content_type=said.kind,
                send_from=_sender(message),
                reply_to=_reply_to(message, headers.get("reply-to")),
                text=said.beside,
            ),
            content_field=said.field,
            usage_type=usage or usage_type,
            message_id=headers.get("message-id"),
        )


def _refuse_what_cannot_be_carried(message: EmailMessage) -> None:
    if message.cc:
        # Each recipient gets a mail of its own, in which the others are not named.
        raise MessageError("cc", _("cannot be carried: put the recipients into to or bcc"))
    if message.attachments:
        raise MessageError("attachments", _("cannot be carried: put a link into the text"))
    encoding = str(message.encoding or settings.DEFAULT_CHARSET)
    if encoding.lower() not in ("utf-8", "utf8"):
        raise MessageError("encoding", _("must be UTF-8, which every mail is sent in"))
    if type(message).message is not EmailMessage.message:
        told = _("has a method message() of its own, whose result cannot be carried")
        raise MessageError(type(message).__name__, told)


def _headers(message: EmailMessage) -> dict[str, str]:
    """The headers that can be carried, by their names in lower case."""
    headers = {}
    for name, value in message.extra_headers.items():
        if name.lower() not in ("message-id", "reply-to", USAGE_HEADER.lower()):
            told = _("cannot be carried: write it as customHeaders into the connector's config")
            raise MessageError(f"headers[{name!r}]", told)
        headers[name.lower()] = _text(f"headers[{name!r}]", value)
    return headers


def _said(message: EmailMessage) -> _Said:
    """The body; or the HTML, and the body beside it unless it is empty."""
    alternatives = list(getattr(message, "alternatives", ()))
    body = _text("body", message.body)
    if not alternatives:
        if message.content_subtype not in _CONTENT_TYPES:
            told = _("must be one of {values}").format(values=", ".join(_CONTENT_TYPES))
            raise MessageError("content_subtype", told)
        return _Said("body", body, _CONTENT_TYPES[message.content_subtype])
    content, kind = alternatives[0]
    if len(alternatives) > 1 or kind != _HTML or message.content_subtype != "plain":
        told = _("cannot be carried, save one in HTML beside a plain body")
        raise MessageError("alternatives", told)
    # Beside the HTML an empty text would be shown as an empty mail.
    beside = body if body.strip() else None
    return _Said("alternatives", _text("alternatives", content), "text/html", beside)


def _recipients(message: EmailMessage) -> Iterator[str]:
    for name, mailboxes in (("to", message.to), ("bcc", message.bcc)):
        for text in filter(None, mailboxes):
            try:
                yield str(parse_mailbox(str(text)).address)
            except ValueError as error:
                raise MessageError(name, str(error)) from None


def _sender(message: EmailMessage) -> str | None:
    """The sender; None, for that of the config, where it is only what Django fills in by itself."""
    sender = str(message.from_email)
    for name in ("DEFAULT_FROM_EMAIL", "SERVER_EMAIL"):
        if sender == getattr(settings, name) and not settings.is_overridden(name):
            return None
    return _mailbox("from_email", sender)


def _reply_to(message: EmailMessage, header: str | None) -> str | None:
    mailboxes = [header] if header else message.reply_to
    if len(mailboxes) > 1:
        raise MessageError("reply_to", _("must be one mailbox"))
    return _mailbox("reply_to", str(mailboxes[0])) if mailboxes else None


def _mailbox(name: str, text: str) -> str:
    """The mailbox as a template has it."""
    try:
        mailbox = parse_mailbox(text)
    except ValueError as error:
        raise MessageError(name, str(error)) from None
    shown = _decoded(mailbox.name)
    if "<" in shown or ">" in shown:
        raise MessageError(name, _("has < or > in its display name"))
    quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{mailbox.address}>' if shown else str(mailbox.address)


def _decoded(name: str) -> str:
    """A display name as read: `email.utils.formataddr`, for one, gives encoded-words."""
    if "=?" not in name:
        return name
    try:
        return str(make_header(decode_header(name)))
    except (HeaderParseError, LookupError, ValueError):
        return name


def _text(name: str, value: Any) -> str:
    """The text; a lazy one is translated now."""
    if isinstance(value, bytes):
        raise MessageError(name, _("must be text, not {type}").format(type="bytes"))
    return str(value)
