"""The standard library's EmailMessage: built, and written as bytes."""

from __future__ import annotations

from email.policy import SMTP

from tests.bench.peers.common import Answer, codes, measure_calls, play
from tests.bench.peers.emails import email_message
from tests.bench.task import Task


def perform(task: Task) -> Answer:
    numbers = codes()
    return measure_calls(
        task, lambda: email_message(task.mail, next(numbers)).as_bytes(policy=SMTP), batch=10
    )


if __name__ == "__main__":
    play(perform)
