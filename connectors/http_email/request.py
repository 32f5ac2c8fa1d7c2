"""What the webhook is sent for a message, and what of it must not come back in an error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from connector_core import Message, MessageError
from connector_core.mail.addresses import parse_address
from connector_core.network.urls import HttpUrl
from connector_core.templates import plain_value
from connectors.http_email.i18n import _

__all__ = ["body_of", "headers_of", "secrets_of"]

MAX_BODY = 1024 * 1024  # octets


def body_of(message: Message) -> bytes:
    """The body, as Logto's connector writes it: compact JSON in UTF-8.

    Raises:
        MessageError: the data cannot become one.
    """
    try:
        parse_address(message.to)
    except ValueError as error:
        raise MessageError("to", str(error)) from None
    try:
        payload = plain_value(message.payload)
        if message.locale is not None:
            payload["locale"] = message.locale
        data = {"to": message.to, "type": message.usage_type, "payload": payload}
        if message.ip:
            data["ip"] = message.ip
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    except Exception:  # noqa: BLE001 - an object of the caller's own may raise anything
        raise MessageError("payload", _("has a value without a text")) from None
    try:
        body = text.encode()
    except UnicodeEncodeError:
        raise MessageError("payload", _("contains half of a surrogate pair")) from None
    if len(body) > MAX_BODY:
        told = _("makes a request of more than {size} KiB")
        raise MessageError("payload", told.format(size=MAX_BODY >> 10))
    return body


def headers_of(message: Message, authorization: str | None) -> dict[str, str]:
    """The header fields beside Host and Content-Length.

    Args:
        message: the message.
        authorization: the field Authorization, if there is to be one.
    """
    quoted = message.message_id.replace("\\", "\\\\").replace('"', '\\"')
    headers = {
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        # The same for each request: a webhook can tell one that it has taken already
        # (draft-ietf-httpapi-idempotency-key-header).
        "Idempotency-Key": f'"{quoted}"',
        "User-Agent": "connector-core",
    }
    return {**headers, "Authorization": authorization} if authorization else headers


def secrets_of(message: Message, url: HttpUrl, authorization: str | None) -> Iterator[str]:
    """What an answer may repeat: credentials, keys in the URL, codes, and links that let in."""
    authorization = authorization or ""
    yield from (authorization, authorization.partition(" ")[2])
    path, _mark, query = url.target.partition("?")
    yield from path.split("/")
    yield from (item.partition("=")[2] for item in query.split("&"))
    yield message.to
    yield from _texts(plain_value(message.payload))


def _texts(value: Any) -> Iterator[str]:
    """Each value as a text, and as JSON writes it: a code may be a number."""
    if isinstance(value, str):
        yield value
        yield from (json.dumps(value, ensure_ascii=way)[1:-1] for way in (True, False))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield json.dumps(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
