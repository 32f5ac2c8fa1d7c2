"""What every section is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.clients import Client, Clients
from tests.bench.install import Installed

__all__ = ["Bench"]


@dataclass(frozen=True)
class Bench:
    """One run.

    Attributes:
        installed: what there is to measure with.
        clients: who is measured.
        rounds: how often each.
        quick: a short look, to see that everything works.
        say: is told how it goes.
    """

    installed: Installed
    clients: Clients
    rounds: int
    quick: bool
    say: Callable[[str], None]

    @property
    def seconds(self) -> float:
        """How long one measurement takes."""
        return 0.3 if self.quick else 1.5

    def warmup_seconds(self, client: Client) -> float:
        """How long a client runs before it is measured.

        nodemailer is three times as fast after some seconds, once V8 has compiled what runs often;
        CPython specialises its bytecode within some calls.
        """
        if client.compiles:
            return 2.0 if self.quick else 6.0
        return 0.2 if self.quick else 1.0
