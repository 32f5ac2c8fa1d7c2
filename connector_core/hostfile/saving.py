"""Writing a file so that readers, other writers and crashes only ever see it whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from connector_core.errors import ConfigError, ConfigProblem
from connector_core.i18n import gettext as _
from connector_core.i18n import system_reason

__all__ = ["cannot_write", "locked", "staged", "sync_folder", "write_whole"]

_WAIT = 10.0  # seconds for another writer, who holds the lock for a moment


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other writers of the file waiting until the block ends.

    Raises:
        ConfigError: another writer did not end, or the folder cannot be written to.
    """
    lock = path.with_name(f".{path.name}.lock")
    try:
        held = FileLock(lock, timeout=_WAIT, mode=0o600).acquire()
    except Timeout:
        hint = _("end the other command that edits it, and try again")
        raise ConfigError(
            [ConfigProblem(str(path), _("is being edited by another program"), hint)]
        ) from None
    except OSError as error:
        raise cannot_write(path, error) from None
    with held:
        yield


def write_whole(path: Path, data: bytes, *, private: bool) -> None:
    """Put the data in the file's place: whoever reads it, or whatever crashes, all or nothing.

    Args:
        path: the file; a symbolic link stays one, and what it leads to is written.
        data: its new octets.
        private: only the owner may read it; else it keeps the rights it has.

    Raises:
        ConfigError: it cannot be written; the old file stays.
    """
    target = path.resolve()
    try:
        _replace(target, data, private=private)
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError) -> ConfigError:
    """The error for a file that cannot be written."""
    reason = _("cannot be written: {reason}").format(reason=system_reason(error))
    return ConfigError([ConfigProblem(str(path), reason, _("nothing was changed"))])


def _replace(target: Path, data: bytes, *, private: bool) -> None:
    name = staged(target, data, private=private)
    try:
        os.replace(name, target)  # noqa: PTH105 - both are names
    except BaseException:
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108 - a name
        raise
    sync_folder(target.parent)


def staged(target: Path, data: bytes, *, private: bool) -> str:
    """Write the data to a file beside the target, and return its name, to be renamed to the target.

    Raises:
        OSError: it cannot be written; nothing is left of it.
    """
    # mkstemp makes it 0600: a secret is never in a file that others may read, not for a moment.
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(data)
            file.flush()
            if not private:
                os.fchmod(file.fileno(), _mode_of(target))
            _keep_owner(file.fileno(), target)
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108 - a name
        raise
    return name


def _mode_of(target: Path) -> int:
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0o077)
        os.umask(mask)
        return 0o666 & ~mask


def _keep_owner(descriptor: int, target: Path) -> None:
    with suppress(OSError):  # a new file, or another's: then it becomes the writer's own
        old = target.stat()
        os.fchown(descriptor, old.st_uid, old.st_gid)


def sync_folder(folder: Path) -> None:
    """Make the new name last through a loss of power as well."""
    with suppress(OSError):  # not every file system knows it for folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
