"""Usage types and locales as people type them, slips of the keys included."""

from __future__ import annotations

from collections.abc import Callable, Collection

import click

from connector_core.i18n import gettext as _
from connector_core.locales import is_language_tag
from connector_core.models import UsageType

__all__ = ["asked_locale", "check_locale", "check_usage", "note_slip"]


def check_usage(text: str) -> str:
    """The usage type itself; what is nearly a known one is told, and may be meant all the same.

    Raises:
        click.UsageError: it cannot be one.
    """
    if not text.strip() or not text.isprintable() or text != text.strip():
        raise click.UsageError(_("a usage type is a word such as SignIn, without spaces around it"))
    near = next((str(known) for known in UsageType if known.lower() == text.lower()), text)
    if near != text:
        _note(text, near)
    return text


def note_slip(usage: str, own: Callable[[], Collection[str]]) -> None:
    """Tell of a usage type that is nearly a known one; in other capitals `check_usage` tells.

    Args:
        usage: the usage type.
        own: gives those that are in use already, and meant as they are; asked where it is needed.
    """
    from connector_core.validation import nearest

    known = list(map(str, UsageType))
    if usage.lower() in map(str.lower, known):
        return
    if (near := nearest(usage, known)) and usage not in own():
        _note(usage, near)


def _note(usage: str, near: str) -> None:
    told = _("note: {usage!r} is a usage type of your own; did you mean {near!r}?")
    click.echo(told.format(usage=usage, near=near), err=True)


def asked_locale(text: str | None) -> str | None:
    """The locale that a message is asked for in; POSIX's `fr_CA` is `fr-CA`, as when sending.

    Raises:
        click.UsageError: it is no language tag.
    """
    tag = text and text.replace("_", "-")
    check_locale(tag)
    return tag


def check_locale(text: str | None) -> None:
    """Refuse what is no language tag.

    Raises:
        click.UsageError: it is none.
    """
    if text is not None and not is_language_tag(text):
        raise click.BadParameter(
            _("is not a language tag such as fr or fr-CA"), param_hint="--locale"
        )
