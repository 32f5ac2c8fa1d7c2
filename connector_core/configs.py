"""Configs as JSON values: copies, merges, paths, samples, placeholders, and secret references."""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connector_core.errors import ConfigError, ConfigProblem
from connector_core.i18n import gettext as _
from connector_core.i18n import system_reason

__all__ = [
    "PathParts",
    "is_reference",
    "json_path",
    "merge_patch",
    "open_at_once",
    "placeholders",
    "plain_copy",
    "reference_problems",
    "resolve_secrets",
    "sample_from_schema",
    "strings",
]

JSON = Any
PathParts = tuple[str | int, ...]

_MAX_DEPTH = 64
_MAX_SECRET_BYTES = 256 * 1024
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACEHOLDER = re.compile(r"<[^<>@]+>")
_NO_REFERENCE = re.compile(r"env:\s*\S*|file:\s*")
_REFERENCE = re.compile(r"env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|file:(?P<path>[^\s][^\r\n]*)")


def json_path(parts: PathParts) -> str:
    """The JSONPath (RFC 9535) of a place in a config, for example `$.templates[0].subject`."""
    path = "$"
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            path += f".{part}"
        else:
            path += f"[{json.dumps(part, ensure_ascii=False)}]"
    return path


def plain_copy(config: object) -> tuple[JSON, list[ConfigProblem]]:
    """A deep copy made of plain JSON values only, and what in it has no JSON form.

    A key whose value is null is left out: in a config, null says the same as an absent key.
    """
    problems: list[ConfigProblem] = []
    return _plain(config, (), (), problems), problems


def _plain(
    value: object, parts: PathParts, around: tuple[int, ...], problems: list[ConfigProblem]
) -> JSON:
    if isinstance(value, list | tuple | Mapping):
        if id(value) in around:
            problems.append(ConfigProblem(json_path(parts), _("is inside itself")))
            return None
        if len(parts) > _MAX_DEPTH:
            problems.append(ConfigProblem(json_path(parts[:4]), _("is nested too deeply")))
            return None
        return _plain_items(value, parts, (*around, id(value)), problems)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        # Not str(value), which of a member of an enumeration is its name.
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        # JSON knows one kind of number: 30000.0 is the whole number 30000.
        return int(value) if value.is_integer() else float(value)
    problems.append(
        ConfigProblem(
            json_path(parts), _("a {type} is not a JSON value").format(type=type(value).__name__)
        )
    )
    return None


def _plain_items(
    value: list[Any] | tuple[Any, ...] | Mapping[Any, Any],
    parts: PathParts,
    around: tuple[int, ...],
    problems: list[ConfigProblem],
) -> JSON:
    if not isinstance(value, Mapping):
        return [_plain(item, (*parts, at), around, problems) for at, item in enumerate(value)]
    plain = {}
    for key, item in value.items():
        if not isinstance(key, str):
            reason = _("has a key of the type {type}, not text").format(type=type(key).__name__)
            problems.append(ConfigProblem(json_path(parts), reason))
        elif item is not None:
            name = str.__str__(key)
            plain[name] = _plain(item, (*parts, name), around, problems)
    return plain


def merge_patch(target: JSON, patch: JSON) -> JSON:
    """`target` with `patch` merged over it, key by key; null removes a key (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def strings(value: JSON, parts: PathParts = ()) -> Iterator[tuple[PathParts, str]]:
    """Every string in a config with its place, keys left aside."""
    if isinstance(value, str):
        yield parts, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings(item, (*parts, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from strings(item, (*parts, index))


def placeholders(sample: JSON) -> frozenset[str]:
    """The values of a sample that its user must replace: `<like this>`, never a mailbox."""
    return frozenset(text for _, text in strings(sample) if _PLACEHOLDER.fullmatch(text))


def sample_from_schema(schema: Mapping[str, Any], name: str = "value") -> JSON:
    """A sample value from a schema's `examples`, `default`, `const`, `enum` and `properties`."""
    examples = schema.get("examples")
    if isinstance(examples, list) and examples:
        return examples[0]
    for key in ("default", "const"):
        if key in schema:
            return schema[key]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        return {
            key: sample_from_schema(sub, key)
            for key, sub in properties.items()
            if isinstance(sub, Mapping)
        }
    empty: dict[object, JSON] = {"array": [], "object": {}, "boolean": False}
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return empty.get(kind, f"<{name}>") if isinstance(kind, str) else f"<{name}>"


