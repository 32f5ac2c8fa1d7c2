"""What a command printed, beside what the page shows of it: `…` stands for what varies."""

from __future__ import annotations

import re

__all__ = ["comparison", "pattern"]

_ANYTHING = "…"


def pattern(shown: str) -> re.Pattern[str]:
    """What an output must look like.

    A line `…` alone stands for any number of lines, `…` within a line for any text of that line;
    spaces at the end of a line do not count.
    """
    lines = []
    for line in shown.rstrip("\n").split("\n"):
        if line.strip() == _ANYTHING:
            lines.append(r"(?:[^\n]*\n)*?")
        else:
            pieces = map(re.escape, line.rstrip().split(_ANYTHING))
            lines.append("[^\n]*?".join(pieces) + "[ \t]*\n")
    return re.compile("".join(lines) if shown.strip() else "")


def comparison(shown: str, printed: str) -> str:
    """How far both agree, for who has to mend the page."""
    lines = shown.rstrip("\n").split("\n")
    agreed = len(lines)
    while not pattern("\n".join(lines[:agreed])).match(f"{printed}\n"):
        agreed -= 1
    behind = [line for line in lines[agreed:] if line.strip() != _ANYTHING]
    missing = f"the page's line {behind[0]!r}" if behind else "the end of what the page shows"
    return f"{missing} is not where it should be; all that was printed:\n{printed}"
