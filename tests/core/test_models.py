"""Messages and receipts, whose `__init__` is written by hand: it is that of a frozen dataclass."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, FrozenInstanceError, fields, replace
from typing import Any

import pytest

from connector_core import Message, Receipt

GIVEN: dict[type, dict[str, Any]] = {
    Message: {
        "type": "Email",
        "usage_type": "SignIn",
        "to": "ann@example.org",
        "message_id": "m1",
    },
    Receipt: {"message_id": "<m1@example.com>", "connector_id": "test", "accepted": ("a@b",)},
}


@pytest.mark.parametrize("kind", [Message, Receipt])
def test_it_takes_every_field_by_name(kind: Any) -> None:
    taken = inspect.signature(kind).parameters.values()
    assert [parameter.name for parameter in taken] == [field.name for field in fields(kind)]
    assert {parameter.kind for parameter in taken} == {inspect.Parameter.KEYWORD_ONLY}
    values = {field.name: object() for field in fields(kind)}
    assert vars(kind(**values)) == values
    with pytest.raises(TypeError):
        kind(**values, other=1)


@pytest.mark.parametrize("kind", [Message, Receipt])
def test_what_is_not_given_has_the_default_of_its_field(kind: Any) -> None:
    made = kind(**GIVEN[kind])
    for field in fields(kind):
        default = field.default if field.default_factory is MISSING else field.default_factory()
        assert getattr(made, field.name) == GIVEN[kind].get(field.name, default)
    for name in GIVEN[kind]:
        with pytest.raises(TypeError, match=name):
            kind(**{key: value for key, value in GIVEN[kind].items() if key != name})


@pytest.mark.parametrize("kind", [Message, Receipt])
def test_it_is_frozen_and_equal_by_its_values(kind: Any) -> None:
    made = kind(**GIVEN[kind])
    assert made == kind(**GIVEN[kind])
    other = replace(made, message_id="m2")
    assert (other.message_id, made.message_id) == ("m2", GIVEN[kind]["message_id"])
    assert other != made
    with pytest.raises(FrozenInstanceError):
        made.message_id = "m3"


def test_a_payload_is_not_shown() -> None:
    made = Message(**GIVEN[Message], payload={"code": "never-shown-here"})
    assert "never-shown-here" not in repr(made)
