"""A program on a terminal, and what stands on its screen."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pexpect
import pyte

__all__ = ["Screen", "ScreenError"]

SECONDS = 30.0
# The screen keeps what a terminal of that size would scroll away.
ROWS, COLUMNS, KEPT_ROWS = 50, 100, 5000
_STEERING = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\][^\x07]*\x07")
_KEYS = {
    "<up>": "\x1b[A",
    "<down>": "\x1b[B",
    "<space>": " ",
    "<clear>": "\x15",
    "<ctrl-c>": "\x03",
}


class ScreenError(Exception):
    """What was waited for did not come; the text says what stands on the screen."""


class _Buffer(pyte.Screen):
    """A screen that knows which rows go on in the next, because a line was too long for them."""

    def __init__(self, columns: int, rows: int) -> None:
        self.goes_on: set[int] = set()
        self._drawing = False
        super().__init__(columns, rows)

    def draw(self, data: str) -> None:
        self._drawing = True
        super().draw(data)
        self._drawing = False

    def linefeed(self) -> None:
        (self.goes_on.add if self._drawing else self.goes_on.discard)(self.cursor.y)
        super().linefeed()


class Screen:
    """A program that runs on a terminal of its own.

    Attributes:
        buffer: the screen as pyte keeps it: characters with their colours, row by row.
    """

    def __init__(
        self, argv: Sequence[str], folder: Path, environ: Mapping[str, str], columns: int = COLUMNS
    ) -> None:
        self._child: Any = pexpect.spawn(
            argv[0],
            list(argv[1:]),
            cwd=str(folder),
            env=dict(environ),
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(ROWS, columns),
        )
        self.buffer = _Buffer(columns, KEPT_ROWS)
        self._stream = pyte.Stream(self.buffer)
        self._raw = ""
        self._answered = 0

    @property
    def text(self) -> str:
        """What stands on the screen, long lines whole, to the last row that has something."""
        screen, text = self.buffer, ""
        for number in range(max(screen.buffer, default=-1) + 1):
            row = screen.buffer[number]
            line = "".join(row[place].data for place in range(max(row, default=-1) + 1))
            text += line if number in screen.goes_on else f"{line.rstrip()}\n"
        return text.rstrip()

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Read on until something holds.

        Raises:
            ScreenError: the program ended before, or half a minute went by.
        """
        end = time.monotonic() + SECONDS
        while not holds():
            if not self._read(end):
                raise ScreenError(f"{what}: in place of it there stands\n{self.text}")

    def answer(self, question: str, typed: str) -> None:
        """Wait for a question, and type; Enter follows, save behind `<ctrl-c>`.

        Further keys are `<up>`, `<down>`, `<space>` and `<clear>`, which empties the line.
        """

        def asked() -> bool:
            return question in _STEERING.sub("", self._raw[self._answered :])

        self.until(asked, f"the question {question!r} did not come")
        self._answered = len(self._raw)
        for piece in re.split(r"(<[a-z-]+>)", typed):
            self._child.send(_KEYS.get(piece, piece))
        if not typed.endswith("<ctrl-c>"):
            self._child.send("\r")

    def end(self) -> int:
        """Read to the end; the exit code.

        Raises:
            ScreenError: it does not end: perhaps it asks something.
        """
        end = time.monotonic() + SECONDS
        while self._read(end):
            pass
        if not self._child.flag_eof:
            self.stop()
            raise ScreenError(f"it does not end; there stands\n{self.text}")
        self._child.close()
        return int(self._child.exitstatus or 0) or int(self._child.signalstatus or 0)

    def stop(self) -> None:
        """End the program, as whoever sits before it would."""
        if self._child.isalive():
            self._child.sendintr()
            end = time.monotonic() + SECONDS
            while self._read(end):
                pass
        self._child.close(force=True)

    def _read(self, end: float) -> bool:
        """Read something; False at the end of the output, and where nothing comes in time."""
        try:
            piece = self._child.read_nonblocking(65536, timeout=max(0.0, end - time.monotonic()))
        except pexpect.ExceptionPexpect:
            return False
        self._raw += piece
        self._stream.feed(piece)
        return True
