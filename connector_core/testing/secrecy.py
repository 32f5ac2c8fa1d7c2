"""Whether a secret shows: in errors and all that hangs on them, in logs, in what `repr` says."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from connector_core.configs import json_path
from connector_core.connector import Connector
from connector_core.schemas import secret_paths
from connector_core.testing.values import value_at
from connector_core.testing.verdicts import BreachError, not_given

__all__ = ["logged", "require_hidden", "secrets_in", "shown"]

_LEAST = 6  # characters: shorter ones stand in a text by chance


def secrets_in(
    connector: Connector, config: Mapping[str, Any], *, required: bool = True
) -> dict[str, str]:
    """The secrets of a config by path: what its schema marks `writeOnly`.

    Where they are required and there is none, the check is skipped.
    """
    schema = connector.schema
    found = {json_path(parts): value_at(config, parts) for parts in secret_paths(schema, config)}
    secrets = {path: text for path, text in found.items() if len(text) >= _LEAST}
    if required and not secrets:
        raise not_given(
            f"give a `config` with a secret of at least {_LEAST} characters, in a property that "
            'the schema marks "writeOnly": true'
        )
    return secrets


def require_hidden(secrets: Mapping[str, str], where: str, *texts: str) -> None:
    """Raise BreachError if one of the texts shows a secret, plainly or in an encoding."""
    for path, secret in secrets.items():
        if any(form in text for form in _forms(secret) for text in texts):
            raise BreachError(
                f"{where} shows the value of {path}",
                "leave values out of messages, and pass what a server says through "
                "connector_core.redaction",
            )


def _forms(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, repr(secret)[1:-1], quote(secret, safe=""), encoded}


def shown(error: BaseException) -> str:
    """Everything that an error may show: texts, attributes, notes, causes and tracebacks."""
    return "\n".join(_pieces(error, set()))


def _pieces(error: BaseException, seen: set[int]) -> Iterable[str]:
    if id(error) in seen:
        return
    seen.add(id(error))
    yield from (str(error), repr(error), repr(vars(error)), *traceback.format_exception(error))
    for linked in (error.__cause__, error.__context__):
        if linked is not None:
            yield from _pieces(linked, seen)


class _Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts += [record.getMessage(), repr(vars(record))]
        if record.exc_info and record.exc_info[1] is not None:
            self.texts.append(shown(record.exc_info[1]))


@contextmanager
def logged() -> Iterator[list[str]]:
    """What is logged within the block, on every level, with all that hangs on a record."""
    root, keeper = logging.getLogger(), _Keeper()
    # Those as well that keep to themselves, or to a level, what they are told.
    known = (item for item in root.manager.loggerDict.values() if isinstance(item, logging.Logger))
    levels = {item: item.level for item in (root, *known) if item is root or _is_apart(item)}
    for logger in levels:
        logger.setLevel(logging.DEBUG)
        if logger is root or not logger.propagate:
            logger.addHandler(keeper)
    try:
        yield keeper.texts
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
            logger.removeHandler(keeper)


def _is_apart(logger: logging.Logger) -> bool:
    return not logger.propagate or logger.level != logging.NOTSET
