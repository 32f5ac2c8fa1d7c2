"""Connectors that hold the contract pass every check, and none is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector_core.testing import conformance_suite
from tests.testing.blocking import Blocking
from tests.testing.good import Good, relay, relay_at
from tests.testing.runs import CHECKS, outcome


@pytest.mark.parametrize("plugin", [Good, Blocking])
@pytest.mark.parametrize("name", CHECKS)
def test_a_good_connector_passes(name: str, plugin: type[Good], locale: Path) -> None:
    suite = conformance_suite(plugin(locale), config=relay, peer=relay_at)
    found = outcome(suite, name)
    assert found.kind == "passed", found.told
