"""A connector that holds the contract passes every check, and none is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector_core.testing import conformance_suite
from tests.testing.good import Good, relay, relay_at
from tests.testing.runs import CHECKS, outcome


@pytest.mark.parametrize("name", CHECKS)
def test_the_good_connector_passes(name: str, locale: Path) -> None:
    suite = conformance_suite(Good(locale), config=relay, peer=relay_at)
    found = outcome(suite, name)
    assert found.kind == "passed", found.told
