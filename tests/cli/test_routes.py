"""`enable`, `disable`, `order`, `routes`, `remove`, `rename`."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from connector_core.cli import main
from connector_core.hostfile.reading import read
from tests.cli.conftest import Run

NAMES = ("main", "spare", "third")
CONNECTOR = """# about {name}
[connectors.{name}] # {name} itself
connector = "smtp"

[connectors.{name}.config]
host = "{name}.example.com" # its host
fromEmail = "app@example.com"
"""


def write(path: Path, *names: str, routes: str = "") -> Path:
    path.write_text("\n".join(CONNECTOR.format(name=name) for name in names) + routes, "utf-8")
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host file of two connectors and no routes; the commands find it by the environment."""
    file = write(tmp_path / "connectors.toml", "main", "spare")
    monkeypatch.setenv("CONNECTOR_FILE", str(file))
    return file


def routes_of(path: Path) -> Any:
    return tomllib.loads(path.read_text("utf-8")).get("routes")


def test_the_first_edit_writes_down_what_held_without_routes(run: Run, path: Path) -> None:
    before = path.read_text("utf-8")
    result = run("disable", "spare")
    assert result.stdout == "every usage type: main\nspare serves no usage type.\n"
    assert routes_of(path) == {"*": ["main"]}
    assert path.read_text("utf-8").startswith(before)


def test_a_usage_type_gets_a_line_of_its_own_that_begins_with_the_others(
    run: Run, path: Path
) -> None:
    run("disable", "spare")
    assert run("enable", "spare", "--usage", "SignIn").stdout == "SignIn: main, then spare\n"
    assert routes_of(path) == {"*": ["main"], "SignIn": ["main", "spare"]}
    assert run("enable", "spare", "--usage", "SignIn", "--first").stdout == (
        "SignIn: spare, then main\n"
    )
    assert run("disable", "main", "--usage", "Register").stdout == "Register: no connector\n"
    assert routes_of(path) == {"*": ["main"], "SignIn": ["spare", "main"], "Register": []}


@pytest.mark.parametrize(
    "command",
    [
        ("enable", "spare"),
        ("enable", "spare", "--first"),
        ("enable", "spare", "--usage", "SignIn", "--usage", "*"),
        ("disable", "spare"),
        ("disable", "spare", "--usage", "SignIn"),
        ("order", "*", "spare", "main"),
        ("order", "SignIn", "spare", "main"),
    ],
)
def test_a_second_time_changes_nothing(run: Run, path: Path, command: tuple[str, ...]) -> None:
    run(*command)
    once = path.read_text("utf-8")
    again = run(*command)
    assert again.exit_code == 0
    assert "before" in again.stdout or command == ("disable", "spare")
    assert path.read_text("utf-8") == once


def test_the_order_is_that_of_the_command(run: Run, path: Path) -> None:
    assert run("order", "SignIn", "spare", "main").stdout == "SignIn: spare, then main\n"
    assert list(read(path).candidates("SignIn")) == ["spare", "main"]
    assert list(read(path).candidates("Register")) == ["main", "spare"]
    assert run("order", "*", "spare", "main").stdout == "every other usage type: spare, then main\n"


def test_routes_shows_who_serves_what_and_who_nothing(run: Run, path: Path) -> None:
    assert "every usage type  main, then spare" in run("routes").stdout
    run("disable", "spare")
    run("order", "SignIn", "main")
    shown = run("routes").stdout
    assert "every other usage type  main\n" in shown
    assert "SignIn                  main\n" in shown
    assert "These serve no usage type: spare" in shown
    assert json.loads(run("routes", "--json").stdout) == {
        "routes": {"*": ["main"], "SignIn": ["main"]},
        "idle": ["spare"],
    }


def test_json_has_the_routes_and_which_changed(run: Run, path: Path) -> None:
    told = json.loads(run("enable", "spare", "--usage", "SignIn", "--first", "--json").stdout)
    assert told == {
        "changed": ["SignIn"],
        "routes": {"*": ["main", "spare"], "SignIn": ["spare", "main"]},
        "idle": [],
    }
    removed = json.loads(run("remove", "spare", "--yes", "--json").stdout)
    assert removed["removed"] == "spare"
    assert removed["changed"] == ["*", "SignIn"]
    renamed = json.loads(run("rename", "main", "mail", "--json").stdout)
    assert renamed["renamed"] == {"from": "main", "to": "mail"}
    assert renamed["routes"] == {"*": ["mail"], "SignIn": ["mail"]}


def test_a_slip_of_the_keys_is_told_and_may_be_meant(run: Run, path: Path) -> None:
    result = run("enable", "spare", "--usage", "Signin", "--first")
    assert result.exit_code == 0
    assert "did you mean 'SignIn'" in result.stderr
    assert run("enable", "spare", "--usage", "Own").stderr == ""


