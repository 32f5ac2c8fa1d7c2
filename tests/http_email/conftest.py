"""As for the SMTP connector: both event loops; and no pause before a request is repeated."""

from __future__ import annotations

import pytest

from connector_core import guard
from connectors.http_email import sender
from tests.smtp.conftest import pytest_asyncio_loop_factories

__all__ = ["pytest_asyncio_loop_factories"]


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_GRACE", 30.0)
    monkeypatch.setattr(sender, "FIRST_PAUSE", 0.0)
