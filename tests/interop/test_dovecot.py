"""Submission by Dovecot: authentication by every mechanism, and what reaches its relay."""

from __future__ import annotations

import asyncio
import base64
import html
import logging
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from connector_core import (
    AsyncHost,
    PermanentDeliveryError,
    TemporaryDeliveryError,
)
from tests.interop.conftest import Authority, settings
from tests.interop.mails import PAYLOAD, USAGES, Arrived, Destination, template
from tests.servers import Dovecot, SmtpServer, start_dovecot
from tests.servers.dovecot import PASSWORD_MECHANISMS, TOKEN_MECHANISMS
from tests.servers.ports import reserved_ports

KEY = b"a key that signs tokens, 32 long"
WRONG = "canary-wrong-secret"
# By kind: a user, to whose name the mechanism is added, and the password.
KINDS = {
    "plain": ("ann", "right"),
    "domain": ("bob@example.com", "x" * 300),
    "escaped": ("eve,=2C=", 'p,=:"\\ %u {PLAIN} ='),
    "beyond ASCII": ("jörg", "pässwörd €"),
}
PASSWORDS = {
    f"{user}-{mechanism}": password
    for user, password in KINDS.values()
    for mechanism in PASSWORD_MECHANISMS
}
TOKEN_USERS = {"plain": "tim", "beyond ASCII": "tökén@example.com"}
OTHERS = [f"{user}-{mechanism}" for user in TOKEN_USERS.values() for mechanism in TOKEN_MECHANISMS]
OTHERS += ["default", "clear", "secure", "mails", "many", "refused", "greylisted"]
USERS = {**PASSWORDS, **dict.fromkeys(OTHERS, "right")}


@pytest.fixture(scope="module")
def dovecot(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, smtp_server: SmtpServer
) -> Iterator[Dovecot]:
    with start_dovecot(
        tmp_path_factory.mktemp("dovecot"),
        tls=authority.server,
        users=USERS,
        relay_port=smtp_server.port,
        token_key=KEY,
    ) as server:
        yield server


def login(name: str, password: str = "right") -> dict[str, str]:
    return {"user": name, "pass": password}


def token(user: str, *, key: bytes = KEY, lifetime: int = 3600) -> str:
    return jwt.encode({"sub": user, "exp": int(time.time()) + lifetime}, key, algorithm="HS256")


async def relayed(server: SmtpServer, recipient: str) -> Arrived:
    (mail,) = await Destination(server).mails_for(recipient)
    return mail


