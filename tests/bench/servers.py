"""The servers that are sent to, each in a process of its own on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import re
import smtplib
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.bench.install import ROOT, Installed
from tests.bench.rounds import NotMeasuredError
from tests.bench.task import CLIENT_NAME
from tests.servers.ports import HOST, reserved_ports
from tests.servers.postfix import greets, library_path
from tests.servers.process import START_SECONDS, ServerError, ServerProcess, running

__all__ = ["Server", "TlsServer", "chunking", "delayed", "sink", "tls_front"]

_MOST = 1024  # connections at once
_COUNT_SECONDS = 5.0
_COUNTED = re.compile(rb"mesg=(\d+)\r")
_LISTENING = re.compile(r"^listening (\d+)$", re.MULTILINE)
# one thread, as one client is measured at a time, and the fewest copies of the bytes
_HAPROXY = """\
global
  nbthread 1
  maxconn {most}
  {user}
defaults
  mode tcp
  timeout connect 10s
  timeout client 10m
  timeout server 10m
frontend smtps
  bind {host}:{port} ssl crt {chain}
  default_backend sink
backend sink
  server sink {host}:{sink}
"""


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        port: where it listens.
        process: its process.
        console: what it prints.
    """

    port: int
    process: ServerProcess
    console: Path

    @property
    def taken(self) -> int:
        """How many messages smtp-sink took so far, by its own count."""
        with self.console.open("rb") as file:
            file.seek(0, os.SEEK_END)
            # it prints some thirty octets for each message
            file.seek(max(file.tell() - 4096, 0))
            found = _COUNTED.findall(file.read())
        return int(found[-1]) if found else 0

    def require_taken(self, count: int) -> None:
        """Wait until smtp-sink has counted so many messages.

        Raises:
            NotMeasuredError: it counted another number.
        """
        # it answers first and counts then
        with suppress(ServerError):
            self.process.wait_until(lambda: self.taken >= count, _COUNT_SECONDS, "the messages")
        if (taken := self.taken) != count:
            raise NotMeasuredError(
                f"the sink took {taken - count:+} messages against what the client says it sent"
            )

    def cpu_seconds(self) -> float:
        """The CPU time it has used so far."""
        ticks = 0
        waiting = _children(self.process.supervisor.pid)
        while waiting:
            child = waiting.pop()
            # what follows the name in brackets; utime and stime are fields 14 and 15 of all
            fields = Path(f"/proc/{child}/stat").read_text("utf-8").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            waiting += _children(child)
        return ticks / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@dataclass(frozen=True)
class TlsServer(Server):
    """A running server that speaks TLS from the first byte.

    Attributes:
        ca: the PEM file of its authority.
    """

    ca: Path


@contextmanager
def sink(installed: Installed, *, pipelining: bool = True) -> Iterator[Server]:
    """Postfix's smtp-sink, which counts the messages it takes and throws them away.

    Raises:
        NotMeasuredError: it is not there, or did not start.
    """
    if reason := installed.missing.get("postfix"):
        raise NotMeasuredError(reason)
    tree = installed.postfix
    # not as root, which it refuses
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    with _folder() as folder, reserved_ports(1) as [port]:
        options = [*user, "-c", "-m", str(_MOST), *([] if pipelining else ["-p"])]
        with _started(
            "smtp-sink",
            [tree / "usr/sbin/smtp-sink", *options, f"{HOST}:{port}", str(_MOST)],
            folder,
            {"LD_LIBRARY_PATH": library_path(tree)},
        ) as process:
            process.wait_until(lambda: greets(port), START_SECONDS, "a greeting with 220")
            yield Server(port, process, folder / "console.log")


@contextmanager
def tls_front(installed: Installed, to: Server) -> Iterator[TlsServer]:
    """HAProxy, which ends TLS in front of a server that has none.

    Raises:
        NotMeasuredError: it is not there, or did not start.
    """
    if reason := installed.missing.get("haproxy"):
        raise NotMeasuredError(reason)
    tree = installed.haproxy
    authority = trustme.CA()
    with _folder() as folder, reserved_ports(1) as [port]:
        ca, chain = folder / "ca.pem", folder / "chain.pem"
        authority.cert_pem.write_to_path(ca)
        authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(chain)
        (folder / "haproxy.cfg").write_text(
            _HAPROXY.format(
                most=_MOST,
                user="user nobody" if os.geteuid() == 0 else "",
                host=HOST,
                port=port,
                chain=chain,
                sink=to.port,
            ),
            encoding="utf-8",
        )
        with _started(
            "HAProxy",
            [tree / "usr/sbin/haproxy", "-db", "-f", folder / "haproxy.cfg"],
            folder,
            {"LD_LIBRARY_PATH": library_path(tree)},
        ) as process:
            process.wait_until(lambda: _greets(port, ca), START_SECONDS, "a greeting by TLS")
            yield TlsServer(port, process, folder / "console.log", ca)


def _greets(port: int, ca: Path) -> bool:
    """Whether an SMTP server answers there, by TLS."""
    context = ssl.create_default_context(cafile=ca)
    try:
        with smtplib.SMTP_SSL(HOST, port, CLIENT_NAME, timeout=START_SECONDS, context=context):
            return True
    except (OSError, smtplib.SMTPException):
        return False


@contextmanager
def delayed(to: Server, delay: float) -> Iterator[Server]:
    """A server as it is from afar: each way takes `delay` seconds."""
    with _listening("the delay", "tests.bench.delay", str(to.port), str(delay)) as server:
        yield server


@contextmanager
def chunking() -> Iterator[Server]:
    """A server that offers CHUNKING and PIPELINING."""
    with _listening("the scripted server", "tests.bench.chunking") as server:
        yield server


@contextmanager
def _listening(name: str, module: str, *arguments: str) -> Iterator[Server]:
    with (
        _folder() as folder,
        _started(name, [sys.executable, "-m", module, *arguments], folder, {}, ROOT) as process,
    ):
        console = folder / "console.log"
        process.wait_until(
            lambda: bool(_LISTENING.search(console.read_text("utf-8"))), START_SECONDS, "its port"
        )
        found = _LISTENING.search(console.read_text("utf-8"))
        assert found is not None
        yield Server(int(found[1]), process, console)


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder, in memory where that can be: what a sink prints must not wait for a disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@contextmanager
def _started(
    name: str,
    argv: list[str | Path],
    folder: Path,
    env: dict[str, str],
    cwd: Path | None = None,
) -> Iterator[ServerProcess]:
    try:
        with running(
            name, argv, cwd=cwd or folder, env=env, console=folder / "console.log"
        ) as process:
            yield process
    except ServerError as error:
        raise NotMeasuredError(str(error).partition("\n")[0]) from None
