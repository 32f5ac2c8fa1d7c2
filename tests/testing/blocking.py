"""The good connector without an event loop: its hooks block, and run in threads."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from connector_core import (
    DeliveryError,
    Message,
    Receipt,
    Stage,
    TemporaryDeliveryError,
    UncertainDeliveryError,
    VerifyReport,
    hookimpl,
)
from tests.testing.good import ID, Good, Relay

_SECONDS = 10.0


class Blocking(Good):
    @hookimpl
    def send_message(self, state: Relay, message: Message) -> Receipt:  # type: ignore[override]
        line = state.line(message)
        left = _SECONDS if message.deadline is None else message.deadline - time.monotonic()
        with _connection(state, max(left, 0.001)) as connection:
            connection.sendall(line)
            try:
                answer = connection.recv(8)
            except OSError:
                answer = b""
        if answer != b"ok\n":
            raise UncertainDeliveryError("no answer", stage="answer", hint="Look at the relay.")
        return Receipt(message_id=message.message_id, connector_id=ID, accepted=(message.to,))

    @hookimpl
    def verify(  # type: ignore[override]
        self, state: Relay, on_stage: Callable[[Stage], None]
    ) -> VerifyReport:
        try:
            _connection(state, _SECONDS).close()
            stage = Stage(name="connect", ok=True, seconds=0.0)
        except DeliveryError as error:
            stage = Stage(name="connect", ok=False, seconds=0.0, error=error)
        on_stage(stage)
        return VerifyReport((stage,))

    @hookimpl
    def close(self, state: Any) -> None:  # type: ignore[override]
        """Nothing is kept open between messages."""


def _connection(state: Relay, seconds: float) -> socket.socket:
    try:
        return socket.create_connection(state.address, timeout=seconds)
    except OSError:
        raise TemporaryDeliveryError(
            "the relay cannot be reached", stage="connect", hint="Look at host and port."
        ) from None
