"""The e-mail backend: Django's mails, sent by the project's host."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.translation import get_language

from connector_core.contrib.django.conf import configured, mail_timeout
from connector_core.contrib.django.hosts import get_host, host_is_made, whatever_runs
from connector_core.contrib.django.mails import Mail
from connector_core.errors import (
    ConnectorError,
    DeliveryError,
    MessageError,
    NoConnectorForUsageError,
)
from connector_core.i18n import gettext as _
from connector_core.models import Receipt

__all__ = ["EmailBackend"]

_LOG = logging.getLogger("connector_core")

# What the host and its connectors call the parts of a message that Django calls otherwise.
_FIELDS = {
    "subject": "subject",
    "template.subject": "subject",
    "template.text": "body",
    "sendFrom": "from_email",
    "template.sendFrom": "from_email",
    "replyTo": "reply_to",
    "template.replyTo": "reply_to",
    "message_id": "headers['Message-ID']",
}


class EmailBackend(BaseEmailBackend):
    """Sends mails by the connectors of the host file `CONNECTORS["FILE"]`.

    Each recipient gets a mail of its own. What came of them stands in the message's attribute
    `outcomes`, by address: a `Receipt`, or the error; one that was not tried is not in it. Threads
    may share a backend: the connections are the host's, which outlives it.
    """

    def __init__(
        self,
        fail_silently: bool = False,
        *,
        alias: str | None = None,
        usage_type: str | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> None:
        """Prepare the backend; nothing is read or connected to.

        Args:
            fail_silently: count a mail that cannot be sent as not sent, in place of raising.
            alias: its name in `MAILERS`, of Django 6.1 and later.
            usage_type: that of mails which do not say one; `CONNECTORS["USAGE_TYPE"]` where it is
                absent.
            timeout: seconds that a mail to one recipient may take in all; `EMAIL_TIMEOUT` where
                it is absent.
            options: what other backends take, and this one has no use for.

        Raises:
            ImproperlyConfigured: one of the options has a value.
        """
        super().__init__(alias=alias)
        self.fail_silently = fail_silently
        self.usage_type = usage_type
        self.timeout = mail_timeout() if timeout is None else timeout
        options.pop("_ignore_unknown_kwargs", None)  # of Django's own, which names the others
        if given := [name for name, value in options.items() if value]:
            raise ImproperlyConfigured(
                _("{options} cannot be given to this backend: the host file says it").format(
                    options=", ".join(given)
                )
            )

    def open(self) -> bool:
        """Make the host, unless the process has it; whether it was made now.

        Raises:
            ImproperlyConfigured: the setting or the host file is wrong.
        """
        was_made = host_is_made()
        get_host()
        return not was_made

    def close(self) -> None:
        """Do nothing: the connections are the host's, and serve the next mail."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send mails; the number of those that went to all of their recipients.

        Raises:
            ImproperlyConfigured: the setting or the host file is wrong, even if `fail_silently`.
            NoConnectorForUsageError: no connector of the host file serves it, likewise.
            ConnectorError: a mail was not sent, and neither were those behind it. It is a
                MessageError where the mail has what cannot be carried or sent.
            SynchronousOnlyOperation: it was called from within an event loop, unless
                `fail_silently`.
        """

        def send() -> int:
            return sum([self._send(message) for message in email_messages])

        if not email_messages:
            return 0
        # Logging mails errors silently, and whoever logs one in an event loop must not fail by it.
        return whatever_runs(send) if self.fail_silently else send()

    def _send(self, message: EmailMessage) -> bool:
        outcomes: dict[str, Receipt | ConnectorError] = {}
        message.outcomes = outcomes  # type: ignore[attr-defined] # as documented
        try:
            mail = Mail.of(message, self.usage_type or configured().usage_type)
            self._deliver(mail, outcomes)
        except NoConnectorForUsageError:
            raise  # a wrong set-up, by which every mail would be lost
        except ConnectorError as error:
            if not self.fail_silently:
                raise
            # No warning: a project may mail its warnings, which would come back here.
            _LOG.info("a mail was not sent: %s", error)
            return False
        return bool(mail.recipients)

    def _deliver(self, mail: Mail, outcomes: dict[str, Receipt | ConnectorError]) -> None:
        """Send to each recipient; one that the server refuses keeps no other from being tried."""
        first: ConnectorError | None = None
        for address in mail.recipients:
            try:
                outcomes[address] = self._send_to(address, mail)
            except ConnectorError as error:
                outcomes[address] = error
                first = first or error
                if not isinstance(error, DeliveryError) or error.stage != "recipient":
                    break
        if first is None:
            return
        if len(mail.recipients) > 1:
            sent = sum(isinstance(outcome, Receipt) for outcome in outcomes.values())
            first.add_note(
                _("sent to {sent} of {all} recipients").format(sent=sent, all=len(mail.recipients))
            )
        raise first

    def _send_to(self, address: str, mail: Mail) -> Receipt:
        try:
            return get_host().send_message(
                mail.usage_type,
                to=address,
                locale=get_language(),
                timeout=self.timeout,
                message_id=mail.message_id,
                template=mail.template,
            )
        except MessageError as error:
            if error.field in ("content", "template.content"):
                raise MessageError(mail.content_field, error.reason) from None
            if error.field in _FIELDS:
                raise MessageError(_FIELDS[error.field], error.reason) from None
            raise
