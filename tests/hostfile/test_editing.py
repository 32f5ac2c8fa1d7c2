"""Changing a host file: old or new at every moment, for its readers, other writers and crashes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connector_core.errors import ConfigError
from connector_core.hostfile.editing import change
from connector_core.hostfile.reading import read

OLD = '# mine\n[connectors.main]\nconnector = "smtp"\nconfig = { host = "a" }\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "connectors.toml"
    file.write_text(OLD, "utf-8")
    return file


def add(name: str) -> Any:
    def edit(data: dict[str, Any]) -> None:
        data.setdefault("connectors", {})[name] = {"connector": "smtp", "config": {"host": name}}

    return edit


def no_secret(_data: Mapping[str, Any]) -> bool:
    return False


def test_a_change_is_written_and_read_again(path: Path) -> None:
    file = change(path, add("spare"), secret=no_secret)
    assert list(file.connectors) == ["main", "spare"]
    assert read(path) == file
    assert path.read_text("utf-8").startswith(OLD)


def test_a_file_that_is_not_there_is_begun(tmp_path: Path) -> None:
    change(tmp_path / "new.toml", add("main"), secret=no_secret)
    assert list(read(tmp_path / "new.toml").connectors) == ["main"]


def test_a_change_that_would_make_it_unsound_is_refused(path: Path) -> None:
    def edit(data: dict[str, Any]) -> None:
        data["routes"] = {"SignIn": ["nobody"]}

    with pytest.raises(ConfigError) as caught:
        change(path, edit, secret=no_secret)
    assert [problem.path for problem in caught.value.problems] == ["$.routes.SignIn[0]"]
    assert path.read_text("utf-8") == OLD


@pytest.mark.parametrize("text", ["a = ", "\ufeffx", "connectors = 3", '[connectors."a b"]\n'])
def test_an_unsound_file_is_refused_and_stays(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError):
        change(path, add("spare"), secret=no_secret)
    assert path.read_text("utf-8") == text


def test_a_form_that_cannot_be_edited_stays(path: Path) -> None:
    path.write_text('"connectors" = { "main" = { connector = "smtp", config = {} } }\n', "utf-8")
    change(path, add("spare"), secret=no_secret)
    assert list(read(path).connectors) == ["main", "spare"]


@pytest.mark.parametrize(("secret", "mode"), [(True, 0o600), (False, 0o640)])
def test_a_secret_is_for_the_owner_alone_and_other_rights_stay(
    path: Path, secret: bool, mode: int
) -> None:
    path.chmod(0o640)
    change(path, add("spare"), secret=lambda _data: secret)
    assert path.stat().st_mode & 0o777 == mode


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real = tmp_path / "elsewhere" / "real.toml"
    real.write_text(OLD, "utf-8")
    path.unlink()
    path.symlink_to(real)
    change(path, add("spare"), secret=no_secret)
    assert path.is_symlink()
    assert "spare" in real.read_text("utf-8")


def test_a_tables_new_name_keeps_its_comments(path: Path) -> None:
    path.write_text(
        '# mine\n[connectors.main] # a\nconnector = "smtp"\n# b\n[connectors.main.config]\n'
        '# c\nhost = "a"\n[routes]\nSignIn = ["main"]\n',
        "utf-8",
    )

    def edit(data: dict[str, Any]) -> None:
        data["connectors"] = {"mail": data["connectors"]["main"]}
        data["routes"]["SignIn"] = ["mail"]

    change(path, edit, secret=no_secret, renamed={("connectors", "main"): "mail"})
    assert path.read_text("utf-8") == (
        '# mine\n[connectors.mail] # a\nconnector = "smtp"\n# b\n[connectors.mail.config]\n'
        '# c\nhost = "a"\n[routes]\nSignIn = ["mail"]\n'
    )


def test_two_writers_do_not_lose_each_others_change(path: Path) -> None:
    names = [f"n{number}" for number in range(12)]
    threads = [
        threading.Thread(target=change, args=(path, add(name)), kwargs={"secret": no_secret})
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(read(path).connectors) == {"main", *names}


def test_a_writer_that_is_at_work_keeps_the_next_waiting(path: Path) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(data: dict[str, Any]) -> None:
        inside.set()
        assert go_on.wait(10)
        add("first")(data)

    seen: list[list[str]] = []

    def later(data: dict[str, Any]) -> None:
        seen.append(list(data["connectors"]))

    first = threading.Thread(target=change, args=(path, slow), kwargs={"secret": no_secret})
    second = threading.Thread(target=change, args=(path, later), kwargs={"secret": no_secret})
    first.start()
    assert inside.wait(10)
    second.start()
    go_on.set()
    first.join()
    second.join()
    assert seen == [["main", "first"]]


# What a write is made of, as a program that is killed at one of its steps sees it.
STEPS = ("open", "write", "fchmod", "fchown", "fsync", "replace", "fsync2")
KILLED = """
import os, sys, pathlib
from connector_core.hostfile import editing, saving
step = sys.argv[2]
seen = []
def die(name, real):
    def call(*arguments, **named):
        seen.append(name)
        if name + (str(seen.count(name)) if seen.count(name) > 1 else "") == step:
            os._exit(9)
        return real(*arguments, **named)
    return call
for name in ("fchmod", "fchown", "fsync", "replace"):
    setattr(os, name, die(name, getattr(os, name)))
class Half:
    def __init__(self, file): self.file = file
    def __enter__(self): self.file.__enter__(); return self
    def __exit__(self, *a): return self.file.__exit__(*a)
    def write(self, data):
        if step == "write":
            self.file.write(data[:9]); self.file.flush(); os._exit(9)
        return self.file.write(data)
    def __getattr__(self, name): return getattr(self.file, name)
def opened(*a, **k):
    if step == "open": os._exit(9)
    return Half(open(*a, **k))
saving.open = opened
def edit(data):
    data["connectors"]["spare"] = {"connector": "smtp", "config": {}}
editing.change(pathlib.Path(sys.argv[1]), edit, secret=lambda data: False)
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_leaves_the_old_or_the_new_file(path: Path, step: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), step], check=False, capture_output=True
    )
    assert done.returncode == 9, done.stderr
    expected = ["main", "spare"] if step == "fsync2" else ["main"]
    assert list(read(path).connectors) == expected
    # The lock of the dead one does not stand in the way of the next.
    change(path, add("later"), secret=no_secret)
    assert list(read(path).connectors) == [*expected, "later"]


@pytest.mark.parametrize("name", ["fchmod", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_at_any_step_changes_nothing_and_leaves_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException
) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(os, name, fail)
        with pytest.raises((ConfigError, KeyboardInterrupt)) as caught:
            change(path, add("spare"), secret=no_secret)
    if isinstance(error, OSError):
        assert "No space left on device" in str(caught.value)
    assert path.read_text("utf-8") == OLD
    assert {item.name for item in path.parent.iterdir()} <= {path.name, f".{path.name}.lock"}


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        change(tmp_path / "file" / "connectors.toml", add("main"), secret=no_secret)
