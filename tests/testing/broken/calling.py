"""A connector whose module asks the network when it is imported, and hides that it could not."""

from __future__ import annotations

import socket
from contextlib import suppress

from tests.testing.broken.registry import breaks
from tests.testing.good import Good

with suppress(OSError):
    socket.getaddrinfo("localhost", 25)


@breaks("test_import_is_quiet")
class Calling(Good):
    pass
