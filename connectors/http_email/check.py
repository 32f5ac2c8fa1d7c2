"""What is wrong with a config beyond its schema, without I/O."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Any

from connector_core import ConfigProblem
from connector_core.extras import missing
from connector_core.fields import Fields, Problems
from connector_core.network.addresses import is_allowed
from connector_core.network.tls import trusting_context
from connector_core.network.urls import HttpUrl
from connectors.http_email.i18n import _

__all__ = ["EXTRA", "PACKAGE", "problems"]

EXTRA, PACKAGE = "http", "httpcore2"
_FIELD_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")  # RFC 9110 section 5.5, ASCII alone


def problems(config: Mapping[str, Any]) -> list[ConfigProblem]:
    """What the fields that are sound show by themselves and together."""
    fields = Fields(config)
    return [*_endpoint(fields), *_authorization(fields), *_authorities(config.get("tls"))]


def _endpoint(config: Fields) -> Problems:
    path = "$.endpoint"
    text = config.text("endpoint")
    if text is None:
        return
    if problem := missing(path, EXTRA, PACKAGE):
        yield problem
    try:
        url = HttpUrl.parse(text)
    except ValueError as error:
        hint = _("write https://mailer.example.com/send; a user or token goes into authorization")
        yield ConfigProblem(path, str(error), hint)
        return
    if not (url.secure or url.is_loopback or config.flag("allowHttp")):
        yield ConfigProblem(
            path,
            _("sends codes and authorization in the clear"),
            _("write https://, or set allowHttp where nobody else can listen"),
        )
    public_only = bool(config.flag("publicOnly"))
    if url.address is not None and not is_allowed(url.address, public_only=public_only):
        yield ConfigProblem(
            path,
            _("is at an address that is not connected to"),
            _("use a public address, or leave publicOnly out")
            if public_only
            else _("link-local addresses and those of metadata services are never connected to"),
        )


def _authorization(config: Fields) -> Problems:
    text = config.text("authorization")
    if text and not _FIELD_VALUE.fullmatch(text):
        yield ConfigProblem(
            "$.authorization",
            _("contains what no HTTP header can hold"),
            _("use ASCII only, without line breaks, and without spaces around it"),
        )


def _authorities(tls: object) -> Problems:
    ca = tls.get("ca") if isinstance(tls, Mapping) else None
    texts = [ca] if isinstance(ca, str) else ca
    if not (isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts)):
        return
    try:
        trusting_context(texts)
    except (ssl.SSLError, ValueError):
        yield ConfigProblem(
            "$.tls.ca",
            _("is not PEM certificates"),
            _(
                "give PEM text, from -----BEGIN to -----END, or file:PATH, which the connector "
                "command and resolve_secrets read"
            ),
        )
