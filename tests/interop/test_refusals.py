"""What servers refuse, and what the caller is told."""

from __future__ import annotations

from typing import Any

import pytest

from connector_core import AsyncHost, PermanentDeliveryError, TemporaryDeliveryError
from tests.interop.mails import PAYLOAD, USAGES, Destination, config, template
from tests.servers import Postfix, SmtpServer


@pytest.fixture(params=["postfix", "smtp-server", "smtp-server without PIPELINING"])
def server(request: pytest.FixtureRequest) -> Postfix | SmtpServer:
    name = {"postfix": "postfix", "smtp-server": "smtp_server"}.get(request.param, "small_server")
    found: Postfix | SmtpServer = request.getfixturevalue(name)
    return found


def settings(server: Postfix | SmtpServer, **changes: Any) -> dict[str, Any]:
    plain = [template(usage, subject="s", content="Code {{code}}") for usage in USAGES]
    return config(
        **{**Destination(server).config, "ignoreTLS": True, "templates": plain, **changes}
    )


async def test_a_recipient_that_is_refused_is_refused_for_good(
    host: AsyncHost, server: Postfix | SmtpServer
) -> None:
    smtp = host.configure("smtp", settings(server))
    # never tried, as no server knows a recipient that one does not
    host.configure("smtp", settings(server), name="second")
    with pytest.raises(PermanentDeliveryError) as raised:
        await host.send_message("SignIn", to="refused@example.org", payload=PAYLOAD)
    error = raised.value
    assert (error.code, error.stage, error.command) == (550, "recipient", "RCPT")
    assert (error.failover, error.operator, error.retry) == (False, False, "never")
    assert "Mailbox unavailable" in error.response
    assert error.enhanced_code == "5.1.1" or not isinstance(server, Postfix)
    assert getattr(error, "__notes__", []) == []
    # and the connection serves the next one
    receipt = await smtp.send_message("SignIn", to="next@example.org", payload=PAYLOAD)
    assert receipt.accepted == ("next@example.org",)


async def test_greylisting_passes(host: AsyncHost, server: Postfix | SmtpServer) -> None:
    smtp = host.configure("smtp", settings(server))
    with pytest.raises(TemporaryDeliveryError) as raised:
        await smtp.send_message("SignIn", to="greylisted@example.org", payload=PAYLOAD)
    error = raised.value
    assert (error.code, error.stage, error.command) == (450, "recipient", "RCPT")
    assert (error.failover, error.operator, error.retry) == (False, False, "retry")
    assert error.enhanced_code == "4.7.1" or not isinstance(server, Postfix)
    await smtp.send_message("SignIn", to="patient@example.org", payload=PAYLOAD)


async def test_a_refused_message_leaves_none(host: AsyncHost, smtp_server: SmtpServer) -> None:
    smtp = host.configure("smtp", settings(smtp_server))
    with pytest.raises(PermanentDeliveryError):
        await smtp.send_message("SignIn", to="refused@none.example", payload=PAYLOAD)
    await smtp.send_message("SignIn", to="ann@none.example", payload=PAYLOAD)
    arrived = [mail for mail in smtp_server.messages() if mail.rcpt_to[0].endswith("none.example")]
    assert [mail.rcpt_to for mail in arrived] == [["ann@none.example"]]
    assert "Code 042317" in arrived[0].raw.decode()


async def test_a_mail_over_the_announced_size_is_refused_before_mail(
    host: AsyncHost, small_server: SmtpServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "connectors.smtp.dialogue")
    big = [template(usage, content="x" * 50 + "\n" + "y" * 3000) for usage in USAGES]
    smtp = host.configure("smtp", settings(small_server, templates=big, debug=True))
    with pytest.raises(PermanentDeliveryError) as raised:
        await smtp.send_message("SignIn", to="big@example.org", payload=PAYLOAD)
    error = raised.value
    assert (error.stage, error.code, error.retry) == ("content", None, "never")
    assert "2000" in str(error)
    assert error.hint
    assert "EHLO" in caplog.text
    assert "MAIL FROM" not in caplog.text


async def test_what_fits_the_announced_size_is_told_with_it(
    host: AsyncHost, small_server: SmtpServer
) -> None:
    smtp = host.configure("smtp", settings(small_server))
    await smtp.send_message("SignIn", to="sized@example.org", payload=PAYLOAD)
    (mail,) = [mail for mail in small_server.messages() if mail.rcpt_to == ["sized@example.org"]]
    assert mail.args["SIZE"] == str(len(mail.raw))
