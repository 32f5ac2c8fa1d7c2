"""The language of one run of the command: of our own texts, of the commands' help, of click's."""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gettext import bindtextdomain
from typing import TypeVar

import click

from connector_core.i18n import LOCALE, catalog, in_language
from connector_core.i18n import gettext as _

__all__ = ["known_language", "speaking", "translated"]

C = TypeVar("C", bound=click.Command)

_CLICK = "messages"  # the domain of whoever chose none, as click did


@contextmanager
def speaking(tag: str) -> Iterator[None]:
    """Make our texts and click's in this language within the block, and in no other run."""
    folder, languages = bindtextdomain(_CLICK), os.environ.get("LANGUAGE")
    bindtextdomain(_CLICK, str(LOCALE))
    # Click asks gettext each time, and that asks the environment: there is no other way to tell it.
    os.environ["LANGUAGE"] = tag.replace("-", "_")
    try:
        with in_language(tag):
            yield
    finally:
        bindtextdomain(_CLICK, folder)
        if languages is None:
            del os.environ["LANGUAGE"]
        else:
            os.environ["LANGUAGE"] = languages


def known_language(_ctx: click.Context, _parameter: click.Parameter, tag: str | None) -> str | None:
    """The language of `--lang`, refused where there are no texts in it."""
    if tag is not None and not catalog.speaks(tag):
        known = ", ".join(catalog.languages)
        raise click.BadParameter(
            _("there are no texts in {tag!r}; languages: {languages}").format(
                tag=tag, languages=known
            )
        )
    return tag


def translated(command: C, translate: Callable[[str], str] = _) -> C:
    """A copy of a command that shows its help in the language of the context.

    The command itself stays in English, and may be loaded before the language is known. What a
    group finds is copied as it is found.

    Args:
        command: the command.
        translate: what to make of each text that is shown of it.
    """
    shown = copy.copy(command)
    shown.help = _told(command.help, translate)
    shown.epilog = _told(command.epilog, translate)
    shown.short_help = _told(command.short_help, translate)
    if shown.options_metavar:
        shown.options_metavar = translate(shown.options_metavar)
    shown.params = [_parameter(parameter, translate) for parameter in command.params]
    if isinstance(command, click.Group) and isinstance(shown, click.Group):
        find = command.get_command

        def get_command(ctx: click.Context, name: str) -> click.Command | None:
            found = find(ctx, name)
            return None if found is None else translated(found, translate)

        shown.subcommand_metavar = translate(shown.subcommand_metavar)
        shown.get_command = get_command  # type: ignore[method-assign, assignment]
    return shown


def _parameter(parameter: click.Parameter, translate: Callable[[str], str]) -> click.Parameter:
    shown = copy.copy(parameter)
    if hasattr(shown, "help"):  # an argument has none before click 8.5
        shown.help = _told(shown.help, translate)
    if isinstance(shown, click.Option):
        shown.prompt = _told(shown.prompt, translate)
        if not (shown.is_flag or shown.count or _lists_its_values(shown)):
            shown.metavar = translate(shown.metavar or shown.type.name.upper())
    elif not _lists_its_values(shown):
        shown.metavar = _place(parameter, translate(shown.human_readable_name))
    return shown


def _place(argument: click.Parameter, name: str) -> str:
    """What stands for an argument in the usage, as click makes it where none is given."""
    if argument.metavar:
        return name
    return (name if argument.required else f"[{name}]") + "..." * (argument.nargs != 1)


def _lists_its_values(parameter: click.Parameter) -> bool:
    """Whether click makes the place of its value by itself, of the values that it may have."""
    return isinstance(parameter.type, click.Choice | click.DateTime) and not parameter.metavar


def _told(text: str | None, translate: Callable[[str], str]) -> str | None:
    return translate(inspect.cleandoc(text)) if text else text
