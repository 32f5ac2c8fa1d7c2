"""Options that may be given once: the last of several would win in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from connector_core.i18n import gettext as _

__all__ = ["once"]

F = TypeVar("F", bound=Callable[..., Any])


def once(*declarations: str, **attributes: Any) -> Callable[[F], F]:
    """A click option that refuses to be repeated."""

    def single(ctx: click.Context, parameter: click.Parameter, values: tuple[Any, ...]) -> Any:
        if len(values) > 1:
            raise click.BadParameter(_("may be given once"), ctx=ctx, param=parameter)
        return values[0] if values else None

    return click.option(*declarations, multiple=True, callback=single, **attributes)
