"""Entering a connector: nothing that is there is lost, whatever fails."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core.configs import resolve_secrets
from connector_core.errors import ConfigError
from connector_core.hostfile import editing
from connector_core.hostfile.entering import NewEntry, enter
from connector_core.hostfile.reading import read

SECRET = ("auth", "pass")
TEMPLATES = ({"usageType": "SignIn", "subject": "s", "content": "c"},)


def no_secret(_data: Mapping[str, Any]) -> bool:
    return False


def entry(name: str, password: str = "canary", **more: Any) -> NewEntry:
    config = {"host": name, "auth": {"user": "u", "pass": password}}
    return NewEntry(
        name,
        {"connector": "smtp", "config": config},
        **{"secrets": {SECRET: password}, "templates": TEMPLATES, **more},
    )


def put(path: Path, new: NewEntry) -> list[Path]:
    return enter(path, new, secret=no_secret)[1]


def password(path: Path, name: str) -> str:
    config = resolve_secrets(read(path).connectors[name].config, folder=path.parent)
    return str(config["auth"]["pass"])


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(item.relative_to(folder)): item.read_bytes()
        for item in folder.rglob("*")
        if item.is_file() and not item.name.endswith(".lock")
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "connectors.toml"


def test_the_entry_its_secret_and_the_templates_are_written(path: Path) -> None:
    written = put(path, entry("main"))
    assert {item.name for item in written} == {"main-auth-pass", "SignIn.html"}
    assert password(path, "main") == "canary"
    assert "canary" not in path.read_text("utf-8")
    assert (path.parent / "secrets").stat().st_mode & 0o777 == 0o700
    assert (path.parent / "secrets" / "main-auth-pass").stat().st_mode & 0o777 == 0o600
    assert read(path).routes == {"*": ["main"]}


def test_a_name_that_is_taken_leaves_everything_as_it_was(path: Path) -> None:
    put(path, entry("main", "OLD"))
    before = tree(path.parent)
    with pytest.raises(ConfigError, match="is there already"):
        put(path, entry("main", "NEW"))
    assert tree(path.parent) == before


def test_what_fails_at_the_end_leaves_everything_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(editing, "write_whole", fail)
    with pytest.raises(OSError, match="No space"):
        put(path, entry("main"))
    assert tree(path.parent) == {}
    assert not (path.parent / "templates").exists()
    assert not (path.parent / "secrets").exists()


def test_no_secret_of_another_is_overwritten(path: Path) -> None:
    put(path, entry("main", "FIRST"))

    def rename(data: dict[str, Any]) -> None:
        data["connectors"]["old"] = data["connectors"].pop("main")
        data["routes"]["*"] = ["old"]

    editing.change(path, rename, secret=no_secret)
    put(path, entry("main", "SECOND"))
    assert (password(path, "old"), password(path, "main")) == ("FIRST", "SECOND")


def test_replacing_keeps_the_routes_unless_others_are_asked_for(path: Path) -> None:
    put(path, entry("main", usage_types=["SignIn", "Register"]))
    put(path, entry("spare", usage_types=["Register"]))
    routes = read(path).routes
    for usage_types in ((), None):
        put(path, entry("main", "OTHER", usage_types=usage_types, replacing=True))
        assert read(path).routes == routes
    assert list(read(path).connectors) == ["main", "spare"]
    put(path, entry("main", usage_types=["Generic"], replacing=True))
    assert read(path).routes == {**(routes or {}), "Generic": ["main"]}


def test_templates_that_are_there_stay(path: Path) -> None:
    put(path, entry("main"))
    file = path.parent / "templates" / "SignIn.html"
    file.write_text("---\nsubject: mine\n---\n", "utf-8")
    assert "SignIn.html" not in {item.name for item in put(path, entry("spare"))}
    assert "mine" in file.read_text("utf-8")


def test_a_link_in_the_place_of_a_secret_is_not_followed(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine", "utf-8")
    (path.parent / "secrets").mkdir(parents=True, mode=0o700)
    (path.parent / "secrets" / "main-auth-pass").symlink_to(victim)
    put(path, entry("main"))
    assert victim.read_text("utf-8") == "mine"
    assert password(path, "main") == "canary"


def test_a_folder_that_others_may_write_into_takes_no_secret(path: Path) -> None:
    secrets = path.parent / "secrets"
    secrets.mkdir(parents=True)
    secrets.chmod(0o777)
    with pytest.raises(ConfigError, match="chmod 700"):
        put(path, entry("main"))
    assert list(secrets.iterdir()) == []


def test_of_two_at_once_each_has_its_own_secret(path: Path) -> None:
    failed: list[ConfigError] = []

    def work(name: str, secret: str) -> None:
        try:
            put(path, entry(name, secret))
        except ConfigError as error:
            failed.append(error)

    threads = [
        threading.Thread(target=work, args=(name, f"{name}-{number}"))
        for number in range(3)
        for name in ("a", "b")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 4
    assert password(path, "a").startswith("a-")
    assert password(path, "b").startswith("b-")
    assert len(list((path.parent / "secrets").iterdir())) == 2


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_secret_comes_back_as_it_was(value: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "connectors.toml"
        put(path, entry("main", value))
        assert password(path, "main") == value
