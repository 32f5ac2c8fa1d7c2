"""How much of what may go into a mail."""

from __future__ import annotations

from connector_core import MessageError
from connectors.smtp.i18n import _

__all__ = [
    "MAX_BODY_VALUE",
    "MAX_CONTENT_TEMPLATE",
    "MAX_HEADER_VALUE",
    "MAX_MESSAGE",
    "MAX_SUBJECT_TEMPLATE",
    "too_large",
]

MAX_HEADER_VALUE = 2 * 1024  # characters of one value in a header
MAX_BODY_VALUE = 64 * 1024  # characters of one value in a body
MAX_MESSAGE = 10 * 1024 * 1024  # octets of a whole message
MAX_SUBJECT_TEMPLATE = 2 * 1024  # characters; those of a config are held to the same by its model
MAX_CONTENT_TEMPLATE = 1024 * 1024


def too_large() -> MessageError:
    """The error for a mail beyond `MAX_MESSAGE`."""
    return MessageError(
        "content", _("the mail has more than {size} MiB").format(size=MAX_MESSAGE >> 20)
    )
