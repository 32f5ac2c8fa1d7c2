"""The access tokens of one account: kept, and renewed before they expire.

A renewal is one task, whatever the number of senders that wait for it; each waits by its own
deadline, and none calls it off for the others.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from connector_core import DeliveryError, HostClosedError, PermanentDeliveryError
from connectors.smtp.config import OAuth2KeyAuth, OAuth2TokenAuth
from connectors.smtp.i18n import _
from connectors.smtp.oauth2.answers import Granted, read_answer
from connectors.smtp.oauth2.endpoint import TokenEndpoint
from connectors.smtp.oauth2.faults import later, unusable
from connectors.smtp.oauth2.grants import Grant, grant_of
from connectors.smtp.pause import Pause

if TYPE_CHECKING:
    from connectors.smtp.config import SmtpConfig

__all__ = ["TokenSource"]

MARGIN = 60.0  # how long before its end a token is renewed
MARGIN_SHARE = 0.1  # but no larger part of its lifetime than this
EARLY_WAIT = 5.0  # how long a sender waits for a new token while the present one is still valid
EARLY_PAUSE = 10.0  # how long the present one is used on after that
DEFAULT_LIFETIME = 3600.0  # where the answer does not say (RFC 6749 section 5.1)
_CLOSE_GRACE = 5.0
_FOREVER = float("inf")
_LOG = logging.getLogger("connectors.smtp")


@dataclass(frozen=True, slots=True)
class _Token:
    """An access token, when it ends and when to look for another, by the source's clock."""

    value: str = field(repr=False)
    ends: float
    renew_at: float

    @classmethod
    def until(cls, value: str, now: float, lifetime: float) -> _Token:
        return cls(value, now + lifetime, now + lifetime - min(MARGIN, lifetime * MARGIN_SHARE))


