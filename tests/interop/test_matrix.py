"""One list of tests for every server, in the clear, by STARTTLS and by TLS from the first byte."""

from __future__ import annotations

import asyncio
import html
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from connector_core import AsyncHost, PermanentDeliveryError
from tests.interop.conftest import USERS, Authority
from tests.interop.mails import USAGES, Arrived, Destination, config, template
from tests.servers import Dovecot, Exim, OpenSmtpd, SmtpServer, start_dovecot


@dataclass(frozen=True)
class Row:
    """A server of the matrix.

    Attributes:
        fixtures: for each way to it, the fixture that is the server, with `host` and `port`.
        mechanisms: the AUTH mechanisms that it offers once there is TLS, with the users `USERS`.
        secure_port: the attribute with the port for TLS from the first byte.
        filed_by: the fixture of the server that it passes mails on to; None, it keeps them. One
            that keeps them is what a `Destination` can read.
    """

    fixtures: Mapping[str, str]
    mechanisms: tuple[str, ...] = ()
    secure_port: str = "smtps_port"
    filed_by: str | None = None


ROWS = {
    "postfix": Row(
        {"clear": "postfix", "starttls": "postfix_auth", "secure": "postfix_auth"},
        mechanisms=("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"),
    ),
    "exim": Row(
        {"clear": "exim", "starttls": "exim", "secure": "exim"},
        mechanisms=("PLAIN", "LOGIN", "CRAM-MD5"),
    ),
    "opensmtpd": Row(
        {"clear": "opensmtpd", "starttls": "opensmtpd_tls", "secure": "opensmtpd_tls"},
        mechanisms=("PLAIN", "LOGIN"),
    ),
    "smtp-server": Row(
        {"clear": "smtp_server", "starttls": "auth_server", "secure": "secure_server"},
        mechanisms=("PLAIN", "LOGIN"),
        secure_port="port",
    ),
    "aiosmtpd": Row(
        {"clear": "aiosmtpd", "starttls": "aiosmtpd", "secure": "aiosmtpd"},
        mechanisms=("PLAIN", "LOGIN"),
    ),
    "dovecot": Row(
        {"starttls": "dovecot", "secure": "dovecot"},
        mechanisms=("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"),
        secure_port="submissions_port",
        filed_by="smtp_server",
    ),
}
WAYS = [(name, way) for name, row in ROWS.items() for way in row.fixtures]
LOGINS = [
    (name, way, mechanism)
    for name, way in WAYS
    if way != "clear"
    for mechanism in ROWS[name].mechanisms
]
USER = "ann"
WRONG = "canary-wrong-secret"
STAGES = {
    "clear": ["resolve", "connect", "greeting", "ehlo"],
    "starttls": ["resolve", "connect", "greeting", "ehlo", "tls"],
    "secure": ["resolve", "connect", "tls", "greeting", "ehlo"],
}
# What Exim and OpenSMTPD log of each connection.
CONNECTED = re.compile(r"SMTP connection from .* count = |smtp connected address=")


@dataclass(frozen=True)
class Target:
    """A server, what its mails are read by, the way to it, and a domain for one test alone."""

    server: Any
    destination: Destination
    way: str
    domain: str
    settings: dict[str, Any] = field(repr=False)

    def config(self, **changes: Any) -> dict[str, Any]:
        return config(**{**self.settings, **changes})


def target_of(request: pytest.FixtureRequest, name: str, way: str) -> Target:
    row = ROWS[name]
    server = request.getfixturevalue(row.fixtures[way])
    filed_by = request.getfixturevalue(row.filed_by) if row.filed_by else server
    authority: Authority = request.getfixturevalue("authority")
    settings: dict[str, Any] = {"host": server.host, "port": server.port}
    if way == "clear":
        settings["ignoreTLS"] = True
    else:
        settings["tls"] = {"ca": authority.pem}
        if row.mechanisms:
            settings["auth"] = {"user": USER, "pass": USERS[USER]}
    if way == "starttls":
        settings["requireTLS"] = True
    if way == "secure":
        settings |= {"secure": True, "port": getattr(server, row.secure_port)}
    labels = [re.sub("[^a-z0-9]+", "-", part) for part in request.node.name.lower().split("[")]
    domain = ".".join([*(label.strip("-") for label in labels), "example"])
    return Target(server, Destination(filed_by), way, domain, settings)


