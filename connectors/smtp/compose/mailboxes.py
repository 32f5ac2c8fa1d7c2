"""Mailboxes with variables, as a template's `sendFrom` and `replyTo` may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connector_core.templates import CompiledText
from connectors.smtp.addresses import Mailbox, control_in, parse_address

__all__ = ["MailboxTemplate"]

_SPLIT = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_QUOTED = re.compile(r'"(?P<inner>(?:[^"\\]|\\.)*+)"')


class MailboxTemplate:
    """A mailbox whose display name and address may hold variables.

    It is split into name and address before the variables are filled in, so that a value can
    change what the name says and never where the mail goes.

    Raises:
        ValueError: it is no mailbox, whatever the values.
    """

    def __init__(self, text: str) -> None:
        if control_in(text):
            raise ValueError("contains a control character")
        text = text.strip(" ")
        found = _SPLIT.fullmatch(text)
        name = found["name"].strip(" ") if found else ""
        if quoted := _QUOTED.fullmatch(name):
            name = re.sub(r"\\(.)", r"\1", quoted["inner"])
        self._name = CompiledText(name)
        self._address = CompiledText(found["address"].strip(" ") if found else text)
        self._fixed = None if self._address.paths else parse_address(self._address.render({}))

    def fill(self, payload: Mapping[str, Any]) -> Mailbox:
        """The mailbox with its variables replaced.

        Raises:
            ValueError: with these values it is no mailbox; they are not shown.
        """
        address = self._fixed or parse_address(self._address.render(payload).strip(" "))
        return Mailbox(address, self._name.render(payload).strip(" "))
