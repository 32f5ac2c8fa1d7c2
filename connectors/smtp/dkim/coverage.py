"""Which header fields a signature covers (RFC 6376 section 5.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["DEFAULT", "UNSIGNABLE", "Coverage", "names_in"]

# RFC 6376 section 5.4.1 without Resent-*, which no new mail has; what decides how the body reads;
# what RFC 8058 section 4 wants covered; and what keeps automatic replies away (RFC 3834).
DEFAULT = (
    "from",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "to",
    "cc",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "in-reply-to",
    "references",
    "list-id",
    "list-help",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-subscribe",
    "list-post",
    "list-owner",
    "list-archive",
    "auto-submitted",
)
# What readers see or answer to and no server adds: its absence is signed, too. Sender and List-*
# are none of them, for servers and mailing lists add those.
_SEALED = frozenset(["from", "reply-to", "subject", "to", "cc"])
# Servers on the way add or remove these (RFC 6376 sections 3.5 and 5.4).
UNSIGNABLE = frozenset(["dkim-signature", "received", "return-path"])


def names_in(text: str) -> tuple[str, ...]:
    """The names in `From:To:Subject`, in lower case; each once, however often it stands there."""
    return tuple(dict.fromkeys(name.strip(" \t").lower() for name in text.split(":")))


class Coverage(NamedTuple):
    """What a signature covers of a header.

    Attributes:
        listed: the names for `h=`, in lower case.
        places: which field of the header is meant by each, as far as there is one.
    """

    listed: tuple[str, ...]
    places: tuple[int, ...]

    @classmethod
    def of(cls, present: Sequence[str], wanted: Sequence[str]) -> Coverage:
        """The coverage of a header.

        Of several fields with one name the last is meant first (RFC 6376 section 5.4.2). Each name
        stands once more than there are fields, which signs that there are no others: one put above
        the true one would else be shown in its place (RFC 6376 section 8.15).

        Args:
            present: the names of its fields in their order, in lower case.
            wanted: the names to sign, in lower case.
        """
        listed: list[str] = []
        places: list[int] = []
        for name in wanted:
            found = [place for place, other in enumerate(present) if other == name]
            places += reversed(found)
            if found or name in _SEALED:
                listed += [name] * (len(found) + 1)
        return cls(tuple(listed), tuple(places))