def test_remove_takes_the_routes_with_it_and_leaves_the_rest(run: Run, path: Path) -> None:
    write(path, "main", "spare", routes='\n[routes]\n# why\nSignIn = ["spare"]\n"*" = ["main"]\n')
    result = run("remove", "spare", "--yes")
    assert result.exit_code == 0
    assert "SignIn: no connector" in result.stdout
    text = path.read_text("utf-8")
    assert "spare" not in text
    assert CONNECTOR.format(name="main") in text
    assert '# why\nSignIn = []\n"*" = ["main"]\n' in text


def test_remove_names_the_secrets_that_nothing_refers_to(run: Run, path: Path) -> None:
    for name, key in (("spare", "own"), ("spare", "shared"), ("main", "shared")):
        place = "servername" if key == "own" else "name"
        reference = f"file:secrets/{key}"
        (path.parent / "secrets").mkdir(exist_ok=True)
        (path.parent / "secrets" / key).write_text("mail.example.com", "utf-8")
        run("config", "set", name, place, reference, "--force")
    assert run("remove", "spare", "--yes").stdout.endswith("no longer used: secrets/own\n")
    assert json.loads(run("remove", "main", "--yes", "--json").stdout)["unused"] == [
        "secrets/shared"
    ]


def test_rename_keeps_comments_and_routes(run: Run, path: Path) -> None:
    write(path, "main", "spare", routes='\n[routes]\nSignIn = ["spare", "main"]\n')
    before = path.read_text("utf-8")
    shown = run("rename", "spare", "second").stdout
    assert shown == "spare is second now.\nSignIn: second, then main\n"
    changed = before.replace("[connectors.spare", "[connectors.second").replace(
        '["spare", "main"]', '["second", "main"]'
    )
    assert path.read_text("utf-8") == changed
    run("rename", "second", "second")
    assert path.read_text("utf-8") == changed


def on_terminal(path: Path, answer: bytes) -> int:
    """Run `remove spare` on a terminal, and answer; its exit code."""
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "connector_core.cli", "remove", "spare", "--file", str(path)]
    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(screen, 1024)
        os.write(screen, answer)
        code = process.wait(30)
    os.close(screen)
    return code