class TokenSource:
    """The access tokens of one configured connector.

    All of it belongs to one event loop.
    """

    def __init__(
        self,
        grant: Grant | None,
        endpoint: TokenEndpoint,
        *,
        configured: _Token | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._grant = grant
        self._endpoint = endpoint
        self._current = configured
        self._clock = clock
        self._renewal: asyncio.Task[_Token | DeliveryError] | None = None
        self._pause = Pause()
        self._closed = False

    @classmethod
    def of(
        cls, config: SmtpConfig, *, clock: Callable[[], float] = time.monotonic
    ) -> TokenSource | None:
        """The tokens for a config in which the rules found nothing wrong; None without OAuth2.

        Args:
            config: the config.
            clock: what the time of a deadline is, and by what tokens expire.
        """
        auth = config.auth
        if not isinstance(auth, OAuth2KeyAuth | OAuth2TokenAuth):
            return None
        token = None
        if auth.access_token:
            # Reckoned once: from here on, nobody can change this clock.
            left = auth.expires / 1000 - time.time() if auth.expires else _FOREVER
            token = _Token.until(auth.access_token, clock(), left)
        return cls(grant_of(auth), TokenEndpoint.of(config, auth), configured=token, clock=clock)

    def __repr__(self) -> str:
        return f"<TokenSource {self._endpoint.name}>"

    @property
    def current(self) -> str | None:
        """The token that there is, as long as it is valid."""
        found = self._current
        return found.value if found is not None and self._clock() < found.ends else None

    async def token(self, deadline: float | None, *, patient: bool = True) -> str:
        """A token that is good for some time yet.

        Args:
            deadline: when to give up, in seconds of `time.monotonic()`.
            patient: keep the pause after a refusal; if not, ask the endpoint in any case.

        Raises:
            DeliveryError: none can be had, or not until then.
            HostClosedError: the source is closed.
        """
        self._require_open()
        current, now, grant = self._current, self._clock(), self._grant
        if current is not None and now < (current.renew_at if grant else current.ends):
            return current.value
        if grant is None:
            raise unusable(
                _("the OAuth2 access token has expired")
                if current is not None
                else _("there is no OAuth2 access token"),
                _(
                    "put a fresh accessToken into auth, or give a refreshToken with clientId "
                    "and clientSecret, so that tokens are renewed"
                ),
            )
        if current is None or current.ends <= now:
            return (await self._obtain(grant, deadline, patient=patient)).value
        return await self._early(grant, deadline, patient=patient)

    async def renewed(
        self, refused: str, deadline: float | None, *, patient: bool = True
    ) -> str | None:
        """Another token in place of one that the mail server refused; None where there is none.

        If another sender has got a new one meanwhile, it is that one.

        Args:
            refused: the token that the mail server refused.
            deadline: when to give up, in seconds of `time.monotonic()`.
            patient: keep the pause after a refusal; if not, ask the endpoint in any case.

        Raises:
            DeliveryError: there is a grant, and no token came of it.
            HostClosedError: the source is closed.
        """
        self._require_open()
        current, grant = self._current, self._grant
        if grant is None:
            return None
        if current is not None and current.value == refused:
            self._current = None
        elif current is not None and self._clock() < current.ends:
            return current.value
        value = (await self._obtain(grant, deadline, patient=patient)).value
        # Some endpoints give the same one until it expires: to try it again would lock accounts.
        return value if value != refused else None

    async def close(self) -> None:
        """Call off a renewal that is under way; whoever waits for it gets HostClosedError."""
        self._closed = True
        self._current = None
        if self._renewal is not None and not self._renewal.done():
            self._renewal.cancel()
            await asyncio.wait({self._renewal}, timeout=_CLOSE_GRACE)

    def _require_open(self) -> None:
        if self._closed:
            raise HostClosedError

    async def _early(self, grant: Grant, deadline: float | None, *, patient: bool) -> str:
        """A new token, or, as long as it is valid, the present one if that does not come soon."""
        soon = self._clock() + EARLY_WAIT
        try:
            until = soon if deadline is None else min(soon, deadline)
            return (await self._obtain(grant, until, patient=patient)).value
        except DeliveryError:
            current, now = self._current, self._clock()
            if current is None or current.ends <= now:
                raise
        if current.renew_at <= now:
            self._current = replace(current, renew_at=now + EARLY_PAUSE)
        return current.value

    async def _obtain(self, grant: Grant, deadline: float | None, *, patient: bool) -> _Token:
        """What the renewal comes to that is under way, or of a new one."""
        if self._renewal is None or self._renewal.done():
            if patient:
                self._require_over()
            self._renewal = asyncio.get_running_loop().create_task(self._renew(grant))
        renewal = self._renewal
        timeout = None if deadline is None else max(deadline - self._clock(), 0)
        # Unlike wait_for, this leaves the task alone when the time is up or the sender is gone.
        await asyncio.wait({renewal}, timeout=timeout)
        if not renewal.done():
            reason = _("{name} gave no access token until the time was up").format(
                name=self._endpoint.name
            )
            raise later(reason, "")
        if renewal.cancelled():
            raise HostClosedError
        outcome = renewal.result()
        if isinstance(outcome, DeliveryError):
            raise copy.copy(outcome)  # a traceback for each sender
        return outcome

    def _require_over(self) -> None:
        """Raise the endpoint's refusal again while the pause after it lasts."""
        left = self._pause.left(self._clock())
        if left and self._pause.refusal is not None:
            error = copy.copy(self._pause.refusal)
            error.reason = _("{reason}; not asked again for {seconds} s").format(
                reason=error.reason, seconds=math.ceil(left)
            )
            raise error

    async def _renew(self, grant: Grant) -> _Token | DeliveryError:
        """Ask for a token and keep it; an error is a result, for nobody may be waiting."""
        asked = self._clock()
        try:
            outcome = await self._ask(grant)
        except DeliveryError as error:
            outcome = error
        if isinstance(outcome, Granted):
            self._pause.end()
            if outcome.refresh_token:
                grant.rotate(outcome.refresh_token)
            self._current = _Token.until(outcome.value, asked, outcome.lifetime or DEFAULT_LIFETIME)
            return self._current
        if isinstance(outcome, PermanentDeliveryError):
            self._pause.begin(outcome, self._clock())
        if self._current is not None and self._clock() < self._current.ends:
            _LOG.warning("the OAuth2 access token will expire and was not renewed: %s", outcome)
        return outcome

    async def _ask(self, grant: Grant) -> Granted | DeliveryError:
        # In a thread: to open a key with a passphrase takes long by design.
        form = await asyncio.to_thread(grant.form)
        answer = await self._endpoint.ask(form)
        current = [] if self._current is None else [self._current.value]
        secrets = [*self._endpoint.secrets, *current, form.get("assertion", "")]
        return read_answer(answer, grant, self._endpoint.name, secrets)
