"""What a peer is asked to do; it travels as JSON, in the one argument of the peer's program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["CLIENT_NAME", "SENDER", "VARIABLE", "Mail", "Task", "recipient"]

CLIENT_NAME = "bench.example.com"  # in EHLO, the same for all
SENDER = "no-reply@example.com"
VARIABLE = "{{code}}"


@dataclass(frozen=True)
class Mail:
    """A mail that every client sends alike.

    Attributes:
        subject: its subject.
        content: its body, in which VARIABLE stands for the code.
        content_type: `text/html` or `text/plain`.
    """

    subject: str
    content: str
    content_type: str = "text/html"

    @property
    def subtype(self) -> str:
        """`html` or `plain`."""
        return self.content_type.partition("/")[2]

    def filled(self, code: str) -> str:
        """The body with a code in it."""
        return self.content.replace(VARIABLE, code)


@dataclass(frozen=True)
class Task:
    """What to send, where, for how long.

    The first message is sent alone and timed apart, as it opens a connection. Then messages are
    sent for `warmup_seconds`, unmeasured, and then those that are measured, until either of
    `seconds` and `messages` is reached.

    Attributes:
        mail: the mail; each has another code and goes to another recipient.
        port: of the server on 127.0.0.1; 0 where nothing is sent.
        connections: at most so many.
        in_flight: so many callers, each of whom sends its next message once the last was answered.
        seconds: for how long to measure.
        messages: how many to measure.
        warmup_seconds: how long before that.
        ca: the PEM file of the authority to trust, for TLS from the first byte; None for no TLS.
        options: what this peer alone understands.
    """

    mail: Mail
    port: int = 0
    connections: int = 1
    in_flight: int = 1
    seconds: float | None = None
    messages: int | None = None
    warmup_seconds: float = 0.0
    ca: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.seconds is None and self.messages is None:
            raise ValueError("a task needs an end: seconds, messages or both")

    def to_json(self) -> str:
        """The task as a peer's program takes it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Task:
        """The task that `to_json` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "mail": Mail(**fields["mail"])})


def recipient(code: str) -> str:
    """To whom the mail with this code goes: each to another, as in a sign-in flow."""
    return f"user-{code}@example.org"
