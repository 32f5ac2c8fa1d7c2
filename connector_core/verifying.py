"""The stages of a verification: timed, and told as they end.

stages = Stages(on_stage)
with suppress(DeliveryError):
    with stages.stage("resolve") as detail:
        detail.append("192.0.2.25")
return VerifyReport(tuple(stages.done))
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connector_core.errors import DeliveryError
from connector_core.models import Stage

__all__ = ["Detail", "Stages"]


class Detail(list[str]):
    """What is told of a stage: the items of its detail, and `facts` for programs."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: dict[str, str] = {}


class Stages:
    """Times stages, and tells each as it ends.

    Attributes:
        done: those that have ended.
    """

    def __init__(self, on_stage: Callable[[Stage], None] | None = None) -> None:
        self.done: list[Stage] = []
        self._on_stage = on_stage

    @contextmanager
    def stage(self, name: str) -> Iterator[Detail]:
        """Time one stage; what is put into the list is told as its detail."""
        started = time.perf_counter()
        detail = Detail()
        try:
            yield detail
        except DeliveryError as error:
            self._end(name, started, detail, error)
            raise
        self._end(name, started, detail, None)

    def _end(self, name: str, started: float, detail: Detail, error: DeliveryError | None) -> None:
        stage = Stage(
            name=name,
            ok=error is None,
            seconds=time.perf_counter() - started,
            detail=", ".join(detail),
            error=error,
            facts=detail.facts,
        )
        self.done.append(stage)
        if self._on_stage is not None:
            self._on_stage(stage)
