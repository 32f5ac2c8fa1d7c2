"""`setup`: from a provider and a few answers to a connector that is tested, saved and enabled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connector_core.cli.completing import connectors, providers, usage_types
from connector_core.cli.hostfile import file_option
from connector_core.cli.options import once
from connector_core.cli.output import echo_json, json_option, printable, stage_data
from connector_core.cli.prompts import interactive
from connector_core.cli.running import run
from connector_core.cli.sending import Chosen
from connector_core.cli.testing import show_stages, try_chosen
from connector_core.discovery import discover
from connector_core.errors import ConfigError
from connector_core.i18n import gettext as _
from connector_core.setup import Draft, Saved

if TYPE_CHECKING:
    from connector_core.connector import Connector
    from connector_core.models import Provider
    from connector_core.registry import Registry
    from connector_core.trial import Trial

__all__ = ["provider_named", "setup", "tell_saved", "try_draft"]


@click.command()
@file_option
@once(
    "--connector",
    "target",
    metavar="CONNECTOR",
    help="The connector, by its id or target.",
    shell_complete=connectors,
)
@once(
    "--provider",
    metavar="NAME",
    help="The provider; connector show lists them.",
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
    registry = discover()
    ask = interactive() and not no_input and not as_json
    if ask:
        from connector_core.cli.wizard import Wizard

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
    draft = Draft(registry, file, connector, provider_named(connector, provider))
    draft.name = name or provider or connector.target
    _take(draft, _pairs(values))
    if to is None and not no_test:
        raise click.UsageError(_("give --to ADDRESS for a test message, or --no-test"))
    trial = _tested(draft, to, quiet=as_json) if to is not None else None
    saved = draft.save(
        serves or (None if no_enable else ["*"]), secret_files=secret_files, replacing=replace
    )
    if as_json:
        stages = [stage_data(stage) for stage in trial.stages] if trial else []
        echo_json(
            {
                "name": draft.name,
                "file": str(file),
                "stages": stages,
                "written": [str(path) for path in saved.written],
            }
        )
    else:
        tell_saved(draft, saved)


def try_draft(draft: Draft, to: str, *, quiet: bool = False) -> Trial:
    """Try a draft as it would be saved, and show the stages unless `quiet`.

    Raises:
        ConfigError: it has problems.
    """
    chosen = Chosen(draft.registry, draft.connector, draft.resolved().config, draft.provider)
    if quiet:
        return run(try_chosen(chosen, lambda _stage: None, to=to))
    with show_stages() as on_stage:
        return run(try_chosen(chosen, on_stage, to=to))


def tell_saved(draft: Draft, saved: Saved) -> None:
    """Say what was saved, what it serves, and what comes next."""
    told = _("saved {name} in {path}").format(name=draft.name, path=draft.path)
    click.echo(printable(told))
    served = [
        usage_type for usage_type, names in (saved.file.routes or {}).items() if draft.name in names
    ]
    if not served:
        click.echo(_("it is not enabled: connector enable {name}").format(name=draft.name))
    elif served == ["*"]:
        click.echo(_("it serves every usage type without a route of its own"))
    else:
        click.echo(_("it serves: {usages}").format(usages=", ".join(served)))
    for path in saved.written:
        click.echo(printable(_("new file: {path}").format(path=path)))
    click.echo(_("next: connector send --usage SignIn --to ADDRESS --var code=123456"))


def provider_named(connector: Connector, name: str | None) -> Provider | None:
    """The provider of this name; None without one.

    Raises:
        click.BadParameter: the connector has none of this name.
    """
    if name is None:
        return None
    for provider in connector.providers:
        if provider.name == name:
            return provider
    names = ", ".join(item.name for item in connector.providers) or _("none")
    told = _("there is no {name!r}, but {known}").format(name=name, known=names)
    raise click.BadParameter(told, param_hint="--provider")


def _connector(registry: Registry, target: str | None) -> Connector:
    if target is not None:
        return registry[target]
    if len(registry) == 1:
        return next(iter(registry))
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
    problems = [problem for path, value in values.items() for problem in draft.answer(path, value)]
    if problems:
        raise ConfigError(problems)
    if missing := draft.missing():
        told = "\n".join(f"  --set {'.'.join(item.path)}=…  {item.title}" for item in missing)
        raise click.UsageError(_("these values are missing:\n{values}").format(values=told))
    if problems := draft.problems():
        raise ConfigError(problems)


def _tested(draft: Draft, to: str, *, quiet: bool) -> Trial:
    """Raises the error of a test that fails; then nothing is saved."""
    trial = try_draft(draft, to, quiet=quiet)
    if trial.error is not None:
        stages = [stage_data(stage) for stage in trial.stages]
        click.get_current_context().meta["connector_core.more"] = {"stages": stages}
        raise trial.error
    return trial
