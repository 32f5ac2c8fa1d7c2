"""Jobs that are measured in turns: every job once, then every job again, and so on.

So what drifts on a machine, its clock or its other users, meets all of them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.results import Figure, Row

__all__ = ["Job", "NotMeasuredError", "in_turns"]


class NotMeasuredError(Exception):
    """Something cannot be measured here; its text is the reason, for the reader."""


@dataclass(frozen=True)
class Job:
    """One measurement that is taken once a round.

    Attributes:
        client: whose.
        case: of what, if there are several.
        measure: takes it; figures by name.
    """

    client: str
    case: str
    measure: Callable[[], Mapping[str, float]]

    def __str__(self) -> str:
        return f"{self.client}, {self.case}" if self.case else self.client


def in_turns(jobs: Sequence[Job], rounds: int, say: Callable[[str], None]) -> list[Row]:
    """The jobs' rows, in their order, with the medians over so many rounds.

    A job that cannot be measured keeps the reason in its row, and is not tried again.
    """
    taken: list[list[Mapping[str, float]]] = [[] for _ in jobs]
    missing: dict[int, str] = {}
    for turn in range(rounds):
        for number, job in enumerate(jobs):
            if number in missing:
                continue
            try:
                figures = job.measure()
            except NotMeasuredError as error:
                missing[number] = str(error)
                say(f"{job}: not measured: {error}")
                continue
            taken[number].append(figures)
            shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            say(f"round {turn + 1} of {rounds}: {job}: {shown}")
    return [
        Row(
            client=job.client,
            case=job.case,
            figures={} if number in missing else _figures(taken[number]),
            rounds=len(taken[number]),
            missing=missing.get(number),
        )
        for number, job in enumerate(jobs)
    ]


def _figures(taken: Sequence[Mapping[str, float]]) -> dict[str, Figure]:
    return {
        name: Figure(
            median=median(values := [figures[name] for figures in taken]),
            low=min(values),
            high=max(values),
        )
        for name in taken[0]
    }
