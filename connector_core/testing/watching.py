"""Input and output that a connector does where it must not: seen by Python's audit events.

PEP 578; the events are listed in the library reference, "Audit events table".
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

__all__ = ["is_network", "offence", "watched"]

_NETWORK = frozenset(
    {
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "socket.sendmsg",
        "socket.sendto",
    }
)
_THREAD = "starts a thread"
_OTHERS = {
    "_thread.start_joinable_thread": _THREAD,
    "_thread.start_new_thread": _THREAD,
    "os.exec": "runs a program",
    "os.fork": "forks",
    "os.forkpty": "forks",
    "os.mkdir": "makes a folder",
    "os.posix_spawn": "runs a program",
    "os.remove": "removes a file",
    "os.rename": "renames a file",
    "os.rmdir": "removes a folder",
    "os.system": "runs a program",
    "sqlite3.connect": "opens a database",
    "subprocess.Popen": "runs a program",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_BYTECODE = "__pycache__"  # where the import of a module may write
_watching = threading.local()


def is_network(event: str) -> bool:
    """Whether the event is of the network."""
    return event in _NETWORK


def offence(event: str, arguments: tuple[object, ...]) -> str | None:
    """What an audit event does that import, `configure` and `preview` must not do, if anything."""
    if event in _NETWORK:
        return f"uses the network ({event})"
    path = str(arguments[0]) if arguments else ""
    if _BYTECODE in path:
        return None
    if event == "open":
        flags = arguments[2] if len(arguments) > 2 else 0
        writes = isinstance(flags, int) and flags & _WRITING
        return f"writes the file {path}" if writes and not path.startswith("/dev/") else None
    if event.startswith("shutil."):
        return f"changes files ({event})"
    return _OTHERS.get(event)


@contextmanager
def watched() -> Iterator[list[str]]:
    """What this thread does within the block that is an offence; threads it starts are one."""
    _install()
    outer, before = getattr(_watching, "offences", None), set(threading.enumerate())
    offences: list[str] = []
    _watching.offences = offences
    try:
        yield offences
    finally:
        _watching.offences = outer
    # Python 3.11 has no event for a thread: only one that still runs is seen.
    if set(threading.enumerate()) - before and _THREAD not in offences:
        offences.append(_THREAD)


@cache
def _install() -> None:
    sys.addaudithook(_note)  # there is no way to take one out again


def _note(event: str, arguments: tuple[object, ...]) -> None:
    offences = getattr(_watching, "offences", None)
    if offences is not None and (told := offence(event, arguments)):
        offences.append(told)
