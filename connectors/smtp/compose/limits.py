"""How much of what may go into a mail."""

from __future__ import annotations

from connector_core import MessageError
from connectors.smtp.i18n import _

__all__ = [
    "MAX_BODY_VALUE",
    "MAX_MESSAGE",
    "too_large",
]

MAX_BODY_VALUE = 64 * 1024  # characters of one value in a body
MAX_MESSAGE = 10 * 1024 * 1024  # octets of a whole message


def too_large() -> MessageError:
    """The error for a mail beyond `MAX_MESSAGE`."""
    return MessageError(
        "content", _("the mail has more than {size} MiB").format(size=MAX_MESSAGE >> 20)
    )
