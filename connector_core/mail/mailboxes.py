"""Header fields with a mailbox, and mailboxes with variables as `sendFrom` and `replyTo` may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from connector_core.errors import MessageError
from connector_core.i18n import gettext as _
from connector_core.mail.addresses import Mailbox, control_in, parse_address
from connector_core.mail.headers import MAX_HEADER_VALUE, header_problem, mailbox_header
from connector_core.templates import CompiledText

__all__ = ["MailboxField", "MailboxFieldTemplate", "MailboxTemplate"]

_SPLIT = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_QUOTED = re.compile(r'"(?P<inner>(?:[^"\\]|\\.)*+)"')


class MailboxField(NamedTuple):
    """A header field with one mailbox, and what the envelope needs of its address.

    Attributes:
        line: the field with its CRLF.
        address: the address as it goes on the wire.
        domain: its domain.
        international: whether it needs SMTPUTF8 (RFC 6531).
    """

    line: bytes
    address: str
    domain: str
    international: bool

    @classmethod
    def of(cls, name: str, mailbox: Mailbox) -> MailboxField:
        """The field of this name.

        Raises:
            ValueError: the display name cannot stand in a header.
        """
        if len(mailbox.name) > MAX_HEADER_VALUE:
            raise ValueError(
                _("has a name of more than {limit} characters").format(limit=MAX_HEADER_VALUE)
            )
        if problem := header_problem(mailbox.name):
            raise ValueError(problem)
        address = mailbox.address
        line = mailbox_header(name, mailbox).encode()
        return cls(line, str(address), address.domain, address.international)


class MailboxTemplate:
    """A mailbox whose display name and address may hold variables.

    It is split into name and address before the variables are filled in, so that a value can
    change what the name says and never where the mail goes.

    Attributes:
        constant: whether it has no variables.

    Raises:
        ValueError: it is no mailbox, whatever the values.
    """

    def __init__(self, text: str) -> None:
        if control_in(text):
            raise ValueError(_("contains a control character"))
        text = text.strip(" ")
        found = _SPLIT.fullmatch(text)
        name = found["name"].strip(" ") if found else ""
        if quoted := _QUOTED.fullmatch(name):
            name = re.sub(r"\\(.)", r"\1", quoted["inner"])
        self._name = CompiledText(name)
        self._address = CompiledText(found["address"].strip(" ") if found else text)
        self._fixed = None if self._address.paths else parse_address(self._address.render({}))
        self.constant = not self._name.paths and not self._address.paths

    def fill(self, payload: Mapping[str, Any]) -> Mailbox:
        """The mailbox with its variables replaced.

        Raises:
            ValueError: with these values it is no mailbox; they are not shown.
        """
        address = self._fixed or parse_address(self._address.render(payload).strip(" "))
        return Mailbox(address, self._name.render(payload).strip(" "))


class MailboxFieldTemplate:
    """A header field with a mailbox that may hold variables.

    Args:
        name: the field's.
        key: the template's for it, for errors.
        text: the mailbox.

    Raises:
        ValueError: it is no mailbox, whatever the values.
    """

    def __init__(self, name: str, key: str, text: str) -> None:
        self._name, self._key = name, key
        self._mailbox = MailboxTemplate(text)
        constant = self._mailbox.constant
        self._constant = MailboxField.of(name, self._mailbox.fill({})) if constant else None

    def fill(self, payload: Mapping[str, Any]) -> MailboxField:
        """The field with the variables replaced.

        Raises:
            MessageError: with these values it is no mailbox; they are not shown.
        """
        if self._constant:
            return self._constant
        try:
            return MailboxField.of(self._name, self._mailbox.fill(payload))
        except ValueError as error:
            raise MessageError(self._key, str(error)) from None
