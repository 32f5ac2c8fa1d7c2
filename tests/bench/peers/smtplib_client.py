"""smtplib: a thread a caller, a connection kept open in each; an EmailMessage a message."""

from __future__ import annotations

import smtplib
import ssl
import threading

from tests.bench.peers.common import Answer, measure_threads, play
from tests.bench.peers.emails import email_message
from tests.bench.task import CLIENT_NAME, Task


def perform(task: Task) -> Answer:
    kept = threading.local()

    def send(code: str) -> None:
        if not hasattr(kept, "client"):
            kept.client = connect(task)
        kept.client.send_message(email_message(task.mail, code))

    return measure_threads(task, send)


def connect(task: Task) -> smtplib.SMTP:
    if task.ca is None:
        return smtplib.SMTP("127.0.0.1", task.port, local_hostname=CLIENT_NAME)
    context = ssl.create_default_context(cafile=task.ca)
    return smtplib.SMTP_SSL("127.0.0.1", task.port, local_hostname=CLIENT_NAME, context=context)


if __name__ == "__main__":
    play(perform)
