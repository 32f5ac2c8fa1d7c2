"""Signed mails, as real servers file them: what they do on the way breaks no signature."""

from __future__ import annotations

from typing import Any

import pytest

from connector_core import AsyncHost
from tests.interop.mails import PAYLOAD, USAGES, Destination, config, template
from tests.smtp.dkim.oracle import ED25519, RSA, several, verdicts

SERVERS = ["postfix", "exim", "opensmtpd", "smtp_server", "aiosmtpd"]


@pytest.fixture(params=SERVERS)
def destination(request: pytest.FixtureRequest) -> Destination:
    return Destination(request.getfixturevalue(request.param))


@pytest.mark.parametrize("content_type", ["text/plain", "text/html"])
async def test_each_signature_holds(
    destination: Destination, host: AsyncHost, content_type: str
) -> None:
    given: dict[str, Any] = {
        **destination.config,
        "ignoreTLS": True,
        "dkim": several(RSA, ED25519),
        "templates": [template(usage, content_type) for usage in USAGES],
    }
    host.configure("smtp", config(**given))
    recipient = f"dkim-{content_type.partition('/')[2]}@example.org"
    for usage in USAGES:
        await host.send_message(usage, to=recipient, payload=PAYLOAD)
    mails = await destination.mails_for(recipient, count=len(USAGES))
    assert [verdicts(mail.content) for mail in mails] == [[True, True]] * len(USAGES)
