"""What servers that file mails have in common: a Maildir, and waiting for it to fill."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import ServerProcess


@dataclass(frozen=True)
class MaildirServer:
    """A running server that files mails in a Maildir, one file for each recipient."""

    process: ServerProcess
    maildir: Path

    def messages(self) -> list[bytes]:
        """The mails delivered so far, oldest first, with what the server put before them."""
        return [path.read_bytes() for path in sorted(self._files(), key=modified)]

    def wait_for_messages(self, n: int, timeout: float = 10.0) -> list[bytes]:
        """Wait until n mails or more were delivered, and return them all."""
        self.process.wait_until(lambda: len(self._files()) >= n, timeout, f"{n} messages delivered")
        return self.messages()

    def log(self) -> str:
        """What it logged so far."""
        file = self.process.logs[0]
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def _files(self) -> list[Path]:
        new = self.maildir / "new"
        # servers make the Maildir with the first mail; a name appears there when it is whole
        return list(new.iterdir()) if new.exists() else []


def modified(file: Path) -> int:
    return file.stat().st_mtime_ns
