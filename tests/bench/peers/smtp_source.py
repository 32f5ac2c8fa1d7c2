"""Postfix's smtp-source, a load generator in C: what the machine and the sink can do at all.

It composes nothing: the mail is made once, before. Options: `program` and `libraries`, its paths.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from email.policy import default
from pathlib import Path

from tests.bench.peers.common import Answer, play
from tests.bench.peers.emails import email_message
from tests.bench.task import CLIENT_NAME, SENDER, Task

_TRIAL = 400  # messages a connection by which its pace is found out


def perform(task: Task) -> Answer:
    if task.seconds is None:
        raise ValueError("smtp-source is measured for a span of time")
    trial = _TRIAL * task.connections
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "mail")
        # it adds CR to each line by itself
        file.write_bytes(email_message(task.mail, "123456").as_bytes(policy=default))
        messages = max(round(trial / run(task, file, trial) * task.seconds), trial)
        before = cpu_seconds()
        seconds = run(task, file, messages)
    return {
        "messages": messages,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds() - before,
        "warmup_messages": trial,
    }


def run(task: Task, file: Path, messages: int) -> float:
    """Send so many; how long it took, in seconds."""
    sessions = ["-s", str(task.connections), "-m", str(messages), "-d"]
    # -N: another recipient for each message
    mail = ["-f", SENDER, "-t", "user@example.org", "-N", "-M", CLIENT_NAME, "-F", str(file)]
    started = time.perf_counter()
    subprocess.run(
        [task.options["program"], *sessions, *mail, f"inet:127.0.0.1:{task.port}"],
        env={**os.environ, "LD_LIBRARY_PATH": task.options["libraries"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started


def cpu_seconds() -> float:
    """CPU time of all that was run so far, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    play(perform)