def reference_problems(config: JSON) -> list[ConfigProblem]:
    """One problem for each `env:` or `file:` reference that nobody resolved."""
    problems = []
    for parts, text in strings(config):
        if _REFERENCE.fullmatch(text):
            told, hint = (
                _("is a reference that was not resolved"),
                _(
                    "resolve it first with connector_core.resolve_secrets(config); the "
                    "connector command does so by itself"
                ),
            )
        elif _NO_REFERENCE.fullmatch(text):
            told, hint = _("names no variable or file"), _("write env:NAME or file:PATH")
        else:
            continue
        problems.append(ConfigProblem(json_path(parts), told, hint))
    return problems


def is_reference(text: str) -> bool:
    """Whether the text is a reference, `env:NAME` or `file:PATH`."""
    return _REFERENCE.fullmatch(text) is not None


def resolve_secrets(
    config: Mapping[str, Any], *, folder: str | os.PathLike[str] = ""
) -> dict[str, Any]:
    """A copy of the config in which each `env:NAME` and `file:PATH` is replaced by what it names.

    A reference is a whole string value: `env:NAME` with the name of an environment variable, or
    `file:PATH` with the path of a UTF-8 file of at most 256 KiB, whose last line break does not
    count. Only call it with configs whose author may read this machine's files and environment.

    Args:
        config: the config.
        folder: where relative paths begin; the working directory without it.

    Raises:
        ConfigError: references that cannot be resolved, every one.
    """
    copy, problems = plain_copy(config)
    if not isinstance(copy, dict):
        raise ConfigError([ConfigProblem("$", _("the config must be an object"))])
    resolved = _resolve(copy, (), Path(folder), problems)
    if problems:
        raise ConfigError(problems)
    return dict(resolved)


def _resolve(value: JSON, parts: PathParts, folder: Path, problems: list[ConfigProblem]) -> JSON:
    if isinstance(value, dict):
        return {key: _resolve(item, (*parts, key), folder, problems) for key, item in value.items()}
    if isinstance(value, list):
        return [
            _resolve(item, (*parts, index), folder, problems) for index, item in enumerate(value)
        ]
    if isinstance(value, str) and (found := _REFERENCE.fullmatch(value)):
        try:
            text = _read(found["name"], found["path"], folder)
        except ValueError as error:
            problems.append(ConfigProblem(json_path(parts), str(error)))
            return value
        return text
    return value


def open_at_once(path: str, flags: int) -> int:
    """An opener that waits for nobody at a pipe's other end; see `open`."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read(name: str | None, path: str | None, folder: Path) -> str:
    """The value behind a reference, or ValueError with a reason that does not show it."""
    if name is not None:
        if not (text := os.environ.get(name, "")):
            raise ValueError(
                _("the environment variable {name} is not set, or empty").format(name=name)
            )
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(
                _("the environment variable {name} is not UTF-8 text").format(name=name)
            ) from None
        return text
    assert path is not None  # noqa: S101 - the pattern matches one or the other
    try:
        # Not blocking: a pipe would be waited for without end.
        with open(folder / Path(path).expanduser(), "rb", opener=open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError(_("the file {path} is not a regular file").format(path=path))
            data = file.read(_MAX_SECRET_BYTES + 1)
    except (OSError, RuntimeError) as error:
        reason = system_reason(error) if isinstance(error, OSError) else str(error)
        raise ValueError(
            _("the file {path} cannot be read: {reason}").format(path=path, reason=reason)
        ) from None
    if len(data) > _MAX_SECRET_BYTES:
        raise ValueError(
            _("the file {path} has more than {size} KiB").format(
                path=path, size=_MAX_SECRET_BYTES // 1024
            )
        )
    try:
        text = data.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(_("the file {path} is not UTF-8 text").format(path=path)) from None
    if not text:
        raise ValueError(_("the file {path} is empty").format(path=path))
    return text
