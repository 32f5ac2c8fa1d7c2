"""nodemailer's smtp-server on Node, for what Postfix does not do by itself: AUTH, hidden features.

It accepts every recipient, save two local parts: `refused` is answered with 550, `greylisted`
with 450.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.servers.ports import HOST
from tests.servers.process import START_SECONDS, ServerProcess, new_folder, running
from tests.servers.require import require_server, servers_dir
from tests.servers.tls import ServerTls

SCRIPT = Path(__file__).with_name("smtp_server.cjs")
HOSTNAME = "smtp-server.test"

AuthMethod = Literal["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"]
Feature = Literal[
    "PIPELINING",
    "8BITMIME",
    "SMTPUTF8",
    "ENHANCEDSTATUSCODES",
    "DSN",
    "STARTTLS",
    "REQUIRETLS",
    "SIZE",
]
# all are set, as some of the features are hidden by default
HIDE_OPTIONS: Mapping[Feature, str] = {
    "PIPELINING": "hidePIPELINING",
    "8BITMIME": "hide8BITMIME",
    "SMTPUTF8": "hideSMTPUTF8",
    "ENHANCEDSTATUSCODES": "hideENHANCEDSTATUSCODES",
    "DSN": "hideDSN",
    "STARTTLS": "hideSTARTTLS",
    "REQUIRETLS": "hideREQUIRETLS",
    "SIZE": "hideSize",
}


@dataclass(frozen=True)
class ReceivedMail:
    """A mail that the server accepted, and how it came."""

    mail_from: str
    rcpt_to: list[str]
    # of MAIL, and of each RCPT; names in capitals, True for one without a value
    args: dict[str, str | bool]
    rcpt_args: list[dict[str, str | bool]]
    # what stood between DATA and the final dot, dots unstuffed, lines ending in CRLF
    raw: bytes
    user: str | None
    auth_method: str | None
    secure: bool
    # what the client called itself in EHLO
    client_name: str
    # the same for all mails of one connection
    session_id: str


@dataclass(frozen=True)
class SmtpServer:
    """A running smtp-server."""

    host: str
    port: int
    process: ServerProcess
    file: Path

    def messages(self) -> list[ReceivedMail]:
        """The mails accepted so far, in their order; one is here before its 250 is sent."""
        return [received_mail(json.loads(line)) for line in whole_lines(self.file)]

    def wait_for_messages(self, n: int, timeout: float = 10.0) -> list[ReceivedMail]:
        """Wait until n mails or more were accepted, and return them all."""
        self.process.wait_until(
            lambda: len(whole_lines(self.file)) >= n, timeout, f"{n} messages accepted"
        )
        return self.messages()


@contextmanager
def start_smtp_server(
    folder: Path,
    *,
    secure: bool = False,
    tls: ServerTls | None = None,
    users: Mapping[str, str] | None = None,
    tokens: Mapping[str, str] | None = None,
    auth_methods: Sequence[AuthMethod] = ("PLAIN", "LOGIN"),
    auth_optional: bool = False,
    insecure_auth: bool = False,
    size: int | None = None,
    hide: Sequence[Feature] = (),
) -> Iterator[SmtpServer]:
    """Run an smtp-server of its own in `folder/smtp-server…` until the block ends.

    `secure` is TLS from the first byte; with `tls` alone it offers STARTTLS, without it none.
    AUTH is offered, and unless `auth_optional` required, where there are `users` (their
    passwords) or `tokens` (their access tokens, for XOAUTH2). Where STARTTLS is offered, AUTH
    without it is refused unless `insecure_auth`. A feature in `hide` is not announced, yet works.
    """
    if secure and tls is None:
        raise ValueError("secure=True needs tls=")
    node = shutil.which("node")
    modules = servers_dir() / "npm"
    if node is None:
        require_server("Node is not on this machine")
    if not (modules / "node_modules/smtp-server").exists():
        require_server("smtp-server is not there: run make servers")
    home = new_folder(folder, "smtp-server")
    commands_off = ([] if tls else ["STARTTLS"]) + ([] if users or tokens else ["AUTH"])
    options: dict[str, Any] = {
        "name": HOSTNAME,
        "secure": secure,
        "authMethods": list(auth_methods),
        "authOptional": auth_optional,
        "allowInsecureAuth": insecure_auth,
        "disabledCommands": commands_off,
        **{option: feature in hide for feature, option in HIDE_OPTIONS.items()},
    }
    if size is not None:
        options["size"] = size
    if tls:
        options |= {"cert": tls.cert_pem.decode(), "key": tls.key_pem.decode()}
    file, config, console = home / "messages.jsonl", home / "config.json", home / "console.log"
    file.touch()
    config.touch(0o600)
    config.write_text(
        json.dumps(
            {
                "host": HOST,
                "messages": str(file),
                "modules": str(modules),
                "options": options,
                "tokens": dict(tokens or {}),
                "users": dict(users or {}),
            }
        ),
        encoding="utf-8",
    )
    argv: list[str | Path] = [node, SCRIPT, config]
    with running("smtp-server", argv, cwd=home, env={}, console=console) as process:
        process.wait_until(lambda: bool(announced_ports(console)), START_SECONDS, "its port")
        yield SmtpServer(HOST, announced_ports(console)[0], process, file)


def announced_ports(console: Path) -> list[int]:
    lines = whole_lines(console)
    return [int(line.split()[1]) for line in lines if line.startswith("listening ")]


def whole_lines(file: Path) -> list[str]:
    """The lines that are written to their end; the last may be under way."""
    return file.read_text(encoding="utf-8").split("\n")[:-1]


def received_mail(fields: dict[str, Any]) -> ReceivedMail:
    return ReceivedMail(**{**fields, "raw": base64.b64decode(fields["raw"])})
