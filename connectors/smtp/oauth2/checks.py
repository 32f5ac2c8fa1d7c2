"""What is wrong with the OAuth2 fields of a config, as far as they alone show it."""

from __future__ import annotations

import importlib.util
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from connector_core import ConfigProblem
from connector_core.configs import json_path
from connectors.smtp.i18n import _
from connectors.smtp.oauth2.faults import INSTALL, NOT_INSTALLED
from connectors.smtp.oauth2.keys import read_key
from connectors.smtp.pem import KeyFault

__all__ = ["problems"]

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[ -~\t]*[!-~])?)?")
_OWN_HEADERS = frozenset(
    (
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


def problems(auth: Mapping[str, Any]) -> list[ConfigProblem]:
    """What is wrong with an `auth` object that is for OAuth2, as it stands in a config.

    Fields of the wrong type count as absent, and rules between fields stand in `rules`.
    """
    return [*_missing(auth), *_key_problems(auth), *_url_problems(auth), *_header_problems(auth)]


def _text(auth: Mapping[str, Any], key: str) -> str:
    value = auth.get(key)
    return value if isinstance(value, str) else ""


def _missing(auth: Mapping[str, Any]) -> Iterator[ConfigProblem]:
    signs = bool(_text(auth, "serviceClient") and auth.get("privateKey"))
    client = _text(auth, "clientId") and _text(auth, "clientSecret") and _text(auth, "accessUrl")
    if not (signs or client or _text(auth, "refreshToken")):
        return
    needed = ("httpx2", "jwt", "cryptography") if signs else ("httpx2",)
    if any(importlib.util.find_spec(name) is None for name in needed):
        yield ConfigProblem("$.auth", _(NOT_INSTALLED), INSTALL)


def _key_problems(auth: Mapping[str, Any]) -> Iterator[ConfigProblem]:
    given = auth.get("privateKey")
    fields = given if isinstance(given, Mapping) else {"key": given}
    key = _text(fields, "key")
    if not key or importlib.util.find_spec("cryptography") is None:
        return
    passphrase = _text(fields, "passphrase") if "passphrase" in fields else None
    found = read_key(key, passphrase)
    if isinstance(found, KeyFault):
        yield found.at("$.auth.privateKey")


def _url_problems(auth: Mapping[str, Any]) -> Iterator[ConfigProblem]:
    given = _text(auth, "accessUrl")
    if not given.startswith("https://"):
        return  # `rules` says so
    try:
        url = urllib.parse.urlsplit(given)
        sound = bool(url.hostname) and url.port != 0
    except ValueError:
        sound = False
    if not sound:
        yield ConfigProblem("$.auth.accessUrl", _("has no host name, or a port that is none"))


def _header_problems(auth: Mapping[str, Any]) -> Iterator[ConfigProblem]:
    headers = auth.get("customHeaders")
    for name, value in headers.items() if isinstance(headers, Mapping) else ():
        path = json_path(("auth", "customHeaders", name))
        if not _HEADER_NAME.fullmatch(name):
            yield ConfigProblem(path, _("is not the name of an HTTP header"))
        elif name.lower() in _OWN_HEADERS:
            yield ConfigProblem(path, _("cannot be set: the token request has its own"))
        elif isinstance(value, str) and not _HEADER_VALUE.fullmatch(value):
            yield ConfigProblem(
                path, _("contains what no HTTP header can hold"), _("use ASCII only")
            )
