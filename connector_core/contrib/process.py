"""One host a process, whatever a server makes of processes and threads.

Servers load a program once and fork it, or load it in each worker, and call it from many threads. A
`Host` has a thread of its own, which stays behind in the process that made it.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from weakref import WeakSet

from connector_core.sync import Host

__all__ = ["ProcessHost"]

_EVERY: WeakSet[ProcessHost] = WeakSet()
# Kept, for to collect one would close what the parent process still uses.
_LEFT_BEHIND: list[Host] = []


class ProcessHost:
    """A host that is made when it is first asked for, once in each process.

        mail = ProcessHost(lambda: Host.from_file("connectors.toml"))
        mail.get().send_message("SignIn", to="ann@example.org", payload={"code": "123456"})

    Any number of threads may ask. A process that was forked makes one of its own, and each is
    closed as its process exits.

    Args:
        make: makes the host; called outside of any event loop.
    """

    def __init__(self, make: Callable[[], Host]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._host: Host | None = None
        _EVERY.add(self)

    @property
    def made(self) -> bool:
        """Whether this process has a host now."""
        return self._host is not None

    def get(self) -> Host:
        """The host of this process.

        Raises:
            Exception: whatever making it raised; the next call tries again.
        """
        host = self._host
        if host is None:
            with self._lock:
                host = self._host
                if host is None:
                    host = self._host = self._make()
        return host

    def close(self) -> None:
        """Close the host, if there is one; whoever asks after that gets a new one."""
        with self._lock:
            host, self._host = self._host, None
        if host is not None:
            host.close()

    def leave_behind(self) -> None:
        """Forget the host of the process that this one was forked from."""
        # Another thread of that process may have held the lock.
        self._lock = threading.Lock()
        if self._host is not None:
            _LEFT_BEHIND.append(self._host)
            self._host = None


def _leave_all_behind() -> None:
    for each in list(_EVERY):
        each.leave_behind()


def _close_all() -> None:
    for each in list(_EVERY):
        each.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all_behind)
atexit.register(_close_all)
