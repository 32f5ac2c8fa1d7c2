"""What the tests of the SMTP connector share: configs, hosts, and what must never be shown."""

from __future__ import annotations

import base64
import time
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache
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
from connector_core.host import TemplateSource
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
# Long enough never to be reached by accident, short enough to wait for.
SHORT = {
    "connectionTimeout": 250,
    "greetingTimeout": 250,
    "socketTimeout": 250,
    "dnsTimeout": 250,
}
LONG = {
    "connectionTimeout": 10_000,
    "greetingTimeout": 10_000,
    "socketTimeout": 10_000,
    "dnsTimeout": 10_000,
}


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
    message_id: str = "",
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
def within(seconds: float) -> Iterator[None]:
    """The block ends in time."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds
