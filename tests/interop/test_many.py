"""Many messages at once over a few connections: each arrives exactly once."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from connector_core import AsyncHost
from connector_core.inbox import Inbox
from tests.interop.mails import USAGES, Destination, config, template
from tests.servers import Postfix, SmtpServer

MANY = 200


def settings(destination: Destination) -> dict[str, object]:
    templates = [template(usage, subject="s", content="{{code}}") for usage in USAGES]
    return config(**destination.config, ignoreTLS=True, maxConnections=5, templates=templates)


async def send_many(host: AsyncHost, destination: Destination, domain: str) -> None:
    smtp = host.configure("smtp", settings(destination))
    receipts = await asyncio.gather(
        *(
            smtp.send_message(
                USAGES[number % 9], to=f"n{number}@{domain}", payload={"code": f"code {number}"}
            )
            for number in range(MANY)
        )
    )
    assert [receipt.accepted for receipt in receipts] == [
        (f"n{number}@{domain}",) for number in range(MANY)
    ]
    assert len({receipt.message_id for receipt in receipts}) == MANY
    recipients = [f"n{number}@{domain}" for number in range(MANY)]
    mails = await destination.mails_for(*recipients, count=MANY)
    assert Counter(mail.recipient for mail in mails) == Counter(recipients)
    by_recipient = {mail.recipient: mail.message for mail in mails}
    for number, receipt in enumerate(receipts):
        message = by_recipient[f"n{number}@{domain}"]
        assert message["Message-ID"] == receipt.message_id
        assert message.get_content() == f"code {number}\r\n"


@pytest.mark.parametrize("name", ["smtp_server", "small_server", "postfix"])
async def test_all_arrive_exactly_once(
    host: AsyncHost, request: pytest.FixtureRequest, name: str
) -> None:
    server: Postfix | SmtpServer = request.getfixturevalue(name)
    await send_many(host, Destination(server), f"{name.replace('_', '-')}-many.example")
    if isinstance(server, SmtpServer):
        sessions = {
            mail.session_id
            for mail in server.messages()
            if mail.rcpt_to[0].endswith("-many.example")
        }
        # fresh ones stand in for those that carried their hundred
        assert 5 <= len(sessions) <= 5 + MANY // 100


async def test_in_the_inbox_too(host: AsyncHost) -> None:
    async with Inbox() as inbox:
        await send_many(host, Destination(inbox), "inbox-many.example")
        await host.aclose()