def compare(mail: Arrived, recipient: str, usage_type: str = "SignIn", kind: str = "plain") -> None:
    """The mail as the template and the payload of `tests.interop.mails` have it."""
    message = mail.message
    assert (mail.sender, mail.recipient) == ("noreply@example.com", recipient)
    (sender,) = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Ünïcode Versand GmbH", mail.sender)
    (to,) = message["To"].addresses
    assert (to.display_name, to.addr_spec) == ("", recipient)
    assert message["Subject"] == f"{usage_type}: 042317 für 株式会社 例 – ✓"
    part = message.get_body((kind,))
    assert part is not None
    name, link, items = PAYLOAD["user"]["name"], PAYLOAD["link"], '["eins",{"zwei":2.5}]'
    if kind == "html":
        name, link, items = map(html.escape, (name, link, items))
    assert part.get_content() == (
        f"{usage_type}\r\nGrüße an {name},\r\n"
        f"042317 / {link} / 2.5 / {items} / true / {{{{unknown}}}}\r\n"
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mechanism", PASSWORD_MECHANISMS)
async def test_the_right_password_is_taken(
    host: AsyncHost,
    dovecot: Dovecot,
    smtp_server: SmtpServer,
    authority: Authority,
    mechanism: str,
    kind: str,
) -> None:
    user = f"{KINDS[kind][0]}-{mechanism}"
    given = settings(dovecot, authority, login(user, PASSWORDS[user]), authMethod=mechanism)
    smtp = host.configure("smtp", given)
    report = await smtp.verify()
    assert report.ok
    assert (report.stages[-1].name, report.stages[-1].detail) == ("auth", mechanism)
    recipient = f"{mechanism}.{kind.replace(' ', '-')}@dovecot.example"
    receipt = await smtp.send_message("SignIn", to=recipient, payload=PAYLOAD)
    assert receipt.accepted == (recipient,)
    compare(await relayed(smtp_server, recipient), recipient)
    assert await asyncio.to_thread(dovecot.logins, user, n=2) == [mechanism, mechanism]


@pytest.mark.parametrize("kind", TOKEN_USERS)
@pytest.mark.parametrize("mechanism", TOKEN_MECHANISMS)
async def test_the_right_token_is_taken(
    host: AsyncHost,
    dovecot: Dovecot,
    smtp_server: SmtpServer,
    authority: Authority,
    mechanism: str,
    kind: str,
) -> None:
    user = f"{TOKEN_USERS[kind]}-{mechanism}"
    auth = {"type": "OAuth2", "user": user, "accessToken": token(user)}
    smtp = host.configure("smtp", settings(dovecot, authority, auth, authMethod=mechanism))
    report = await smtp.verify()
    assert report.ok
    assert (report.stages[-1].name, report.stages[-1].detail) == ("auth", mechanism)
    recipient = f"{mechanism}.{kind.replace(' ', '-')}@dovecot.example"
    await smtp.send_message("SignIn", to=recipient, payload=PAYLOAD)
    compare(await relayed(smtp_server, recipient), recipient)
    assert await asyncio.to_thread(dovecot.logins, user, n=2) == [mechanism, mechanism]


def wrong_auths() -> list[Any]:
    passwords = [
        pytest.param(mechanism, login(f"ann-{mechanism}", WRONG), id=mechanism)
        for mechanism in PASSWORD_MECHANISMS
    ]
    unknown = [
        pytest.param(mechanism, login("nobody", WRONG), id=f"{mechanism} of nobody")
        for mechanism in PASSWORD_MECHANISMS
    ]
    tokens = [
        pytest.param(
            mechanism,
            {"type": "OAuth2", "user": "mails", "accessToken": wrong},
            id=f"{mechanism} {what}",
        )
        for mechanism in TOKEN_MECHANISMS
        for what, wrong in (
            ("of another key", token("mails", key=b"another" * 6)),
            ("expired", token("mails", lifetime=-60)),
            ("of another user", token("many")),
            ("that is none", WRONG),
        )
    ]
    return passwords + unknown + tokens


@pytest.mark.parametrize(("mechanism", "auth"), wrong_auths())
async def test_wrong_credentials_are_refused_once_and_never_shown(
    host: AsyncHost,
    dovecot: Dovecot,
    smtp_server: SmtpServer,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    mechanism: str,
    auth: dict[str, str],
) -> None:
    caplog.set_level(logging.DEBUG)
    given = settings(dovecot, authority, auth, authMethod=mechanism, debug=True)
    smtp = host.configure("smtp", given)
    with pytest.raises(PermanentDeliveryError) as raised:
        await smtp.send_message("SignIn", to="wrong@dovecot.example", payload=PAYLOAD)
    error = raised.value
    assert (error.stage, error.code, error.command) == ("auth", 535, "AUTH")
    assert (error.enhanced_code, error.retry) == ("5.7.8", "never")
    assert (error.failover, error.operator) == (True, True)
    assert error.hint
    with pytest.raises(PermanentDeliveryError, match="not tried again"):
        await smtp.send_message("SignIn", to="wrong@dovecot.example", payload=PAYLOAD)
    assert caplog.text.count(f"C: AUTH {mechanism}") == 1
    user, secret = auth["user"], auth.get("accessToken") or auth["pass"]
    shown = [caplog.text, str(error), repr(error), repr(vars(error))]
    for hidden in (
        secret,
        base64.b64encode(secret.encode()).decode(),
        base64.b64encode(f"\0{user}\0{secret}".encode()).decode(),
        base64.b64encode(f"user={user}\1auth=Bearer {secret}\1\1".encode()).decode(),
    ):
        assert not [text for text in shown if hidden in text]
    arrived = [mail.rcpt_to for mail in smtp_server.messages()]
    assert ["wrong@dovecot.example"] not in arrived


async def test_the_default_by_starttls_is_plain(
    host: AsyncHost, dovecot: Dovecot, smtp_server: SmtpServer, authority: Authority
) -> None:
    smtp = host.configure("smtp", settings(dovecot, authority, login("default")))
    report = await smtp.verify()
    names = ("resolve", "connect", "greeting", "ehlo", "tls", "auth")
    assert [(stage.name, stage.ok) for stage in report.stages] == [(name, True) for name in names]
    await smtp.send_message("SignIn", to="starttls@dovecot.example", payload=PAYLOAD)
    compare(await relayed(smtp_server, "starttls@dovecot.example"), "starttls@dovecot.example")
    assert await asyncio.to_thread(dovecot.logins, "default", n=2) == ["PLAIN"] * 2
    assert dovecot.log().count("user=<default>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1") == 2


async def test_the_default_with_tls_from_the_first_byte_is_plain(
    host: AsyncHost, dovecot: Dovecot, smtp_server: SmtpServer, authority: Authority
) -> None:
    changes = {"port": dovecot.submissions_port, "secure": True, "requireTLS": None}
    smtp = host.configure("smtp", settings(dovecot, authority, login("secure"), **changes))
    report = await smtp.verify()
    names = ("resolve", "connect", "tls", "greeting", "ehlo", "auth")
    assert [(stage.name, stage.ok) for stage in report.stages] == [(name, True) for name in names]
    await smtp.send_message("SignIn", to="secure@dovecot.example", payload=PAYLOAD)
    compare(await relayed(smtp_server, "secure@dovecot.example"), "secure@dovecot.example")
    assert await asyncio.to_thread(dovecot.logins, "secure", n=2) == ["PLAIN"] * 2


async def test_the_default_in_the_clear_hides_the_password(
    host: AsyncHost, dovecot: Dovecot, smtp_server: SmtpServer, authority: Authority
) -> None:
    given = settings(dovecot, authority, login("clear"), requireTLS=None, tls=None, ignoreTLS=True)
    await host.configure("smtp", given).send_message(
        "SignIn", to="clear@dovecot.example", payload=PAYLOAD
    )
    compare(await relayed(smtp_server, "clear@dovecot.example"), "clear@dovecot.example")
    assert await asyncio.to_thread(dovecot.logins, "clear") == ["SCRAM-SHA-256"]


@pytest.mark.parametrize("kind", ["plain", "html"])
async def test_every_usage_type_passes_through(
    host: AsyncHost, dovecot: Dovecot, smtp_server: SmtpServer, authority: Authority, kind: str
) -> None:
    templates = [template(usage, f"text/{kind}") for usage in USAGES]
    given = settings(dovecot, authority, login("mails"), templates=templates)
    smtp = host.configure("smtp", given)
    for usage in USAGES:
        recipient = f"{usage}.{kind}@dovecot.example"
        receipt = await smtp.send_message(usage, to=recipient, payload=PAYLOAD)
        mail = await relayed(smtp_server, recipient)
        compare(mail, recipient, usage, kind)
        assert mail.message["Message-ID"] == receipt.message_id


BODIES = {
    "dots": ".\r\n..\r\n.leading\r\n...\r\n\r\n.\r\n",
    "lines": "x" * 1500 + "\r\n" + "ü" * 1500 + "\r\n",
    "megabyte": ("Grüße 0123456789 " * 61681)[: 1024 * 1024 - 1000] + "\r\n",
}


@pytest.mark.parametrize("case", BODIES)
async def test_a_body_arrives_exactly_by_bdat(
    host: AsyncHost,
    dovecot: Dovecot,
    smtp_server: SmtpServer,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    case: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    templates = [template(usage, content=BODIES[case]) for usage in USAGES]
    given = settings(dovecot, authority, login("mails"), templates=templates, debug=True)
    recipient = f"{case}@dovecot.example"
    smtp = host.configure("smtp", given)
    # the first of a sender goes by DATA
    await smtp.send_message("Generic", to=f"first.{recipient}", payload=PAYLOAD)
    await smtp.send_message("Generic", to=recipient, payload=PAYLOAD)
    mail = await relayed(smtp_server, recipient)
    payload = mail.message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode("utf-8") == BODIES[case]
    # Dovecot offers CHUNKING, whatever its relay does
    assert f" | RCPT TO:<{recipient}> | BDAT " in caplog.text


@pytest.mark.parametrize(
    ("local", "code", "outcome"),
    [("refused", 550, PermanentDeliveryError), ("greylisted", 450, TemporaryDeliveryError)],
)
async def test_a_recipient_that_the_relay_refuses(
    host: AsyncHost,
    dovecot: Dovecot,
    smtp_server: SmtpServer,
    authority: Authority,
    local: str,
    code: int,
    outcome: type[PermanentDeliveryError | TemporaryDeliveryError],
) -> None:
    smtp = host.configure("smtp", settings(dovecot, authority, login(local)))
    with pytest.raises(outcome) as raised:
        await smtp.send_message("SignIn", to=f"{local}@dovecot.example", payload=PAYLOAD)
    error = raised.value
    assert (error.stage, error.code, error.command) == ("recipient", code, "RCPT")
    assert (error.failover, error.operator) == (False, False)
    # the connection serves the next one
    await smtp.send_message("SignIn", to=f"after.{local}@dovecot.example", payload=PAYLOAD)
    await relayed(smtp_server, f"after.{local}@dovecot.example")
    assert await asyncio.to_thread(dovecot.logins, local) == ["PLAIN"]
    arrived = [mail.rcpt_to for mail in smtp_server.messages()]
    assert [f"{local}@dovecot.example"] not in arrived


async def test_an_address_beyond_ascii_is_refused_before_anything_is_written(
    host: AsyncHost, dovecot: Dovecot, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    given = settings(dovecot, authority, login("mails"), debug=True)
    with pytest.raises(PermanentDeliveryError, match="SMTPUTF8") as raised:
        await host.configure("smtp", given).send_message(
            "SignIn", to="jörg@dovecot.example", payload=PAYLOAD
        )
    assert (raised.value.stage, raised.value.failover) == ("sender", True)
    assert "C: AUTH" in caplog.text
    assert "C: MAIL" not in caplog.text


async def test_sixty_at_once_over_three_connections(
    host: AsyncHost, dovecot: Dovecot, smtp_server: SmtpServer, authority: Authority
) -> None:
    templates = [template(usage, subject="s", content="{{code}}") for usage in USAGES]
    given = settings(
        dovecot, authority, login("many"), templates=templates, maxConnections=3, maxMessages=100
    )
    smtp = host.configure("smtp", given)
    recipients = [f"n{number}@many.dovecot.example" for number in range(60)]
    await asyncio.gather(
        *(smtp.send_message("SignIn", to=to, payload={"code": to}) for to in recipients)
    )
    mails = await Destination(smtp_server).mails_for(*recipients, count=60)
    assert Counter(mail.recipient for mail in mails) == Counter(recipients)
    for mail in mails:
        assert mail.message.get_content() == f"{mail.recipient}\r\n"
    assert 1 <= len(await asyncio.to_thread(dovecot.logins, "many")) <= 3


@pytest.fixture(scope="module")
def small_dovecot(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, small_server: SmtpServer
) -> Iterator[Dovecot]:
    """Before a small relay, whose limit Dovecot announces after the log-in alone."""
    with start_dovecot(
        tmp_path_factory.mktemp("dovecot"),
        tls=authority.server,
        users={"ann": "right"},
        relay_port=small_server.port,
    ) as server:
        yield server


async def test_a_mail_over_the_size_of_the_relay(
    host: AsyncHost, small_dovecot: Dovecot, small_server: SmtpServer, authority: Authority
) -> None:
    templates = [
        template("SignIn", content="x" * 3000),
        *(template(usage, subject="s", content="c") for usage in USAGES if usage != "SignIn"),
    ]
    given = settings(
        small_dovecot, authority, login("ann"), templates=templates, replyTo=None, maxConnections=1
    )
    smtp = host.configure("smtp", given)
    # more than the limit, which is asked for again after the log-in
    with pytest.raises(PermanentDeliveryError, match=r"takes [0-9]+") as raised:
        await smtp.send_message("SignIn", to="big@dovecot.example", payload=PAYLOAD)
    assert (raised.value.stage, raised.value.retry) == ("content", "never")
    await smtp.send_message("Generic", to="small@dovecot.example")
    arrived = [mail.rcpt_to for mail in small_server.messages()]
    assert ["small@dovecot.example"] in arrived
    assert ["big@dovecot.example"] not in arrived


async def test_a_relay_that_is_down(host: AsyncHost, authority: Authority, tmp_path: Path) -> None:
    with (
        reserved_ports(1) as (nobody_listens,),
        start_dovecot(
            tmp_path, tls=authority.server, users={"ann": "right"}, relay_port=nobody_listens
        ) as alone,
    ):
        given = settings(alone, authority, login("ann"))
        smtp = host.configure("smtp", given)
        with pytest.raises(TemporaryDeliveryError) as raised:
            await smtp.send_message("SignIn", to="down@dovecot.example", payload=PAYLOAD)
        await host.aclose()
    assert (raised.value.retry, raised.value.failover) == ("retry", True)
