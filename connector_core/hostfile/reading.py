"""From the text of a host file to what it says, or every problem in it."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from connector_core.configs import json_path, plain_copy
from connector_core.errors import ConfigError, ConfigProblem
from connector_core.hostfile.model import ConfiguredEntry, FileTemplate, HostFile
from connector_core.hostfile.templatefiles import template_files
from connector_core.i18n import gettext as _
from connector_core.i18n import system_reason
from connector_core.validation import nearest, schema_problems

__all__ = [
    "DEFAULT_NAME",
    "checked",
    "default_path",
    "outer_schema",
    "parsed",
    "read",
    "shape",
    "text_if_there",
    "text_of",
]

DEFAULT_NAME = "connectors.toml"
VARIABLE = "CONNECTOR_FILE"

_MAX_SIZE = 16 * 1024 * 1024  # octets


def default_path() -> Path:
    """The host file without a name given: what `CONNECTOR_FILE` says, else `connectors.toml`."""
    return Path(os.environ.get(VARIABLE) or DEFAULT_NAME)


@lru_cache(maxsize=1)
def outer_schema() -> Mapping[str, Any]:
    """The JSON Schema of a host file, whatever the connectors: their configs are any objects."""
    schema: dict[str, Any] = json.loads(Path(__file__).with_name("schema.json").read_text("utf-8"))
    return schema


def read(path: str | os.PathLike[str]) -> HostFile:
    """Read a host file and its template files; nothing is resolved and no connector asked.

    Raises:
        ConfigError: with every problem of the file and of its template files.
    """
    file = Path(path)
    return checked(file, parsed(file, text_of(file)))


def text_of(path: Path) -> str:
    """The text of a host file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return _text_at(path)
    except FileNotFoundError as error:
        hint = _("connector setup makes one; --file and CONNECTOR_FILE name another")
        raise _unreadable(path, error, hint) from None


def text_if_there(path: Path) -> str | None:
    """The text of a host file, or None where there is none yet.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return _text_at(path)
    except FileNotFoundError:
        return None


def _text_at(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_SIZE + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(data) > _MAX_SIZE:
        told = _("has more than {count} MiB").format(count=_MAX_SIZE >> 20)
        raise ConfigError([ConfigProblem(str(path), told)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        problem = ConfigProblem(str(path), _("is not UTF-8 text"), _("save it as UTF-8"))
        raise ConfigError([problem]) from None


def _unreadable(path: Path, error: OSError, hint: str = "") -> ConfigError:
    reason = _("cannot be read: {reason}").format(reason=system_reason(error))
    return ConfigError([ConfigProblem(str(path), reason, hint)])


def parsed(path: Path, text: str) -> dict[str, Any]:
    """The text as data.

    Raises:
        ConfigError: it is no TOML; the problem says the line.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Its words name lines and columns, never values.
        told = _("is not TOML: {reason}").format(reason=error)
        raise ConfigError([ConfigProblem(str(path), told)]) from None
    except RecursionError:
        raise ConfigError([ConfigProblem(str(path), _("is nested too deeply"))]) from None
    except ValueError:  # its words tell how to lift the limit in Python
        told = _("has a number with too many digits")
        raise ConfigError([ConfigProblem(str(path), told)]) from None


def shape(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[ConfigProblem]]:
    """A plain copy of the data, and where it has not the form of a host file."""
    plain, problems = plain_copy(data)
    return plain, [*problems, *schema_problems(outer_schema(), plain, _)]


def checked(path: Path, data: Mapping[str, Any]) -> HostFile:
    """What the data says.

    Raises:
        ConfigError: with every problem of the data and of the template files.
    """
    plain, problems = shape(data)
    if not problems:
        problems += _route_problems(plain)
    folder = path.parent / str(plain.get("templateFolder", "templates"))
    if isinstance(plain.get("templateFolder"), str) and not _is_folder(folder):
        problems.append(ConfigProblem("$.templateFolder", _("is not a folder")))
    templates: list[FileTemplate] = []
    for place, found in template_files(folder):
        if isinstance(found, ConfigProblem):
            problems.append(found)
        else:
            templates.append(FileTemplate(place, found))
    if problems:
        raise ConfigError(problems)
    inline = [
        FileTemplate(json_path(("templates", index)), keys)
        for index, keys in enumerate(plain.get("templates", ()))
    ]
    return HostFile(
        path=path,
        data=plain,
        connectors={
            name: ConfiguredEntry(name, entry["connector"], entry["config"], entry.get("provider"))
            for name, entry in plain.get("connectors", {}).items()
        },
        routes=plain.get("routes"),
        default_locale=plain.get("defaultLocale"),
        template_folder=folder,
        templates=(*inline, *templates),
    )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # it is in one that may not be entered
        return False


def _route_problems(data: Mapping[str, Any]) -> Iterator[ConfigProblem]:
    known = data.get("connectors", {})
    for usage_type, names in data.get("routes", {}).items():
        for index, name in enumerate(names):
            if name not in known:
                near = nearest(name, known)
                yield ConfigProblem(
                    json_path(("routes", usage_type, index)),
                    _("names {name!r}, which is not configured").format(name=name),
                    _("did you mean {near!r}?").format(near=near)
                    if near
                    else _("configured: {names}").format(names=", ".join(known) or _("none")),
                )
