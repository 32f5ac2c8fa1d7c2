"""From a connector and what its checks need to a class of tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any

from connector_core.samplepayload import PAYLOAD
from connector_core.testing.closing import ClosingChecks
from connector_core.testing.concurrency import ConcurrencyChecks
from connector_core.testing.configuring import ConfigChecks
from connector_core.testing.failing import FailingChecks
from connector_core.testing.identity import IdentityChecks
from connector_core.testing.limits import LimitChecks
from connector_core.testing.samples import SampleChecks
from connector_core.testing.schemas import SchemaChecks
from connector_core.testing.sending import SendingChecks
from connector_core.testing.subject import ConfigSource, Subject

__all__ = ["ConformanceSuite", "conformance_suite"]


class ConformanceSuite(
    IdentityChecks,
    SchemaChecks,
    ConfigChecks,
    SampleChecks,
    SendingChecks,
    FailingChecks,
    LimitChecks,
    ClosingChecks,
    ConcurrencyChecks,
):
    """All checks; `conformance_suite` makes a subclass for one connector."""


def conformance_suite(
    connector: object,
    *,
    config: ConfigSource,
    peer: Callable[[str, int], Mapping[str, Any]] | None = None,
    unreachable: ConfigSource | None = None,
    stalled: ConfigSource | None = None,
    to: str | None = None,
    usage_type: str = "SignIn",
    payload: Mapping[str, Any] | None = None,
    assigns_ids: bool = False,
    not_secret: Collection[str] = (),
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> type[ConformanceSuite]:
    """A class of tests that hold a connector to the contract; name it `Test…`.

    Args:
        connector: its id or target, where its distribution is installed; or the plugin itself, a
            module or an instance. The first also checks what its import does.
        config: a config by which messages arrive, with every secret that there can be in it. Or a
            function that takes nothing and returns a context manager that yields one: there it
            starts the server, or makes the folder, that the config leads to. An asynchronous
            context manager will do as well; it runs on the event loop of the check.
        peer: what to change in the config so that it leads to another host and port (merged over
            it, RFC 7396). With it the kit makes `unreachable` and `stalled`.
        unreachable: in place of `peer`, a config by which no message can arrive.
        stalled: in place of `peer`, a config whose peer accepts a message and never answers.
        to: a recipient whom the server accepts; `ann@example.org`, or for type `Sms`
            `+12025550123`, without it.
        usage_type: the usage type of the messages.
        payload: the values that the messages show; those of a sign-in flow without it.
        assigns_ids: whether the service behind it gives messages ids of its own, so that a receipt
            has not the one of the message.
        not_secret: keys that look like those of secrets and are not, such as `idempotencyKey`.
        loop_factory: makes the event loops of the checks; asyncio's own without it.
    """
    subject = Subject(
        wanted=connector,
        config=config,
        peer=peer,
        unreachable=unreachable,
        stalled=stalled,
        to=to,
        usage_type=usage_type,
        payload=PAYLOAD if payload is None else payload,
        assigns_ids=assigns_ids,
        not_secret=not_secret,
        loop_factory=loop_factory,
    )
    return type("Conformance", (ConformanceSuite,), {"subject": subject})
