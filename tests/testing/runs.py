"""Suites run in the test's own process, one method after the other, and what came of each."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from connector_core.testing import ConformanceSuite

CHECKS = tuple(name for name in dir(ConformanceSuite) if name.startswith("test_"))


class Outcome(NamedTuple):
    """What came of a check: `passed`, `failed` or `skipped`, and what it says."""

    kind: str
    told: str = ""


def outcome(suite: type[ConformanceSuite], name: str) -> Outcome:
    try:
        getattr(suite(), name)()
    except pytest.skip.Exception as skipped:
        return Outcome("skipped", str(skipped))
    except pytest.fail.Exception as failed:
        return Outcome("failed", str(failed))
    return Outcome("passed")


def outcomes(suite: type[ConformanceSuite]) -> dict[str, Outcome]:
    return {name: outcome(suite, name) for name in CHECKS}


def of_kind(found: dict[str, Outcome], kind: str) -> dict[str, str]:
    return {name: item.told for name, item in found.items() if item.kind == kind}
