"""What the stages of a connection and of a message are called."""

from __future__ import annotations

from connector_core.i18n import gettext as _
from connector_core.i18n import mark

__all__ = ["stage_title", "title_width"]

_TITLES = {
    "resolve": mark("resolve"),
    "connect": mark("connect"),
    "greeting": mark("greeting"),
    "ehlo": mark("ehlo"),
    "tls": mark("tls"),
    "auth": mark("auth"),
    "envelope": mark("envelope"),
    "sender": mark("sender"),
    "recipient": mark("recipient"),
    "content": mark("content"),
    "folder": mark("folder"),
}


def stage_title(name: str) -> str:
    """The name of a stage in the language of the context; as it stands where it is not known."""
    return _(_TITLES.get(name, name))


def title_width() -> int:
    """The characters that the longest name has in the language of the context."""
    return max(len(_(title)) for title in _TITLES.values())
