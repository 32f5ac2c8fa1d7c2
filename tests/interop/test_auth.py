"""Authentication with smtp-server by every mechanism, with credentials right and wrong."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest

from connector_core import AsyncHost, PermanentDeliveryError
from tests.interop.conftest import TOKENS, USERS, Authority, settings
from tests.interop.mails import PAYLOAD, config
from tests.servers import SmtpServer

WRONG = "canary-wrong-secret"


CASES = [
    ("PLAIN", "PLAIN", {"user": "ann", "pass": USERS["ann"]}),
    ("LOGIN", "LOGIN", {"user": "ann", "pass": USERS["ann"]}),
    ("CRAM-MD5", "CRAM-MD5", {"user": "ann", "pass": USERS["ann"]}),
    ("XOAUTH2", "XOAUTH2", {"type": "OAuth2", "user": "ann", "accessToken": TOKENS["ann"]}),
    (None, "PLAIN", {"user": "bob@example.com", "pass": USERS["bob@example.com"]}),
    (None, "XOAUTH2", {"user": "ann", "accessToken": TOKENS["ann"]}),
    ("login", "LOGIN", {"type": "LOGIN", "user": "ann", "pass": USERS["ann"]}),
]


@pytest.mark.parametrize(("method", "used", "auth"), CASES)
async def test_right_credentials_are_taken(
    host: AsyncHost,
    auth_server: SmtpServer,
    authority: Authority,
    method: str | None,
    used: str,
    auth: dict[str, Any],
) -> None:
    smtp = host.configure("smtp", settings(auth_server, authority, auth, authMethod=method))
    report = await smtp.verify()
    assert report.ok
    assert (report.stages[-1].name, report.stages[-1].detail) == ("auth", used)
    recipient = f"{method}-{auth['user']}".replace("@", ".") + "-auth@example.org"
    await smtp.send_message("SignIn", to=recipient, payload=PAYLOAD)
    (mail,) = [mail for mail in auth_server.messages() if mail.rcpt_to == [recipient]]
    assert (mail.user, mail.auth_method, mail.secure) == (auth["user"], used, True)


@pytest.mark.parametrize(("method", "used", "auth"), CASES[:4])
async def test_wrong_credentials_are_refused_once_and_never_shown(
    host: AsyncHost,
    auth_server: SmtpServer,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    method: str,
    used: str,
    auth: dict[str, Any],
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = {**auth, ("accessToken" if "accessToken" in auth else "pass"): WRONG}
    given = settings(auth_server, authority, wrong, authMethod=method, debug=True)
    smtp = host.configure("smtp", given)
    report = await smtp.verify()
    assert [(stage.name, stage.ok) for stage in report.stages][-1] == ("auth", False)
    for _ in range(2):
        with pytest.raises(PermanentDeliveryError) as raised:
            await smtp.send_message("SignIn", to="wrong@example.org", payload=PAYLOAD)
    error = raised.value
    # both were refused here, for the server had refused at verify; another verify asks again
    assert "not tried again" in str(error)
    assert caplog.text.count(f"C: AUTH {used}") == 1
    assert not (await smtp.verify()).ok
    assert caplog.text.count(f"C: AUTH {used}") == 2
    assert (error.stage, error.code, error.command) == ("auth", 535, "AUTH")
    assert (error.failover, error.operator, error.retry) == (True, True, "never")
    assert error.hint
    shown = [caplog.text, str(error), repr(error), repr(vars(error)), repr(report)]
    for secret in (WRONG, base64.b64encode(f"\0ann\0{WRONG}".encode()).decode()):
        assert not [text for text in shown if secret in text]
    assert not [mail for mail in auth_server.messages() if mail.rcpt_to == ["wrong@example.org"]]


async def test_a_mechanism_that_is_not_offered_is_told(
    host: AsyncHost, secure_server: SmtpServer, authority: Authority
) -> None:
    auth = {"user": "ann", "pass": USERS["ann"]}
    changes = {"secure": True, "requireTLS": None, "authMethod": "CRAM-MD5"}
    given = settings(secure_server, authority, auth, **changes)
    report = await host.configure("smtp", given).verify()
    error = report.stages[-1].error
    assert error is not None
    assert "LOGIN, PLAIN" in str(error)
    assert "authMethod" in error.hint


async def test_a_server_without_authentication_is_not_used_unauthenticated(
    host: AsyncHost, smtp_server: SmtpServer
) -> None:
    given = config(
        host=smtp_server.host, port=smtp_server.port, auth={"user": "ann", "pass": "secret"}
    )
    with pytest.raises(PermanentDeliveryError, match="does not offer authentication") as raised:
        await host.configure("smtp", given).send_message(
            "SignIn", to="unauthenticated@example.org", payload=PAYLOAD
        )
    assert raised.value.stage == "auth"
    arrived = [mail.rcpt_to for mail in smtp_server.messages()]
    assert ["unauthenticated@example.org"] not in arrived


async def test_a_server_that_wants_authentication_and_gets_none(
    host: AsyncHost, auth_server: SmtpServer, authority: Authority
) -> None:
    given = settings(auth_server, authority, {})
    with pytest.raises(PermanentDeliveryError) as raised:
        await host.configure("smtp", given).send_message(
            "SignIn", to="nobody@example.org", payload=PAYLOAD
        )
    assert (raised.value.code, raised.value.operator, raised.value.failover) == (530, True, True)
