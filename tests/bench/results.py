"""What a run found, as it is kept in `.bench/results.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

__all__ = ["Figure", "Machine", "Results", "Row", "Section"]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Figure(_Strict):
    """One quantity over all rounds; its unit is in its name."""

    median: float
    low: float
    high: float


class Row(_Strict):
    """What was found of one client in one case.

    Attributes:
        client: the client, as a reader knows it.
        case: the case, where a section has several.
        figures: by name; none where it was not measured.
        rounds: how often it was measured.
        missing: why it was not.
    """

    client: str
    case: str
    figures: dict[str, Figure]
    rounds: int
    missing: str | None = None


class Section(_Strict):
    """One part of the benchmark.

    Attributes:
        command: what measured it.
        taken: the day, in UTC, as in ISO 8601.
        quick: whether it was a short look, whose figures mean little.
        load: the machine's load average over a minute, before it began.
        rows: what was found.
        missing: why nothing was measured.
    """

    command: str
    taken: str
    quick: bool
    load: float
    rows: list[Row]
    missing: str | None = None


class Machine(_Strict):
    """Where it ran."""

    cpu: str
    cores: int
    memory_bytes: int
    system: str
    versions: dict[str, str]


class Results(_Strict):
    """Everything that is known, each section of the last run that had it.

    Attributes:
        machine: the last run's.
        sections: by name.
    """

    machine: Machine
    sections: dict[str, Section]

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The results in a file, None where there is none.

        Raises:
            pydantic.ValidationError: the file holds something else.
        """
        return cls.model_validate_json(path.read_bytes()) if path.exists() else None

    def write(self, path: Path) -> None:
        """Write them to a file."""
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
