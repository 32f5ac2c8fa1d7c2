"""The `connector` command: each subcommand is imported only when it is used."""

from __future__ import annotations

import copy
import errno
import io
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click

from connector_core.cli.language import known_language, speaking, translated
from connector_core.cli.streams import Output, standard_streams
from connector_core.cli.subcommands import Subcommands
from connector_core.i18n import SOURCE, environment_language, system_reason
from connector_core.i18n import gettext as _

__all__ = ["main"]

INTERRUPTED, BROKEN_PIPE = 130, 141  # 128 and the signal's number, as a shell has them

_COMMANDS = {
    "setup": ("setup.command", "setup", "Set up a connector: choose, answer, test, save, enable."),
    "list": ("catalog", "list_connectors", "List the connectors, and the plugins that failed."),
    "show": ("catalog", "show", "Show one connector: what it is, its providers and options."),
    "schema": ("catalog", "schema", "Print the JSON Schema of a connector's config."),
    "sample": ("catalog", "sample", "Print a sample config to start from."),
    "routes": ("routes", "routes", "Show who serves which usage type, and in what order."),
    "enable": ("routes", "enable", "Let a configured connector serve usage types."),
    "disable": ("routes", "disable", "Let a configured connector serve usage types no more."),
    "order": ("routes", "order", "Set the order in which connectors are tried."),
    "remove": ("naming", "remove", "Remove a configured connector."),
    "rename": ("naming", "rename", "Rename a configured connector."),
    "config": ("config", "config", "Show and edit the config of a configured connector."),
    "templates": ("templates", "templates", "Show, preview, import and export templates."),
    "validate": ("sending", "validate", "Check a config; nothing is sent."),
    "send": ("sending", "send", "Send one message."),
    "batch": ("batch", "batch", "Send a message for each line of JSON, until they end."),
    "test": ("testing", "test", "Try a connection stage by stage, then send a test message."),
    "doctor": ("doctor", "doctor", "Look over everything that is configured."),
    "demo": ("demo", "demo", "Send one mail for each usage type into an inbox of its own."),
    "new": ("new.command", "new", "Make the project of a new connector."),
    "completion": ("completion", "completion", "Print what lets a shell complete commands."),
    "inbox": ("inbox", "inbox", "Run an inbox for development on this machine."),
}


class _Main(Subcommands):
    """The outermost: it speaks the reader's language, and tells errors in sentences."""

    def main(self, args: Sequence[str] | None = None, *more: Any, **extra: Any) -> Any:
        """Run in the language that is asked for, which help and refusals of options are in, too."""
        given = list(sys.argv[1:] if args is None else args)
        with standard_streams() as output, speaking(self._language(given)):
            # A copy, for click keeps the words of what it has shown once.
            run = partial(super(_Main, translated(self)).main, given, *more)
            if not extra.pop("standalone_mode", True):
                return run(standalone_mode=False, **extra)
            sys.exit(_told(output, partial(run, standalone_mode=False, **extra)))

    def _language(self, args: Sequence[str]) -> str:
        """The language to speak: that of `--lang`, else that of the environment."""
        context = copy.copy(self).make_context(
            "connector", list(args), resilient_parsing=True, ignore_unknown_options=True
        )
        return context.params.get("lang") or environment_language() or SOURCE

    def invoke(self, ctx: click.Context) -> Any:
        """Turn the errors of this package into sentences and exit codes."""
        from connector_core.cli.output import report
        from connector_core.errors import ConnectorError

        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):  # the second where it was asked something
            ctx.exit(INTERRUPTED)
        except ConnectorError as error:
            ctx.exit(report(error, as_json=bool(ctx.meta.get("connector_core.json"))))


def _told(output: Output | None, run: Callable[[], int | None]) -> int:
    """Run a command, tell what click refuses and what cannot be printed; the exit code."""
    from connector_core.cli.output import PROBLEM, printable

    try:
        code = run()
        sys.stdout.flush()
    except click.ClickException as error:
        told = io.StringIO()
        error.show(told)
        # It names what was typed, and what stands in files.
        click.echo(printable(told.getvalue()), nl=False, err=True)
        return error.exit_code
    except (OSError, SystemExit) as error:  # click makes the second of a broken pipe
        failure = output.failure if output else None
        if failure is None or (isinstance(error, OSError) and error is not failure):
            raise
    else:
        return code or 0
    if failure.errno == errno.EPIPE:  # whoever reads has read enough
        return BROKEN_PIPE
    reason = system_reason(failure)
    message = _("error: standard output cannot be written to: {reason}").format(reason=reason)
    click.echo(message, err=True)
    return PROBLEM


@click.group(cls=_Main, table=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    package_name="connector-core", prog_name="connector", help="Show the version and exit."
)
@click.option(
    "--lang",
    metavar="TAG",
    callback=known_language,
    help="The language of what is printed, such as fr; without it that of LANG.",
)
def main(lang: str | None) -> None:
    """Send the e-mails of a sign-in flow through message connectors.

    Exit codes: 0 done; 1 a problem with the config or the message; 2 wrong usage; 3 the message
    was not delivered; 4 it is uncertain whether it was delivered; 130 interrupted.
    """
