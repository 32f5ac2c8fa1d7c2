"""Local delivery by LMTP, with Dovecot, which files the mails in a Maildir."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest

from connector_core import AsyncHost, PermanentDeliveryError
from tests.interop.conftest import Authority
from tests.interop.mails import PAYLOAD, USAGES, config, template
from tests.servers import Dovecot, start_dovecot

USERS = ("ann", "bob@example.org", "body@example.org", "after@example.org", "secure@example.org")
MANY = tuple(f"n{number}@example.org" for number in range(60))


@pytest.fixture(scope="module")
def dovecot(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Dovecot]:
    users = dict.fromkeys((*USERS, *MANY), "not asked for")
    with start_dovecot(
        tmp_path_factory.mktemp("dovecot"), tls=authority.server, users=users
    ) as server:
        yield server


def settings(server: Dovecot, **changes: Any) -> dict[str, Any]:
    # on loopback, where Dovecot shows a certificate that nobody here knows
    whole: dict[str, Any] = {
        "host": server.host,
        "port": server.lmtp_port,
        "lmtp": True,
        "ignoreTLS": True,
        **changes,
    }
    return config(**whole)


def filed(server: Dovecot, *recipients: str) -> list[EmailMessage]:
    """The mails delivered to these users; one is there before its 250 is sent."""
    wanted = {f"Delivered-To: {recipient}".encode() for recipient in recipients}
    return [
        BytesParser(EmailMessage, policy=policy.default).parsebytes(raw)
        for raw in server.messages()
        if wanted.intersection(raw.split(b"\n", 2)[:2])
    ]


async def test_a_mail_is_delivered(
    host: AsyncHost, dovecot: Dovecot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    smtp = host.configure("smtp", settings(dovecot, debug=True))
    receipt = await smtp.send_message("SignIn", to="bob@example.org", payload=PAYLOAD)
    assert receipt.accepted == ("bob@example.org",)
    assert receipt.response.startswith("250 2.0.0 <bob@example.org>")
    assert receipt.enhanced_code == "2.0.0"
    (mail,) = filed(dovecot, "bob@example.org")
    assert mail["Return-Path"] == "<noreply@example.com>"
    assert "with LMTP" in mail["Received"]
    assert mail["Message-ID"] == receipt.message_id
    (sender,) = mail["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (
        "Ünïcode Versand GmbH",
        "noreply@example.com",
    )
    assert [address.addr_spec for address in mail["To"].addresses] == ["bob@example.org"]
    assert mail["Subject"] == "SignIn: 042317 für 株式会社 例 – ✓"
    assert mail.get_content() == (
        f"SignIn\nGrüße an {PAYLOAD['user']['name']},\n042317 / {PAYLOAD['link']} / 2.5 / "
        '["eins",{"zwei":2.5}] / true / {{unknown}}\n'
    )
    assert "C: LHLO " in caplog.text
    assert "C: EHLO " not in caplog.text
    # it offers PIPELINING
    assert "C: MAIL FROM:<noreply@example.com> | RCPT TO:<bob@example.org>" in caplog.text


async def test_verify_goes_as_far_as_the_features(host: AsyncHost, dovecot: Dovecot) -> None:
    report = await host.configure("smtp", settings(dovecot)).verify()
    assert report.ok
    assert [stage.name for stage in report.stages] == ["resolve", "connect", "greeting", "ehlo"]


async def test_starttls(host: AsyncHost, dovecot: Dovecot, authority: Authority) -> None:
    changes = {"ignoreTLS": None, "requireTLS": True, "tls": {"ca": authority.pem}}
    smtp = host.configure("smtp", settings(dovecot, **changes))
    report = await smtp.verify()
    assert [stage.name for stage in report.stages][-1] == "tls"
    await smtp.send_message("SignIn", to="secure@example.org", payload=PAYLOAD)
    (mail,) = filed(dovecot, "secure@example.org")
    assert "with LMTPS" in mail["Received"]


async def test_an_unknown_user_is_refused(host: AsyncHost, dovecot: Dovecot) -> None:
    smtp = host.configure("smtp", settings(dovecot, maxConnections=1))
    with pytest.raises(PermanentDeliveryError) as raised:
        await smtp.send_message("SignIn", to="nobody@example.org", payload=PAYLOAD)
    error = raised.value
    assert (error.stage, error.code, error.command) == ("recipient", 550, "RCPT")
    assert (error.enhanced_code, error.retry) == ("5.1.1", "never")
    assert (error.failover, error.operator) == (False, False)
    # and the connection serves the next one
    await smtp.send_message("SignIn", to="after@example.org", payload=PAYLOAD)
    assert len(filed(dovecot, "after@example.org")) == 1
    assert filed(dovecot, "nobody@example.org") == []


BODIES = {
    "dots": ".\n..\n.leading\n...\n\n.\n",
    "lines": "x" * 1500 + "\n" + "ü" * 1500 + "\n",
    "megabyte": ("Grüße 0123456789 " * 61681)[: 1024 * 1024 - 1000] + "\n",
}


@pytest.mark.parametrize("content_type", ["text/plain", "text/html"])
@pytest.mark.parametrize("case", BODIES)
async def test_a_body_arrives_exactly(
    host: AsyncHost, dovecot: Dovecot, case: str, content_type: str
) -> None:
    templates = [template(usage, content_type, content=BODIES[case]) for usage in USAGES]
    smtp = host.configure("smtp", settings(dovecot, templates=templates))
    receipt = await smtp.send_message("Generic", to="body@example.org", payload=PAYLOAD)
    found = filed(dovecot, "body@example.org")
    (mail,) = [mail for mail in found if mail["Message-ID"] == receipt.message_id]
    part = mail.get_body((content_type.removeprefix("text/"),))
    assert part is not None
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode("utf-8").replace("\r\n", "\n") == BODIES[case]


async def test_sixty_at_once_over_three_connections(host: AsyncHost, dovecot: Dovecot) -> None:
    templates = [template(usage, subject="s", content="{{code}}") for usage in USAGES]
    smtp = host.configure("smtp", settings(dovecot, templates=templates, maxConnections=3))
    await asyncio.gather(*(smtp.send_message("SignIn", to=to, payload={"code": to}) for to in MANY))
    found = filed(dovecot, *MANY)
    assert Counter(mail["Delivered-To"] for mail in found) == Counter(MANY)
    for mail in found:
        assert mail.get_content() == f"{mail['Delivered-To']}\n"
