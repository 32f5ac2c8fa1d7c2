"""How long credentials that were refused are left alone."""

from __future__ import annotations

from connector_core import DeliveryError

__all__ = ["Pause"]

FIRST = 30.0  # seconds after the first refusal, doubling
LONGEST = 900.0


class Pause:
    """30 seconds after the first refusal, and twice as long after each one, up to 15 minutes.

    Attributes:
        refusal: the last one, until something was accepted.
    """

    def __init__(self) -> None:
        self.refusal: DeliveryError | None = None
        self._until = 0.0
        self._next = FIRST

    def begin(self, refusal: DeliveryError, now: float) -> None:
        """They were refused; `now` is in seconds of the clock that is asked later."""
        self.refusal, self._until = refusal, now + self._next
        self._next = min(self._next * 2, LONGEST)

    def end(self) -> None:
        """They were accepted."""
        self.refusal, self._next = None, FIRST

    def left(self, now: float) -> float:
        """The seconds that it still lasts; 0 where they may be tried."""
        return max(self._until - now, 0.0) if self.refusal is not None else 0.0
