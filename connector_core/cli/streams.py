"""The standard streams: there, able to show any character, and clear about what they could not."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Output", "standard_streams"]


class Output(io.FileIO):
    """Standard output that keeps the error with which it could not be written to.

    An `OSError` from anywhere else looks the same, and is none of its.

    Attributes:
        failure: why the last write failed; None where none did.
        ended: whether what failed is to be let go of: at its end a program flushes all buffers.
    """

    failure: OSError | None = None
    ended = False

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        """Write the octets, as far as the system takes them.

        Raises:
            OSError: they cannot be written.
        """
        if self.failure is not None and self.ended:
            return len(data)
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            raise


@contextmanager
def standard_streams() -> Iterator[Output | None]:
    """Make the standard streams fit to be written to, until the block ends.

    Yields:
        what is behind standard output; None where a test or a program has put its own there.
    """
    _open_closed()
    before = sys.stdout, sys.stderr
    output = None
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout is sys.__stdout__:
        sys.stdout.flush()
        output = Output(sys.stdout.fileno(), "wb", closefd=False)
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(output),
            encoding=sys.stdout.encoding,
            line_buffering=sys.stdout.line_buffering,
        )
    for stream in (sys.stdout, sys.stderr):
        # A message that was sent must not end as a failure to print that it was.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield output
    finally:
        sys.stdout, sys.stderr = before
        if output is not None:
            output.ended = True


def _open_closed() -> None:
    """A socket that took the number of a closed standard stream would be written to."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number: this one
            if getattr(sys, name) is None:
                setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115
