"""One host a process: whoever forks, whichever thread asks, and as the process ends."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connector_core import Host
from connector_core.contrib.process import ProcessHost
from tests.core.plugins import Plugin, registry_of
from tests.inboxes import ThreadedInbox


def test_many_threads_that_ask_at_once_get_the_one_host() -> None:
    made: list[Host] = []
    begun = threading.Barrier(8)

    def make() -> Host:
        made.append(Host(registry_of(Plugin())))
        return made[-1]

    def ask(_: int) -> Host:
        begun.wait(30)
        return hosts.get()

    hosts = ProcessHost(make)
    assert not hosts.made
    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(ask, range(8))} == {made[0]}
    assert hosts.made
    hosts.close()
    hosts.close()
    assert not hosts.made
    assert hosts.get() is made[1]
    hosts.close()


def test_what_could_not_be_made_is_tried_again() -> None:
    tries = iter([ZeroDivisionError(), None])

    def make() -> Host:
        if error := next(tries):
            raise error
        return Host(registry_of(Plugin()))

    hosts = ProcessHost(make)
    with pytest.raises(ZeroDivisionError):
        hosts.get()
    with hosts.get():
        assert hosts.made


def run(host_file: Path, program: str) -> subprocess.CompletedProcess[str]:
    whole = f"""
        import logging, os, sys, threading
        from connector_core import Host
        from connector_core.contrib.process import ProcessHost

        hosts = ProcessHost(lambda: Host.from_file({str(host_file)!r}))

        def send(code):
            hosts.get().send_message("SignIn", to="ann@example.org", payload={{"code": code}})
    """
    return subprocess.run(
        # A server that forks with threads is warned of it by Python 3.12; that is its own affair.
        [
            *(sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning"),
            *("-c", textwrap.dedent(whole) + textwrap.dedent(program)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_process_makes_a_host_of_its_own(host_file: Path, inbox: ThreadedInbox) -> None:
    """As gunicorn does with --preload, even where a mail was sent before."""
    done = run(
        host_file,
        """
        send("1")
        before = hosts.get()
        child = os.fork()
        if not child:
            assert not hosts.made
            send("2")
            assert hosts.get() is not before
            sys.exit()
        assert os.waitpid(child, 0)[1] == 0
        assert hosts.get() is before
        send("3")
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    subjects = [received.message["Subject"] for received in inbox.mails]
    assert subjects == ["SignIn : 1", "SignIn : 2", "SignIn : 3"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_process_forked_while_another_thread_makes_the_host_does_not_wait_for_it(
    host_file: Path, inbox: ThreadedInbox
) -> None:
    done = run(
        host_file,
        """
        making, forked = threading.Event(), threading.Event()

        real = hosts._make
        hosts._make = lambda: (making.set(), forked.wait(30), real())[2]
        thread = threading.Thread(target=send, args=("1",))
        thread.start()
        making.wait(30)
        child = os.fork()
        if not child:
            hosts._make = real
            send("2")
            sys.exit()
        assert os.waitpid(child, 0)[1] == 0
        forked.set()
        thread.join(30)
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    subjects = {received.message["Subject"] for received in inbox.mails}
    assert subjects == {"SignIn : 1", "SignIn : 2"}


def test_it_is_closed_as_its_process_ends(host_file: Path, inbox: ThreadedInbox) -> None:
    host_file.write_text(host_file.read_text().replace("fromEmail", "debug = true\nfromEmail"))
    done = run(host_file, 'logging.basicConfig(level="DEBUG")\nsend("1")\nprint("done")\n')
    assert done.returncode == 0
    assert "QUIT" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(inbox.mails) == 1
