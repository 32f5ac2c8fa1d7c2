"""The public interface: what `connector_core` exports, from the sources' signatures and words."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import griffe

import connector_core
from tests.reference.tables import NOTE, plain

__all__ = ["page"]

_PACKAGE = "connector_core"
# By the module that has a name; in this order.
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Hosts": ("sync", "host", "configured", "registry", "connector", "messages"),
    "Errors": ("errors",),
    "Messages, receipts and what a connector says of itself": ("models",),
    "Plugins": ("hookspecs",),
    "Configs": ("configs",),
}
# Made by a host or by discovery, never by its user.
_GIVEN = frozenset(["AsyncConfiguredConnector", "ConfiguredConnector", "Connector"])


def page() -> str:
    """The page of the public interface."""
    parts = [
        "# The public interface",
        NOTE,
        f"What `{_PACKAGE}` exports. [In a program](../library.md) shows how it is used.",
    ]
    for title, modules in _GROUPS.items():
        parts.append(f"## {title}")
        for item in _exported():
            if item.module.name in modules:
                parts += _entry(item)
    return "\n\n".join(parts) + "\n"


@cache
def _exported() -> list[Any]:
    """What the package exports, resolved to where it is written."""
    # What it logs is of types that a docstring need not repeat.
    logging.getLogger("griffe").setLevel(logging.ERROR)
    source = Path(connector_core.__file__).parents[1]
    package = griffe.load(_PACKAGE, search_paths=[source], resolve_aliases=True)
    found = [package[name].final_target for name in connector_core.__all__]
    places = {module for modules in _GROUPS.values() for module in modules}
    homeless = [item.path for item in found if item.module.name not in places]
    assert not homeless, f"of no group of the page: {homeless}"
    return found


def _entry(item: Any) -> Iterator[str]:
    yield f"### `{item.name}`"
    yield _signature(item)
    yield from _words(item)
    if item.is_class:
        for name, member in item.members.items():
            if not name.startswith("_") and _docstring(member):
                yield f"#### `{item.name}.{name}`"
                yield _signature(member)
                yield from _words(member)


def _signature(item: Any) -> str:
    """How it is written, as a block."""
    if item.is_class:
        bases = ", ".join(str(base) for base in item.bases)
        text = f"class {item.name}({bases})" if bases else f"class {item.name}"
        if item.parameters and item.name not in _GIVEN and not _is_enum(item):
            text += "\n" + _called(item.name, list(item.parameters)[1:])
    elif item.is_function:
        asynchronous = "async " if "async" in item.labels else ""
        result = f" -> {item.returns}" if item.returns else ""
        parameters = list(item.parameters)
        if parameters and parameters[0].name in ("self", "cls"):
            del parameters[0]
        text = f"{asynchronous}def {_called(item.name, parameters)}{result}"
        if "classmethod" in item.labels:
            text = f"@classmethod\n{text}"
    elif "property" in item.labels:
        text = f"{item.name}: {item.annotation}"
    else:
        text = f"{item.name} = {item.value}"
    return f"```text\n{text}\n```"


def _is_enum(item: Any) -> bool:
    return any("Enum" in str(base) for base in item.bases)


def _called(name: str, parameters: list[Any]) -> str:
    """A call with its parameters, on lines of their own where one has not room for them."""
    shown: list[str] = []
    marked = False
    for parameter in parameters:
        kind = parameter.kind
        if kind is griffe.ParameterKind.keyword_only and not marked:
            shown.append("*")
            marked = True
        star = {
            griffe.ParameterKind.var_positional: "*",
            griffe.ParameterKind.var_keyword: "**",
        }.get(kind, "")
        marked = marked or star == "*"
        annotation = f": {parameter.annotation}" if parameter.annotation else ""
        required = parameter.required or bool(star)
        default = "" if required else f" = {parameter.default}"
        shown.append(f"{star}{parameter.name}{annotation}{default}")
    line = f"{name}({', '.join(shown)})"
    if len(line) <= 80:
        return line
    return f"{name}(\n" + "".join(f"    {item},\n" for item in shown) + ")"


def _words(item: Any) -> Iterator[str]:
    """A docstring's sections, as Markdown."""
    docstring = _docstring(item)
    for section in docstring.parse("google") if docstring else ():
        kind, value = section.kind.value, section.value
        if kind == "text":
            yield _plain(value)
        elif kind in ("parameters", "attributes"):
            yield "\n".join(f"- `{entry.name}`: {_plain(entry.description)}" for entry in value)
        elif kind == "raises":
            rows = (f"- `{entry.annotation}`: {_plain(entry.description)}" for entry in value)
            yield "Raises:\n\n" + "\n".join(rows)
        elif kind in ("returns", "yields"):
            told = " ".join(_plain(entry.description) for entry in value)
            yield f"{kind.capitalize()}: {told}"
        else:
            raise ValueError(f"{item.path}: a section {kind!r}, which the page has no form for")


def _docstring(item: Any) -> Any:
    """What an item says of itself; methods of `Host` take over what `AsyncHost` says of its own."""
    if item.docstring or not item.is_function:
        return item.docstring
    living = getattr(getattr(connector_core, item.parent.name, None), item.name, None)
    text = inspect.getdoc(living)
    return griffe.Docstring(text, parent=item) if text else None


def _plain(text: str) -> str:
    """Text whose code is fenced, and whose lines are Markdown's to break."""
    paragraphs = re.split(r"\n\s*\n", text.strip("\n"))
    return "\n\n".join(
        f"```text\n{paragraph}\n```"
        if paragraph.startswith("    ")
        else plain(" ".join(paragraph.split()))
        for paragraph in paragraphs
    )
