"""What servers are known to say when they refuse, why they do, and what to do about it.

Sources: RFC 3463 and the IANA registry of enhanced status codes; what Google, Microsoft, Amazon
SES, SendGrid, Alibaba Cloud and others document of their replies. Each cause is met by a real
reply in the tests.
"""

from __future__ import annotations

import re

from connectors.smtp.causes import connection, login, message, recipient, sender
from connectors.smtp.causes.cause import Cause

__all__ = ["CAUSES", "find"]

# The first that matches counts: the particular before the general.
CAUSES = (
    *login.CAUSES,
    *connection.CAUSES,
    *sender.CAUSES,
    *recipient.CAUSES,
    *message.CAUSES,
)

# The reason stands at the beginning of a reply; what a hostile server adds costs no time.
_MOST = 4096
_NAMES = re.compile(r"<[^<>]*>|(?:https?|mailto):\S+|[^\s<>()\[\]{},;:|\"'`=/]+")
# A last label in mixed case is a word of a sentence whose full stop has no space behind it.
_HOST = re.compile(r"(?:[\w-]+\.)+(?:[a-z]{2,}|[A-Z]{2,})")
_BLOCK_LISTS = re.compile(
    r"spamhaus|spamcop|barracuda|sorbs|uceprotect|\brbl\b|dnsbl|mailspike", re.IGNORECASE
)


def find(stage: str, text: str, *, by_token: bool = False) -> Cause | None:
    """The cause of a refusal at a stage.

    Args:
        stage: where it was refused.
        text: code and text of the reply.
        by_token: whether it refused an access token, where others would give a password.
    """
    place = "token" if by_token and stage == "auth" else stage
    plain = _without_names(text)
    return next(
        (cause for cause in CAUSES if place in cause.stages and cause.pattern.search(plain)), None
    )


def _without_names(text: str) -> str:
    """A reply without addresses, hosts and URLs, whose words are no part of what it says."""
    return " ".join(_NAMES.sub(_unnamed, text[:_MOST]).split())


def _unnamed(found: re.Match[str]) -> str:
    word = found[0]
    named = word.startswith("<") or "://" in word or "@" in word
    if not named and not _HOST.fullmatch(word.rstrip(".")):
        return word
    # The name of a block list is the reason itself.
    return " dnsbl " if "@" not in word and _BLOCK_LISTS.search(word) else " "
