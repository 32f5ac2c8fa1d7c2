"""Run one server until our standard input ends, then leave no process of it behind.

    python supervise.py PROGRAM ARGUMENT...

A process between the tests and the server, for two reasons. Its input ends when the tests end it
or when they die, however suddenly, so that no server outlives them. And the processes that a
server leaves behind when it stops become its children, which it ends by their ids and reaps.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 5


def main(argv: list[str]) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    server = os.posix_spawnp(
        argv[0],
        argv,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
        # Postfix's master ends its daemons through its process group
        setpgroup=0,
        # Python ignores these, and what is ignored is inherited
        setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
    )
    exited = os.pidfd_open(server)
    ended, _, _ = select.select([0, exited], [], [])
    if exited not in ended:
        os.kill(server, signal.SIGTERM)
        select.select([exited], [], [], GRACE_SECONDS)
    return end_children(server)


def end_children(server: int) -> int:
    """Kill and reap every child, until there is none; the exit code of the server."""
    own_children = Path(f"/proc/self/task/{os.getpid()}/children")
    code = 0
    while True:
        # none of these ids can have gone to another process, as nobody else reaps them;
        # a child's own children come to us when it dies, and are found by a later round
        for child in own_children.read_text().split():
            os.kill(int(child), signal.SIGKILL)
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return code
        if pid == server:
            code = abs(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
