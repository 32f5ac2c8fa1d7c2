"""The sound fields of a config, for rules that need not mind what else is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from connector_core.errors import ConfigProblem

__all__ = ["Fields", "Problems"]

Problems = Iterator[ConfigProblem]


class Fields:
    """The sound fields of an object: what has another type than asked for counts as absent."""

    def __init__(self, value: object) -> None:
        self._fields = value if isinstance(value, Mapping) else {}

    def text(self, key: str) -> str | None:
        """A text; an empty one counts as absent, as it does in Logto."""
        value = self._fields.get(key)
        return value if isinstance(value, str) and value else None

    def flag(self, key: str) -> bool | None:
        """A truth value."""
        value = self._fields.get(key)
        return value if isinstance(value, bool) else None

    def number(self, key: str) -> int | None:
        """A whole number, or a text of digits."""
        value = self._fields.get(key)
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
            return int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def object(self, key: str) -> Fields:
        """An object; empty where there is none."""
        return Fields(self._fields.get(key))

    def objects(self, key: str) -> Iterator[tuple[int, Fields]]:
        """The objects in a list, with their places."""
        value = self._fields.get(key)
        for index, item in enumerate(value if isinstance(value, list) else ()):
            if isinstance(item, Mapping):
                yield index, Fields(item)

    def texts(self, key: str) -> Iterator[str]:
        """The texts in a list."""
        value = self._fields.get(key)
        yield from (
            item for item in (value if isinstance(value, list) else ()) if isinstance(item, str)
        )

    def items(self, key: str) -> Iterator[tuple[str, Any]]:
        """The keys and values of an object."""
        value = self._fields.get(key)
        yield from value.items() if isinstance(value, Mapping) else ()

    def __contains__(self, key: str) -> bool:
        return self._fields.get(key) not in (None, "", False)
