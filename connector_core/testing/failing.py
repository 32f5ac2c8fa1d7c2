"""Checks of what is told where no message can arrive, and of the connector's own look at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector_core.errors import (
    ConnectorError,
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
)
from connector_core.models import Stage, VerifyReport
from connector_core.schemas import schemas_at
from connector_core.testing import hooks
from connector_core.testing.checks import Checks, check
from connector_core.testing.secrecy import logged, require_hidden, secrets_in, shown
from connector_core.testing.sending import is_broken
from connector_core.testing.verdicts import BreachError, blocked, not_given, not_implemented

__all__ = ["FailingChecks"]


class FailingChecks(Checks):
    """What its errors say, and what its verification finds."""

    @check
    async def test_errors_are_classed(self) -> None:
        """Where nobody is reached, a send raises what says so: certainly not sent, stage and hint.

        TemporaryDeliveryError or PermanentDeliveryError with the `stage` it came to and a `hint`
        that a person can act on. UncertainDeliveryError would have the caller ask whether the
        message came; any other exception counts as that.
        """
        async with self.subject.refusing() as config:
            error = await self._failure(config)
        if is_broken(error):
            raise BreachError(
                f"the connector broke: {error}",
                "catch what the network raises, and raise TemporaryDeliveryError from it",
            )
        if not isinstance(error, TemporaryDeliveryError | PermanentDeliveryError):
            raise BreachError(
                f"{type(error).__name__} in place of Temporary- or PermanentDeliveryError",
                "nothing was sent for certain: say so",
            )
        if not error.stage.strip() or not error.hint.strip():
            raise BreachError(
                "the error has no stage, or no hint", "say where it failed and what to do"
            )

    @check
    async def test_errors_hide_secrets(self) -> None:
        """No error shows a secret, nor do its causes and tracebacks, nor what is logged."""
        async with self.subject.refusing() as config:
            secrets = secrets_in(self.subject.connector, config)
            with logged() as texts:
                error = await self._failure(config)
            require_hidden(secrets, "an error, or a log record,", shown(error), *texts)

    @check
    async def test_suspects(self) -> None:
        """The hook `suspects` names values that there are in the schema, likeliest first."""
        connector = self.subject.connector
        if not connector.implements("suspects"):
            raise not_implemented("suspects")
        async with self.subject.refusing() as config:
            error = await self._failure(config)
        if not isinstance(error, DeliveryError):
            raise blocked("where nobody is reached, what is raised is no DeliveryError")
        paths = connector.suspects(error)
        if not paths:
            raise not_given("give an `unreachable` for which `suspects` names something")
        for path in paths:
            if not path or not schemas_at(connector.schema, path):
                raise BreachError(f"suspects names {path!r}, which the schema does not know")

    @check
    async def test_verify(self) -> None:
        """The hook `verify` reports each stage as it ends, and all of them at the end.

        With a config by which messages arrive every stage is `ok`.
        """
        self._require_verify()
        told: list[Stage] = []
        async with self.subject.serving() as config:
            state = hooks.state_of(self.subject, config)
            report = await hooks.ask(self.subject, "verify", state=state, on_stage=told.append)
            await hooks.close(self.subject, state)
        if not isinstance(report, VerifyReport) or not report.stages:
            raise BreachError(
                f"verify gave {type(report).__name__}", "give a VerifyReport with stages"
            )
        if not report.ok:
            stage = report.stages[-1]
            raise BreachError(
                f"verify finds a fault where there is none, at {stage.name}: {stage.error}"
            )
        if tuple(told) != tuple(report.stages):
            raise BreachError(
                "on_stage was not called with each stage of the report, in order",
                "call it as each stage ends: somebody is looking at a screen",
            )

    @check
    async def test_verify_tells_failures(self) -> None:
        """What `verify` cannot reach it tells in the last stage of its report, and raises none."""
        self._require_verify()
        async with self.subject.refusing() as config:
            secrets = secrets_in(self.subject.connector, config, required=False)
            state = hooks.state_of(self.subject, config)
            told: list[Stage] = []
            try:
                report = await hooks.ask(self.subject, "verify", state=state, on_stage=told.append)
            except Exception as error:
                raise BreachError(
                    f"verify raised {type(error).__name__}", "put it into a Stage with ok=False"
                ) from error
            finally:
                await hooks.close(self.subject, state)
        last = report.stages[-1] if isinstance(report, VerifyReport) and report.stages else None
        if last is None or last.ok or last.error is None or not last.error.hint.strip():
            raise BreachError(
                "the report does not end with the stage that failed, its error and a hint",
                "Stage(name=error.stage, ok=False, seconds=…, error=error)",
            )
        require_hidden(secrets, "the report", repr(report), shown(last.error))

    def _require_verify(self) -> None:
        if not self.subject.connector.implements("verify"):
            raise not_implemented("verify")

    async def _failure(self, config: Mapping[str, Any]) -> ConnectorError:
        async with self.subject.host(config) as connector:
            try:
                await connector.send_message(**self.subject.sending)
            except ConnectorError as error:
                return error
        raise BreachError(
            "a message is taken where no message can arrive",
            "is `unreachable`, or what `peer` changes, what the connector connects to?",
        )
