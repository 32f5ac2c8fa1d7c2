"""TLS with real servers: STARTTLS and from the first byte, right and wrong authorities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connector_core import AsyncHost, PermanentDeliveryError, TemporaryDeliveryError
from tests.interop.conftest import USERS, Authority, authority_for
from tests.interop.mails import PAYLOAD, Destination, config
from tests.servers import Postfix, SmtpServer, start_postfix

LOGIN = {"user": "ann", "pass": USERS["ann"]}


def stages(report: Any) -> list[tuple[str, bool]]:
    return [(stage.name, stage.ok) for stage in report.stages]


@pytest.mark.parametrize("required", [True, None])
async def test_starttls_with_postfix(
    host: AsyncHost, postfix: Postfix, authority: Authority, required: bool | None
) -> None:
    recipient = f"starttls-{required}@example.org"
    given = config(
        host=postfix.host, port=postfix.port, requireTLS=required, tls={"ca": authority.pem}
    )
    smtp = host.configure("smtp", given)
    report = await smtp.verify()
    assert stages(report) == [
        (name, True) for name in ("resolve", "connect", "greeting", "ehlo", "tls")
    ]
    assert report.ok
    assert report.stages[-1].detail.startswith("TLSv1.")
    await smtp.send_message("SignIn", to=recipient, payload=PAYLOAD)
    (mail,) = await Destination(postfix).mails_for(recipient)
    assert mail.sender == "noreply@example.com"
    filed = [raw.decode() for raw in postfix.messages() if recipient.encode() in raw]
    # Postfix says ESMTPS where the mail came by TLS (RFC 3848)
    assert "with ESMTPS" in filed[0]


async def test_tls_from_the_first_byte_with_postfix(
    host: AsyncHost, postfix: Postfix, authority: Authority
) -> None:
    given = config(
        host=postfix.host, port=postfix.smtps_port, secure=True, tls={"ca": authority.pem}
    )
    smtp = host.configure("smtp", given)
    assert stages(await smtp.verify()) == [
        (name, True) for name in ("resolve", "connect", "tls", "greeting", "ehlo")
    ]
    await smtp.send_message("SignIn", to="smtps@example.org", payload=PAYLOAD)
    assert await Destination(postfix).mails_for("smtps@example.org")


async def test_tls_and_auth_with_smtp_server(
    host: AsyncHost, secure_server: SmtpServer, auth_server: SmtpServer, authority: Authority
) -> None:
    for server, secure in ((secure_server, True), (auth_server, None)):
        given = config(
            host=server.host,
            port=server.port,
            secure=secure,
            requireTLS=None if secure else True,
            tls={"ca": authority.pem},
            auth=LOGIN,
        )
        smtp = host.configure("smtp", given)
        order = ("tls", "greeting", "ehlo") if secure else ("greeting", "ehlo", "tls")
        report = await smtp.verify()
        assert stages(report) == [(name, True) for name in ("resolve", "connect", *order, "auth")]
        assert report.stages[-1].detail == "PLAIN"
        await smtp.send_message("SignIn", to="tls-auth@example.org", payload=PAYLOAD)
        (mail,) = [item for item in server.messages() if item.rcpt_to == ["tls-auth@example.org"]]
        assert (mail.user, mail.secure) == ("ann", True)


@pytest.mark.parametrize("key", ["servername", "tls.servername"])
async def test_another_name_of_the_server_is_verified(
    host: AsyncHost, postfix: Postfix, authority: Authority, key: str
) -> None:
    async def verify(name: str) -> Any:
        tls: dict[str, Any] = {"ca": authority.pem}
        inside = {"servername": name} if "." in key else {}
        given = config(
            host=postfix.host,
            port=postfix.port,
            requireTLS=True,
            servername=None if "." in key else name,
            tls={**tls, **inside},
        )
        return await host.configure("smtp", given).verify()

    assert (await verify("mail.example.com")).ok
    report = await verify("other.example.com")
    error = report.stages[-1].error
    assert "not for other.example.com" in str(error)
    assert "servername" in error.hint


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("trusted", ["another authority", "the system's"])
async def test_a_wrong_authority_is_refused_and_nothing_sent(
    host: AsyncHost, postfix: Postfix, implicit: bool, trusted: str
) -> None:
    ca = authority_for("127.0.0.1").pem if trusted == "another authority" else None
    given = config(
        host=postfix.host,
        port=postfix.smtps_port if implicit else postfix.port,
        secure=implicit,
        tls={"ca": ca},
    )
    smtp = host.configure("smtp", given)
    with pytest.raises(PermanentDeliveryError) as raised:
        await smtp.send_message("SignIn", to="untrusted@example.org", payload=PAYLOAD)
    error = raised.value
    assert (error.stage, error.failover, error.operator) == ("tls", True, True)
    assert "tls.ca" in error.hint
    report = await smtp.verify()
    assert stages(report)[-1] == ("tls", False)
    assert not [raw for raw in postfix.messages() if b"untrusted@example.org" in raw]


async def test_without_verifying_it_goes_and_is_warned_of(
    host: AsyncHost, postfix: Postfix, caplog: pytest.LogCaptureFixture
) -> None:
    given = config(host=postfix.host, port=postfix.port, tls={"rejectUnauthorized": False})
    await host.configure("smtp", given).send_message(
        "SignIn", to="unverified@example.org", payload=PAYLOAD
    )
    assert await Destination(postfix).mails_for("unverified@example.org")
    assert caplog.text.count("rejectUnauthorized is false") == 1


async def test_starttls_that_is_required_and_not_offered(
    host: AsyncHost, smtp_server: SmtpServer
) -> None:
    given = config(host=smtp_server.host, port=smtp_server.port, requireTLS=True)
    smtp = host.configure("smtp", given)
    with pytest.raises(PermanentDeliveryError, match="does not offer STARTTLS") as raised:
        await smtp.send_message("SignIn", to="required@example.org", payload=PAYLOAD)
    assert (raised.value.stage, raised.value.operator) == ("tls", True)
    assert "secure" in raised.value.hint
    assert not [mail for mail in smtp_server.messages() if "required@" in mail.rcpt_to[0]]


async def test_secure_where_the_server_begins_in_the_clear(
    host: AsyncHost, smtp_server: SmtpServer
) -> None:
    given = config(host=smtp_server.host, port=smtp_server.port, secure=True)
    with pytest.raises(PermanentDeliveryError) as raised:
        await host.configure("smtp", given).send_message(
            "SignIn", to="clear@example.org", payload=PAYLOAD
        )
    assert raised.value.stage == "tls"
    assert "set secure to false" in raised.value.hint


async def test_in_the_clear_where_the_server_begins_with_tls(
    host: AsyncHost, secure_server: SmtpServer
) -> None:
    given = config(host=secure_server.host, port=secure_server.port, greetingTimeout=300)
    with pytest.raises(TemporaryDeliveryError) as raised:
        await host.configure("smtp", given).send_message(
            "SignIn", to="clear@example.org", payload=PAYLOAD
        )
    assert raised.value.stage == "greeting"
    assert "secure to true" in raised.value.hint


async def test_versions_that_do_not_meet(
    host: AsyncHost, authority: Authority, tmp_path: Path
) -> None:
    settings = {"smtpd_tls_protocols": "<=TLSv1.2", "smtpd_tls_mandatory_protocols": "<=TLSv1.2"}
    with start_postfix(tmp_path, tls=authority.server, settings=settings) as old:
        tls = {"ca": authority.pem, "minVersion": "TLSv1.3"}
        given = config(host=old.host, port=old.port, requireTLS=True, tls=tls)
        report = await host.configure("smtp", given).verify()
        assert stages(report)[-1] == ("tls", False)
        tls |= {"minVersion": "TLSv1.2"}
        report = await host.configure("smtp", {**given, "tls": tls}).verify()
        assert report.ok
        assert report.stages[-1].detail.startswith("TLSv1.2")
        await host.aclose()
