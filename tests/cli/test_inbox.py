"""The development inbox as a library: it takes what it is sent, and ends when it is told to."""

from __future__ import annotations

import asyncio
import logging

import pytest

from connector_core.cli.inbox import mail_data, print_mail
from connector_core.inbox import Inbox, ReceivedMail


async def deliver(inbox: Inbox, content: bytes) -> str:
    """Send a mail over a connection that stays open; the last reply."""
    reader, writer = await asyncio.open_connection(inbox.host, inbox.port)
    await reader.readline()
    reply = b""
    for line in (b"HELO x", b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>", b"DATA"):
        writer.write(line + b"\r\n")
        reply = await reader.readline()
    writer.write(content + b"\r\n.\r\n")
    reply = await reader.readline()
    _OPEN.append(writer)
    return reply.decode()


_OPEN: list[asyncio.StreamWriter] = []


async def test_it_ends_although_clients_stay_connected() -> None:
    async with asyncio.timeout(30):
        async with Inbox() as inbox:
            assert (await deliver(inbox, b"Subject: x\r\n\r\ny")).startswith("250")
            assert len(await inbox.wait_for(1)) == 1
        for writer in _OPEN:
            writer.close()
        _OPEN.clear()


@pytest.mark.parametrize(
    "content",
    [
        b'Content-Type: text/plain; charset="klingon"\r\n\r\nbody',
        b"To: a@[\r\n\r\nbody",
        b"Message-ID: <a@[\r\n\r\nbody",
        b"From: <@\r\nTo:\r\n\r\nbody",
        b"Subject: =?utf-8?q?=C2=9B2J?=\r\n\r\nbody",
        b"no header at all",
        b"\xff\xfe: \xff\r\n\r\n\xff",
    ],
)
async def test_a_mail_that_cannot_be_read_is_kept_and_shown_all_the_same(
    content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    def show(mail: ReceivedMail) -> None:
        print_mail(mail)
        mail_data(mail)

    async with Inbox(on_mail=show) as inbox:
        assert (await deliver(inbox, content)).startswith("250")
        [mail] = await inbox.wait_for(1)
    for writer in _OPEN:
        writer.close()
    _OPEN.clear()
    assert mail.content.startswith(content)
    shown = capsys.readouterr().out
    assert "Content-Type:" in shown
    assert "\x9b" not in shown


async def test_a_callback_that_breaks_does_not_refuse_the_mail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_mail: ReceivedMail) -> None:
        raise KeyError("on purpose")

    with caplog.at_level(logging.ERROR):
        async with Inbox(on_mail=broken) as inbox:
            assert (await deliver(inbox, b"Subject: x\r\n\r\ny")).startswith("250")
    for writer in _OPEN:
        writer.close()
    _OPEN.clear()
    assert "on_mail failed" in caplog.text


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])
def test_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        Inbox(host)
