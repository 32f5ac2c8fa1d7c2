"""Trying a configured connector: its connection stage by stage, then one message through it.

The command line and whatever else sets up connectors do it the same way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector_core.errors import ConnectorError, DeliveryError, UncertainDeliveryError
from connector_core.i18n import gettext as _
from connector_core.models import Stage, UsageType

if TYPE_CHECKING:
    from connector_core.configured import AsyncConfiguredConnector
    from connector_core.host import AsyncHost
    from connector_core.models import Provider, Receipt

__all__ = ["TEST_PAYLOAD", "Trial", "advice", "send_once", "try_out"]

_LOG = logging.getLogger("connector_core")

TEST_PAYLOAD: Mapping[str, Any] = {"code": "000000"}
_OF_THE_MESSAGE = ("envelope", "content")  # of a receipt's stages, those behind the connection's


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a trial.

    Attributes:
        stages: of the connection and then of the message; the last is the one that failed, if any.
        receipt: of the message, where one was sent.
        error: what went wrong, if anything did.
    """

    stages: tuple[Stage, ...] = ()
    receipt: Receipt | None = None
    error: ConnectorError | None = field(default=None, repr=False)


async def try_out(
    configured: AsyncConfiguredConnector,
    *,
    to: str | None,
    usage_type: str = UsageType.GENERIC,
    payload: Mapping[str, Any] = TEST_PAYLOAD,
    locale: str | None = None,
    timeout: float | None = None,
    on_stage: Callable[[Stage], None] = lambda _stage: None,
) -> Trial:
    """Try the connection, and send one message where that works; what fails is told, not raised.

    Args:
        configured: the connector.
        to: the recipient; None sends no message.
        usage_type: chooses the template.
        payload: the values that the template may show.
        locale: language tag (BCP 47) of the template.
        timeout: seconds that sending may take.
        on_stage: called with each stage as it ends.
    """
    stages: list[Stage] = []
    ended = _recorder(stages, on_stage)
    try:
        if configured.connector.implements("verify"):
            report = await configured.verify(ended)
            stages[:] = report.stages
            for stage in report.stages:
                if stage.error is not None:
                    return Trial(report.stages, error=stage.error)
        if to is None:
            return Trial(tuple(stages))
        receipt = await send_once(
            configured, usage_type, to=to, payload=payload, locale=locale, timeout=timeout
        )
    except DeliveryError as error:
        ended(Stage(name=error.stage, ok=False, seconds=0.0, error=error))
        return Trial(tuple(stages), error=error)
    except ConnectorError as error:
        return Trial(tuple(stages), error=error)
    for name in _OF_THE_MESSAGE:
        if name in receipt.seconds:
            detail = receipt.response if name == _OF_THE_MESSAGE[-1] else to
            ended(Stage(name=name, ok=True, seconds=receipt.seconds[name], detail=detail))
    return Trial(tuple(stages), receipt)


def _recorder(stages: list[Stage], on_stage: Callable[[Stage], None]) -> Callable[[Stage], None]:
    def ended(stage: Stage) -> None:
        stages.append(stage)
        try:
            on_stage(stage)
        except Exception:  # noqa: BLE001 - the caller's own; what was sent stays sent
            _LOG.exception("on_stage failed at the stage %s", stage.name)

    return ended


async def send_once(
    through: AsyncConfiguredConnector | AsyncHost, usage_type: str, **arguments: Any
) -> Receipt:
    """Send one message; an interruption leaves it uncertain whether it was sent.

    Raises:
        ConnectorError: see `AsyncConfiguredConnector.send_message`.
    """
    try:
        return await through.send_message(usage_type, **arguments)
    except asyncio.CancelledError:
        raise UncertainDeliveryError(
            _("interrupted before the server had replied"), stage="content"
        ) from None


def advice(error: ConnectorError, provider: Provider | None) -> list[str]:
    """What the provider's preset says of an error, by the words of the server's reply."""
    if provider is None or not isinstance(error, DeliveryError):
        return []
    told = " ".join(f"{error.reason} {error.response}".split()).casefold()
    return [item.remedy for item in provider.pitfalls if item.sign.casefold() in told]
