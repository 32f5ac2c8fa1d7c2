"""Each check fails on a connector that breaks its point of the contract, and it alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connector_core.testing import conformance_suite
from tests.testing.broken import calling, configured, ended, loud, said, sent
from tests.testing.broken.registry import BROKEN
from tests.testing.good import relay, relay_at
from tests.testing.runs import CHECKS, of_kind, outcomes

assert all((calling, configured, ended, loud, said, sent))  # imported for what they note


def test_every_check_has_a_connector_that_fails_it() -> None:
    assert {check for check, _ in BROKEN} == set(CHECKS)


@pytest.mark.parametrize(
    ("check", "plugin"),
    [pytest.param(*item, id=f"{item[0]} {item[1].__name__}") for item in BROKEN],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of those that leave things open
@pytest.mark.usefixtures("looked_at_once", "impatient")
def test_a_broken_connector_fails_its_check_alone(
    check: str, plugin: Callable[[Path], object], locale: Path
) -> None:
    found = outcomes(conformance_suite(plugin(locale), config=relay, peer=relay_at))
    assert set(of_kind(found, "failed")) == {check}, of_kind(found, "failed")
    assert "The contract: " in found[check].told
