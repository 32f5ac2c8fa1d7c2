"""Reading JSON that people wrote or another program gave."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from connector_core.errors import ConfigError, ConfigProblem
from connector_core.i18n import gettext as _
from connector_core.i18n import mark, system_reason

__all__ = ["json_value", "read_json", "read_json_object"]

_MAX_SIZE = 16 * 1024 * 1024  # octets

# What the standard library says of text that is no JSON.
_FAULTS = (
    mark("Expecting value"),
    mark("Expecting property name enclosed in double quotes"),
    mark("Expecting ':' delimiter"),
    mark("Expecting ',' delimiter"),
    mark("Illegal trailing comma before end of array"),
    mark("Illegal trailing comma before end of object"),
    mark("Unterminated string starting at"),
    mark("Invalid control character at"),
    mark("Invalid \\escape"),
    mark("Invalid \\uXXXX escape"),
    mark("Extra data"),
)


def read_json(path: str) -> Any:
    """The JSON value in a file; `-` is standard input.

    Raises:
        ConfigError: it cannot be read, or is no JSON; the problem names the file.
    """
    try:
        if path == "-":
            if sys.stdin is None:
                _refuse(path, _("there is no standard input to read"))
            data = sys.stdin.buffer.read(_MAX_SIZE + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(_MAX_SIZE + 1)
    except OSError as error:
        _refuse(path, _("cannot be read: {reason}").format(reason=system_reason(error)))
    if len(data) > _MAX_SIZE:
        _refuse(path, _("has more than {count} MiB").format(count=_MAX_SIZE >> 20))
    try:
        return json_value(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        _refuse(path, _("is not UTF-8 text"))
    except ValueError as error:
        _refuse(path, str(error))


def read_json_object(path: str) -> dict[str, Any]:
    """The JSON object in a file; `-` is standard input.

    Raises:
        ConfigError: it cannot be read, or is no JSON object; the problem names the file.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        _refuse(path, _("must be a JSON object"))
    return value


def json_value(text: str) -> Any:
    """The value that a JSON text (RFC 8259) has.

    Raises:
        ValueError: it is no JSON, or says one key twice; the message shows nothing of it.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        told = _("is not JSON: {reason} at line {line}, column {column}")
        raise ValueError(
            told.format(reason=_(error.msg), line=error.lineno, column=error.colno)
        ) from None
    except RecursionError:
        raise ValueError(_("is nested too deeply")) from None
    except _TwiceError as error:
        told = _("has the key {key!r} twice in one object")
        raise ValueError(told.format(key=error.args[0])) from None
    except ValueError:
        raise ValueError(_("has a number that is none in JSON, or too long")) from None


class _TwiceError(Exception):
    """A key stands twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(key)
        found[key] = value
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _refuse(path: str, told: str) -> NoReturn:
    raise ConfigError([ConfigProblem(path, told)]) from None
