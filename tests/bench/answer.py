"""What a peer says of its work: one line of JSON among what it prints."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from connector_core.validation import model_problems

__all__ = ["Answer", "BadAnswerError", "Latencies"]

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Count = Annotated[int, Field(gt=0)]


class BadAnswerError(Exception):
    """A peer's line is not what it should be; its text says what is wrong with it."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Latencies(_Strict):
    """How long sends took, from the call to its return, in milliseconds.

    Attributes:
        first: the very first, which opened a connection.
        p50: half of those that were measured took no longer.
        p99: 99 of 100 took no longer.
    """

    first: _Positive
    p50: _Positive
    p99: _Positive

    @model_validator(mode="after")
    def _are_in_order(self) -> Self:
        if self.p50 > self.p99:
            raise ValueError("p50 is above p99")
        return self


class Answer(_Strict):
    """What was measured.

    Attributes:
        messages: how many were sent, or composed, while it was measured.
        seconds: how long that took.
        cpu_seconds: the CPU time of all threads of the peer meanwhile.
        warmup_messages: those before, which count for nothing here, and yet reach the server.
        latencies_ms: of single sends, where they were timed.
        rss_bytes: resident memory after the first message.
        peak_rss_bytes: the most that there ever was of it.
        configure_seconds: how long configuring took, where that was asked for.
    """

    messages: _Count
    seconds: _Positive
    cpu_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    warmup_messages: Annotated[int, Field(ge=0)]
    latencies_ms: Latencies | None = None
    rss_bytes: _Count | None = None
    peak_rss_bytes: _Count | None = None
    configure_seconds: _Positive | None = None

    @classmethod
    def of(cls, output: str) -> Self:
        """The answer in what a peer printed: its only line that begins as a JSON object does.

        Raises:
            BadAnswerError: there is none, or more than one, or it is no such answer.
        """
        lines = [line for line in output.splitlines() if line.startswith("{")]
        if len(lines) != 1:
            raise BadAnswerError(f"it gave {len(lines)} answers in place of one")
        try:
            return cls.model_validate_json(lines[0])
        except ValidationError as error:
            problems = "; ".join(f"{item.path} {item.message}" for item in model_problems(error))
            raise BadAnswerError(f"its answer is broken: {problems}") from None
