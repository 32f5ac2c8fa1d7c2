"""Who is measured."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.install import Installed
from tests.servers.postfix import library_path

__all__ = [
    "AIOSMTPLIB",
    "LOGTO",
    "MAIL_COMPOSER",
    "NODEMAILER",
    "OURS",
    "OURS_ASYNCIO",
    "OURS_HOST",
    "OURS_WITH_TEXT",
    "SMTPLIB",
    "SMTP_SOURCE",
    "Client",
    "Clients",
]

OURS = "connector-core, uvloop"
OURS_WITH_TEXT = "connector-core, uvloop, with a text alternative"
OURS_ASYNCIO = "connector-core, asyncio"
OURS_HOST = "connector-core, `Host` (threads)"
# what ratios are to
NODEMAILER = "nodemailer, pooled"
MAIL_COMPOSER = "nodemailer's MailComposer"
LOGTO = "Logto's connector"
AIOSMTPLIB = "aiosmtplib"
SMTPLIB = "smtplib (threads)"
SMTP_SOURCE = "smtp-source (C)"

_PEERS = Path(__file__).with_name("peers")


@dataclass(frozen=True)
class Client:
    """A program that does tasks.

    Attributes:
        name: as a reader knows it.
        argv: how it is run; the task follows.
        env: what is added to its environment.
        options: what it is told besides the task.
        missing: why it cannot be run here.
        compiles: whether its runtime compiles while it runs, and is slow until it has.
    """

    name: str
    argv: tuple[str | Path, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    missing: str | None = None
    compiles: bool = False


class Clients:
    """The clients, with what was installed for them.

    Attributes:
        ours: connector-core on uvloop.
        with_text: the same, and each mail has a text alternative beside its HTML.
        ours_asyncio: connector-core on asyncio's own event loop.
        ours_host: connector-core's `Host`, called from threads.
        nodemailer, logto, aiosmtplib, smtplib: the peers.
        composing: all of these, which compose what they send.
        smtp_source: Postfix's load generator.
        growth: connector-core with many templates or connectors.
        composers: what only composes: ours, the standard library's, nodemailer's.
    """

    def __init__(self, installed: Installed) -> None:
        self._installed = installed
        asynchronous = {"host": "AsyncHost", "loop": "uvloop"}
        self.ours = self._python(OURS, "ours", **asynchronous)
        self.with_text = self._python(
            OURS_WITH_TEXT,
            "ours",
            **asynchronous,
            text_alternative=True,
        )
        self.ours_asyncio = self._python(OURS_ASYNCIO, "ours", host="AsyncHost", loop="asyncio")
        self.ours_host = self._python(OURS_HOST, "ours", host="Host")
        self.growth = self._python(OURS, "growth")
        self.nodemailer = self._node(NODEMAILER, "nodemailer")
        self.logto = self._node(LOGTO, "logto")
        self.aiosmtplib = self._python(
            AIOSMTPLIB, "aiosmtplib_client", missing=installed.missing.get("python")
        )
        self.smtplib = self._python(SMTPLIB, "smtplib_client")
        self.composing = (
            self.ours,
            self.with_text,
            self.ours_asyncio,
            self.ours_host,
            self.nodemailer,
            self.logto,
            self.aiosmtplib,
            self.smtplib,
        )
        self.smtp_source = self._python(
            SMTP_SOURCE,
            "smtp_source",
            program=str(installed.postfix / "usr/sbin/smtp-source"),
            libraries=library_path(installed.postfix),
            missing=installed.missing.get("postfix"),
        )
        self.composers = (
            self._python("connector-core", "compose_ours"),
            self._python("EmailMessage", "compose_email"),
            self._node(MAIL_COMPOSER, "compose_nodemailer"),
        )

    def _python(
        self, name: str, module: str, *, missing: str | None = None, **options: object
    ) -> Client:
        argv = (sys.executable, "-m", f"tests.bench.peers.{module}")
        return Client(name, argv, {"PYTHONPATH": str(self._installed.python)}, options, missing)

    def _node(self, name: str, script: str) -> Client:
        argv = ("node", _PEERS / f"{script}.cjs")
        env = {"NODE_PATH": str(self._installed.node_modules)}
        missing = self._installed.missing.get("node")
        return Client(name, argv, env, missing=missing, compiles=True)
