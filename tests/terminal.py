"""A command on a terminal of its own, with somebody who reads and types."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import pexpect

__all__ = ["Terminal"]

_SECONDS = 10
_KEYS = {"up": "\x1b[A", "down": "\x1b[B", "space": " ", "escape": "\x1b"}
_STEERING = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """The `connector` command on a terminal; `text` is all that it showed so far."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self._shown: list[str] = []
        self._process: Any = pexpect.spawn(
            sys.executable,
            ["-W", "error", "-m", "connector_core.cli", *arguments],
            cwd=str(folder),
            env={
                **{key: value for key, value in os.environ.items() if not key.startswith("LC_")},
                "LANG": "C.UTF-8",
                "PYTHONPATH": str(Path(__file__).parents[1]),
                "TERM": "xterm",
                # Without it the library waits for the terminal to say where the cursor is.
                "PROMPT_TOOLKIT_NO_CPR": "1",
                **environment,
            },
            encoding="utf-8",
            dimensions=(60, 300),
            timeout=_SECONDS,
        )

    @property
    def text(self) -> str:
        return _STEERING.sub("", "".join(self._shown))

    def expect(self, *texts: str) -> None:
        """Read on until each of the texts was shown, one after the other."""
        for text in texts:
            # A word may be drawn piece by piece, with the cursor steered in between.
            pieces = r"(?:\x1b\[[0-9;?]*[a-zA-Z])*".join(map(re.escape, text))
            try:
                self._process.expect(pieces)
            except pexpect.ExceptionPexpect:
                self._shown.append(self._process.before)
                raise AssertionError(f"{text!r} did not come in:\n{self.text}") from None
            self._shown.append(self._process.before + self._process.after)

    def answer(self, question: str, typed: str = "") -> None:
        """Wait for the question, type the answer, and press enter."""
        self.expect(question)
        self.type(typed)

    def type(self, text: str) -> None:
        """Type into the line, and press enter."""
        self._process.send(f"{text}\r")

    def erase(self, typed: str) -> None:
        """Take back what stands in the line."""
        self._process.send("\x7f" * len(typed))

    def press(self, *keys: str) -> None:
        """Press keys by name: up, down, space, escape."""
        for key in keys:
            self._process.send(_KEYS[key])

    def interrupt(self, question: str) -> None:
        """Wait for the question and press Ctrl-C.

        A signal that comes just before Python begins to wait for a line is only seen with the next
        key: so one follows.
        """
        self.expect(question)
        self._process.sendintr()
        self._process.send(" ")

    def end(self) -> int:
        """Read to the end, and return the exit code."""
        self._process.expect(pexpect.EOF)
        self._shown.append(self._process.before)
        self._process.close()
        return int(self._process.exitstatus)
