"""The composer: made once from a config, it makes the bytes of each message."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from connector_core import ConfigError, ConfigProblem, Message, MessageError, Template
from connector_core.mail.addresses import parse_address, parse_mailbox
from connector_core.mail.headers import header
from connector_core.mail.mailboxes import MailboxField
from connector_core.mail.origin import date_field, message_id
from connector_core.mail.templates import (
    MAX_CONTENT_TEMPLATE,
    MAX_SUBJECT_TEMPLATE,
    templates_of,
)
from connector_core.templates import TemplateIndex
from connectors.smtp.compose.content import Options, missing
from connectors.smtp.compose.limits import (
    MAX_MESSAGE,
    too_large,
)
from connectors.smtp.compose.prepared import PreparedTemplate, UnusableTemplateError
from connectors.smtp.compose.unsubscribe import UnsubscribeFields
from connectors.smtp.dkim.signer import Signer
from connectors.smtp.i18n import _
from connectors.smtp.transaction import Envelope

if TYPE_CHECKING:
    from connectors.smtp.config import SmtpConfig

__all__ = ["Composed", "Composer"]

_MAX_GIVEN = 64  # templates of a template source that are kept prepared
_GENERATED = b"Auto-Submitted: auto-generated\r\n"  # RFC 3834 section 5


@dataclass(slots=True)
class Composed:
    """One message, ready to send.

    Attributes:
        envelope: sender and recipient.
        content: the message with CRLF line ends.
        message_id: its Message-ID, angle brackets included.
    """

    envelope: Envelope
    content: bytes = field(repr=False)
    message_id: str


class Composer:
    """Makes a message of a template and its values.

    Raises:
        ConfigError: a template cannot become a mail, or a package is not installed.
    """

    def __init__(self, config: SmtpConfig) -> None:
        self._sender = _mailbox("From", "fromEmail", config.from_email)
        self._reply_to = (
            _mailbox("Reply-To", "replyTo", config.reply_to) if config.reply_to else None
        )
        self._options = Options.of(config)
        if self._options.inline_css and (problem := missing()):
            raise ConfigError([problem])
        templates = list(templates_of(config.templates))
        self._index = TemplateIndex(templates)
        self._prepared = {
            id(template): self._of_config(place, template)
            for place, template in enumerate(templates)
        }
        self._given = lru_cache(_MAX_GIVEN)(self._of_source)
        self._custom = tuple(_custom_headers(config.custom_headers or {}))
        self._unsubscribe = UnsubscribeFields(config.list_) if config.list_ else None
        self._signer = Signer.of(config.dkim) if config.dkim else None

    def compose(self, message: Message) -> Composed:
        """The message's bytes and envelope.

        Raises:
            MessageError: the data cannot become a mail; the error names the field.
            TemplateNotFoundError: there is no template for the usage type.
        """
        template, payload = self._choose(message), message.payload
        try:
            recipient = parse_address(message.to)
        except ValueError as error:
            raise MessageError("to", str(error)) from None
        sender = template.sender.fill(payload) if template.sender else self._sender
        reply_to = template.reply_to.fill(payload) if template.reply_to else self._reply_to
        values = template.values(message.usage_type, payload)
        full_id = message_id(message.message_id, sender.domain)
        to = f"{recipient.local}@{recipient.domain}"
        fields = [
            date_field(int(time.time())),
            sender.line,
            f"To: {to}\r\n".encode(),
            *((reply_to.line,) if reply_to else ()),
            template.subject(values),
            f"Message-ID: {full_id}\r\n".encode("ascii"),
            *self._custom,
        ]
        if self._unsubscribe:
            fields += self._unsubscribe.fields(payload)
        body = template.body.fill(values)
        fields += body.frame.fields
        if self._signer:
            fields.insert(0, self._signer.sign(fields, body.digest))
        fields.append(b"\r\n")
        content = b"".join(fields + body.pieces)
        if len(content) > MAX_MESSAGE:
            raise too_large()
        international = recipient.international or sender.international
        if reply_to and reply_to.international:
            international = True
        return Composed(Envelope(sender.address, to, international), content, full_id)

    def _choose(self, message: Message) -> PreparedTemplate:
        if message.template is not None:
            return self._given(message.template)
        return self._prepared[id(self._index.find(message.usage_type, message.locale))]

    def _of_config(self, place: int, template: Template) -> PreparedTemplate:
        try:
            return PreparedTemplate(template, self._options)
        except UnusableTemplateError as fault:
            path = f"$.templates[{place}].{fault.key}"
            raise ConfigError([ConfigProblem(path, fault.reason)]) from None

    def _of_source(self, template: Template) -> PreparedTemplate:
        for key, text, limit in (
            ("subject", template.subject, MAX_SUBJECT_TEMPLATE),
            ("content", template.content, MAX_CONTENT_TEMPLATE),
            ("text", template.text or "", MAX_CONTENT_TEMPLATE),
        ):
            if len(text) > limit:
                raise MessageError(
                    f"template.{key}", _("has more than {limit} characters").format(limit=limit)
                )
        try:
            return PreparedTemplate(template, self._options)
        except UnusableTemplateError as fault:
            raise MessageError(f"template.{fault.key}", fault.reason) from None


def _mailbox(name: str, key: str, text: str) -> MailboxField:
    try:
        return MailboxField.of(name, parse_mailbox(text))
    except ValueError as error:
        raise ConfigError([ConfigProblem(f"$.{key}", str(error))]) from None


def _custom_headers(headers: Mapping[str, str | Sequence[str]]) -> Iterator[bytes]:
    for name, value in headers.items():
        for item in [value] if isinstance(value, str) else value:
            yield header(name, item.strip(" \t")).encode("ascii")
    if "auto-submitted" not in map(str.lower, headers):
        yield _GENERATED
