"""A page run from its top to its end, in a folder, a home and a network of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.docs.configs import config_faults, parsed
from tests.docs.matching import comparison, pattern
from tests.docs.page import ROOT, Page, PageError, Step
from tests.docs.screen import Screen, ScreenError
from tests.docs.servers import Reach, serving
from tests.smtp.certificates import authority_pem

__all__ = ["StoryError", "environment", "run"]

_WORLD = Path(__file__).with_name("world")
_INTERPRETER = Path(__file__).with_name("interpreter.py")
# What a command leaves of itself, for the next one: its folder and its variables.
_SHELL = """
trap 'code=$?; env -0 >"$STORY_STATE"; exit "$code"' EXIT
set -o pipefail
eval "$1"
"""
_FLEETING = ("_", "OLDPWD", "SHLVL")


class StoryError(AssertionError):
    """What a page says is not what happens; the text has page, line and both."""


def run(page: Page, folder: Path) -> None:
    """Run a page's story.

    Args:
        page: the page.
        folder: an empty folder that it may fill.

    Raises:
        StoryError: a step of it does not hold.
    """
    with serving(page.servers) as reach, _telling(page, folder, reach) as story:
        for step in page.steps:
            try:
                story.take(step)
            except (PageError, ScreenError, ValueError) as error:
                raise StoryError(f"{page.name}:{step.line}: {error}") from None


@contextmanager
def _telling(page: Page, folder: Path, reach: Sequence[Reach]) -> Iterator[_Story]:
    story = _Story(page, folder, reach)
    try:
        yield story
    finally:
        story.close()


class _Story:
    """What a page's steps share: folder, variables, running programs."""

    def __init__(self, page: Page, folder: Path, reach: Sequence[Reach]) -> None:
        self._page = page
        self.folder = folder / "story"
        self.folder.mkdir()
        self.environ = environment(folder, reach)
        self._state = folder / "state"
        self._python: subprocess.Popen[str] | None = None
        self._printed = ""
        self._background: list[Screen] = []

    def take(self, step: Step) -> None:
        """One step: run it, write it, check it, or pass over what is only shown."""
        if "not run" in step.says:
            return
        if "file" in step.says:
            self._write(step)
        elif step.language == "python":
            self._run_python(step)
        elif step.language == "console":
            self._run_commands(step)
        elif step.language in ("json", "toml"):
            parsed(step.language, step.content)
        elif "output" in step.says:
            _compare(step.content, self._printed)
        elif "more" in step.says:
            self._await_more(step)
        if "config" in step.says and (
            faults := config_faults(step.says["config"], parsed(step.language, step.content))
        ):
            raise PageError("\n".join(("the host says of this config:", *faults)))

    def close(self) -> None:
        """End what still runs."""
        for screen in self._background:
            screen.stop()
        if self._python is not None:
            with self._python as process:
                assert process.stdin is not None
                process.stdin.close()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()

    def _write(self, step: Step) -> None:
        if step.language in ("json", "toml"):
            parsed(step.language, step.content)
        path = self.folder / step.says["file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.content, "utf-8")

    def _run_python(self, step: Step) -> None:
        if self._python is None:
            self._python = subprocess.Popen(
                [sys.executable, str(_INTERPRETER)],
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
            )
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        request = {
            "code": step.content,
            "file": str(self._page.path),
            "line": step.line,
            "environ": self.environ,
            "folder": str(self.folder),
        }
        self._python.stdin.write(json.dumps(request) + "\n")
        self._python.stdin.flush()
        answer = json.loads(self._python.stdout.readline() or '{"failure": "Python ended"}')
        if answer["failure"]:
            raise PageError(f"the program fails:\n{answer['failure']}")
        self._printed = answer["printed"]

    def _run_commands(self, step: Step) -> None:
        """Each command, its output compared; the last may fail, or stay, if the page says so."""
        commands = list(_commands(step))
        inputs = [_input(line) for line in step.says.get("inputs", "").splitlines()]
        for number, (command, shown) in enumerate(commands, start=1):
            last = number == len(commands)
            screen = Screen(
                ["bash", "--norc", "-c", _SHELL, "bash", command], self.folder, self.environ
            )
            if last and "background" in step.says:
                self._background.append(screen)
                expected = pattern(shown)
                screen.until(
                    lambda: bool(expected.match(f"{screen.text}\n")),  # noqa: B023 - read at once
                    f"$ {command}\n{shown}",
                )
                return
            if last:
                for question, typed in inputs:
                    screen.answer(question, typed)
            code = screen.end()
            self._keep_state()
            _compare(shown, screen.text, f"$ {command}\n")
            wanted = int(step.says.get("exit", "0")) if last else 0
            if code != wanted:
                raise PageError(f"$ {command}\nends with {code}, not {wanted}\n{screen.text}")

    def _await_more(self, step: Step) -> None:
        """What a command in the background has printed by now, and perhaps soon."""
        if not self._background:
            raise PageError("no command runs in the background")
        screen, expected = self._background[-1], pattern(f"…\n{step.content}")
        screen.until(lambda: bool(expected.match(f"{screen.text}\n")), step.content)

    def _keep_state(self) -> None:
        """What the command left: the folder it went to, the variables it exported."""
        pairs = (item.partition("=") for item in self._state.read_text("utf-8").split("\0") if item)
        self.environ = {name: value for name, _, value in pairs if name not in _FLEETING}
        self.folder = Path(self.environ["PWD"])


def _compare(shown: str, printed: str, of: str = "") -> None:
    if not pattern(shown).fullmatch(f"{printed.rstrip()}\n" if printed.strip() else ""):
        raise PageError(f"{of}prints otherwise:\n{comparison(shown, printed)}")


def _commands(step: Step) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and the output that is shown of it."""
    command, shown = "", ""
    for line in step.content.splitlines(keepends=True):
        if command.endswith("\\\n"):
            command += line
        elif line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line[2:], ""
        elif command:
            shown += line
        else:
            raise PageError("a console block begins with `$ ` and a command")
    yield command, shown


def _input(line: str) -> tuple[str, str]:
    question, arrow, typed = line.partition("=>")
    if not arrow:
        raise PageError("each line of inputs is `question => what is typed`")
    return question.strip(), typed.strip()


def environment(folder: Path, reach: Sequence[Reach]) -> dict[str, str]:
    """The variables of a story's processes; the files that they name are put into the folder."""
    home, network, authority = folder / "home", folder / "network.json", folder / "authority.pem"
    home.mkdir()
    authority.write_text(authority_pem(), "utf-8")
    names = list(dict.fromkeys(server.name for server in reach))
    addresses = {name: f"192.0.2.{number}" for number, name in enumerate(names, start=25)}
    # Of this process alone: a number of a process, and so of a story, is another's only later.
    process = os.getpid()
    own = f"127.{128 + (process >> 16)}.{process >> 8 & 255}.{process & 255}"
    servers = {f"{addresses[item.name]}:{item.port}": item.real_port for item in reach}
    network.write_text(
        json.dumps({"loopback": own, "names": addresses, "servers": servers}), "utf-8"
    )
    path = (str(_WORLD / "bin"), str(Path(sys.executable).parent), os.environ["PATH"])
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "PATH": ":".join(path),
        # Else it waits for the terminal to say where the cursor is.
        "PROMPT_TOOLKIT_NO_CPR": "1",
        "PYTHONPATH": str(_WORLD),
        "SSL_CERT_FILE": str(authority),
        "STORY_LOOPBACK": own,
        "STORY_NETWORK": str(network),
        "STORY_PYTHON": sys.executable,
        "STORY_ROOT": str(ROOT),
        "STORY_STATE": str(folder / "state"),
        "TERM": "xterm",
    }
