"""`setup`: from a provider and a few answers to a connector that is tested, saved and enabled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connector_core.cli.completing import connectors, providers, usage_types
from connector_core.cli.hostfile import file_option
from connector_core.cli.options import once
from connector_core.cli.output import echo_json, json_option, receipt_data, stage_data
from connector_core.cli.presets import provider_named, usual_connector
from connector_core.cli.setup.checks import name_problem, require_address
from connector_core.cli.setup.drafts import tell_saved, try_draft
from connector_core.cli.setup.prompts import interactive
from connector_core.discovery import discover
from connector_core.errors import ConfigError
from connector_core.i18n import gettext as _
from connector_core.setup import Draft

if TYPE_CHECKING:
    from connector_core.connector import Connector
    from connector_core.models import Question
    from connector_core.registry import Registry
    from connector_core.trial import Trial

__all__ = ["setup"]


@click.command()
@file_option
@once(
    "--connector",
    "target",
    metavar="CONNECTOR",
    help="The connector, by its id or target; the one for SMTP without it.",
    shell_complete=connectors,
)
@once(
    "--provider",
    metavar="NAME",
    help="The provider; connector show smtp lists them.",
    shell_complete=providers,
)
@once("--name", metavar="NAME", help="A name of your own for it; the provider's without it.")
@click.option(
    "--set",
    "values",
    multiple=True,
    metavar="PATH=VALUE",
    help="A value of the config, such as auth.user=app@example.com; a secret rather as "
    "auth.pass=env:NAME or auth.pass=file:PATH. May be repeated.",
)
@once("--to", "to", metavar="ADDRESS", help="Your own address, for the test message.")
@click.option("--no-test", is_flag=True, help="Save without a test.")
@click.option(
    "--usage",
    "usages",
    multiple=True,
    metavar="TYPE",
    help="A usage type that it shall serve; every one without this option. May be repeated.",
    shell_complete=usage_types,
)
@click.option("--no-enable", is_flag=True, help="Save it without enabling it.")
@click.option(
    "--secret-files", is_flag=True, help="Keep secrets in files of their own, beside the host file."
)
@click.option("--replace", is_flag=True, help="Replace the connector of the same name.")
@click.option("--no-input", is_flag=True, help="Ask nothing: fail where something is missing.")
@json_option
def setup(
    file: Path,
    target: str | None,
    provider: str | None,
    name: str | None,
    values: tuple[str, ...],
    to: str | None,
    no_test: bool,
    usages: tuple[str, ...],
    no_enable: bool,
    secret_files: bool,
    replace: bool,
    no_input: bool,
    as_json: bool,
) -> None:
    """Set up a connector: choose a provider, answer, test, save, enable.

    On a terminal it asks for whatever the options leave open. Nothing is written before the end.
    """
    if to is not None and no_test:
        raise click.UsageError(_("give either --to or --no-test"))
    if usages and no_enable:
        raise click.UsageError(_("give either --usage or --no-enable"))
    serves = None if no_enable else usages
    if name is not None and (problem := name_problem(name)):
        raise click.BadParameter(problem, param_hint="--name")
    registry = discover()
    ask = interactive() and not no_input and not as_json
    if ask:
        from connector_core.cli.setup.wizard import Wizard

        wizard = Wizard(registry, file, replacing=replace, secret_files=secret_files)
        try:
            wizard.run(
                target=target,
                provider=provider,
                name=name,
                values=_pairs(values),
                to=to,
                test=not no_test,
                serves=serves,
            )
        except KeyboardInterrupt:
            click.echo(_("nothing was saved"), err=True)
            raise
        return
    connector = _connector(registry, target)
    require_address(connector, to)
    preset = provider_named(connector, provider) if provider is not None else None
    draft = Draft(registry, file, connector, preset)
    draft.name = name or provider or connector.target
    if not replace:
        draft.require_free_name()
    _take(draft, _pairs(values))
    if to is None and not no_test:
        raise click.UsageError(_("give --to ADDRESS for a test message, or --no-test"))
    trial = _tested(draft, to, quiet=as_json) if to is not None else None
    saved = draft.save(serves, secret_files=secret_files, replacing=replace)
    if as_json:
        stages = [stage_data(stage) for stage in trial.stages] if trial else []
        receipt = receipt_data(trial.receipt) if trial and trial.receipt else None
        echo_json(
            {
                "name": draft.name,
                "file": str(file),
                "stages": stages,
                "receipt": receipt,
                "written": [str(path) for path in saved.written],
            }
        )
    else:
        tell_saved(draft, saved)


def _connector(registry: Registry, target: str | None) -> Connector:
    if target is not None:
        return registry[target]
    if (usual := usual_connector(registry)) is not None:
        return usual
    raise click.UsageError(_("choose a connector with --connector"))


def _pairs(values: Sequence[str]) -> dict[tuple[str, ...], str]:
    pairs = {}
    for item in values:
        path, equals, value = item.partition("=")
        if not equals or not all(path.split(".")):
            raise click.BadParameter(_("has not the form path=value"), param_hint="--set")
        pairs[tuple(path.split("."))] = value
    return pairs


def _take(draft: Draft, values: dict[tuple[str, ...], str]) -> None:
    """Take what the options say, and refuse what is wrong or missing.

    Raises:
        ConfigError: with every problem of the values.
        click.UsageError: values are missing.
    """
    if problems := draft.take(values):
        raise ConfigError(problems)
    if missing := draft.missing():
        names = ", ".join(item.name for item in draft.connector.providers)
        told = "\n".join(map(_asked, missing))
        if names and draft.provider is None and not values:
            text = _("choose with --provider one of {names}; or give these values:\n{values}")
            raise click.UsageError(text.format(names=names, values=told))
        raise click.UsageError(_("these values are missing:\n{values}").format(values=told))
    if problems := draft.problems():
        raise ConfigError(problems)


def _asked(question: Question) -> str:
    line = f"  --set {'.'.join(question.path)}=…  {question.title}"
    return line + " " + _("(may be empty)") if question.optional else line


def _tested(draft: Draft, to: str, *, quiet: bool) -> Trial:
    """Raises the error of a test that fails; then nothing is saved."""
    trial = try_draft(draft, to, quiet=quiet)
    if trial.error is not None:
        stages = [stage_data(stage) for stage in trial.stages]
        click.get_current_context().meta["connector_core.more"] = {"stages": stages}
        raise trial.error
    return trial
