"""`test`: a connection tried stage by stage, and then a message through it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from connector_core.cli.configfile import config_options, read_config
from connector_core.cli.options import once
from connector_core.cli.output import json_option, printable, stage_data
from connector_core.cli.running import log_to_stderr, run
from connector_core.cli.sending import print_receipt, send_through
from connector_core.i18n import gettext as _
from connector_core.models import UsageType

if TYPE_CHECKING:
    from connector_core.models import Receipt, Stage

__all__ = ["test"]

TEST_PAYLOAD = {"code": "000000"}


async def _test(
    connector: str, config: dict[str, Any], to: str, on_stage: Callable[[Stage], None]
) -> tuple[tuple[Stage, ...], Receipt]:
    """The stages of the connection, and the receipt; the error of the stage that failed."""
    from connector_core.host import AsyncHost

    async with AsyncHost.discover() as host:
        configured = host.configure(connector, config)
        stages: tuple[Stage, ...] = ()
        if host.registry[connector].implements("verify"):
            stages = (await configured.verify(on_stage)).stages
            for stage in stages:
                if stage.error is not None:
                    raise stage.error
        arguments = {"to": to, "payload": TEST_PAYLOAD}
        return stages, await send_through(configured, str(UsageType.GENERIC), arguments)


def _tell(stage: Stage) -> None:
    detail = stage.detail if stage.ok else _("failed")
    click.echo(printable(f"{stage.name:<9} {stage.seconds:7.3f} s  {detail}".rstrip()))
    sys.stdout.flush()


@click.command()
@click.argument("connector")
@config_options
@once("--to", "to", required=True, metavar="ADDRESS", help="Your own address.")
@click.option("--verbose", is_flag=True, help="Write what is logged to standard error.")
@json_option
def test(
    connector: str,
    path: str | None,
    url: str | None,
    sender: str | None,
    to: str,
    verbose: bool,
    as_json: bool,
) -> None:
    """Try the connection stage by stage, then send a `Generic` message with the code 000000."""
    from connector_core.discovery import discover

    config = read_config(discover()[connector], path, url, sender)
    if verbose:
        log_to_stderr()
    on_stage: Callable[[Stage], None] = (lambda _stage: None) if as_json else _tell
    stages, receipt = run(_test(connector, config, to, on_stage))
    print_receipt(receipt, as_json=as_json, stages=[stage_data(stage) for stage in stages])