@pytest.fixture(scope="module")
def dovecot(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, smtp_server: SmtpServer
) -> Iterator[Dovecot]:
    with start_dovecot(
        tmp_path_factory.mktemp("dovecot"),
        tls=authority.server,
        users=USERS,
        relay_port=smtp_server.port,
    ) as server:
        yield server


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Target:
    name, way = request.param
    return target_of(request, name, way)


@pytest.fixture
def login_target(request: pytest.FixtureRequest) -> tuple[Target, str]:
    name, way, mechanism = request.param
    return target_of(request, name, way), mechanism


every_way = pytest.mark.parametrize("target", WAYS, ids="-".join, indirect=True)
every_login = pytest.mark.parametrize("login_target", LOGINS, ids="-".join, indirect=True)


@dataclass(frozen=True)
class Case:
    """What a template holds, and what arrives for the payload below."""

    kind: str
    content: str
    arrives: str
    subject: str = "Your code"


NAME = "Zoë <b>O’Neil</b> & 株式会社 例"
TEXT = "Grüße, {{name}}!\n\n{{code}} – ✓\n"
CASES = {
    "text": Case("text/plain", "Your code is {{code}}.\n", "Your code is 042317.\n"),
    "html": Case(
        "text/html",
        "<p>{{code}} for {{name}}</p>\n",
        f"<p>042317 for {html.escape(NAME)}</p>\n",
    ),
    "beyond-ascii": Case(
        "text/plain", TEXT, f"Grüße, {NAME}!\n\n042317 – ✓\n", "Größe – 株式会社 ✓ " * 8 + "Ende"
    ),
    "dots": Case("text/plain", ".\n..\n.{{code}}\n.\n\n..\n.\n", ".\n..\n.042317\n.\n\n..\n.\n"),
    "line-of-998": Case("text/plain", "x" * 998 + "\n", "x" * 998 + "\n"),
    "line-of-999": Case("text/plain", "x" * 999 + "\n", "x" * 999 + "\n"),
    "long-lines": Case(
        "text/html", ".x" * 5000 + "\n" + "ü" * 5000 + "\n", ".x" * 5000 + "\n" + "ü" * 5000 + "\n"
    ),
    "megabyte": Case("text/plain", "Grüße 0123456789\n" * 58255, "Grüße 0123456789\n" * 58255),
}


@every_way
@pytest.mark.parametrize("case", CASES)
async def test_a_mail_arrives_as_it_was_written(host: AsyncHost, target: Target, case: str) -> None:
    sent = CASES[case]
    written = {"subject": sent.subject, "content": sent.content}
    templates = [template(usage, sent.kind, **written) for usage in USAGES]
    smtp = host.configure("smtp", target.config(templates=templates))
    # only after the first one has a server earned CHUNKING
    for recipient in (f"first@{target.domain}", f"second@{target.domain}"):
        payload = {"code": "042317", "name": NAME}
        receipt = await smtp.send_message("SignIn", to=recipient, payload=payload)
        assert (receipt.accepted, receipt.rejected) == ((recipient,), ())
        (mail,) = await target.destination.mails_for(recipient)
        compare(mail, sent, recipient, receipt.message_id)


def compare(mail: Arrived, sent: Case, recipient: str, message_id: str) -> None:
    message = mail.message
    assert (mail.sender, mail.recipient) == ("noreply@example.com", recipient)
    (sender,) = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Ünïcode Versand GmbH", mail.sender)
    (to,) = message["To"].addresses
    assert (to.display_name, to.addr_spec) == ("", recipient)
    assert message["Subject"] == sent.subject
    assert message["Message-ID"] == message_id
    assert mail.part(sent.kind).get_content_charset() == "utf-8"
    assert mail.text(sent.kind) == sent.arrives.replace("\n", "\r\n")
    assert message.is_multipart() == (sent.kind == "text/html")
    assert [defect for part in message.walk() for defect in part.defects] == []


@every_way
async def test_each_stage_is_told(host: AsyncHost, target: Target) -> None:
    report = await host.configure("smtp", target.config()).verify()
    stages = STAGES[target.way] + (["auth"] if "auth" in target.settings else [])
    assert [(stage.name, stage.ok) for stage in report.stages] == [(name, True) for name in stages]


