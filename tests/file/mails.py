"""Configs of the file connector, and the mails that it wrote."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from connector_core import Message
from connectors.file.writer import FileWriter
from tests.smtp.helpers import templates

__all__ = ["compose", "config", "content_of", "mails_in", "message", "names_in", "parsed"]


def config(place: Path | str, /, **changes: Any) -> dict[str, Any]:
    whole = {
        "folder": str(place),
        "fromEmail": "Zoé <a@example.org>",
        "templates": templates(),
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


def message(**changes: Any) -> Message:
    given = {
        "type": "Email",
        "usage_type": "SignIn",
        "to": "ann@example.org",
        "payload": {"code": "123456"},
        "message_id": "0123456789abcdef",
    }
    return Message(**{**given, **changes})


def compose(changes: dict[str, Any] | None = None, **of_the_message: Any) -> bytes:
    writer = FileWriter.of(config("/nowhere", **(changes or {})))
    return writer.compose(message(**of_the_message)).content


def parsed(content: bytes) -> EmailMessage:
    found = message_from_bytes(content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    assert found.defects == []
    return found


def content_of(mail: EmailMessage) -> str:
    """The text of a mail, its line ends as a program has them."""
    return str(mail.get_content()).replace("\r\n", "\n")


def names_in(folder: Path) -> list[str]:
    """The names of everything in a folder."""
    return sorted(item.name for item in folder.iterdir())


def mails_in(folder: Path) -> list[EmailMessage]:
    """The mails in a folder, in the order of their names; nothing else is there."""
    files = sorted(folder.iterdir())
    assert all(file.suffix == ".eml" and not file.name.startswith(".") for file in files)
    return [parsed(file.read_bytes()) for file in files]
