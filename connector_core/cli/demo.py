"""`demo`: the whole way once, from a sample config to mails in an inbox, on this machine alone."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from connector_core.cli.inbox import keep_open, mail_data, print_mail
from connector_core.cli.output import (
    echo_json,
    json_option,
    print_registry,
    printable,
    receipt_data,
)
from connector_core.cli.running import run
from connector_core.configs import merge_patch
from connector_core.host import AsyncHost
from connector_core.i18n import gettext as _
from connector_core.i18n import language, ngettext
from connector_core.inbox import Inbox
from connector_core.samplepayload import PAYLOAD, RECIPIENT

# What stands in for the sample's placeholders. The inbox knows no accounts, so `auth` goes, and it
# speaks in the clear on loopback, so `requireTLS` goes, too.
FILLED: dict[str, Any] = {
    "fromEmail": "Sign-in <no-reply@example.com>",
    "replyTo": "Support <support@example.com>",
    "name": "demo.example.com",
    "localAddress": "127.0.0.1",
    "servername": "localhost",
    "auth": None,
    "authMethod": None,
    "requireTLS": None,
}


@click.command()
@click.option("--keep", is_flag=True, help="Leave the inbox open and say how to send to it.")
@json_option
def demo(keep: bool, as_json: bool) -> None:
    """Send one mail for each usage type of the SMTP sample config into an inbox of its own."""
    with contextlib.suppress(KeyboardInterrupt):
        run(_demo(keep=keep, as_json=as_json))


async def _demo(*, keep: bool, as_json: bool) -> None:
    async with Inbox() as inbox, AsyncHost.discover() as host:
        if not as_json:
            click.echo(
                _("The inbox listens at {host} port {port}.").format(
                    host=inbox.host, port=inbox.port
                )
                + "\n"
            )
            print_registry(host.registry, language())
        filled = {**FILLED, "host": inbox.host, "port": inbox.port}
        config = merge_patch(host.registry["smtp"].sample_config(), filled)
        host.configure("smtp", config)
        results = []
        for number, template in enumerate(config["templates"], start=1):
            usage = template["usageType"]
            receipt = await host.send_message(usage, to=RECIPIENT, payload=PAYLOAD, timeout=30)
            mail = (await inbox.wait_for(number))[-1]
            results.append(
                {"usageType": usage, "mail": mail_data(mail), "receipt": receipt_data(receipt)}
            )
            if not as_json:
                click.echo(f"\n{usage}")
                print_mail(mail)
                click.echo(
                    _("receipt: {response}, {message_id}").format(
                        response=printable(receipt.response), message_id=receipt.message_id
                    )
                )
        if as_json:
            echo_json(results)
        else:
            told = ngettext(
                "{count} mail sent and received.", "{count} mails sent and received.", len(results)
            )
            click.echo("\n" + told.format(count=len(results)))
        if keep:
            inbox.on_mail = print_mail
            await keep_open(inbox)
