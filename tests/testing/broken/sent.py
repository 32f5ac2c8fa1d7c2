"""Messages taken that should be refused, refused with what says nothing, or told wrongly."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from connector_core import (
    DeliveryError,
    Message,
    MessageError,
    Receipt,
    Stage,
    TemporaryDeliveryError,
    UncertainDeliveryError,
    VerifyReport,
    hookimpl,
)
from tests.testing.broken.registry import breaks
from tests.testing.good import Good, Relay


def receipt(message: Message, **changed: Any) -> Receipt:
    given = {"message_id": message.message_id, "connector_id": "good-relay"}
    return Receipt(**{**given, "accepted": (message.to,), **changed})


def with_state(state: type[Relay]) -> type[Good]:
    return type(state.__name__, (Good,), {"state": state, "__module__": __name__})


class _Wrong(Good):
    changed: dict[str, Any] = {}  # noqa: RUF012 - of a test

    @hookimpl
    async def send_message(self, state: Relay, message: Message) -> Receipt:
        await state.send(message)
        return receipt(message, **self.changed)


@breaks("test_send")
class WrongConnector(_Wrong):
    changed = {"connector_id": "good"}  # noqa: RUF012


@breaks("test_send")
class WrongId(_Wrong):
    changed = {"message_id": "1"}  # noqa: RUF012


@breaks("test_send")
class NobodyAccepted(_Wrong):
    changed = {"accepted": ()}  # noqa: RUF012


@breaks("test_send")
class NoReceipt(Good):
    @hookimpl
    async def send_message(self, state: Relay, message: Message) -> Any:
        await state.send(message)
        return True


@breaks("test_usage_types")
class KnowsFourUsages(Good):
    @hookimpl
    async def send_message(self, state: Relay, message: Message) -> Receipt:
        {"Register": 1, "SignIn": 2, "ForgotPassword": 3, "Generic": 4}[message.usage_type]
        return await state.send(message)


class _Trusting(Relay):
    def line(self, message: Message) -> bytes:
        return super().line(replaced(message, to="ann@example.org"))


def replaced(message: Message, **changed: Any) -> Message:
    return Message(**{**vars(message), **changed})


breaks("test_bad_recipients")(with_state(_Trusting))


class _Repeating(Relay):
    def line(self, message: Message) -> bytes:
        if not message.to.isprintable():
            raise MessageError("to", f"{message.to} is no address")
        return super().line(message)


breaks("test_bad_recipients")(with_state(_Repeating))


class _Unprepared(Relay):
    def line(self, message: Message) -> bytes:
        message.to.encode("ascii")
        return super().line(message)


breaks("test_bad_recipients")(with_state(_Unprepared))


class _NeedsCode(Relay):
    def line(self, message: Message) -> bytes:
        message.payload["code"].encode()
        return super().line(message)


breaks("test_bad_payloads")(with_state(_NeedsCode))


class _SplitsIds(Relay):
    async def send(self, message: Message) -> Receipt:
        _first, *others = message.message_id.split("@")
        if len(others) > 1:
            raise ValueError("too many")
        return await super().send(message)


breaks("test_bad_message_ids")(with_state(_SplitsIds))


@breaks("test_preview")
class CallingPreview(Good):
    @hookimpl
    def preview(self, state: Relay, message: Message) -> bytes:
        with contextlib.closing(socket.create_connection(state.address)):
            return state.preview(message)


@breaks("test_preview")
class HeadlessPreview(Good):
    @hookimpl
    def preview(self, state: Relay, message: Message) -> bytes:
        return b"Your code is 123456."


@breaks("test_preview")
class TakesMore(Good):
    @hookimpl
    def preview(self, state: Relay, message: Message) -> bytes:
        return state.preview(replaced(message, to="ann@example.org"))


class _NamesNothing(Relay):
    def line(self, message: Message) -> bytes:
        if not message.payload:
            raise MessageError("", "is empty")
        return super().line(message)


breaks("test_bad_payloads")(with_state(_NamesNothing))


@breaks("test_preview")
class TextPreview(Good):
    @hookimpl
    def preview(self, state: Relay, message: Message) -> Any:
        return state.preview(message).decode()


# Where no message can arrive


class _Unsure(Relay):
    def unreached(self, error: OSError) -> DeliveryError:
        return UncertainDeliveryError("who knows", stage="connect", hint="Look at the host.")


breaks("test_errors_are_classed")(with_state(_Unsure))


class _Hintless(Relay):
    def unreached(self, error: OSError) -> DeliveryError:
        return TemporaryDeliveryError("the relay cannot be reached", stage="connect")

    async def verify(self, on_stage: Callable[[Stage], None]) -> VerifyReport:
        return with_hint(await super().verify(lambda stage: on_stage(hinted(stage))))


def hinted(stage: Stage) -> Stage:
    if stage.error is not None:
        stage.error.hint = "Look at host and port."
    return stage


def with_hint(report: VerifyReport) -> VerifyReport:
    return VerifyReport(tuple(hinted(stage) for stage in report.stages))


breaks("test_errors_are_classed")(with_state(_Hintless))


class _Foreign(Good):
    @hookimpl
    async def send_message(self, state: Relay, message: Message) -> Receipt:
        try:
            return await state.send(message)
        except TemporaryDeliveryError as error:
            if error.stage == "connect":
                raise OSError("unreachable") from None
            raise


breaks("test_errors_are_classed")(_Foreign)


class _TellingCause(Relay):
    async def send(self, message: Message) -> Receipt:
        try:
            return await super().send(message)
        except TemporaryDeliveryError as error:
            raise error from ValueError(f"with token={self.config['token']}")


breaks("test_errors_hide_secrets")(with_state(_TellingCause))


class _TellingLog(Relay):
    def unreached(self, error: OSError) -> DeliveryError:
        logging.getLogger("good").debug("cannot reach it", extra={"config": self.config})
        return super().unreached(error)


breaks("test_errors_hide_secrets")(with_state(_TellingLog))


_APART = logging.getLogger("good.apart")  # with handlers and a level of its own
_APART.propagate = False
_APART.setLevel(logging.WARNING)


class _TellingLogApart(Relay):
    def unreached(self, error: OSError) -> DeliveryError:
        _APART.info("cannot reach it with %s", self.config["token"])
        return super().unreached(error)


breaks("test_errors_hide_secrets")(with_state(_TellingLogApart))


@breaks("test_suspects")
class SuspectsAnything(Good):
    @hookimpl
    def suspects(self, error: DeliveryError) -> Sequence[tuple[str, ...]]:
        return [("hostname",)]


class _Quiet(Relay):
    async def verify(self, on_stage: Callable[[Stage], None]) -> VerifyReport:
        return await super().verify(lambda stage: None)


breaks("test_verify")(with_state(_Quiet))


class _NeverGood(Relay):
    async def verify(self, on_stage: Callable[[Stage], None]) -> VerifyReport:
        error = TemporaryDeliveryError("no", stage="connect", hint="Wait.")
        stage = Stage(name="connect", ok=False, seconds=0.0, error=error)
        on_stage(stage)
        return VerifyReport((stage,))


breaks("test_verify")(with_state(_NeverGood))


class _Raising(Relay):
    async def verify(self, on_stage: Callable[[Stage], None]) -> VerifyReport:
        report = await super().verify(on_stage)
        for stage in report.stages:
            if stage.error is not None:
                raise stage.error
        return report


breaks("test_verify_tells_failures")(with_state(_Raising))


class _AlwaysContent(Relay):
    async def verify(self, on_stage: Callable[[Stage], None]) -> VerifyReport:
        stage = Stage(name="connect", ok=True, seconds=0.0)
        on_stage(stage)
        return VerifyReport((stage,))


breaks("test_verify_tells_failures")(with_state(_AlwaysContent))


class _TellingReport(Relay):
    async def verify(self, on_stage: Callable[[Stage], None]) -> VerifyReport:
        def tell(stage: Stage) -> None:
            on_stage(self.telling(stage))

        report = await super().verify(tell)
        return VerifyReport(tuple(map(self.telling, report.stages)))

    def telling(self, stage: Stage) -> Stage:
        return replace(stage, detail=f"token {self.config['token']}")


breaks("test_verify_tells_failures")(with_state(_TellingReport))
