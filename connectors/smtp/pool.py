"""Many sessions with one server: kept open between messages, bounded in number."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from connector_core import (
    DeliveryError,
    HostClosedError,
    Stage,
    TemporaryDeliveryError,
    VerifyReport,
)
from connector_core.verifying import Stages
from connectors.smtp.account import Account
from connectors.smtp.endpoint import Endpoint
from connectors.smtp.i18n import _
from connectors.smtp.limits import Pace
from connectors.smtp.opening import open_session
from connectors.smtp.session import DeadConnectionError, Sent, Session
from connectors.smtp.transaction import Envelope
from connectors.smtp.upkeep import Upkeep

if TYPE_CHECKING:
    from connectors.smtp.config import SmtpConfig

__all__ = ["Pool"]

_LOG = logging.getLogger("connectors.smtp")

NOOP_AFTER = 30.0  # seconds of idleness after which a session is asked before it is used
IDLE_LIFETIME = 90.0  # seconds of idleness after which a session is ended
MOST_PINGS = 50  # servers take a client that says NOOP too often for a hanger-on
MOST_SENDERS = 1000  # whose mails the server is known to take
CLOSE_GRACE = 5.0  # seconds that messages under way have when the pool closes


class Pool:
    """Sends messages over at most `maxConnections` sessions, on one event loop."""

    def __init__(self, endpoint: Endpoint, config: SmtpConfig) -> None:
        self._endpoint = endpoint
        self._limit = config.max_connections
        self._warm = min(config.pool_min_connections, self._limit)
        self._upkeep = Upkeep(self._keep_warm, NOOP_AFTER / 2)
        self._messages = config.max_messages if config.pool is not False else 1
        self._fresh_try = config.max_requeues > 0
        self._pace = Pace(config.rate_limit, (config.rate_delta or 1000) / 1000)
        self._senders: set[str] = set()
        self._warned = False
        self._account = Account.of(config, endpoint)
        self._idle: list[Session] = []
        self._busy: set[Session] = set()
        self._places = 0
        self._waiters: OrderedDict[asyncio.Future[Session | None], None] = OrderedDict()
        self._closed = False
        self._reaper: asyncio.TimerHandle | None = None
        self._quitting: set[asyncio.Task[None]] = set()
        self._acquiring: set[asyncio.Timeout] = set()
        self._drained = asyncio.Event()

    async def send(
        self,
        envelope: Envelope,
        content: bytes,
        deadline: float | None,
        seconds: dict[str, float],
    ) -> Sent:
        """Send one message over a session that is free, or a new one.

        A kept session that turns out dead before the message could be accepted is replaced by a
        fresh one, once and at once.

        Args:
            envelope: sender and recipient.
            content: the message.
            deadline: when to give up, in seconds of `time.monotonic()`.
            seconds: what was spent on it so far, by stage; what it takes from here on is added.

        Raises:
            DeliveryError: the message was not, or not surely, sent.
            HostClosedError: the pool is closed.
        """
        started = time.perf_counter()
        if self._warm:
            self._upkeep.ask()
        session = self._at_hand(deadline) or await self._acquire(deadline)
        try_again = self._fresh_try and not session.fresh
        while True:
            seconds["pool"] = time.perf_counter() - started
            if session.fresh:
                seconds["pool"] -= sum(session.opening.values())
                seconds |= session.opening
            known = envelope.sender in self._senders
            try:
                sent = await session.send(envelope, content, deadline, seconds, known=known)
                break
            except DeadConnectionError as dead:
                if not try_again:
                    self._release(session)
                    raise dead.error from None
            except BaseException:
                self._release(session)
                raise
            try_again = False
            session = await self._exchange(session, deadline)
        self._release(session)
        if not known and len(self._senders) < MOST_SENDERS:
            self._senders.add(envelope.sender)
        return sent

    async def _exchange(self, dead: Session, deadline: float | None) -> Session:
        """A fresh session in place of one that turned out dead, as those that idle may be."""
        self._busy.discard(dead)
        dead.abort()
        self._drop_idle()
        return await self._fresh_session(deadline)

    async def verify(self, on_stage: Callable[[Stage], None]) -> VerifyReport:
        """Open a session of its own, whatever was refused before, and end it."""
        if self._closed:
            raise HostClosedError
        stages = Stages(on_stage)
        with suppress(DeliveryError):  # it stands in the report
            async with self._while_open():
                session = await self._open_session(stages, None, testing=True)
            await session.quit()
            if self._warm:
                self._upkeep.ask()
        return VerifyReport(tuple(stages.done))

    async def close(self) -> None:
        """End every session: the idle ones with QUIT, those in use after a grace."""
        self._closed = True
        await self._upkeep.close()
        if self._reaper is not None:
            self._reaper.cancel()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(HostClosedError())
        self._waiters.clear()
        for scope in self._acquiring:
            scope.reschedule(0)
        self._drop_idle()
        if self._busy or self._acquiring:
            self._drained.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_GRACE):
                    await self._drained.wait()
        for session in self._busy:
            session.abort()
        if self._quitting:
            await asyncio.wait(self._quitting, timeout=CLOSE_GRACE)
        if self._account is not None:
            await self._account.close()

    def _at_hand(self, deadline: float | None) -> Session | None:
        """A session that needs nothing before it is used, if there is one; it counts as in use."""
        if self._closed or self._pace.limits or not self._idle:
            return None
        session, now = self._idle[-1], time.monotonic()
        if now - session.idle_since > NOOP_AFTER or not session.usable:
            return None
        if deadline is not None and deadline <= now:
            return None
        self._busy.add(self._idle.pop())
        return session

    async def _acquire(self, deadline: float | None) -> Session:
        """A session to send one message over; it counts as in use.

        Raises:
            HostClosedError: the pool closed meanwhile.
        """
        if self._closed:
            raise HostClosedError
        if deadline is not None and deadline <= time.monotonic():
            raise TemporaryDeliveryError(
                _("the time was up before the message could be sent"), stage="pool", failover=True
            )
        if self._pace.limits:
            async with self._while_open():
                await self._pace.wait(deadline)
        session = self._take_idle()
        if session is None and self._places >= self._limit:
            session = await self._wait_for_session(deadline)
        elif session is None:
            self._places += 1
        if session is not None and time.monotonic() - session.idle_since > NOOP_AFTER:
            async with self._while_open():
                session = session if await self._ping(session, deadline) else None
        if session is None:
            return await self._fresh_session(deadline)
        if self._closed:
            self._release(session)
            raise HostClosedError
        return session

    @asynccontextmanager
    async def _while_open(self) -> AsyncIterator[None]:
        """Cut off with HostClosedError when the pool closes."""
        scope = asyncio.timeout(None)
        self._acquiring.add(scope)
        try:
            async with scope:
                yield
        except TimeoutError:
            if not scope.expired():
                raise
            raise HostClosedError from None
        finally:
            self._acquiring.discard(scope)
            self._tell_drained()

    async def _fresh_session(self, deadline: float | None) -> Session:
        """A new session in a place that is already counted as open; it counts as in use."""
        if self._closed:
            self._free_place()
            self._tell_drained()
            raise HostClosedError
        async with self._while_open():
            session = await self._fill_place(deadline)
            self._busy.add(session)
        if self._closed:
            self._release(session)
            raise HostClosedError
        return session

    async def _ping(self, session: Session, deadline: float | None) -> bool:
        """Whether a session in use still answers; the place of one that does not stays counted."""
        try:
            if await session.alive(deadline):
                return True
        except BaseException:
            self._busy.discard(session)
            self._discard(session)
            raise
        self._busy.discard(session)
        session.abort()
        return False

    async def _fill_place(self, deadline: float | None) -> Session:
        """A new session in a place that is already counted as open."""
        try:
            return await self._open_session(Stages(), deadline)
        except BaseException:
            self._free_place()
            raise

    async def _open_session(
        self, stages: Stages, deadline: float | None, *, testing: bool = False
    ) -> Session:
        """Open a session; a test is told more than a send asks for."""
        session = await open_session(
            self._endpoint, self._account, stages, deadline, testing=testing
        )
        mail = self._endpoint.mail
        if (mail.dsn_mail or mail.dsn_rcpt) and not session.offers_notifications:
            self._warn_once("%s does not offer DSN: `dsn` has no effect", self._endpoint)
        return session

    def _warn_once(self, text: str, *values: object) -> None:
        if not self._warned:
            self._warned = True
            _LOG.warning(text, *values)

    async def _keep_warm(self) -> None:
        """Hold at least `poolMinConnections` sessions open, and used within a short time.

        Raises:
            DeliveryError: the server does not let one in.
        """
        soon = time.monotonic() - NOOP_AFTER / 2
        kept = [session for session in self._idle[-self._warm :] if session.idle_since < soon]
        for session in kept:
            if session not in self._idle:
                continue  # a message took it meanwhile
            self._idle.remove(session)
            if session.pings >= MOST_PINGS:
                self._discard(session)
                continue
            self._busy.add(session)
            if await self._ping(session, None):
                self._release(session)
            else:
                self._free_place()
        while self._places < self._warm:
            self._places += 1
            session = await self._fill_place(None)
            session.fresh = False
            self._pass_on(session)

    def _take_idle(self) -> Session | None:
        while self._idle:
            session = self._idle.pop()
            if session.usable:
                self._busy.add(session)
                return session
            self._discard(session)
        return None

    async def _wait_for_session(self, deadline: float | None) -> Session | None:
        """A session that another message gives back, or None for a place to open one."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Session | None] = loop.create_future()
        self._waiters[waiter] = None
        timer = None
        if deadline is not None:
            timer = loop.call_later(max(deadline - time.monotonic(), 0), self._refuse, waiter)
        try:
            return await waiter
        except BaseException:
            self._waiters.pop(waiter, None)
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                # It was given back in the same moment: pass it on.
                self._give_back(waiter.result())
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _refuse(self, waiter: asyncio.Future[Session | None]) -> None:
        """Let a message wait no longer: its time is up."""
        if not waiter.done():
            reason = _("all {limit} connections were busy until the time was up").format(
                limit=self._limit
            )
            hint = _("raise maxConnections, or the timeout")
            waiter.set_exception(
                TemporaryDeliveryError(reason, stage="pool", failover=True, hint=hint)
            )

    def _give_back(self, session: Session | None) -> None:
        if session is None:
            self._free_place()
        else:
            self._release(session)

    def _release(self, session: Session) -> None:
        self._busy.discard(session)
        if self._closed:
            self._tell_drained()
        if session.usable and session.sent < self._messages and not self._closed:
            self._pass_on(session)
        else:
            self._discard(session)

    def _tell_drained(self) -> None:
        if not self._busy and not self._acquiring:
            self._drained.set()

    def _pass_on(self, session: Session | None) -> None:
        """Give a session, or a place, to whoever waits longest; keep it if nobody does."""
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if not waiter.done():
                if session is not None:
                    self._busy.add(session)
                waiter.set_result(session)
                return
        if session is None:
            self._places -= 1
            if self._places < self._warm and not self._closed:
                self._upkeep.ask()
        elif self._closed:
            self._discard(session)
        else:
            self._idle.append(session)
            if self._reaper is None:
                self._watch_idle()

    def _free_place(self) -> None:
        self._pass_on(None)

    def _discard(self, session: Session) -> None:
        """End a session without holding anybody up, and give its place away."""
        if not session.usable:
            session.abort()
            self._free_place()
            return
        task = asyncio.get_running_loop().create_task(session.quit())
        self._quitting.add(task)
        task.add_done_callback(self._quitting.discard)
        # Only then, so that the server never sees more connections than it was promised.
        task.add_done_callback(lambda _: self._free_place())

    def _drop_idle(self) -> None:
        idle, self._idle = self._idle, []
        for session in idle:
            self._discard(session)

    def _watch_idle(self) -> None:
        self._reaper = asyncio.get_running_loop().call_later(IDLE_LIFETIME, self._reap)

    def _reap(self) -> None:
        """End sessions that were idle too long, before the server does."""
        self._reaper = None
        oldest = time.monotonic() - IDLE_LIFETIME
        stale = [session for session in self._idle if session.idle_since <= oldest]
        self._idle = [session for session in self._idle if session.idle_since > oldest]
        for session in stale:
            self._discard(session)
        if self._idle:
            self._watch_idle()
