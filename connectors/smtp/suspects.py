"""Which values of the config to look at after a failure, by the stage at which it came."""

from __future__ import annotations

import re

from connector_core import DeliveryError

__all__ = ["of"]

_Path = tuple[str, ...]

_HOST: _Path = ("host",)
_PORT: _Path = ("port",)
_SECURE: _Path = ("secure",)
_USER: _Path = ("auth", "user")
_PASSWORD: _Path = ("auth", "pass")
_SENDER: _Path = ("fromEmail",)

_BY_STAGE: dict[str, tuple[_Path, ...]] = {
    "resolve": (_HOST,),
    "connect": (_PORT, _HOST, _SECURE),
    "greeting": (_PORT, _SECURE, _HOST),
    "ehlo": (_PORT, ("name",), _HOST),
    "tls": (_PORT, _SECURE, _HOST),
    "auth": (_PASSWORD, _USER, ("auth", "clientSecret"), ("auth", "clientId"), _HOST),
    "sender": (_SENDER, _USER),
    "recipient": (_USER, _PASSWORD, _SENDER),
    "content": (_SENDER,),
}
# Keys that mean nothing else in a sentence, in whichever language the hint is.
_KEY = re.compile(r"\b(?:tls\.\w+|auth\.\w+|servername|fromEmail|requireTLS|secure)\b")


def of(error: DeliveryError) -> tuple[_Path, ...]:
    """The paths, likeliest first: those that the hint names, then the others of the stage."""
    named = [tuple(key.split(".")) for key in _KEY.findall(error.hint)]
    usual = _BY_STAGE.get(error.stage, ())
    unusual = (path for path in named if path not in usual)
    return tuple(dict.fromkeys((*unusual, *(path for path in usual if path in named), *usual)))
