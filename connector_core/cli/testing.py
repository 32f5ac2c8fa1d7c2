"""`test`: a connection tried stage by stage, and then a message through it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector_core.cli.completing import locales, senders, usage_types
from connector_core.cli.configfile import config_options, payload_of
from connector_core.cli.hostfile import file_option
from connector_core.cli.options import once
from connector_core.cli.output import echo_json, json_option, printable, stage_data
from connector_core.cli.running import log_to_stderr, run
from connector_core.cli.sending import Chosen, choose, print_receipt
from connector_core.i18n import gettext as _
from connector_core.models import UsageType
from connector_core.stages import stage_title, title_width

if TYPE_CHECKING:
    from connector_core.models import Stage
    from connector_core.trial import Trial

__all__ = ["show_stages", "test", "try_chosen"]


async def try_chosen(chosen: Chosen, on_stage: Callable[[Stage], None], **arguments: Any) -> Trial:
    """Try a connector with a host of its own; see `connector_core.trial.try_out`.

    Raises:
        ConfigError: its config cannot be used.
    """
    from connector_core.host import AsyncHost
    from connector_core.trial import advice, try_out

    async with AsyncHost(chosen.registry) as host:
        configured = host.configure(chosen.connector.id, chosen.config)
        trial = await try_out(configured, on_stage=on_stage, **arguments)
    if trial.error is not None:
        for remedy in advice(trial.error, chosen.provider):
            assert chosen.provider is not None  # noqa: S101 - it is its advice
            title = chosen.provider.title
            trial.error.add_note(_("{title}: {remedy}").format(title=title, remedy=remedy))
    return trial


@contextmanager
def show_stages() -> Iterator[Callable[[Stage], None]]:
    """Show each stage as it ends, and on a terminal that something is under way."""
    if not sys.stdout.isatty():
        yield _tell
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    with console.status(_("trying the connection")):
        yield lambda stage: console.print(Text(_line(stage)), soft_wrap=True)


def _tell(stage: Stage) -> None:
    with suppress(OSError):  # told with the receipt, which says that it was sent all the same
        click.echo(_line(stage))
        sys.stdout.flush()


def _line(stage: Stage) -> str:
    detail = " ".join(stage.detail.split()) if stage.ok else _("failed")
    name = stage_title(stage.name).ljust(title_width() + 2)
    return printable(f"{name} {stage.seconds:7.3f} s  {detail}".rstrip())


@click.command()
@click.argument("name", required=False, shell_complete=senders)
@config_options
@file_option
@once("--to", "to", metavar="ADDRESS", help="Your own address.")
@once(
    "--usage",
    metavar="TYPE",
    help="The usage type of the message; Generic without it.",
    shell_complete=usage_types,
)
@once(
    "--locale",
    metavar="TAG",
    help="The language tag of the template, such as fr.",
    shell_complete=locales,
)
@click.option(
    "--var",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="A value for the template; code=000000 is there. May be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Try the connection alone, and send no message.")
@once(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Give the message up after this time.",
)
@click.option("--verbose", is_flag=True, help="Write what is logged to standard error.")
@json_option
def test(
    name: str | None,
    path: str | None,
    url: str | None,
    sender: str | None,
    file: Path,
    to: str | None,
    usage: str | None,
    locale: str | None,
    variables: tuple[str, ...],
    dry_run: bool,
    timeout: float | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Try a connection stage by stage, then send a message through it.

    NAME is a configured connector of the host file, whether it is enabled or not; with --config or
    --url it is a connector's id or target.
    """
    if (to is None) != dry_run:
        raise click.UsageError(
            _("give --to ADDRESS for the test message, or --dry-run to send none")
        )
    chosen = choose(name, path, url, sender, file)
    if verbose:
        log_to_stderr()
    arguments = {
        "to": to,
        "usage_type": usage or str(UsageType.GENERIC),
        "payload": {"code": "000000", **payload_of(variables, None)},
        "locale": locale,
        "timeout": timeout,
    }
    if as_json:
        trial = run(try_chosen(chosen, lambda _stage: None, **arguments))
    else:
        with show_stages() as on_stage:
            trial = run(try_chosen(chosen, on_stage, **arguments))
    _print(trial, as_json=as_json)


def _print(trial: Trial, *, as_json: bool) -> None:
    stages = [stage_data(stage) for stage in trial.stages]
    if trial.error is not None:
        click.get_current_context().meta["connector_core.more"] = {"stages": stages}
        raise trial.error
    if trial.receipt is not None:
        print_receipt(trial.receipt, as_json=as_json, stages=stages)
    elif as_json:
        echo_json({"stages": stages})
    else:
        click.echo(_("the connection works; no message was sent"))
