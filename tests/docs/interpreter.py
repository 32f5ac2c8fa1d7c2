"""Runs the Python of one page, block after block in one namespace, in a process of the story's.

A line of JSON comes in for each block, and one goes out: what it printed, and the traceback of what
it raised, if anything.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from typing import Any, TextIO

__all__ = ["main"]


def _run(request: dict[str, Any], names: dict[str, Any]) -> dict[str, str]:
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["folder"])
    printed, failure = io.StringIO(), ""
    # So that a traceback shows the line of the page.
    source = "\n" * (request["line"] - 1) + request["code"]
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(source, request["file"], "exec", dont_inherit=True), names)
        except BaseException:  # noqa: BLE001 - whatever it is, the page is told
            failure = traceback.format_exc()
    return {"printed": printed.getvalue(), "failure": failure}


def main(requests: TextIO, answers: TextIO) -> None:
    """Serve until the requests end."""
    names: dict[str, Any] = {"__name__": "__main__"}
    sys.path.insert(0, "")
    for line in requests:
        answers.write(json.dumps(_run(json.loads(line), names)) + "\n")
        answers.flush()


if __name__ == "__main__":
    # What a block's own processes print must not get between the answers.
    asked, answered = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    main(asked, answered)
