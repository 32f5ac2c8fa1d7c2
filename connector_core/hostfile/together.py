"""Several files that are written all, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from connector_core.errors import ConfigError
from connector_core.hostfile.saving import cannot_write, write_whole

__all__ = ["written_together"]


@contextmanager
def written_together(files: Mapping[Path, bytes | None]) -> Iterator[None]:
    """Write the files; where that or the block fails, everything is as it was before.

    Args:
        files: the octets of each, by its path; None removes it. Folders are made where needed.

    Raises:
        ConfigError: one cannot be written.
    """
    old: dict[Path, bytes | None] = {}
    made: list[Path] = []
    try:
        for path, data in files.items():
            with _told(path):
                made += _make_folder(path.parent)
                old[path] = path.read_bytes() if path.exists() else None
                _put(path, data)
        yield
    except BaseException:
        for path, data in old.items():
            with suppress(OSError, ConfigError):
                _put(path, data)
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()
        raise


def _put(path: Path, data: bytes | None) -> None:
    if data is None:
        path.unlink(missing_ok=True)
    else:
        write_whole(path, data, private=False)


def _make_folder(folder: Path) -> list[Path]:
    """Make the folder, and those that it is in; those that were not there, from the outside in."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()][::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from None
