"""Each check fails on a connector that breaks its point of the contract, and it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connector_core.testing import ConformanceSuite, conformance_suite
from tests.testing.broken import calling, configured, ended, loud, said, sent
from tests.testing.broken.registry import BROKEN
from tests.testing.good import relay, relay_at
from tests.testing.runs import CHECKS, of_kind, outcome, outcomes

assert all((calling, configured, ended, loud, said, sent))  # imported for what they note


# One for each check: of these all the other checks are run as well.
FIRST = list({check: (check, plugin) for check, plugin in reversed(BROKEN)}.values())


def named(item: tuple[str, Callable[[Path], object]]) -> str:
    return f"{item[0]} {item[1].__name__}"


def suite(plugin: Callable[[Path], object], locale: Path) -> type[ConformanceSuite]:
    return conformance_suite(plugin(locale), config=relay, peer=relay_at)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while ended.KEPT:
        ended.KEPT.pop().close()


def test_every_check_has_a_connector_that_fails_it() -> None:
    assert {check for check, _ in BROKEN} == set(CHECKS)


@pytest.mark.parametrize(
    ("check", "plugin"), [pytest.param(*item, id=named(item)) for item in BROKEN]
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of those that leave things open
@pytest.mark.usefixtures("looked_at_once", "impatient")
def test_a_broken_connector_fails_its_check(
    check: str, plugin: Callable[[Path], object], locale: Path
) -> None:
    found = outcome(suite(plugin, locale), check)
    assert found.kind == "failed"
    assert "The contract: " in found.told


@pytest.mark.parametrize(
    ("check", "plugin"), [pytest.param(*item, id=named(item)) for item in FIRST]
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.usefixtures("looked_at_once", "impatient")
def test_a_broken_connector_fails_no_other_check(
    check: str, plugin: Callable[[Path], object], locale: Path
) -> None:
    found = of_kind(outcomes(suite(plugin, locale)), "failed")
    assert set(found) == {check}, found
