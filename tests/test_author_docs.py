"""The pages for authors are held to the contract and to the errors."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from connector_core import errors, hookspecs
from connector_core.hookspecs import AWAITED_HOOKS, REQUIRED_HOOKS

AUTHORS = Path(__file__).parent.parent / "docs/authors"
HOOKS = [name for name, item in vars(hookspecs).items() if hasattr(item, "connector_core_spec")]


def section(hook: str) -> str:
    """What the reference says of a hook."""
    page = (AUTHORS / "hooks.md").read_text("utf-8")
    found = re.search(rf"^## `{hook}`\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)
    assert found, hook
    return found[1]


def test_the_reference_has_every_hook_and_no_other() -> None:
    page = (AUTHORS / "hooks.md").read_text("utf-8")
    assert re.findall(r"^## `(\w+)`$", page, re.MULTILINE) == _in_the_order_of(page, HOOKS)
    for hook in HOOKS:
        required = "yes" if hook in REQUIRED_HOOKS else "no"
        awaited = "yes" if hook in AWAITED_HOOKS else "no"
        assert f"| [`{hook}`](#{hook}) | {required} | {awaited} | " in page


def _in_the_order_of(page: str, hooks: list[str]) -> list[str]:
    return sorted(hooks, key=lambda hook: page.index(f"## `{hook}`"))


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_shown_as_it_is(hook: str) -> None:
    signature = str(inspect.signature(getattr(hookspecs, hook))).replace("'", "")
    assert f"\n```text\ndef {hook}{signature}\n```\n" in section(hook)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_explained_and_its_example_is_one(hook: str) -> None:
    text = section(hook)
    for said in ("- **Called**", "- **May raise**", "- **Then**"):
        assert said in text
    assert re.search(rf"@hookimpl\n(async )?def {hook}\(", text)


def test_the_guide_has_every_error_that_a_connector_raises() -> None:
    page = (AUTHORS / "writing.md").read_text("utf-8")
    raised = [errors.ConfigError, errors.MessageError, errors.TemplateNotFoundError]
    for error in (*raised, *errors.DeliveryError.__subclasses__()):
        assert re.search(rf"^\|[^|]+\| `{error.__name__}`", page, re.MULTILINE), error.__name__
