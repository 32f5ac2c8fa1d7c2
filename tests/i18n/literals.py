"""Finds texts for people that nobody translates: literals where `_(…)` should be.

Two signs give one away: it goes straight into what a person reads (an error's constructor, `echo`,
a table), or it is prose, wherever it stands. What is not for people is known by its place: a
docstring, a log record, an error for programmers, a pattern, the help of a command, which is
translated where it is shown.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from string import Formatter
from typing import NamedTuple

__all__ = ["Literal", "misfilled", "shadowed", "untranslated"]

COMMANDS = "_COMMANDS"  # what tables of commands are called
TRANSLATING = {"_", "gettext", "mark", "ngettext"}
# By name, the arguments that are read by people: their places and their names.
READ: dict[str, tuple[Collection[int], Collection[str]]] = {
    **dict.fromkeys(
        ("ConnectorError", "TemporaryDeliveryError", "PermanentDeliveryError"),
        ((0,), ("reason", "hint")),
    ),
    **dict.fromkeys(("UncertainDeliveryError", "ProxyError"), ((0,), ("reason", "hint"))),
    **dict.fromkeys(("KeyFault", "later", "unusable", "unfit"), ((0, 1), ("message", "hint"))),
    **dict.fromkeys(("MechanismError", "ProtocolError", "ScramError"), ((0,), ("reason",))),
    **dict.fromkeys(("ClickException", "UsageError", "BadParameter"), ((0,), ("message",))),
    **dict.fromkeys(("echo", "secho", "confirm", "prompt"), ((0,), ("message", "text"))),
    "ConfigProblem": ((1, 2), ("message", "hint")),
    "MessageError": ((1,), ("reason",)),
    "_StageError": ((1,), ("reason",)),
    "broken": ((1,), ("reason",)),
    "table": ((0, 1), ("title", "columns")),
    "add_note": ((0,), ()),
}
# Of these the other arguments are not for people, prose or not.
ONLY: dict[str, Collection[int]] = {"cause": (3,)}
# What hands on what it is given.
WRAPPERS = {"join", "lstrip", "printable", "rstrip", "str", "strip", "style"}
# Errors of whoever wrote the program, and what is compiled, looked up or logged.
NOT_READ = {
    *("AssertionError", "AttributeError", "NotImplementedError", "RuntimeError", "TypeError"),
    "SynchronousOnlyOperation",
    *("compile", "fullmatch", "getattr", "getenv", "match", "names", "search", "split", "sub"),
    *("option", "once"),
    *("critical", "debug", "error", "exception", "info", "log", "warning", "_warn_once"),
}
_WORD = re.compile(r"[^\W\d_]{2,}")
_PROSE = re.compile(r"\b[a-z]{2,}[,:;.]? (?:[a-z]{2,}|[a-z]\b)")


class Literal(NamedTuple):
    """A literal, with `{}` for each value in it, and its line."""

    line: int
    text: str


def untranslated(source: str, *, raised: Collection[str] = ()) -> list[Literal]:
    """The literals in a module that a person will read in English, whatever their language.

    Args:
        source: the module.
        raised: further errors in it that are for whoever wrote the program.
    """
    finder = _Finder({*NOT_READ, *raised})
    finder.visit(ast.parse(source))
    return sorted(set(finder.found))


class _Finder(ast.NodeVisitor):
    def __init__(self, not_read: Collection[str]) -> None:
        self._not_read = not_read
        self.found: list[Literal] = []

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # else a docstring
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if node.name != "__repr__":
            for statement in node.body:  # not the decorators: a command's help is found elsewhere
                self.visit(statement)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the base class's way

    def visit_Assign(self, node: ast.Assign) -> None:
        # What commands do, in a word: it is translated where they are listed, and found there.
        if not any(isinstance(item, ast.Name) and item.id == COMMANDS for item in node.targets):
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = _name(node.func)
        if name in TRANSLATING or name in self._not_read:
            return
        if name in ONLY:
            for place in ONLY[name]:
                self._report(node.args[place], _WORD)
            return
        places, names = READ.get(name, ((), ()))
        read = [node.args[place] for place in places if place < len(node.args)]
        read += [keyword.value for keyword in node.keywords if keyword.arg in names]
        for value in read:
            self._report(value, _WORD)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """What is compared is not shown."""

    def visit_Constant(self, node: ast.Constant) -> None:
        self._judge(node, _PROSE)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._judge(node, _PROSE)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)

    def _report(self, node: ast.AST, sign: re.Pattern[str]) -> None:
        """Judge the literals that a value is made of, save those in calls, which have their own."""
        if isinstance(node, ast.Constant | ast.JoinedStr):
            self._judge(node, sign)
        elif isinstance(node, ast.IfExp):
            self._report(node.body, sign)
            self._report(node.orelse, sign)
        elif isinstance(node, ast.BinOp | ast.BoolOp | ast.Tuple | ast.List):
            for inner in ast.iter_child_nodes(node):
                self._report(inner, sign)
        elif isinstance(node, ast.Call) and _name(node.func) in TRANSLATING:
            # A message with places for values, shown with none in them.
            self.found += [
                Literal(message.lineno, _text(message))
                for message in _messages(node)
                if _fields(_text(message))
            ]
        elif isinstance(node, ast.Call) and _name(node.func) in WRAPPERS:
            if isinstance(node.func, ast.Attribute):
                self._report(node.func.value, sign)
            for inner in node.args:
                self._report(inner, sign)

    def _judge(self, node: ast.Constant | ast.JoinedStr, sign: re.Pattern[str]) -> None:
        text = _text(node)
        if sign.search(text):
            self.found.append(Literal(node.lineno, text))


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return node.value if isinstance(node.value, str) else ""


def misfilled(source: str) -> list[Literal]:
    """The messages that are filled in, where they stand, with other names than they have."""
    tree = ast.parse(source)
    filled: dict[ast.Constant, set[str | None]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == "format":
            names = {keyword.arg for keyword in node.keywords} | {"*" for _ in node.args}
            assert isinstance(node.func, ast.Attribute)
            filled |= dict.fromkeys(_messages(node.func.value), names)
    return sorted(
        Literal(message.lineno, text)
        for message, names in filled.items()
        if (text := _text(message)) and _fields(text) != names
    )


def _messages(node: ast.expr) -> Iterator[ast.Constant]:
    """The literals of a message, of its singular and plural, or of one among several."""
    if isinstance(node, ast.IfExp):
        yield from _messages(node.body)
        yield from _messages(node.orelse)
    elif isinstance(node, ast.Call) and _name(node.func) in TRANSLATING:
        texts = [item for item in node.args if isinstance(item, ast.Constant)]
        yield from texts[-1:]  # a singular may say "one" in place of the number


def _fields(text: str) -> set[str | None]:
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


def shadowed(source: str) -> list[int]:
    """The lines of functions that call `_` and use that name for something else as well."""
    return sorted(
        function.lineno
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and {ast.Load, ast.Store} <= {type(name.ctx) for name in _own_names(function)}
    )


def _own_names(node: ast.AST) -> Iterator[ast.Name]:
    """Each `_` in a function, save in the functions and comprehensions within it."""
    apart = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.comprehension)
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.Name) and inner.id == "_":
            yield inner
        if not isinstance(inner, apart):
            yield from _own_names(inner)
