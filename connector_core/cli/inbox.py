"""`inbox`: a development inbox that prints what it receives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import click

from connector_core.cli.output import echo_json, json_option, printable
from connector_core.cli.running import run
from connector_core.i18n import gettext as _
from connector_core.i18n import system_reason
from connector_core.inbox import Inbox, ReceivedMail

__all__ = ["how_to_send", "inbox", "keep_open", "mail_data", "print_mail"]


def mail_data(mail: ReceivedMail) -> dict[str, Any]:
    """A mail as JSON."""
    return {
        "mailFrom": mail.sender,
        "rcptTo": list(mail.recipients),
        "headers": [list(item) for item in mail.headers],
        "contentType": mail.message.get_content_type(),
        "body": mail.body,
    }


def print_mail(mail: ReceivedMail) -> None:
    """Print a mail as its recipient sees it."""
    rule = "─" * 72
    lines = [rule]
    shown = ("From", "To", "Reply-To", "Subject", "Date", "Message-ID")
    lines += [f"{name}: {value}" for name, value in mail.headers if name in shown]
    lines += [f"Content-Type: {mail.message.get_content_type()}", "", mail.body.rstrip(), rule]
    click.echo(printable("\n".join(lines)))


def how_to_send(inbox: Inbox) -> str:
    """A command that sends to the inbox."""
    return (
        f"connector send smtp --url smtp://{inbox.host}:{inbox.port} --from me@example.com "
        "--usage SignIn --to you@example.org --var code=123456"
    )


async def keep_open(inbox: Inbox) -> None:
    """Leave an open inbox open until it is interrupted."""
    # Standard output is for the mails.
    click.echo(
        _("the inbox is open at {host} port {port}; Ctrl-C ends it").format(
            host=inbox.host, port=inbox.port
        ),
        err=True,
    )
    click.echo(f"  {how_to_send(inbox)}", err=True)
    await asyncio.Event().wait()


async def _serve(port: int, on_mail: Callable[[ReceivedMail], None]) -> None:
    try:
        async with Inbox(port=port, on_mail=on_mail) as inbox:
            await keep_open(inbox)
    except OSError as error:
        raise click.ClickException(
            _("the port {port} cannot be opened: {reason}; give another with --port").format(
                port=port, reason=system_reason(error)
            )
        ) from None


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=2525,
    show_default=True,
    help="The port on 127.0.0.1; 0 takes a free one.",
)
@json_option
def inbox(port: int, as_json: bool) -> None:
    """Run an inbox on 127.0.0.1 and print each mail as it arrives."""
    on_mail = (lambda mail: echo_json(mail_data(mail))) if as_json else print_mail
    with contextlib.suppress(KeyboardInterrupt):
        run(_serve(port, on_mail))
