"""What a test does when the server it needs cannot be had here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest


def require_server(reason: str) -> NoReturn:
    """Skip the test, or fail it where REQUIRE_SERVERS=1 says that every server must be there."""
    __tracebackhide__ = True
    if os.environ.get("REQUIRE_SERVERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def servers_dir() -> Path:
    """The folder that `tests/servers/install` fills."""
    given = os.environ.get("SERVERS_DIR")
    # absolute, because servers are run in directories of their own
    return Path(given).resolve() if given else Path(__file__).parents[2] / ".servers"
