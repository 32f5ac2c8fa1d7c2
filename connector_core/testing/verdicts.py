"""What comes of a check besides success: a breach of the contract, or a skip that says why."""

from __future__ import annotations

import pytest

__all__ = ["BreachError", "blocked", "not_given", "not_implemented"]


class BreachError(AssertionError):
    """The connector does not hold a point of the contract.

    Args:
        found: what was found; never a secret.
        remedy: what to do about it.
    """

    def __init__(self, found: str, remedy: str = "") -> None:
        super().__init__(f"{found}\n{remedy}".rstrip())


def not_given(remedy: str) -> BaseException:
    """The check needs something that the suite was not given."""
    return pytest.skip.Exception(remedy)


def not_implemented(hook: str) -> BaseException:
    """The check is of an optional hook that the connector does without."""
    return pytest.skip.Exception(f"implement the hook `{hook}`: nothing else is checked here")


def blocked(why: str) -> BaseException:
    """The check cannot begin, for a reason that another check fails for."""
    return pytest.skip.Exception(f"{why}: another check of this class fails and says what is wrong")
