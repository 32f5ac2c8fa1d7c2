"""What a sample message shows: every variable that the sign-in flow knows."""

from __future__ import annotations

from typing import Any

__all__ = ["PAYLOAD", "RECIPIENT"]

RECIPIENT = "ann@example.org"
PAYLOAD: dict[str, Any] = {
    "code": "123456",
    "link": "https://app.example.com/invitation?token=demo",
    "user": {"name": "Ann", "primaryEmail": RECIPIENT},
    "application": {"name": "Example"},
    "organization": {"name": "Example Ltd"},
    "inviter": {"name": "Bob"},
}