@pytest.mark.parametrize(("answer", "left"), [(b"n\n", ["main", "spare"]), (b"y\n", ["main"])])
def test_remove_asks_on_a_terminal(path: Path, answer: bytes, left: list[str]) -> None:
    assert on_terminal(path, answer) == (0 if len(left) == 1 else 1)
    assert list(read(path).connectors) == left


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (("enable", "nobody"), 2, "no connector 'nobody'; there are: main, spare"),
        (("enable",), 2, "NAME"),
        (("enable", "main", "--usage", ""), 2, "a usage type is a word"),
        (("enable", "main", "--usage", " SignIn"), 2, "without spaces around it"),
        (("enable", "main", "--usage", "Sign\nIn"), 2, "a usage type is a word"),
        (("enable", "main", "--last"), 2, "--last"),
        (("enable", "main", "--file", "none.toml"), 2, "there is no none.toml"),
        (("disable", "nobody"), 2, "no connector 'nobody'"),
        (("disable",), 2, "NAME"),
        (("disable", "main", "spare"), 2, "spare"),
        (("disable", "main", "--usage", "\t"), 2, "a usage type is a word"),
        (("disable", "main", "--file", "none.toml"), 2, "there is no none.toml"),
        (("order", "SignIn", "main"), 2, "serves SignIn once; those are: main, spare"),
        (("order", "SignIn", "main", "nobody"), 2, "those are: main, spare"),
        (("order", "SignIn", "main", "main"), 2, "those are: main, spare"),
        (("order", "SignIn", "main", "spare", "main"), 2, "those are: main, spare"),
        (("order", "SignIn"), 2, "NAMES"),
        (("order", "", "main", "spare"), 2, "a usage type is a word"),
        (("routes", "main"), 2, "main"),
        (("routes", "--file", "none.toml"), 2, "there is no none.toml"),
        (("routes", "--file", "."), 1, "cannot be read"),
        (("routes", "--usage", "SignIn"), 2, "--usage"),
        (("routes", "--file"), 2, "--file"),
        (("remove", "main"), 2, "give --yes"),
        (("remove", "nobody", "--yes"), 2, "no connector 'nobody'"),
        (("remove", "--yes"), 2, "NAME"),
        (("remove", "main", "spare", "--yes"), 2, "spare"),
        (("remove", "main", "--yes", "--file", "none.toml"), 2, "there is no none.toml"),
        (("rename", "nobody", "x"), 2, "no connector 'nobody'"),
        (("rename", "main", "spare"), 2, "a connector 'spare' already"),
        (("rename", "main", "a b"), 2, "'a b' cannot be a name"),
        (("rename", "main", ""), 2, "'' cannot be a name"),
        (("rename", "main"), 2, "NEW"),
        (("rename", "main", "x", "--file", "none.toml"), 2, "there is no none.toml"),
    ],
)
def test_wrong_inputs_are_told_and_change_nothing(
    run: Run,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    monkeypatch.chdir(path.parent)
    before = path.read_text("utf-8")
    result = run(*command)
    assert result.exit_code == code, result.output
    assert told in result.stderr
    assert path.read_text("utf-8") == before
    assert not Path("none.toml").exists()


@pytest.mark.parametrize("command", ["enable", "disable", "remove", "rename"])
def test_a_broken_file_is_told_and_stays(run: Run, path: Path, command: str) -> None:
    path.write_text("connectors = 3\n", "utf-8")
    more = {"remove": ("--yes",), "rename": ("x",)}.get(command, ())
    result = run(command, "main", *more)
    assert result.exit_code == 1
    assert "$.connectors" in result.stderr
    assert path.read_text("utf-8") == "connectors = 3\n"


# Sequences of commands, against what they mean.

UNIVERSE = ("SignIn", "Register", "Other")  # `Other` never gets a line: it shows what * does
usages = st.sampled_from(["SignIn", "Register", "*"])
Model = dict[str, list[str]]


def concerned(model: Model, own: set[str], chosen: list[str]) -> list[str]:
    """The usage types of the universe that these options mean."""
    return [usage for usage in UNIVERSE if usage in chosen or ("*" in chosen and usage not in own)]


def invoke(path: Path, *arguments: str) -> int:
    result = CliRunner().invoke(main, [*arguments, "--file", str(path)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code


steps = st.one_of(
    st.tuples(st.just("enable"), st.sampled_from(NAMES), usages, st.booleans()),
    st.tuples(st.just("disable"), st.sampled_from(NAMES), usages | st.none(), st.just(False)),
    st.tuples(st.just("order"), st.permutations(NAMES), usages, st.just(False)),
)


def model_step(model: Model, own: set[str], step: tuple[Any, ...]) -> None:
    command, what, usage, first = step
    for item in UNIVERSE if usage is None else concerned(model, own, [usage]):
        names = model[item]
        if command == "enable" and first:
            model[item] = [what, *(name for name in names if name != what)]
        elif command == "enable":
            model[item] = names if what in names else [*names, what]
        elif command == "disable":
            model[item] = [name for name in names if name != what]
        else:
            model[item] = [name for name in what if name in names]


@settings(max_examples=40, deadline=None)
@given(st.lists(steps, max_size=6))
def test_sequences_of_commands_mean_what_they_say(sequence: list[tuple[Any, ...]]) -> None:
    model: Model = {usage: list(NAMES) for usage in UNIVERSE}
    with TemporaryDirectory() as folder:
        path = write(Path(folder) / "connectors.toml", *NAMES)
        for step in sequence:
            own = set(routes_of(path) or ())
            command, what, usage, first = step
            if command == "order":
                serving = model["Other" if usage == "*" else usage]
                wanted = [name for name in what if name in serving]
                code = invoke(path, "order", usage, *wanted) if wanted else 0
            else:
                options = [*(["--usage", usage] if usage else []), *(["--first"] * first)]
                code = invoke(path, command, what, *options)
            assert code == 0
            model_step(model, own, step)
            file = read(path)
            assert {item: list(file.candidates(item)) for item in UNIVERSE} == model
        text = path.read_text("utf-8")
        assert text.startswith("\n".join(CONNECTOR.format(name=name) for name in NAMES))


@pytest.mark.parametrize("command", [("enable", "main", "--usage"), ("order",)], ids=" ".join)
def test_a_usage_type_that_looks_like_a_slip_is_told_and_served(
    run: Run, path: Path, command: tuple[str, ...]
) -> None:
    names = ["main", "spare"] if command == ("order",) else []
    slip = run(*command, "Singin", *names)
    assert slip.exit_code == 0
    assert "did you mean 'SignIn'?" in slip.stderr
    assert "Singin" in routes_of(path) or not names
    run("order", "Singin", "spare", "main")
    assert run(*command, "Singin", *(names and ["spare", "main"])).stderr == ""
    assert run(*command, "Weekly", *names).stderr == ""
    assert run(*command, "signin", *names).stderr.count("did you mean") == 1


def test_enable_tells_which_lines_stay_empty(run: Run, path: Path) -> None:
    for name in ("main", "spare"):
        run("disable", name, "--usage", "Register")
        run("disable", name, "--usage", "SignIn")
    assert "no connector serves Register, SignIn: " in run("enable", "main").stderr
    assert run("enable", "main", "--usage", "SignIn").stderr == ""


def test_a_number_of_too_many_digits_is_told_without_pythons_words(run: Run, path: Path) -> None:
    path.write_text(f"a = {'1' * 5000}\n", "utf-8")
    result = run("routes")
    assert result.exit_code == 1
    assert "has a number with too many digits" in result.stderr
    assert "limit" not in result.stderr
