"""Several files, written all or none, whatever fails on the way."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector_core.errors import ConfigError
from connector_core.hostfile.together import written_together

State = dict[str, tuple[str, bytes | str, int]]


def state(folder: Path) -> State:
    """Each entry below the folder: its kind, its content or where it leads, its rights."""
    found: State = {}
    for path in sorted(folder.rglob("*")):
        name, mode = str(path.relative_to(folder)), path.lstat().st_mode & 0o777
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()), mode)
        elif path.is_dir():
            found[name] = ("folder", "", mode)
        else:
            found[name] = ("file", path.read_bytes(), mode)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shared.html").write_bytes(b"shared")
    (tmp_path / "link.html").symlink_to("shared.html")
    (tmp_path / "old.html").write_bytes(b"old")
    (tmp_path / "old.html").chmod(0o640)
    (tmp_path / "gone.html").write_bytes(b"gone")
    return tmp_path


def wanted(folder: Path) -> dict[Path, bytes | None]:
    return {
        folder / "old.html": b"new",
        folder / "link.html": b"through the link",
        folder / "deep" / "er" / "first.html": b"first",
        folder / "gone.html": None,
        folder / "deep" / "second.html": b"second",
    }


def test_each_keeps_its_rights_and_links_stay_links(folder: Path) -> None:
    with written_together(wanted(folder)):
        pass
    after = state(folder)
    assert after["old.html"] == ("file", b"new", 0o640)
    assert after["link.html"][:2] == ("link", "shared.html")
    assert after["shared.html"][1] == b"through the link"
    assert after["deep/er/first.html"][1] == b"first"
    assert set(after) == {
        *("old.html", "link.html", "shared.html", "deep"),
        *("deep/er", "deep/er/first.html", "deep/second.html"),
    }


def test_an_error_of_the_block_takes_everything_back(folder: Path) -> None:
    before = state(folder)
    with pytest.raises(ZeroDivisionError), written_together(wanted(folder)):
        raise ZeroDivisionError
    assert state(folder) == before


def test_without_hard_links_a_copy_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    before = state(folder)
    with pytest.raises(ZeroDivisionError), written_together(wanted(folder)):
        raise ZeroDivisionError
    assert state(folder) == before


# How often each is called before everything has been written.
CALLS: dict[str, tuple[Any, str, int]] = {
    "making a folder": (Path, "mkdir", 5),
    "making a temporary": (tempfile, "mkstemp", 4),
    "making it last": (os, "fsync", 4),
    "keeping the old one": (tempfile, "mkdtemp", 3),
    "copying the old one": (shutil, "copy2", 3),
    "taking its place": (os, "replace", 4),
}


def of_a_folder(arguments: tuple[Any, ...]) -> bool:
    """Whether this is asked of a folder's descriptor: not every file system knows it."""
    descriptor = arguments[0] if arguments else None
    return isinstance(descriptor, int) and stat.S_ISDIR(os.fstat(descriptor).st_mode)


@pytest.mark.parametrize(
    ("name", "nth"),
    [(name, nth) for name, (_owner, _call, times) in CALLS.items() for nth in range(times)],
)
def test_a_failure_at_any_step_leaves_everything_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, nth: int
) -> None:
    owner, call, _times = CALLS[name]
    real: Callable[..., Any] = getattr(owner, call)
    calls = 0

    def fail(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += not of_a_folder(arguments)
        if calls == nth + 1:
            raise OSError(28, "No space left on device")
        return real(*arguments, **named)

    def no_link(*_arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    before = state(folder)
    with monkeypatch.context() as patch:
        if call == "copy2":
            patch.setattr(os, "link", no_link)
        patch.setattr(owner, call, fail)
        with (
            pytest.raises(ConfigError, match="No space left on device"),
            written_together(wanted(folder)),
        ):
            pytest.fail("the block must not run")
    assert state(folder) == before
