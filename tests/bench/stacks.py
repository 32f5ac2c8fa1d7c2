"""What a sampled stack was busy with; the stacks come from py-spy, folded into one line each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Shares", "shares"]

_FRAME = re.compile(r"(?P<function>.*) \((?P<file>.*?)(?::\d+)?\)")
# the innermost frame of a C library, where the kernel was at work
_KERNEL = {
    "writing (kernel)": {"write", "writev", "send", "sendto", "sendmsg"},
    "reading (kernel)": {"read", "readv", "recv", "recvfrom", "recvmsg"},
    "asking for events (kernel)": {"epoll_wait", "epoll_pwait", "epoll_ctl", "poll", "select"},
}
# the first that matches counts; what matches none is its caller's
_PARTS = (
    (
        "composing",
        re.compile(r"connectors/smtp/(compose|dkim)/|connector_core/mail/|/templates\.py"),
    ),
    ("pool", re.compile(r"connectors/smtp/(pool|upkeep|limits|sender|plugin)\.py")),
    ("session and protocol", re.compile(r"connectors/smtp/")),
    ("host", re.compile(r"connector_core/|/pluggy/")),
    ("event loop", re.compile(r"uvloop|/asyncio/|^loop\.c$|_asynciomodule\.c|/uv/|^uv-")),
    ("the benchmark's callers", re.compile(r"tests/bench/")),
)
_BEFORE = {"AsyncHost.discover", "AsyncHost.configure", "_find_and_load"}
_LIBRARY = re.compile(r".*/lib/python[\d.]+/(site-packages/)?")
_LIBUV = re.compile(r"uv_|uv__|__pyx_|UVStream|Loop_|Handle_")


@dataclass
class Shares:
    """Samples, of which each counts once in either.

    Attributes:
        parts: by part of the program.
        functions: by function and file; the kernel's by call.
    """

    parts: Counter[str] = field(default_factory=Counter)
    functions: Counter[str] = field(default_factory=Counter)

    @property
    def samples(self) -> int:
        """How many there are."""
        return self.parts.total()


def shares(lines: Iterable[str], root: str) -> Shares:
    """Count the samples of the event loop, once it runs and all is imported.

    Args:
        lines: a stack each, frames from the outermost on with `;` between, and how often it was
            seen.
        root: the folder that names of files are told from.
    """
    found = Shares()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        frames = [match for frame in stack.split(";") if (match := _FRAME.fullmatch(frame))]
        if _at_work([frame["function"] for frame in frames]):
            inner = frames[::-1]
            found.parts[_part(inner)] += int(count)
            found.functions[_function(inner, root)] += int(count)
    return found


def _at_work(functions: list[str]) -> bool:
    return "Runner.run" in functions and not _BEFORE.intersection(functions)


def _part(inner: list[re.Match[str]]) -> str:
    if call := _kernel_call(inner[0]):
        return call
    for frame in inner:
        if _LIBUV.match(frame["function"]):
            return "event loop"
        for name, pattern in _PARTS:
            if pattern.search(frame["file"]):
                return name
    return "other"


def _kernel_call(frame: re.Match[str]) -> str | None:
    if frame["file"].endswith(".py"):
        return None
    plain = frame["function"].removeprefix("__libc_").removeprefix("__")
    return next((name for name, calls in _KERNEL.items() if plain in calls), None)


def _function(inner: list[re.Match[str]], root: str) -> str:
    """The innermost function of Python, or the kernel's call and who asked for it."""
    call = "" if _kernel_call(inner[0]) is None else f"{inner[0]['function']}(2) in "
    for frame in inner:
        if frame["function"] == "Runner.run":
            return f"{call}the event loop"
        if frame["file"].endswith(".py"):
            file = _LIBRARY.sub("", frame["file"].removeprefix(f"{root}/"))
            return f"{call}`{frame['function']}` ({file})"
    return f"{call}`{inner[0]['function']}`"
