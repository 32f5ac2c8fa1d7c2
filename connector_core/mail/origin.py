"""When a mail was written and by what id it is known: Date and Message-ID."""

from __future__ import annotations

import re
from email.utils import formatdate
from functools import lru_cache

from connector_core.errors import MessageError
from connector_core.i18n import gettext as _

__all__ = ["date_field", "message_id"]

_MAX_MESSAGE_ID = 900  # characters, so that its line stays below 998 octets
_MAX_LEFT = 64  # of a left side that leaves room for any domain

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_MESSAGE_ID = re.compile(rf"<?(?P<left>{_ATOM})(?:@(?P<right>{_ATOM}|\[[!-Z^-~]*\]))?>?")


@lru_cache(maxsize=2)
def date_field(second: int) -> bytes:
    """The field Date (RFC 5322 section 3.6.1) with its CRLF.

    Args:
        second: of the epoch, as `time.time()` counts them.
    """
    # The same for all mails of one second.
    return f"Date: {formatdate(second)[:-5]}+0000\r\n".encode("ascii")


def message_id(wanted: str, domain: str) -> str:
    """The Message-ID (RFC 5322 section 3.6.4): as given, or with the domain behind it.

    Args:
        wanted: `Message.message_id`: `<left@right>`, with or without the brackets, or its left
            side alone.
        domain: the sender's.

    Raises:
        MessageError: it is neither.
    """
    if wanted.isascii() and wanted.isalnum() and len(wanted) <= _MAX_LEFT:
        return f"<{wanted}@{domain}>"
    found = _MESSAGE_ID.fullmatch(wanted)
    if not found or "=?" in wanted or (wanted.startswith("<") != wanted.endswith(">")):
        raise MessageError(
            "message_id", _("is not of the form <left@right>, nor its left side alone")
        )
    full = f"<{found['left']}@{found['right'] or domain}>"
    if len(full) > _MAX_MESSAGE_ID:
        raise MessageError(
            "message_id", _("has more than {limit} characters").format(limit=_MAX_MESSAGE_ID)
        )
    return full
