"""What an HTTP client waits for."""

from __future__ import annotations

from connector_core import guard
from connector_core.network import https


def test_a_body_keeps_nobody_from_telling_the_outcome_in_time() -> None:
    assert https._BODY_TIME < guard._GRACE
