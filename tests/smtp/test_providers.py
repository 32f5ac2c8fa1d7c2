"""Providers, emulated: what they answer to a wrong set-up, what it comes to, and the remedy."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any, NamedTuple

import pytest

from connector_core import AsyncHost, DeliveryError
from tests.smtp import certificates
from tests.smtp.helpers import (
    AUTH,
    PASSWORD,
    USER,
    Outcome,
    assert_secret,
    hosting,
    send,
    shown,
    within,
)
from tests.smtp.peer import Answer, Answers, Connection, Peer
from tests.smtp.token_server import TokenServer

BOTH_LOOPS = True
SUBMISSION: dict[str, Any] = {"requireTLS": True}
TOKEN = "ya29.never-shown-token"
BY_TOKEN = {"type": "OAuth2", "user": USER, "accessToken": TOKEN}
REFRESHED = {
    "type": "OAuth2",
    "user": USER,
    "clientId": "client-id",
    "clientSecret": "never-shown-secret",
    "refreshToken": "never-shown-refresh",
}
GMAIL_REFUSES = (
    "535-5.7.8 Username and Password not accepted. For more information, go to\r\n"
    "535 5.7.8  https://support.google.com/mail/?p=BadCredentials c7sm19648018pfp.164 - gsmtp"
)
SENDGRID_REFUSES = "535 Authentication failed: Bad username / password"


@pytest.fixture(autouse=True)
def every_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def submission(mechanisms: str = "PLAIN LOGIN", /, **answers: Answers) -> Peer:
    """A submission server: STARTTLS, then AUTH."""
    return Peer(starttls=certificates.valid(), mechanisms=mechanisms, answers=answers)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def plain(auth: dict[str, str]) -> str:
    """What PLAIN makes of user and password."""
    return b64(f"\0{auth['user']}\0{auth['pass']}")


def response(connection: Connection) -> str:
    """What came with AUTH."""
    return base64.b64decode(connection.commands[-1].split(" ")[2]).decode()


async def refused(host: AsyncHost, outcome: Outcome, gist: str) -> DeliveryError:
    with within(), pytest.raises(DeliveryError) as caught:
        await send(host)
    outcome.check(caught.value)
    assert gist in caught.value.hint
    return caught.value


def assert_no_token(caplog: pytest.LogCaptureFixture, host: AsyncHost, *errors: Exception) -> None:
    everything = "\n".join([caplog.text, repr(host.configured["smtp"]), *map(shown, errors)])
    for secret in (TOKEN, "never-shown", "token-1", "token-2"):
        assert secret not in everything
        assert b64(f"user={USER}\x01auth=Bearer {secret}\x01\x01")[:-8] not in everything


# Passwords, senders and limits


class Case(NamedTuple):
    """What a provider answers in one place, and what must come of it."""

    place: str
    reply: str
    letters: str
    stage: str
    gist: str


CASES = {
    "Gmail: app password": Case(
        "AUTH",
        "534-5.7.9 Application-specific password required. For more information, go to\r\n"
        "534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor c7sm19.164 - gsmtp",
        "PFA",
        "auth",
        "create an app password",
    ),
    "Gmail: wrong password": Case(
        "AUTH", GMAIL_REFUSES, "PFA", "auth", "check auth.user and auth.pass"
    ),
    "Gmail: daily limit": Case(
        "content",
        "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\r\n"
        "550 5.4.5  sending limits go to https://support.google.com/a/answer/166852 - gsmtp",
        "PFA",
        "content",
        "wait for the next day",
    ),
    "SendGrid: sender not verified": Case(
        "content",
        "550 The from address does not match a verified Sender Identity. Mail cannot be sent until "
        "this error is resolved.",
        "PFA",
        "content",
        "verify fromEmail",
    ),
    "SendGrid: credits used up": Case(
        "AUTH",
        "451 Authentication failed: Maximum credits exceeded",
        "RFA",
        "auth",
        "raise the plan",
    ),
    "Aliyun: authentication failed": Case(
        "AUTH", "526 Authentication failure[0]", "PFA", "auth", "check auth.user and auth.pass"
    ),
    "Aliyun: authentication failed too often": Case(
        "AUTH", "526 Authentication failure[1]", "PFA", "auth", "locked the account for a while"
    ),
    "Microsoft: SMTP AUTH off": Case(
        "AUTH",
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
        "Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
        "PFA",
        "auth",
        "turn on Authenticated SMTP for this mailbox",
    ),
    "Microsoft: basic authentication off": Case(
        "AUTH",
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
        "PFA",
        "auth",
        "use OAuth2",
    ),
    "Microsoft: security defaults": Case(
        "AUTH",
        "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security "
        "defaults policy. Contact your administrator.",
        "PFA",
        "auth",
        "security policy of the organisation",
    ),
    "Microsoft: another's address": Case(
        "content",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        "PFA",
        "content",
        "grant the right to send as that address",
    ),
    "Microsoft: SendAsDenied": Case(
        "content",
        "554 5.2.252 SendAsDenied; mailer@example.org not allowed to send as a@example.org; "
        "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed",
        "PFA",
        "content",
        "grant the right to send as that address",
    ),
    "Microsoft: too many connections": Case(
        "content",
        "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending "
        "for more information. [Hostname=OS0PR01MB6099.jpnprd01.prod.outlook.com]",
        "RF",
        "content",
        "lower maxConnections",
    ),
    "SES: sandbox": Case(
        "content",
        "554 Message rejected: Email address is not verified. The following identities failed the "
        "check in region US-EAST-1: a@example.org",
        "PFA",
        "content",
        "production access",
    ),
    "SES: too fast": Case(
        "content",
        "454 Throttling failure: Maximum sending rate exceeded.",
        "RF",
        "content",
        "set rateLimit",
    ),
    "SES: daily quota": Case(
        "content",
        "454 Throttling failure: Daily message quota exceeded.",
        "RFA",
        "content",
        "wait for the next day",
    ),
    "SES: AWS keys": Case(
        "AUTH", "535 Authentication Credentials Invalid", "PFA", "auth", "made for SMTP"
    ),
}


@pytest.mark.parametrize("name", list(CASES))
async def test_a_refusal_and_its_remedy(name: str, caplog: pytest.LogCaptureFixture) -> None:
    case = CASES[name]
    async with submission(**{case.place: case.reply}) as peer:
        async with hosting(peer, auth=AUTH, **SUBMISSION) as host:
            error = await refused(host, Outcome(case.letters, case.stage), case.gist)
            assert error.code == int(case.reply[:3])
            assert peer.count("AUTH") == 1
            if case.place == "AUTH" and case.letters[0] == "P":
                # Again and again, it would lock the account.
                again = await refused(host, Outcome(case.letters, case.stage), case.gist)
                assert_secret(caplog, again)
                assert peer.count("AUTH") == 1
            assert_secret(caplog, error)
            assert PASSWORD not in repr(host.configured["smtp"])
        assert not peer.mails
        peer.answers.clear()
        mended = {"user": USER, "pass": "as-the-provider-wants-it"}
        async with hosting(peer, auth=mended, **SUBMISSION) as host:
            await send(host)
        assert len(peer.mails) == 1
        assert f"AUTH PLAIN {plain(mended)}" in peer.commands


async def test_what_passes_is_sent_over_the_same_connection() -> None:
    busy = CASES["Microsoft: too many connections"].reply
    async with submission(content=[busy]) as peer:
        async with hosting(peer, auth=AUTH, **SUBMISSION) as host:
            await refused(host, Outcome("RF", "content"), "lower maxConnections")
            await send(host)
        assert (len(peer.mails), len(peer.connections), peer.count("AUTH")) == (1, 1, 1)


# SendGrid: the user is the word apikey


async def apikey_alone(connection: Connection) -> bool:
    _, user, _ = response(connection).split("\0")
    await connection.reply(
        "235 Authentication successful" if user == "apikey" else SENDGRID_REFUSES
    )
    return user == "apikey"


async def test_sendgrid_knows_no_other_user_than_apikey(caplog: pytest.LogCaptureFixture) -> None:
    async with submission(AUTH=apikey_alone) as peer:
        async with hosting(peer, auth=AUTH, **SUBMISSION) as host:
            error = await refused(host, Outcome("PFA", "auth"), "is the word apikey")
            assert peer.count("AUTH") == 1
        async with hosting(peer, auth={**AUTH, "user": "apikey"}, **SUBMISSION) as host:
            await send(host)
        assert (len(peer.mails), peer.count("AUTH")) == (1, 2)
    assert_secret(caplog, error)


# Alibaba Cloud: the sender is the account


def not_the_account(code: int) -> str:
    if code == 436:
        return '436 "MAIL FROM" doesn\'t conform with authentication [@sm060104]'
    return (
        "440 mail from account doesn't conform with authentication (Auth Account:"
        f"{USER}|Mail Account:a@example.org)"
    )


@pytest.mark.parametrize("code", [440, 436])
@pytest.mark.parametrize("place", ["MAIL", "content"])
async def test_aliyun_lets_the_account_send_for_itself_alone(
    place: str, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def check(connection: Connection) -> bool:
        right = connection.mail.sender.startswith(f"<{USER}>")
        if place == "MAIL":
            right = connection.commands[-1].startswith(f"MAIL FROM:<{USER}>")
        await connection.reply("250 ok" if right else not_the_account(code))
        return right

    stage = {"MAIL": "sender", "content": "content"}[place]
    async with submission(**{place: check}) as peer:
        async with hosting(peer, auth=AUTH, **SUBMISSION) as host:
            # 4yz, and yet no later attempt would end otherwise.
            error = await refused(host, Outcome("PFA", stage), "the same as auth.user")
            assert error.code == code
            assert "fromEmail" in error.hint
        assert not peer.mails
        async with hosting(peer, auth=AUTH, fromEmail=USER, **SUBMISSION) as host:
            await send(host)
        assert len(peer.mails) == 1
    assert_secret(caplog, error)


# Tokens


def bearer(connection: Connection) -> str:
    user, auth, *rest = response(connection).split("\x01")
    assert (user, rest) == (f"user={USER}", ["", ""])
    assert auth.startswith("auth=Bearer ")
    return auth.removeprefix("auth=Bearer ")


def gmail(accepted: str = "") -> Answer:
    """XOAUTH2 as Gmail does it: a challenge tells why, an empty line fetches the refusal."""

    async def authenticate(connection: Connection) -> bool:
        if bearer(connection) == accepted:
            await connection.reply("235 2.7.0 Accepted")
            return True
        why = {"status": "401", "schemes": "bearer", "scope": "https://mail.google.com/"}
        await connection.reply(f"334 {b64(json.dumps(why))}")
        assert await connection.line() == ""
        await connection.write(f"{GMAIL_REFUSES}\r\n".encode())
        return False

    return authenticate


def microsoft(accepted: str = "") -> Answer:
    """XOAUTH2 as Microsoft does it: refused at once."""

    async def authenticate(connection: Connection) -> bool:
        right = bearer(connection) == accepted
        refusal = "535 5.7.3 Authentication unsuccessful [BN0PR03CA0026.namprd03.prod.outlook.com]"
        await connection.reply("235 2.7.0 Authentication successful" if right else refusal)
        return right

    return authenticate


PROVIDERS = {"Gmail": gmail, "Microsoft": microsoft}


@pytest.mark.parametrize("provider", list(PROVIDERS))
async def test_a_token_that_is_refused_is_renewed_on_the_same_connection(
    provider: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        TokenServer() as tokens,
        submission("PLAIN XOAUTH2", AUTH=PROVIDERS[provider]("token-2")) as peer,
    ):
        auth = {**REFRESHED, "accessUrl": tokens.url}
        async with hosting(peer, auth=auth, **SUBMISSION) as host:
            await send(host)
            await send(host)
            assert_no_token(caplog, host)
        assert (len(peer.mails), len(peer.connections)) == (2, 1)
        assert peer.count("AUTH") == len(tokens.requests) == 2
        assert all(form["refresh_token"] == REFRESHED["refreshToken"] for form in tokens.forms)


@pytest.mark.parametrize("provider", list(PROVIDERS))
async def test_a_renewed_token_that_is_refused_ends_it(
    provider: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        TokenServer() as tokens,
        submission("XOAUTH2", AUTH=PROVIDERS[provider]()) as peer,
    ):
        auth = {**REFRESHED, "accessUrl": tokens.url}
        async with hosting(peer, auth=auth, **SUBMISSION) as host:
            for _ in range(2):
                error = await refused(host, Outcome("PFA", "auth"), "")
                assert_no_token(caplog, host, error)
        assert peer.count("AUTH") == len(tokens.requests) == 2
        assert not peer.mails


@pytest.mark.parametrize("provider", list(PROVIDERS))
async def test_a_token_that_cannot_be_renewed_is_tried_once(
    provider: str, caplog: pytest.LogCaptureFixture
) -> None:
    make = PROVIDERS[provider]
    async with submission("PLAIN XOAUTH2", AUTH=make("another")) as peer:
        async with hosting(peer, auth=BY_TOKEN, **SUBMISSION) as host:
            error = await refused(host, Outcome("PFA", "auth"), "")
            assert error.code == 535
            assert peer.count("AUTH") == 1
            assert_no_token(caplog, host, error)
        async with hosting(peer, auth={**BY_TOKEN, "accessToken": "another"}, **SUBMISSION) as host:
            await send(host)
        assert (len(peer.mails), peer.count("AUTH")) == (1, 2)


@pytest.mark.parametrize("provider", list(PROVIDERS))
async def test_a_refused_token_is_told_as_one(provider: str) -> None:
    async with (
        submission("PLAIN XOAUTH2", AUTH=PROVIDERS[provider]()) as peer,
        hosting(peer, auth=BY_TOKEN, **SUBMISSION) as host,
    ):
        error = await refused(host, Outcome("PFA", "auth"), "access token")
    assert "auth.pass" not in error.hint
