"""Several files that are written all, or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from connector_core.hostfile.saving import cannot_write, staged, sync_folder

__all__ = ["written_together"]


@contextmanager
def written_together(files: Mapping[Path, bytes | None]) -> Iterator[None]:
    """Write the files; where that or the block fails, everything is as it was before.

    Each is on the disk, under another name, before the first takes its place. A process that is
    killed between two of them leaves some old and some new, each of them whole.

    Args:
        files: the octets of each, by its path; None removes it. Folders are made where needed; a
            symbolic link stays one, and what it leads to is written.

    Raises:
        ConfigError: one cannot be written.
    """
    with ExitStack() as made, ExitStack() as leftovers, ExitStack() as undo:
        ready: list[tuple[Path, str | None]] = []
        for path, data in files.items():
            with _told(path):
                _make_folder(path.parent, made)
                target = path.resolve()
                name = None if data is None else staged(target, data, private=False)
            if name is not None:
                leftovers.callback(_quietly, os.unlink, name)
            ready.append((target, name))
        for path, (target, name) in zip(files, ready, strict=True):
            with _told(path):
                _keep_old(target, leftovers, undo)
                _put(target, name)
        yield
        undo.pop_all()
        made.pop_all()


def _keep_old(target: Path, leftovers: ExitStack, undo: ExitStack) -> None:
    """Keep the file that is there, itself and not a copy if it can be, until all has ended."""
    if not target.exists():
        undo.callback(_quietly, target.unlink)
        return
    folder = tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent)
    leftovers.callback(_quietly, os.rmdir, folder)
    old = Path(folder) / target.name
    leftovers.callback(_quietly, old.unlink)
    try:
        os.link(target, old)
    except OSError:  # a file system without hard links
        shutil.copy2(target, old)
    undo.callback(_quietly, old.replace, target)


def _put(target: Path, name: str | None) -> None:
    if name is None:
        target.unlink(missing_ok=True)
    else:
        os.replace(name, target)  # noqa: PTH105 - a name
    sync_folder(target.parent)


def _make_folder(folder: Path, made: ExitStack) -> None:
    """Make the folder, and those that it is in."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        made.callback(_quietly, place.rmdir)
    folder.mkdir(parents=True, exist_ok=True)


def _quietly(work: Callable[..., object], *arguments: object) -> None:
    with suppress(OSError):
        work(*arguments)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from None
