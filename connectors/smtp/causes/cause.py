"""A cause of a refusal, and the words for the stages where one is met."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["ANY", "LOGIN", "MAIL", "Cause", "cause"]

MAIL = "sender recipient content"
LOGIN = "auth token"
ANY = f"greeting ehlo tls {LOGIN} {MAIL}"


class Cause(NamedTuple):
    """Why a server refuses.

    Attributes:
        name: a name for it, unique.
        stages: where it is met; AUTH with a token is `token`, with a password `auth`.
        pattern: what is looked for in code and text of the reply.
        hint: what to do about it.
        operator: whether a person must act; None leaves that to stage and code.
        permanent: whether to try again is useless; None leaves that to the code.
    """

    name: str
    stages: frozenset[str]
    pattern: re.Pattern[str]
    hint: str
    operator: bool | None = None
    permanent: bool | None = None


def cause(
    name: str,
    stages: str,
    pattern: str,
    hint: str,
    *,
    operator: bool | None = None,
    permanent: bool | None = None,
) -> Cause:
    """A cause; `stages` are words, and case does not count in the pattern.

    Gaps within a pattern are bounded, so that the time it takes grows with the text alone.
    """
    found = re.compile(pattern, re.IGNORECASE)
    return Cause(name, frozenset(stages.split()), found, hint, operator, permanent)
