"""Rules of the account: user and password, OAuth2, the mechanism."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connector_core import ConfigProblem
from connector_core.fields import Fields, Problems
from connector_core.mail.addresses import control_in
from connectors.smtp.auth import MECHANISMS
from connectors.smtp.i18n import _
from connectors.smtp.oauth2.checks import problems

__all__ = ["RULES"]


def _auth(config: Fields) -> Problems:
    auth = config.object("auth")
    if is_oauth2(dict(config.items("auth"))):
        yield from _oauth2(auth)
        yield from problems(dict(config.items("auth")))
    else:
        for given, needed in (("user", "pass"), ("pass", "user")):
            if given in auth and needed not in auth:
                yield ConfigProblem(
                    f"$.auth.{needed}", _("is missing; {given} needs it").format(given=given)
                )
    for key in ("authMethod", "forceAuth"):
        if key in config and "user" not in auth:
            yield ConfigProblem(f"$.{key}", _("has no effect without auth"), _("give auth.user"))
    for key in ("user", "pass", "accessToken"):
        value = auth.text(key)
        # NUL ends a field in PLAIN, U+0001 in XOAUTH2; no credential holds either.
        if value and control_in(value):
            yield ConfigProblem(
                f"$.auth.{key}",
                _("contains a control character"),
                _("copy it again, without line breaks"),
            )


def _oauth2(auth: Fields) -> Problems:
    by_itself = "clientId" in auth and "clientSecret" in auth
    if not by_itself and not any(
        key in auth for key in ("accessToken", "refreshToken", "privateKey", "serviceClient")
    ):
        yield ConfigProblem(
            "$.auth.accessToken",
            _("is missing"),
            _(
                "OAuth2 needs an accessToken, a refreshToken with clientId and clientSecret, a "
                "serviceClient with its privateKey, or clientId and clientSecret with accessUrl"
            ),
        )
    if "refreshToken" in auth and "clientId" not in auth:
        yield ConfigProblem("$.auth.clientId", _("is missing; refreshToken needs it"))
    renewed_otherwise = any(key in auth for key in ("accessToken", "refreshToken", "privateKey"))
    if by_itself and not renewed_otherwise and "accessUrl" not in auth:
        yield ConfigProblem(
            "$.auth.accessUrl",
            _("is missing; clientId and clientSecret alone need it"),
            _("give the provider's token endpoint, or a refreshToken"),
        )
    url = auth.text("accessUrl")
    if url and not re.fullmatch(r"https://[!-~]+", url):
        yield ConfigProblem(
            "$.auth.accessUrl",
            _("must be an https:// URL"),
            _("anybody on the way could read the secrets of a request in the clear"),
        )


def _auth_method(config: Fields) -> Problems:
    oauth2 = is_oauth2(dict(config.items("auth")))
    chosen = {
        "$.authMethod": config.text("authMethod"),
        "$.auth.method": config.object("auth").text("method"),
    }
    if len({method.upper() for method in chosen.values() if method}) > 1:
        yield ConfigProblem("$.auth.method", _("contradicts authMethod"), _("keep one of them"))
    for path, method in chosen.items():
        if not method:
            continue
        mechanism = MECHANISMS.get(method.upper())
        if mechanism is None:
            yield ConfigProblem(
                path, _("is not one of {known}").format(known=", ".join(MECHANISMS))
            )
        elif (mechanism.needs == "token") != oauth2 and config.object("auth").text("user"):
            needs = (
                _("OAuth2 in auth") if mechanism.needs == "token" else _("user and pass in auth")
            )
            hint = _("leave it out to use the best that the server offers")
            yield ConfigProblem(
                path,
                _("{mechanism} needs {needs}").format(mechanism=mechanism.name, needs=needs),
                hint,
            )


def is_oauth2(auth: Mapping[str, Any]) -> bool:
    """Whether `auth` is for OAuth2: it says so, or has a key that only OAuth2 has."""
    kind = auth.get("type")
    return (isinstance(kind, str) and kind.lower() == "oauth2") or any(
        auth.get(key)
        for key in ("accessToken", "refreshToken", "clientId", "clientSecret", "serviceClient")
    )


RULES = (_auth, _auth_method)
