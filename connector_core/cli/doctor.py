"""`doctor`: everything that is configured, looked over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connector_core.cli.hostfile import file_option, there
from connector_core.cli.output import PROBLEM, echo_json, json_option, printable
from connector_core.cli.running import run
from connector_core.i18n import gettext as _
from connector_core.i18n import mark, ngettext

if TYPE_CHECKING:
    from connector_core.checkup import Finding

__all__ = ["doctor"]

_LEVELS = {"ok": mark("ok"), "warning": mark("warning"), "problem": mark("problem")}
_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command()
@file_option
@click.option("--offline", is_flag=True, help="Connect to no server.")
@json_option
def doctor(file: Path, offline: bool, as_json: bool) -> None:
    """Look over the host file: connectors, connections, certificates, routes, templates, plug-ins.

    No message is sent. The exit code is 1 where there is a problem; warnings do not count.
    """
    show = (lambda _finding: None) if as_json else _show
    findings = run(_look(there(file, or_config=False), show, connect=not offline))
    if as_json:
        echo_json(
            {
                "findings": [
                    {
                        "level": str(item.level),
                        "place": item.place,
                        "message": item.message,
                        "hint": item.hint,
                    }
                    for item in findings
                ]
            }
        )
    else:
        _sum_up(findings)
    if any(item.level == "problem" for item in findings):
        click.get_current_context().exit(PROBLEM)


async def _look(path: Path, show: Callable[[Finding], None], *, connect: bool) -> list[Finding]:
    from connector_core.checkup import check_up
    from connector_core.discovery import discover

    findings = []
    async for finding in check_up(path, discover(), connect=connect):
        findings.append(finding)
        show(finding)
    return findings


def _show(finding: Finding) -> None:
    width = max(len(_(word)) for word in _LEVELS.values()) + 1
    level = click.style(_(_LEVELS[finding.level]).ljust(width), fg=_COLOURS[finding.level])
    click.echo(f"{level} {printable(f'{finding.place}: {finding.message}')}")
    if finding.hint:
        click.echo(printable(f"{'':<{width}}     {finding.hint}"))
    sys.stdout.flush()


def _sum_up(findings: list[Finding]) -> None:
    problems = sum(item.level == "problem" for item in findings)
    warnings = sum(item.level == "warning" for item in findings)
    told = [
        ngettext("{count} problem", "{count} problems", problems).format(count=problems),
        ngettext("{count} warning", "{count} warnings", warnings).format(count=warnings),
    ]
    click.echo(", ".join(told))
