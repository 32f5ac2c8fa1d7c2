"""What the answer of a token endpoint means, without I/O."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector_core import DeliveryError
from connector_core.redaction import Redactor, excerpt
from connectors.smtp.i18n import _, mark
from connectors.smtp.oauth2.faults import later, unusable
from connectors.smtp.oauth2.grants import Grant

__all__ = ["MAX_ANSWER", "Answer", "Granted", "read_answer"]

MAX_ANSWER = 64 * 1024
_MAX_TOKEN = 16 * 1024
_MAX_LIFETIME = 30 * 24 * 3600.0
_MAX_MASKED = 2000  # masking takes time; no description is that long
_TOKEN = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_LATER_STATUS = frozenset((408, 425, 429))
_LATER_ERRORS = frozenset(("temporarily_unavailable", "server_error", "slow_down"))
_CHECK_ALL = mark("check auth.accessUrl and the other fields of auth")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a token endpoint answered; `body` is None where it was longer than `MAX_ANSWER`."""

    status: int
    body: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """A token that was granted.

    Attributes:
        value: the access token.
        lifetime: for how long, in seconds, if the answer said so.
        refresh_token: what takes the place of the refresh token, if anything does.
    """

    value: str = field(repr=False)
    lifetime: float | None
    refresh_token: str | None = field(repr=False)


def read_answer(
    answer: Answer, grant: Grant, name: str, secrets: Iterable[str]
) -> Granted | DeliveryError:
    """The token in an answer, or the error that the answer comes to.

    Args:
        answer: what the endpoint answered.
        grant: what it was asked with.
        name: the endpoint's name, to show.
        secrets: what its texts must not show, beyond the grant's own.
    """
    status = answer.status
    if 300 <= status < 400:
        return unusable(
            _("{name} replied {status}: it sends elsewhere, and credentials do not follow").format(
                name=name, status=status
            ),
            _("check auth.accessUrl: it must be the token endpoint itself"),
        )
    if status >= 500 or status in _LATER_STATUS:
        return later(
            _("{name} replied {status}").format(name=name, status=status),
            _("the token endpoint has a problem: try later"),
        )
    fields = _fields(answer.body)
    error = fields.get("error") if fields is not None else None
    if fields is not None and isinstance(error, str) and error:
        texts = [fields.get(key) for key in ("access_token", "refresh_token", "id_token")]
        known = [*grant.secrets, *secrets, *(text for text in texts if isinstance(text, str))]
        return _refused(status, error, fields.get("error_description"), grant, name, known)
    if status >= 400:
        return unusable(
            _("{name} replied {status}").format(name=name, status=status), _(_CHECK_ALL)
        )
    if fields is None:
        what = _("more than 64 KiB") if answer.body is None else _("what is no JSON object")
        return _garbage(name, what)
    return _granted(fields, name)


def _fields(body: bytes | None) -> dict[str, Any] | None:
    """The JSON object in a body; None where there is none."""
    try:
        found = json.loads(body or b"", parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _no_number(name: str) -> None:
    raise ValueError(name)


def _granted(fields: Mapping[str, Any], name: str) -> Granted | DeliveryError:
    value, kind = fields.get("access_token"), fields.get("token_type")
    if not isinstance(value, str) or not value:
        return _garbage(name, _("without an access_token"))
    if len(value) > _MAX_TOKEN or not _TOKEN.fullmatch(value):
        return _garbage(name, _("an access_token that is none"))
    if kind is not None and not (isinstance(kind, str) and kind.lower() == "bearer"):
        return _garbage(name, _("a token that is no bearer token"))
    other = fields.get("refresh_token")
    sound = isinstance(other, str) and len(other) <= _MAX_TOKEN and _TOKEN.fullmatch(other)
    return Granted(value, _lifetime(fields.get("expires_in")), str(other) if sound else None)


def _lifetime(value: object) -> float | None:
    """Seconds; some servers write them as text, and some write nonsense, which counts as absent."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return float(min(value, _MAX_LIFETIME)) if value > 0 else None


def _refused(
    status: int,
    error: str,
    description: object,
    grant: Grant,
    name: str,
    secrets: Iterable[str],
) -> DeliveryError:
    shown = _shown(error, secrets)
    if isinstance(description, str) and description:
        shown = f"{shown}: {_shown(description, secrets)}".rstrip(": ")
    if error in _LATER_ERRORS:
        return later(
            _("{name} replied {status} {text}").format(name=name, status=status, text=shown),
            _("try later"),
            response=shown,
        )
    return unusable(
        _("{name} refused an access token: {status} {text}")
        .format(name=name, status=status, text=shown)
        .rstrip(),
        _(grant.hints.get(error, _CHECK_ALL)),
        response=shown,
    )


def _shown(text: str, secrets: Iterable[str]) -> str:
    """A text of the endpoint's, secrets masked and on one line; it may echo what it was sent."""
    if len(text) > _MAX_MASKED:
        return ""
    # A secret that is longer than the text is not in it, and to look for it takes long.
    return excerpt(text, Redactor(secret for secret in secrets if len(secret) <= len(text)))


def _garbage(name: str, what: str) -> DeliveryError:
    return later(
        _("{name} answered {what}").format(name=name, what=what),
        _("check auth.accessUrl: it may be no token endpoint"),
    )
