"""What `setup` does with a draft, whether it asks or not: try it, and tell what was saved."""

from __future__ import annotations

from shlex import join
from typing import TYPE_CHECKING

import click

from connector_core.cli.output import printable
from connector_core.cli.running import run
from connector_core.cli.sending import Chosen
from connector_core.cli.testing import show_stages, try_chosen
from connector_core.hostfile.reading import default_path
from connector_core.i18n import gettext as _
from connector_core.models import UsageType
from connector_core.routes import ANY_USAGE

if TYPE_CHECKING:
    from connector_core.setup import Draft, Saved
    from connector_core.trial import Trial

__all__ = ["tell_saved", "try_draft"]


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
    file = [] if draft.path == default_path() else ["--file", str(draft.path)]
    if not served:
        told = _("it is not enabled: connector enable {name}")
        click.echo(printable(told.format(name=join([draft.name, *file]))))
    elif served == ["*"]:
        click.echo(_("it serves every usage type without a route of its own"))
    else:
        click.echo(printable(_("it serves: {usages}").format(usages=", ".join(served))))
    for path in saved.written:
        click.echo(printable(_("new file: {path}").format(path=path)))
    told = _("next: connector {command}")
    click.echo(printable(told.format(command=join([*_next(draft, saved), *file]))))


def _next(draft: Draft, saved: Saved) -> list[str]:
    """A command that sends through it: by the routes where they lead to it, else by its name."""
    routes = saved.file.routes or {}
    served = [name for name in routes if draft.name in routes[name] and name != ANY_USAGE]
    if draft.name in routes.get(ANY_USAGE, ()):
        served += [str(usage) for usage in UsageType if usage not in routes]
    if not served:
        return ["test", draft.name, "--to", _("ADDRESS")]
    usage = UsageType.SIGN_IN if UsageType.SIGN_IN in served else served[0]
    return ["send", "--usage", usage, "--to", _("ADDRESS"), "--var", "code=123456"]
