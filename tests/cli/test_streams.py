"""What cannot be printed, and what must not reach a terminal as it stands."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.hostfile.files import connector, write
from tests.terminal import Terminal

COMMAND = [sys.executable, "-W", "error", "-m", "connector_core.cli"]
READING = (
    ("list",),
    ("schema", "smtp"),  # longer than a buffer
    ("routes", "--json"),
    ("config", "get", "main"),
    ("templates", "list"),
    ("completion", "bash"),
    ("--help",),
    ("list", "--help"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    write(tmp_path / "connectors.toml", connector("main", 25))
    return tmp_path


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_what_cannot_be_printed_is_one_sentence_and_exit_code_1(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == ("error: standard output cannot be written to: No space left on device\n")


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_a_reader_that_has_read_enough_ends_the_command_quietly(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("config", "get", "main", "nosuch"),
        ("config", "get", "\x1b]0;x\x07"),
        ("\x1b]0;x\x07",),
        ("list", "--\x1b]0;x\x07"),
        ("templates", "export", "--format", "\x1b]0;x\x07"),
        ("doctor", "--file", "\x1b]0;x\x07"),
    ],
    ids=ascii,
)
def test_no_refusal_steers_the_terminal(run: Run, folder: Path, arguments: tuple[str, ...]) -> None:
    path = folder / "connectors.toml"
    path.write_text(
        path.read_text("utf-8").replace("host =", '"\\u001b]0;x\\u0007" = 1\nhost ='), "utf-8"
    )
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr
    assert not set(result.stdout + result.stderr) & {"\x1b", "\x07"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("routes",),
        ("doctor",),
        ("validate",),
        ("enable", "main"),
        ("config", "get", "main"),
        ("templates", "list"),
        ("templates", "preview", "SignIn", "--output", "out", "--file", "connectors.toml"),
        ("templates", "export", "--format", "json", "--output", "out", "--file", "connectors.toml"),
    ],
    ids=" ".join,
)
def test_a_folder_that_may_not_be_entered_is_told(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """As the system refuses it; nothing is refused to root, so that it is done by hand."""
    exists = Path.exists

    def refuse(self: Path, **options: Any) -> bool:
        if self.parts[0] in {"closed", "out"}:
            raise PermissionError(errno.EACCES, "no")
        return exists(self, **options)

    monkeypatch.setattr(Path, "exists", refuse)
    monkeypatch.setenv("CONNECTOR_FILE", "closed/connectors.toml")
    result = run(*arguments)
    assert result.exit_code == 1
    assert "cannot be read: Permission denied" in result.stderr
    assert not list(folder.glob("out*"))


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("remove", "main"), "Remove main"),
        (("config", "set", "main", "auth.pass"), "auth.pass"),
    ],
    ids=["remove", "config set"],
)
def test_an_interrupt_at_a_question_is_exit_code_130(
    folder: Path, arguments: tuple[str, ...], asked: str
) -> None:
    terminal = Terminal(folder, *arguments)
    terminal.interrupt(asked)
    assert terminal.end() == 130
