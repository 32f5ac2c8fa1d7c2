"""One configured webhook: the requests it is sent, and how often."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pydantic import ValidationError

from connector_core import (
    ConfigError,
    ConfigProblem,
    DeliveryError,
    HostClosedError,
    Message,
    PermanentDeliveryError,
    Receipt,
    Stage,
    TemporaryDeliveryError,
    VerifyReport,
)
from connector_core.extras import install
from connector_core.network.tls import tls_detail, tls_facts, trusting_context
from connector_core.network.urls import HttpUrl
from connector_core.redaction import Redactor
from connector_core.validation import model_problems
from connector_core.verifying import Stages
from connectors.http_email.check import EXTRA
from connectors.http_email.config import HttpEmailConfig
from connectors.http_email.i18n import _
from connectors.http_email.outcomes import answered, is_taken, retry_after, told, unanswered
from connectors.http_email.request import body_of, headers_of, secrets_of

if TYPE_CHECKING:
    from connector_core.network.https import HttpClient

__all__ = ["HttpSender"]

CONNECTOR_ID = "http-email"
FIRST_PAUSE = 0.5  # seconds before the second request, at most; twice as long before each further
LONGEST_PAUSE = 30.0  # seconds; whoever asks for a longer one is not asked again
_MAX_ANSWER = 2048  # octets that are read of an answer's body
_LOG = logging.getLogger("connectors.http_email")

T = TypeVar("T")


class _Outcome(NamedTuple):
    """What came of one request.

    Attributes:
        status: of the answer, if there was one.
        error: what it comes to, if it was not taken.
        after: the seconds that the answer asks to wait for, if it does.
    """

    status: int = 0
    error: DeliveryError | None = None
    after: float | None = None


class HttpSender:
    """Posts the messages of one config. It belongs to one event loop."""

    def __init__(self, config: HttpEmailConfig) -> None:
        try:
            self._url = HttpUrl.parse(config.endpoint)
        except ValueError as error:
            raise ConfigError([ConfigProblem("$.endpoint", str(error))]) from None
        self._config = config
        self._timeout = config.timeout / 1000
        self._client: HttpClient | None = None
        self._closed = False

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> HttpSender:
        """The sender of a config that was checked.

        Raises:
            ConfigError: its shape is wrong.
        """
        try:
            return cls(HttpEmailConfig.model_validate(config))
        except ValidationError as error:
            raise ConfigError(model_problems(error)) from None

    def __repr__(self) -> str:
        return f"<HttpSender {self._url}>"

    async def send(self, message: Message) -> Receipt:
        """Post one message, and again where it was certainly not taken.

        Raises:
            MessageError, DeliveryError: see the `send_message` hook.
        """
        body, started = body_of(message), time.perf_counter()
        try:
            status = await self._until_taken(message, body)
        except DeliveryError as error:
            self._log("did not send %(message_id)s to %(endpoint)s: %(reason)s", message, error)
            raise
        self._log("sent %(message_id)s to %(endpoint)s", message)
        return Receipt(
            message_id=message.message_id,
            connector_id=CONNECTOR_ID,
            accepted=(message.to,),
            response=told(status),
            seconds={"content": time.perf_counter() - started},
        )

    async def _until_taken(self, message: Message, body: bytes) -> int:
        """The status of the request that was taken.

        Raises:
            DeliveryError: none was, or it is not sure.
        """
        attempt = 0
        while True:
            outcome = await self._post(message, body)
            if outcome.error is None:
                return outcome.status
            pause = self._pause(attempt, outcome)
            if pause is None or pause >= _left(message.deadline):
                raise outcome.error
            await asyncio.sleep(pause)
            attempt += 1

    def _pause(self, attempt: int, outcome: _Outcome) -> float | None:
        """The seconds before the next request; None where there shall be none."""
        if attempt == self._config.retries or not isinstance(outcome.error, TemporaryDeliveryError):
            return None
        wanted = outcome.after or 0.0
        # Full jitter: senders that failed together do not come back together.
        pause = random.uniform(0, min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE))  # noqa: S311
        return max(pause, wanted) if wanted <= LONGEST_PAUSE else None

    async def _post(self, message: Message, body: bytes) -> _Outcome:
        """What came of one request."""
        client = await self._ready()
        from connector_core.network.https import RequestFailedError

        authorization = self._config.authorization
        timeout = min(self._timeout, _left(message.deadline))
        try:
            answer = await client.post(
                headers_of(message, authorization), body, limit=_MAX_ANSWER, timeout=timeout
            )
        except RequestFailedError as failed:
            if not (self._closed and not failed.written):
                return _Outcome(error=unanswered(failed))
            raise HostClosedError from None  # what was seen of it is this connector's own doing
        if is_taken(answer.status):
            return _Outcome(answer.status)
        mask = Redactor(secrets_of(message, self._url, authorization))
        error = answered(answer, str(self._url), mask)
        return _Outcome(answer.status, error, retry_after(answer.headers))

    async def _ready(self) -> HttpClient:
        """The client, made when it is first needed.

        Raises:
            PermanentDeliveryError: a package is not installed.
        """
        if self._closed:
            raise HostClosedError
        if self._client is None:
            # In a thread: to import the library and to read the certificates takes long.
            made = await asyncio.to_thread(self._make)
            if self._closed:
                raise HostClosedError
            self._client = self._client or made  # another message may have been first
        return self._client

    def _make(self) -> HttpClient:
        try:
            from connector_core.network.https import HttpClient
        except ImportError:
            raise PermanentDeliveryError(
                _("webhooks need a package that is not installed"),
                stage="connect",
                hint=install(EXTRA),
                failover=True,
                operator=True,
            ) from None
        context = trusting_context(self._config.tls.ca if self._config.tls else None)
        return HttpClient(self._url, context, public_only=bool(self._config.public_only))

    async def verify(self, on_stage: Callable[[Stage], None]) -> VerifyReport:
        """Look the webhook up, connect, shake hands, and post nothing."""
        stages = Stages(on_stage)
        with suppress(DeliveryError):
            client = None
            with stages.stage("resolve") as detail:
                client = await self._ready()
                addresses = await self._in_time(client.look_up(), "resolve")
                detail.append(", ".join(address[0] for _family, address in addresses))
            with stages.stage("connect") as detail:
                stream = await self._in_time(client.connect(addresses), "connect")
                detail.append(str(self._url))
            try:
                if self._url.secure:
                    with stages.stage("tls") as detail:
                        connection = await self._in_time(client.start_tls(stream), "tls")
                        detail.facts |= tls_facts(connection)
                        detail.append(tls_detail(detail.facts))
            finally:
                await stream.aclose()
        return VerifyReport(tuple(stages.done))

    async def _in_time(self, step: Awaitable[T], stage: str) -> T:
        from connector_core.network.https import RequestFailedError

        try:
            async with asyncio.timeout(self._timeout):
                return await step
        except RequestFailedError as failed:
            error = unanswered(failed)
        except TimeoutError as expired:
            from connector_core.network.httpfaults import failure_of

            failure = failure_of(expired, str(self._url))
            error = unanswered(RequestFailedError(failure, stage, written=False))
        raise error

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        if self._client is not None:
            await self._client.aclose()

    def _log(self, text: str, message: Message, error: DeliveryError | None = None) -> None:
        facts = {
            "message_id": message.message_id,
            "usage_type": message.usage_type,
            "connector": CONNECTOR_ID,
            "endpoint": str(self._url),
        }
        if error is not None:
            facts |= {"reason": str(error), "stage": error.stage, "retry": error.retry}
        _LOG.debug(text, facts, extra=facts)


def _left(deadline: float | None) -> float:
    return float("inf") if deadline is None else max(deadline - time.monotonic(), 0.0)
