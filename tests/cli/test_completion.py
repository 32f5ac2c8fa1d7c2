"""`completion`, and what a shell may complete."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from connector_core.cli import main
from tests.cli.conftest import Run
from tests.hostfile.files import ALL_USAGES, connector, write, write_templates

TEMPLATE = '\n[[templates]]\nusageType = "Mine"\nlocale = "tr-TR"\nsubject = "s"\ncontent = ""\n'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = write(
        tmp_path / "connectors.toml", connector("main", 25), connector("spare", 26),
        '[routes]\n"*" = ["main"]\nOwn = ["spare"]\n', TEMPLATE,
    )  # fmt: skip
    write_templates(tmp_path / "templates", ("SignIn",), ("fr", "fr-CA"))
    monkeypatch.setenv("CONNECTOR_FILE", str(file))
    monkeypatch.chdir(tmp_path)
    return file


def completed(line: str) -> list[str]:
    """What bash is told for a line whose last word is being typed."""
    words = line.split(" ")
    environment = {
        "_CONNECTOR_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    result = CliRunner().invoke(main, [], prog_name="connector", env=environment)
    assert result.stderr == ""
    assert result.exit_code == 0
    return [item.partition(",")[2] for item in result.stdout.split()]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("connector en", ["enable"]),
        ("connector config ", ["get", "set", "unset", "diff"]),
        ("connector templates pre", ["preview"]),
        ("connector completion ", ["bash", "zsh", "fish"]),
        ("connector show ", ["file", "http", "smtp"]),
        ("connector schema s", ["smtp"]),
        ("connector sample smtp --provider send", ["sendgrid"]),
        ("connector config diff main --provider gm", ["gmail"]),
        ("connector enable ", ["main", "spare"]),
        ("connector rename sp", ["spare"]),
        ("connector order Own ", ["main", "spare"]),
        ("connector order Own main ", ["spare"]),
        ("connector disable main --usage ", [*ALL_USAGES, "Own", "Mine"]),
        ("connector templates show M", ["MfaVerification", "Mine"]),
        ("connector templates preview SignIn --locale ", ["tr-TR", "fr-CA", "fr"]),
        ("connector templates show SignIn --connector s", ["spare"]),
        ("connector config get main por", ["port"]),
        ("connector config get main auth.us", []),
        ("connector config set main tls.rej", ["tls.rejectUnauthorized"]),
        ("connector config unset main por", ["port"]),
        ("connector send ma", ["main"]),
        ("connector send --config a.json ", ["file", "http", "smtp"]),
        ("connector test --url smtp://a ", ["file", "http", "smtp"]),
        ("connector validate s", ["spare"]),
        ("connector send --usage Mi", ["Mine"]),
        ("connector test main --usage O", ["OrganizationInvitation", "Own"]),
        ("connector test main --locale f", ["fr-CA", "fr"]),
        ("connector send --locale t", ["tr-TR"]),
        ("connector setup --connector ", ["file", "http", "smtp"]),
        ("connector setup --provider gm", ["gmail"]),
        ("connector setup --connector smtp --provider gm", ["gmail"]),
        ("connector setup --usage M", ["MfaVerification", "Mine"]),
        ("connector enable --fi", ["--first", "--file"]),
        ("connector enable nobody --usage Gen", ["Generic"]),
        ("connector config get nobody ", []),
        ("connector sample nobody --provider ", []),
    ],
)
def test_what_is_completed(path: Path, line: str, expected: list[str]) -> None:
    assert completed(line) == expected


def test_what_a_config_has_is_completed_beside_the_schema(run: Run, path: Path) -> None:
    run("config", "set", "main", "customHeaders.X-A", "1")
    run("config", "set", "main", "templates[0]", '{"usageType": "A"}', "--force")
    assert completed("connector config get main customHeaders") == [
        "customHeaders",
        'customHeaders["X-A"]',
    ]
    assert completed("connector config get main templates[0].u") == ["templates[0].usageType"]


def test_files_are_completed_by_the_shell(path: Path) -> None:
    environment = {"_CONNECTOR_COMPLETE": "bash_complete"}
    for line in (
        "connector enable main --file conn",
        "connector templates import conn",
        "connector templates export --output conn",
        "connector config diff main --with conn",
    ):
        environment |= {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        result = CliRunner().invoke(main, [], prog_name="connector", env=environment)
        assert result.stdout == "file,conn\n", line


def test_another_file_is_looked_into(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(connector("third", 27), "utf-8")
    assert completed("connector enable --file other.toml ") == ["third"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"connectors = ",
        b"connectors = 3",
        b"[connectors]\nmain = 1",
        b"routes = 5\ntemplates = [1]",
        b"templateFolder = 3",
        b"[connectors.main]\nconnector = 'nobody'\nconfig = 5",
        None,
    ],
)
def test_of_a_broken_file_nothing_is_completed_and_nothing_said(
    path: Path, data: bytes | None
) -> None:
    if data is None:
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(data)
    for line in (
        "connector config get main ",
        "connector config diff main --provider ",
        "connector templates show SignIn --locale x",
    ):
        assert completed(line) == []
    assert set(completed("connector enable ")) <= {"main"}
    assert "SignIn" in completed("connector enable main --usage ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_for_this_command(run: Run, shell: str) -> None:
    script = run("completion", shell).stdout
    assert f"_CONNECTOR_COMPLETE={shell}_complete" in script
    assert "_connector_completion" in script


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "bash,"),
        (("tcsh",), "'bash', 'zsh', 'fish'"),
        (("Bash ",), "'bash', 'zsh', 'fish'"),
        (("bash", "zsh"), "zsh"),
        (("bash", "--file", "x"), "--file"),
    ],
)
def test_wrong_inputs_are_told(run: Run, arguments: tuple[str, ...], told: str) -> None:
    result = run("completion", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_bash_completes_by_the_script(path: Path, tmp_path: Path) -> None:
    command = tmp_path / "bin" / "connector"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m connector_core.cli "$@"\n', "utf-8")
    command.chmod(0o755)
    typed = (
        'eval "$(connector completion bash)"; COMP_WORDS=(connector enable sp); COMP_CWORD=2;'
        ' _connector_completion connector sp enable; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", typed],
        env={**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("spare\n", "")


def test_completing_imports_nothing_heavy(path: Path) -> None:
    program = (
        "import sys; from connector_core.cli import main\n"
        "try: main(prog_name='connector')\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    heavy = {"jsonschema", "pydantic", "asyncio", "rich", "uvloop", "filelock", "questionary"}
    for line in (
        "connector ",
        "connector templates ",
        "connector enable ",
        "connector config get main ",
        "connector templates show SignIn --locale ",
    ):
        environment = {
            "_CONNECTOR_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(line.count(" ")),
        }
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout
        assert not heavy & set(done.stderr.split()), line
