"""Questions on a terminal. Ctrl-C and the end of input are KeyboardInterrupt."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click
import questionary

from connector_core.cli.output import printable
from connector_core.cli.setup.selecting import Search, Selection
from connector_core.i18n import gettext as _

if TYPE_CHECKING:
    from questionary import Question

__all__ = ["Check", "choose", "choose_several", "confirm", "interactive", "text"]

Check = Callable[[str], str]  # what is wrong with what was typed; empty where nothing is

_MARK = "?"


def interactive() -> bool:
    """Whether a person can be asked."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def text(
    title: str, *, default: str = "", secret: bool = False, check: Check = lambda _text: ""
) -> str:
    """A line of text, checked when it is entered.

    Args:
        title: what to enter.
        default: what stands there at first.
        secret: do not show what is typed.
        check: says what is wrong with it.
    """
    ask = questionary.password if secret else questionary.text
    return str(
        _answer(
            ask(
                title,
                default=default,
                qmark=_MARK,
                validate=lambda typed: check(typed) or True,
                validate_while_typing=False,
            )
        )
    )


def choose(
    title: str,
    choices: Sequence[tuple[str, str]],
    *,
    default: str | None = None,
    search: Search | None = None,
    own: Callable[[str], bool] = lambda _typed: False,
    leave: str | None = None,
) -> str:
    """The value of one of the choices; see `connector_core.cli.selecting.Selection`."""
    selection = Selection(title, choices, default=default, search=search, own=own, leave=leave)
    try:
        return selection.application().run()
    except EOFError:
        raise KeyboardInterrupt from None


def choose_several(
    title: str,
    choices: Sequence[tuple[str, str]],
    *,
    checked: Sequence[str] = (),
) -> list[str]:
    """The values of those choices that were checked, one at least."""
    found = _answer(
        questionary.checkbox(
            title,
            [
                questionary.Choice(meaning, value, checked=value in checked)
                for value, meaning in choices
            ],
            erase_when_done=True,  # else it counts what was chosen, in English
            qmark=_MARK,
            validate=lambda chosen: bool(chosen) or _("choose one at least, with the space bar"),
            instruction=_("(space chooses, enter ends)"),
        )
    )
    told = ", ".join(meaning for value, meaning in choices if value in found)
    click.echo(printable(f"{_MARK} {title} {told}"))
    return [str(value) for value in found]


def confirm(title: str, *, default: bool) -> bool:
    """Yes or no."""
    choices = [("yes", _("yes")), ("no", _("no"))]
    return choose(title, choices, default="yes" if default else "no") == "yes"


def _answer(question: Question) -> Any:
    try:
        return question.unsafe_ask()
    except EOFError:
        raise KeyboardInterrupt from None