@every_way
async def test_a_recipient_that_is_refused(host: AsyncHost, target: Target) -> None:
    smtp = host.configure("smtp", target.config())
    with pytest.raises(PermanentDeliveryError) as raised:
        await smtp.send_message("SignIn", to=f"refused@{target.domain}")
    error = raised.value
    assert (error.code, error.stage, error.command) == (550, "recipient", "RCPT")
    # though Exim and smtp-server do not announce that they write them
    assert error.enhanced_code == "5.1.1"
    assert (error.failover, error.operator, error.retry) == (False, False, "never")
    assert "Mailbox unavailable" in error.response
    # and the connection serves the next one
    receipt = await smtp.send_message("SignIn", to=f"next@{target.domain}")
    (mail,) = await target.destination.mails_for(f"next@{target.domain}")
    assert mail.message["Message-ID"] == receipt.message_id
    mails = await target.destination.mails()
    assert f"refused@{target.domain}" not in [mail.recipient for mail in mails]


@every_login
async def test_the_right_password_is_taken(
    host: AsyncHost, login_target: tuple[Target, str]
) -> None:
    target, mechanism = login_target
    smtp = host.configure("smtp", target.config(authMethod=mechanism))
    report = await smtp.verify()
    assert report.ok
    assert (report.stages[-1].name, report.stages[-1].detail) == ("auth", mechanism)
    await smtp.send_message("SignIn", to=f"ann@{target.domain}")
    assert await target.destination.mails_for(f"ann@{target.domain}")


@every_login
async def test_a_wrong_password_is_refused(
    host: AsyncHost, login_target: tuple[Target, str]
) -> None:
    target, mechanism = login_target
    wrong = target.config(authMethod=mechanism, auth={"user": USER, "pass": WRONG})
    with pytest.raises(PermanentDeliveryError) as raised:
        await host.configure("smtp", wrong).send_message("SignIn", to=f"ann@{target.domain}")
    error = raised.value
    assert (error.stage, error.code, error.command) == ("auth", 535, "AUTH")
    assert (error.failover, error.operator, error.retry) == (True, True, "never")
    assert WRONG not in f"{error} {error!r} {vars(error)}"
    # another config with the right one is not held up by it, and its mail is the only one
    right = host.configure("smtp", target.config(authMethod=mechanism), name="right")
    await right.send_message("SignIn", to=f"bob@{target.domain}")
    assert await target.destination.mails_for(f"bob@{target.domain}")
    mails = await target.destination.mails()
    assert f"ann@{target.domain}" not in [mail.recipient for mail in mails]


@pytest.mark.parametrize(
    "target", [way for way in WAYS if way[0] in ("exim", "opensmtpd")], ids="-".join, indirect=True
)
async def test_many_at_once_over_three_connections(host: AsyncHost, target: Target) -> None:
    server: Exim | OpenSmtpd = target.server
    before = len(CONNECTED.findall(server.log()))
    templates = [template(usage, subject="s", content="{{code}}") for usage in USAGES]
    smtp = host.configure("smtp", target.config(maxConnections=3, templates=templates))
    recipients = [f"n{number}@{target.domain}" for number in range(60)]
    receipts = await asyncio.gather(
        *(
            smtp.send_message("SignIn", to=recipient, payload={"code": f"code of {recipient}"})
            for recipient in recipients
        )
    )
    mails = await target.destination.mails_for(*recipients, count=60)
    assert Counter(mail.recipient for mail in mails) == Counter(recipients)
    by_recipient = {mail.recipient: mail.message for mail in mails}
    for recipient, receipt in zip(recipients, receipts, strict=True):
        assert receipt.accepted == (recipient,)
        assert by_recipient[recipient]["Message-ID"] == receipt.message_id
        assert by_recipient[recipient].get_content() == f"code of {recipient}\r\n"
    # both log a connection before they greet it
    assert len(CONNECTED.findall(server.log())) - before == 3


async def test_exim_takes_chunks(
    host: AsyncHost, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "connectors.smtp.dialogue")
    target = target_of(request, "exim", "clear")
    smtp = host.configure("smtp", target.config(debug=True, dsn={"notify": "FAILURE"}))
    for number in range(3):
        await smtp.send_message("SignIn", to=f"n{number}@{target.domain}")
    mails = await target.destination.mails_for(
        *(f"n{number}@{target.domain}" for number in range(3)), count=3
    )
    assert len(mails) == 3
    commands = [record.getMessage() for record in caplog.records if " C: MAIL" in record.message]
    assert [("BDAT" in command, "NOTIFY=FAILURE" in command) for command in commands] == [
        (False, True),
        (True, True),
        (True, True),
    ]
