"""Every usage type to every server, compared field by field with what the config says."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector_core import AsyncHost, Host, PermanentDeliveryError
from connector_core.inbox import Inbox
from tests.interop.mails import PAYLOAD, USAGES, Arrived, Destination, config, template
from tests.servers import Postfix, SmtpServer

SERVERS = ["inbox", "postfix", "smtp-server"]
HEADERS = {"X-Entity-Ref": "Prüfung – ✓", "X-Hop": ["eins", "zwei"]}


@pytest.fixture(params=SERVERS)
async def destination(request: pytest.FixtureRequest) -> AsyncIterator[Destination]:
    if request.param == "inbox":
        async with Inbox() as inbox:
            yield Destination(inbox)
    elif request.param == "postfix":
        postfix: Postfix = request.getfixturevalue("postfix")
        yield Destination(postfix)
    else:
        smtp_server: SmtpServer = request.getfixturevalue("smtp_server")
        yield Destination(smtp_server)


def settings(destination: Destination, **changes: Any) -> dict[str, Any]:
    # on loopback, where Postfix shows a certificate that nobody here knows
    return config(**destination.config, ignoreTLS=True, customHeaders=HEADERS, **changes)


def expected_text(usage_type: str, *, escaped: bool) -> str:
    def shown(value: str) -> str:
        return html.escape(value) if escaped else value

    items = shown('["eins",{"zwei":2.5}]')
    return (
        f"{usage_type}\r\nGrüße an {shown(PAYLOAD['user']['name'])},\r\n"
        f"042317 / {shown(PAYLOAD['link'])} / 2.5 / {items} / true / {{{{unknown}}}}\r\n"
    )


def compare(
    mail: Arrived, usage_type: str, recipient: str, message_id: str, kind: str, name: str
) -> None:
    message = mail.message
    assert (mail.sender, mail.recipient) == ("noreply@example.com", recipient)
    (sender,) = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "noreply@example.com")
    (to,) = message["To"].addresses
    assert (to.display_name, to.addr_spec) == ("", recipient)
    (reply,) = message["Reply-To"].addresses
    assert (reply.display_name, reply.addr_spec) == ("Hilfe, 24/7 – Köln", "help@example.com")
    assert message["Subject"] == f"{usage_type}: 042317 für 株式会社 例 – ✓"
    date = message["Date"].datetime
    assert date.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - date) < timedelta(minutes=1)
    assert str(message["Date"]).endswith(" +0000")
    assert message["Message-ID"] == message_id
    assert re.fullmatch(r"<[A-Za-z0-9._-]+@example\.com>", message_id)
    assert message["MIME-Version"] == "1.0"
    assert message["Auto-Submitted"] == "auto-generated"
    single = kind == "text/plain"
    parts = [part.get_content_type() for part in message.walk()]
    assert parts == [kind] if single else ["multipart/alternative", "text/plain", kind]
    part = mail.part(kind)
    assert part.get_content_charset() == "utf-8"
    assert part["Content-Transfer-Encoding"] in ("quoted-printable", "base64")
    assert message["X-Entity-Ref"] == "Prüfung – ✓"
    assert message.get_all("X-Hop") == ["eins", "zwei"]
    assert sorted(message.keys()) == sorted(
        [
            *("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version"),
            *("Content-Type", "Auto-Submitted", "X-Entity-Ref", "X-Hop", "X-Hop"),
            *(["Content-Transfer-Encoding"] if single else []),
        ]
    )
    assert mail.text(kind) == expected_text(usage_type, escaped=kind == "text/html")
    if not single:
        shown = expected_text(usage_type, escaped=False).split()
        assert mail.text("text/plain").split() == shown
    assert mail.content.isascii()
    assert all(len(line) <= 998 for line in mail.content.split(b"\r\n"))
    assert [defect for part in message.walk() for defect in part.defects] == []


@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
async def test_every_field_arrives_as_the_config_says(
    host: AsyncHost, destination: Destination, kind: str
) -> None:
    templates = [template(usage, kind) for usage in USAGES]
    smtp = host.configure("smtp", settings(destination, templates=templates))
    short = kind.partition("/")[2]
    receipts = {}
    for usage in USAGES:
        recipient = f"{usage}.{short}@example.org"
        receipts[usage] = await smtp.send_message(usage, to=recipient, payload=PAYLOAD)
        assert receipts[usage].accepted == (recipient,)
        assert receipts[usage].rejected == ()
        assert receipts[usage].connector_id == "simple-mail-transfer-protocol"
        assert receipts[usage].response.startswith("250 ")
    for usage in USAGES:
        recipient = f"{usage}.{short}@example.org"
        (mail,) = await destination.mails_for(recipient)
        name = "Ünïcode Versand GmbH"
        compare(mail, usage, recipient, receipts[usage].message_id, kind, name)
    assert len({receipt.message_id for receipt in receipts.values()}) == len(USAGES)


async def test_a_template_has_its_own_sender_and_address_for_replies(
    host: AsyncHost, destination: Destination
) -> None:
    own = template(
        "SignIn",
        sendFrom="{{application.name}} <app@example.net>",
        replyTo="{{ user.name }} <{{alias}}@example.net>",
    )
    templates = [own, *map(template, USAGES)]
    smtp = host.configure("smtp", settings(destination, templates=templates))
    receipt = await smtp.send_message(
        "SignIn", to="own@example.org", payload={**PAYLOAD, "alias": "zoe"}
    )
    (mail,) = await destination.mails_for("own@example.org")
    (sender,) = mail.message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Größenwahn & Söhne", "app@example.net")
    (reply,) = mail.message["Reply-To"].addresses
    assert (reply.display_name, reply.addr_spec) == (PAYLOAD["user"]["name"], "zoe@example.net")
    assert mail.sender == "app@example.net"
    assert receipt.message_id.endswith("@example.net>")


async def test_an_international_domain_goes_in_ascii(
    host: AsyncHost, destination: Destination
) -> None:
    smtp = host.configure("smtp", settings(destination))
    receipt = await smtp.send_message("Generic", to="idn@Bücher.example", payload=PAYLOAD)
    assert receipt.accepted == ("idn@xn--bcher-kva.example",)
    # a server may show the domain in its other form
    (mail,) = await destination.mails_for(*receipt.accepted, "idn@bücher.example")
    assert str(mail.message["To"]) == "idn@xn--bcher-kva.example"


async def test_an_international_local_part_goes_by_smtputf8(
    host: AsyncHost, destination: Destination
) -> None:
    smtp = host.configure("smtp", settings(destination))
    receipt = await smtp.send_message("Generic", to="jörg@bücher.example", payload=PAYLOAD)
    (accepted,) = receipt.accepted
    local, _, domain = accepted.partition("@")
    assert (local, domain) == ("jörg", "xn--bcher-kva.example")
    # a server may show the domain in its other form
    (mail,) = await destination.mails_for(accepted, "jörg@bücher.example")
    assert "jörg@" in mail.content.decode("utf-8")


async def test_smtputf8_is_asked_for_where_it_is_needed_and_only_there(
    host: AsyncHost, smtp_server: SmtpServer
) -> None:
    smtp = host.configure("smtp", settings(Destination(smtp_server)))
    await smtp.send_message("Generic", to="müller-args@example.org", payload=PAYLOAD)
    await smtp.send_message("Generic", to="mueller-args@example.org", payload=PAYLOAD)
    args = {mail.rcpt_to[0]: mail.args for mail in smtp_server.messages()}
    assert args["müller-args@example.org"]["SMTPUTF8"] is True
    assert args["müller-args@example.org"]["BODY"] == "8BITMIME"
    assert "SMTPUTF8" not in args["mueller-args@example.org"]


async def test_without_smtputf8_nothing_of_it_is_written(
    host: AsyncHost, small_server: SmtpServer
) -> None:
    plain = [template(usage, subject="s", content="c") for usage in USAGES]
    smtp = host.configure("smtp", settings(Destination(small_server), templates=plain))
    with pytest.raises(PermanentDeliveryError, match="SMTPUTF8") as raised:
        await smtp.send_message("Generic", to="jörg@example.org")
    assert (raised.value.code, raised.value.stage, raised.value.failover) == (None, "sender", True)
    await smtp.send_message("Generic", to="after-utf8@example.org")
    arrived = [mail.rcpt_to for mail in small_server.messages()]
    assert ["jörg@example.org"] not in arrived
    assert ["after-utf8@example.org"] in arrived


BODIES = {
    "dots": ".\n..\n.leading\n...\n\n.\n",
    "lines": ("x" * 1500 + "\n") + ("ü" * 1500 + "\n") + "short",
    "spaces": "trailing   \ntab\t\n \n--\n",
    "endings": "a\rb\r\nc\nd\r\n\r\ne",
    "from": "From me\nFrom: me\n>From\n",
    "equals": "=3D =\n=20 a=b\n",
    "nothing": "",
    "megabyte": ("Grüße 0123456789 " * 61681)[: 1024 * 1024 - 1000],
}


@pytest.mark.parametrize("case", BODIES)
async def test_a_body_arrives_exactly(host: AsyncHost, destination: Destination, case: str) -> None:
    templates = [template(usage, content=BODIES[case]) for usage in USAGES]
    smtp = host.configure("smtp", settings(destination, templates=templates))
    await smtp.send_message("Generic", to=f"{case}@example.org", payload=PAYLOAD)
    (mail,) = await destination.mails_for(f"{case}@example.org")
    sent = re.sub(r"\r\n|\r|\n", "\r\n", BODIES[case])
    assert mail.text("text/plain") == (sent if sent.endswith("\r\n") else sent + "\r\n")


def test_the_blocking_host_sends_the_same(smtp_server: SmtpServer) -> None:
    given = settings(Destination(smtp_server), templates=[template(usage) for usage in USAGES])
    with Host.discover(strict=True) as host:
        smtp = host.configure("smtp", given)
        receipt = host.send_message("SignIn", to="sync@example.org", payload=PAYLOAD)
        assert [stage.name for stage in smtp.verify().stages][-1] == "ehlo"
    (found,) = [mail for mail in smtp_server.messages() if mail.rcpt_to == ["sync@example.org"]]
    mail = Arrived(found.mail_from, found.rcpt_to[0], found.raw)
    name = "Ünïcode Versand GmbH"
    compare(mail, "SignIn", "sync@example.org", receipt.message_id, "text/plain", name)
