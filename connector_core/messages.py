"""From a caller's arguments to the message that a connector is handed."""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date
from datetime import time as time_of_day
from decimal import Decimal
from enum import Enum
from typing import Any, get_args
from uuid import UUID

from connector_core.errors import MessageError, TemporaryDeliveryError
from connector_core.i18n import gettext as _
from connector_core.models import ConnectorType, Message, Template
from connector_core.templates import template_from
from connector_core.threads import off_the_loop

__all__ = ["MessageMaker", "TemplateSource"]

Given = Template | Mapping[str, str | None] | None
TemplateSource = Callable[[str, str | None], Given | Awaitable[Given]]

_LOG = logging.getLogger("connector_core")
_MAX_TIMEOUT = 31_536_000  # seconds: a year
_MAX_DEPTH = 32
_SHOWN = (str, int, float, Decimal, UUID, date, time_of_day, Enum)
_MAPPINGS = (dict, Mapping)  # nearly all are the first, which is answered at once
_MESSAGE_ID = re.compile(r"[!-~]{1,900}")
_TYPES = get_args(ConnectorType)


class MessageMaker:
    """Checks what callers give, and asks the template source.

    Attributes:
        asks: whether there is a template source.
    """

    def __init__(self, template_source: TemplateSource | None = None) -> None:
        self._template_source = template_source
        self.asks = template_source is not None

    def make(
        self,
        *,
        type: ConnectorType,
        usage_type: str,
        to: str,
        payload: Mapping[str, Any] | None,
        locale: str | None,
        timeout: float | None,
        ip: str | None,
        message_id: str | None,
        template: Template | Mapping[str, str | None] | None,
    ) -> Message:
        """The message for these arguments of `AsyncHost.send_message`.

        Raises:
            MessageError: it cannot become a message; the error names the argument.
        """
        payload = {} if payload is None else payload
        if not isinstance(payload, _MAPPINGS):
            raise MessageError("payload", _("must be a mapping of names to values"))
        if locale is None and isinstance(wanted := payload.get("locale"), str):
            locale = wanted
        _check_message(type, usage_type, to, locale, timeout, message_id)
        _check_payload(payload, "payload", 0)
        deadline = None if timeout is None else time.monotonic() + timeout
        return Message(
            type=type,
            usage_type=usage_type,
            to=to,
            payload=payload,
            locale=locale,
            ip=ip,
            message_id=message_id or os.urandom(16).hex(),
            deadline=deadline,
            template=None if template is None else template_from(template),
        )

    async def with_template(self, message: Message) -> Message:
        """The message with the template that the template source has for it, if any.

        Raises:
            MessageError: what the source gave is no template.
            TemporaryDeliveryError: the source took all the time there was.
        """
        if self._template_source is None:
            return message
        return replace(message, template=await self._template(self._template_source, message))

    async def _template(self, source: TemplateSource, message: Message) -> Template | None:
        usage_type, locale = message.usage_type, message.locale
        deadline = message.deadline
        timer = asyncio.timeout(None if deadline is None else deadline - time.monotonic())
        try:
            async with timer:
                if _is_async(source):
                    given = source(usage_type, locale)
                else:
                    given = await off_the_loop(lambda: source(usage_type, locale))
                if isinstance(given, Awaitable):
                    given = await given
        # The caller's own function may raise anything.
        except (Exception, SystemExit):  # noqa: BLE001
            if timer.expired():
                reason = _("the template source did not end within the time allowed")
                raise TemporaryDeliveryError(reason, stage="template") from None
            _LOG.exception(
                "the template source failed for %r; the connector's own template serves",
                usage_type,
            )
            return None
        return template_from(given)


def _is_async(source: TemplateSource) -> bool:
    if inspect.iscoroutinefunction(source):
        return True
    # An instance whose class defines `async def __call__`.
    return inspect.iscoroutinefunction(type(source).__call__)


def _check_payload(value: object, path: str, depth: int) -> None:
    """Refuse what would show as `<object object at 0x…>`, or as nothing, in a mail."""
    if type(value) is not dict and (value is None or isinstance(value, _SHOWN)):
        if isinstance(value, float) and not math.isfinite(value):
            raise MessageError(path, _("is not a finite number"))
        return
    if depth >= _MAX_DEPTH:
        raise MessageError("payload", _("is nested too deeply, or within itself"))
    if isinstance(value, _MAPPINGS):
        for key, item in value.items():
            if type(item) is not str:  # most are, and need no path
                _check_payload(item, f"{path}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_payload(item, f"{path}.{index}", depth + 1)
    else:
        kind = value.__class__.__name__
        raise MessageError(
            path,
            _("is of the type {type}: give text, a number, a date, a list or a mapping").format(
                type=kind
            ),
        )


def _check_message(
    type: object,
    usage_type: object,
    to: object,
    locale: object,
    timeout: object,
    message_id: object,
) -> None:
    if type not in _TYPES:
        raise MessageError("type", _("must be one of {values}").format(values=", ".join(_TYPES)))
    if not isinstance(usage_type, str) or not usage_type:
        raise MessageError("usage_type", _("must be text, for example 'SignIn'"))
    if not isinstance(to, str) or not to:
        raise MessageError("to", _("must be one recipient"))
    if locale is not None and not isinstance(locale, str):
        raise MessageError("locale", _("must be a language tag such as 'fr-CA'"))
    if timeout is not None and not (
        isinstance(timeout, int | float)
        and not isinstance(timeout, bool)
        and (0 < timeout <= _MAX_TIMEOUT or timeout == math.inf)
    ):
        raise MessageError(
            "timeout",
            _("must be a number of seconds above 0, up to {maximum}").format(maximum=_MAX_TIMEOUT),
        )
    if message_id is not None and not (
        isinstance(message_id, str) and _MESSAGE_ID.fullmatch(message_id)
    ):
        raise MessageError("message_id", _("must be printable ASCII without spaces"))
