"""What the tests of the SMTP connector share: configs, hosts, and what must never be shown."""

from __future__ import annotations

import base64
import inspect
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache, wraps
from typing import Any, NamedTuple

import pytest

from connector_core import (
    AsyncHost,
    DeliveryError,
    Message,
    PermanentDeliveryError,
    Receipt,
    Template,
    TemporaryDeliveryError,
    UncertainDeliveryError,
)
from connector_core.discovery import discover
from connector_core.messages import TemplateSource
from connector_core.registry import Registry
from connectors.smtp.compose.message import Composed, Composer
from connectors.smtp.config import SmtpConfig
from tests.smtp.certificates import authority_pem
from tests.smtp.peer import Peer

USER = "mailer@example.org"
PASSWORD = "correct-horse-battery"
AUTH = {"user": USER, "pass": PASSWORD}
# Stands in values that no error may show.
MARK = "never-shown-here"
RECIPIENT = "ann@example.org"
USAGES = ("Register", "SignIn", "ForgotPassword", "Generic")
# Never reached, on a busy machine either; beyond what `within` allows, so that no test passes by
# waiting for one.
LONG = {
    "connectionTimeout": 60_000,
    "greetingTimeout": 60_000,
    "socketTimeout": 60_000,
    "dnsTimeout": 60_000,
}
_BRIEF = 250  # milliseconds
_LONGER = (1000, 4000, 16_000)


class Outcome(NamedTuple):
    """What a fault comes to: R, P or U, then F for failover and A for the operator."""

    letters: str
    stage: str

    def check(self, error: DeliveryError) -> None:
        kinds = {
            "R": TemporaryDeliveryError,
            "P": PermanentDeliveryError,
            "U": UncertainDeliveryError,
        }
        assert type(error) is kinds[self.letters[0]]
        assert error.stage == self.stage
        assert error.failover == ("F" in self.letters)
        assert error.operator == ("A" in self.letters)


def templates(**changes: Any) -> list[dict[str, Any]]:
    return [
        {
            "usageType": usage,
            "contentType": "text/plain",
            "subject": "Code {{code}}",
            "content": "Your code is {{code}}",
            **changes,
        }
        for usage in USAGES
    ]


def config(port: int = 2525, **changes: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": port,
        "fromEmail": "Zoé <a@example.org>",
        "templates": templates(),
        "debug": True,
        "tls": {"ca": authority_pem()},
        **LONG,
        **changes,
    }


@cache
def registry() -> Registry:
    return discover()


def new_host(template_source: TemplateSource | None = None) -> AsyncHost:
    """A host without connectors; the plugins are looked for once a process."""
    return AsyncHost(registry(), template_source=template_source)


@asynccontextmanager
async def hosting(peer: Peer, **changes: Any) -> AsyncIterator[AsyncHost]:
    """A host with one connector that sends to the peer."""
    async with new_host() as host:
        host.configure("smtp", config(peer.port, **changes))
        yield host


async def send(host: AsyncHost, *, to: str = RECIPIENT, **arguments: Any) -> Receipt:
    payload = arguments.pop("payload", {"code": "123456"})
    return await host.send_message("SignIn", to=to, payload=payload, **arguments)


def composer(**changes: Any) -> Composer:
    return Composer(SmtpConfig.model_validate(config(**changes)))


def message(
    payload: Mapping[str, Any] | None = None,
    *,
    to: str = RECIPIENT,
    template: Template | None = None,
    message_id: str = "0123456789abcdef",
) -> Message:
    return Message(
        type="Email",
        usage_type="SignIn",
        to=to,
        payload={"code": "123456"} if payload is None else payload,
        template=template,
        message_id=message_id,
    )


def composed(subject: str, **more: Any) -> Composed:
    return composer(templates=templates(subject=subject, **more)).compose(message())


def shown(error: BaseException) -> str:
    """Everything that an error may show: text, attributes, notes, causes and their tracebacks."""
    pieces = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
    for linked in (error.__cause__, error.__context__):
        if linked is not None:
            pieces.append(shown(linked))
    return "\n".join(pieces)


def forms(secret: str) -> list[str]:
    """The secret as it might be shown."""
    return [
        secret,
        base64.b64encode(secret.encode()).decode(),
        base64.b64encode(f"\0{USER}\0{secret}".encode()).decode(),
    ]


def assert_secret(caplog: pytest.LogCaptureFixture, *errors: BaseException) -> None:
    """No error and no log record shows the password."""
    everything = "\n".join([caplog.text, *(shown(error) for error in errors)])
    for form in forms(PASSWORD):
        assert form not in everything


@contextmanager
def within(seconds: float = 30.0) -> Iterator[None]:
    """The block does not wait for what never comes; no measure of speed."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def short(stage: str, milliseconds: int = _BRIEF) -> dict[str, int]:
    """The time-outs of a config: short for one stage, which is to run out, and else long."""
    assert stage in LONG
    return {**LONG, stage: milliseconds}


class TooSlowError(AssertionError):
    """A short time-out ran out before the server came to its fault, or while it behaved."""


def patiently(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Give the test a short time-out as `brief`, and a longer one where the machine was too slow.

    What the test shows, it must show with one of them, from the beginning to the end.
    """

    @wraps(test)
    async def run(**arguments: Any) -> None:
        brief = _BRIEF
        for longer in _LONGER:
            try:
                return await test(brief=brief, **arguments)
            except TooSlowError:
                brief = longer
        return await test(brief=brief, **arguments)

    signature = inspect.signature(test)
    others = [item for item in signature.parameters.values() if item.name != "brief"]
    run.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
    return run


def _timed_out(error: DeliveryError) -> bool:
    return "in time" in error.reason


async def fault(peer: Peer, host: AsyncHost, stage: str = "", **arguments: Any) -> DeliveryError:
    """The error of a send that reaches the server's fault; a time-out may run out in that stage."""
    with within(), pytest.raises(DeliveryError) as caught:
        await send(host, **arguments)
    if not peer.played or (_timed_out(caught.value) and caught.value.stage != stage):
        raise TooSlowError(caught.value) from caught.value
    return caught.value


async def works(peer: Peer, host: AsyncHost) -> None:
    """A send over the same pool arrives, now that the server behaves."""
    before = len(peer.mails)
    try:
        with within():
            await send(host)
    except DeliveryError as error:
        if _timed_out(error):
            raise TooSlowError(error) from error
        raise
    assert len(peer.mails) == before + 1


async def runs_out(
    host: AsyncHost, reached: Callable[[DeliveryError], bool], **arguments: Any
) -> DeliveryError:
    """The error of a send whose caller's time is up where it should be, if need be with more."""
    for seconds in (0.2, 1.0, 4.0, 16.0):
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host, timeout=seconds, **arguments)
        if reached(caught.value):
            return caught.value
    raise caught.value


def assert_linear(work: Callable[[int], object], size: int) -> None:
    """Work of sixteen times the size takes nothing like 256 times the processor's time."""
    small, large = (_seconds(work, count) for count in (size, 16 * size))
    assert large < 64 * max(small, 0.005)


def _seconds(work: Callable[[int], object], size: int) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        work(size)
        best = min(best, time.process_time() - started)
    return best
