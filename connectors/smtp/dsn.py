"""Parameters of delivery status notifications as they are written (RFC 3461 section 4)."""

from __future__ import annotations

import re

from connectors.smtp.i18n import _

__all__ = ["ORIGINAL_RECIPIENT", "original_recipient", "xtext"]

ORIGINAL_RECIPIENT = re.compile(r"(?:([A-Za-z0-9-]{1,40});)? ?([!-~]{1,400})", re.ASCII)


def original_recipient(text: str) -> tuple[str, str]:
    """Type and address of an original recipient (RFC 3461 section 4.2): `rfc822;a@b`, or `a@b`.

    Raises:
        ValueError: it is none.
    """
    found = ORIGINAL_RECIPIENT.fullmatch(text)
    if not found:
        raise ValueError(_("is not an address in ASCII"))
    return found[1] or "rfc822", found[2]


def xtext(text: str) -> str:
    """Printable ASCII as a parameter of MAIL or RCPT carries it (RFC 3461 section 4)."""
    return re.sub(r"[^!-*,-<>-~]", lambda found: f"+{ord(found[0]):02X}", text)
