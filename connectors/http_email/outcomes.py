"""What came of a request: an answer or none, made an error that says what to do about it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from connector_core import (
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
)
from connector_core.network.httpfaults import Fault
from connector_core.redaction import Redactor, excerpt
from connectors.http_email.i18n import _, mark

if TYPE_CHECKING:
    from connector_core.network.https import Answer, RequestFailedError

__all__ = ["answered", "is_taken", "retry_after", "told", "unanswered"]

_COMMAND = "POST"
_LATER = frozenset((408, 425, 429))
# A gateway gave up waiting, and what is behind it may have taken the message all the same.
_GATEWAY_TIMED_OUT = frozenset((504, 524))
_ASK = mark(
    "the webhook may have taken the message: ask before you send again, or let it tell by "
    "Idempotency-Key"
)
_HINTS = {
    401: mark("the webhook does not accept authorization: correct it"),
    403: mark("the webhook does not accept authorization, or not from this machine"),
    404: mark("there is no webhook at this path: correct endpoint"),
    405: mark("what is there takes no POST: correct endpoint"),
    410: mark("the webhook is gone: correct endpoint"),
    413: mark("the webhook takes no message of this size"),
    429: mark("the webhook has too much to do: raise its limit, or send less often"),
}
_FAULT_HINTS = {
    Fault.NO_NAME: mark("check the spelling of endpoint"),
    Fault.LOOK_UP: mark("check this machine's name servers"),
    Fault.ADDRESS: mark(
        "the name leads to link-local or metadata addresses, or with publicOnly to private ones: "
        "correct endpoint"
    ),
    Fault.CERTIFICATE: mark(
        "if it has an authority of your own, put its certificate into tls.ca as PEM text; else "
        "check the host in endpoint"
    ),
    Fault.TLS: mark("check that the port of endpoint speaks HTTPS, with TLS 1.2 or newer"),
    Fault.UNREACHABLE: mark("check host and port of endpoint, and whether the webhook runs"),
    Fault.TIME: mark("check endpoint and firewall, or raise timeout"),
    Fault.LOST: mark("check endpoint, the log of the webhook, and what is on the way to it"),
    Fault.ANSWER: mark("check that endpoint is an HTTP server"),
    Fault.REQUEST: mark("check endpoint and authorization"),
}
_PERMANENT = frozenset((Fault.NO_NAME, Fault.ADDRESS, Fault.CERTIFICATE, Fault.TLS, Fault.REQUEST))


def is_taken(status: int) -> bool:
    """Whether the webhook took the message."""
    return 200 <= status < 300


def told(status: int) -> str:
    """A status with its phrase; the server's own phrase may be anything."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def answered(answer: Answer, place: str, mask: Redactor) -> DeliveryError:
    """The error for an answer that is not 2xx.

    Args:
        answer: the answer.
        place: host and port of the webhook.
        mask: takes out what the webhook may echo.
    """
    status = answer.status
    said = excerpt(answer.body.decode("utf-8", "replace"), mask)
    reason = _("{place} replied {status}").format(place=place, status=told(status))
    if said:
        reason = _("{what}: {reason}").format(what=reason, reason=said)
    kind: type[DeliveryError] = PermanentDeliveryError
    hint = _(_HINTS.get(status, ""))
    if status in _GATEWAY_TIMED_OUT or status < 200:
        kind, hint = UncertainDeliveryError, _(_ASK)
    elif status in _LATER or status >= 500:
        kind, hint = TemporaryDeliveryError, hint or _("the webhook has a problem: see its log")
    elif status < 400:
        hint = _("endpoint must be the webhook itself: redirects are not followed")
    return kind(
        reason,
        stage="content",
        code=status,
        response=said,
        command=_COMMAND,
        hint=hint,
        failover=kind is not UncertainDeliveryError,
        operator=kind is PermanentDeliveryError and (status < 400 or status in _HINTS),
    )


def unanswered(failed: RequestFailedError) -> DeliveryError:
    """The error for a request without an answer."""
    fault = failed.failure.fault
    hint = _(_FAULT_HINTS.get(fault, ""))
    # With TLS 1.3 a server asks for a certificate of this client only after the handshake.
    refused = fault is Fault.TLS and "certificate required" in failed.failure.reason
    if failed.written and not refused:
        return UncertainDeliveryError(
            failed.failure.reason, stage=failed.stage, command=_COMMAND, hint=_(_ASK)
        )
    permanent = fault in _PERMANENT
    return (PermanentDeliveryError if permanent else TemporaryDeliveryError)(
        failed.failure.reason, stage=failed.stage, hint=hint, failover=True, operator=permanent
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer asks to wait for (RFC 9110 section 10.2.3), if it does."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError, TypeError):
        return None
