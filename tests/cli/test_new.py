"""`new`: the project that it makes is checked, installed and used; what it refuses is told."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import re
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from connector_core.cli.new.projects import Project, author_problem, text_problem
from connector_core.models import ConnectorMetadata, ConnectorType
from tests.cli.conftest import Run
from tests.environments import Environment
from tests.terminal import Terminal

ROOT = Path(__file__).parents[2]
SCAFFOLD = ROOT / "connector_core/cli/new/scaffold"
LONGEST = "acme-" + "m" * 35
HOST_FILE = '[connectors.main]\nconnector = "smtp"\nconfig = { host = "mail.example.com" }\n'


@dataclass(frozen=True)
class Installed:
    """A project that was made, in an environment that it is installed in."""

    name: str
    folder: Path
    environment: Environment

    @property
    def plugin(self) -> Path:
        [file] = self.folder.glob("src/*/plugin.py")
        return file

    def module(self, *arguments: str) -> str:
        """Run a module in the project's folder; what it prints, where it ends well."""
        done = self.environment.run("-m", *arguments, cwd=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def installed(folder: Path, name: str, kind: str) -> Installed:
    environment = Environment.made(folder / "environment")
    done = environment.connector("new", name, "--type", kind, cwd=folder)
    assert done.returncode == 0, done.stderr
    environment.install(folder / name)
    return Installed(name, folder / name, environment)


@pytest.fixture(scope="module", params=["Email", "Sms"])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    kind: str = request.param
    return installed(tmp_path_factory.mktemp("project"), f"acme-{kind.lower()}", kind)


@pytest.fixture
def service(project: Installed) -> Iterator[Any]:
    """The service of the project's own tests."""
    spec = importlib.util.spec_from_file_location("service", project.folder / "tests/service.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.running_service() as running:
        yield running


@pytest.mark.timeout(400)  # a suite within a test
def test_a_new_project_passes_its_own_tests(project: Installed) -> None:
    told = project.module("pytest", "-q", "-p", "no:cacheprovider")
    reasons = set(re.findall(r"^SKIPPED .*?:\d+: (.*)$", told, re.MULTILINE))
    left_out = "implement the hook `{}`: nothing else is checked here"
    assert reasons == {left_out.format(hook) for hook in ("catalog", "preview", "providers")}


@pytest.mark.timeout(400)  # mypy, with nothing cached
def test_a_new_project_passes_its_checks(project: Installed) -> None:
    project.module("ruff", "check", "--no-cache", ".")
    project.module("ruff", "format", "--no-cache", "--check", ".")
    project.module("mypy", "--cache-dir", os.devnull)


@pytest.mark.parametrize("name", ["ab", LONGEST])
@pytest.mark.parametrize("kind", ["Email", "Sms"])
def test_no_name_breaks_the_lines(tmp_path: Path, name: str, kind: ConnectorType) -> None:
    Project.of(name, kind).write(tmp_path / name)
    new = Installed(name, tmp_path / name, Environment.made(tmp_path / "environment"))
    new.module("ruff", "check", "--no-cache", ".")
    new.module("ruff", "format", "--no-cache", "--check", ".")


def test_the_host_finds_it(project: Installed, tmp_path: Path) -> None:
    told = project.environment.connector("list", "--json", cwd=tmp_path).stdout
    [found] = [item for item in json.loads(told)["connectors"] if item["target"] == project.name]
    assert found["distribution"] == project.name
    assert json.loads(told)["failures"] == []
    shown = project.environment.connector("show", project.name, "--readme", cwd=tmp_path)
    assert shown.stdout.startswith(f"# {project.name.replace('-', ' ').capitalize()}\n")


def test_a_message_is_sent_through_it(project: Installed, tmp_path: Path, service: Any) -> None:
    run = project.environment.connector
    config = json.loads(run("sample", project.name, cwd=tmp_path).stdout)
    token = {"token": "token-of-the-tests", "url": service.url}
    filled = {"fromEmail": "no-reply@example.com", "replyTo": "help@example.com", "sender": "Acme"}
    config |= token | {key: value for key, value in filled.items() if key in config}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    to = "+12025550123" if "texts" in config else "ann@example.org"
    options = ("--config", "config.json", "--usage", "SignIn", "--to", to, "--var", "code=123456")
    sent = run("send", project.name, *options, cwd=tmp_path)
    assert sent.returncode == 0, sent.stderr
    assert f"sent to {to}: 202 Accepted" in sent.stdout
    [message] = service.messages
    assert (message["to"], "123456" in message["text"]) == (to, True)
    tried = run("test", project.name, "--config", "config.json", "--dry-run", cwd=tmp_path)
    assert tried.returncode == 0, tried.stderr
    assert re.findall(r"^(\w+) +\d", tried.stdout, re.MULTILINE) == ["connect", "auth"]


@dataclass(frozen=True)
class Break:
    """A slip of an author, and what the host says to it.

    Attributes:
        old: what stands in `plugin.py`.
        new: what stands there in its place.
        stage: at which the plugin fails.
        told: what went wrong.
        hint: what to do about it.
        at: what stands in the line that the hint names.
    """

    old: str
    new: str
    stage: str
    told: str
    hint: str
    at: str = ""


BREAKS = {
    "an unknown hook": Break(
        "def verify(",
        "def verfy(",
        "hooks",
        "'verfy' is not a hook; hooks: catalog, check_config",
        "did you mean 'verify'?",
    ),
    "a function that is no hook": Break(
        "def _text(",
        "@hookimpl\ndef _text(",
        "hooks",
        "'_text' is not a hook",
        "take @hookimpl away from what is a function of your own",
    ),
    "a required hook that is not marked": Break(
        "@hookimpl\nasync def send_message(",
        "async def send_message(",
        "hooks",
        "the required hook 'send_message' is not implemented",
        "there is a function of that name: put @hookimpl above it",
    ),
    "a required hook that is not there": Break(
        "@hookimpl\nasync def send_message(",
        "async def send_messages(",
        "hooks",
        "the required hook 'send_message' is not implemented",
        "write it in {package}.plugin, with @hookimpl above it",
    ),
    "an import that fails": Break(
        "import json\n",
        "import json\nimport acme_client\n",
        "load",
        "ModuleNotFoundError: No module named 'acme_client'",
        "see {file}, line {line}",
        at="import acme_client",
    ),
    "a syntax error": Break(
        "HOOK_API = 1",
        "HOOK_API = = 1",
        "load",
        "SyntaxError: invalid syntax",
        "see {file}, line {line}",
        at="HOOK_API = = 1",
    ),
    "wrong metadata": Break(
        'id="acme',
        'id="Acme',
        "metadata",
        "metadata.id must be lower-case",
        "see {file}, line {line}",
        at="return ConnectorMetadata(",
    ),
    "an argument that the host does not pass": Break(
        "def send_message(state: Sender, message: Message)",
        "def send_message(state: Sender, msg: Message)",
        "register",
        "the hook 'send_message' has no argument 'msg'; arguments: state, message",
        "",
    ),
    "a schema that is none": Break(
        'return _json("schema.json")',
        'return {"type": "object", "properties": {"url": {"type": "txt"}}}',
        "config_schema",
        "is not valid JSON Schema 2020-12 at $.properties.url.type",
        "",
    ),
}


@pytest.fixture(scope="module")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return installed(tmp_path_factory.mktemp("breakable"), "acme-mail", "Email")


@pytest.mark.parametrize("slip", BREAKS.values(), ids=BREAKS)
def test_the_host_says_what_is_broken_and_how_to_mend_it(
    breakable: Installed, tmp_path: Path, slip: Break
) -> None:
    sound = breakable.plugin.read_text("utf-8")
    assert sound.count(slip.old) == 1
    (tmp_path / "connectors.toml").write_text(HOST_FILE, "utf-8")
    broken = sound.replace(slip.old, slip.new)
    line = broken[: broken.index(slip.at)].count("\n") + 1
    hint = slip.hint.format(package="acme_mail", file=breakable.plugin, line=line)
    breakable.plugin.write_text(broken, "utf-8")
    try:
        listed = breakable.environment.connector("list", cwd=tmp_path)
        looked_over = breakable.environment.connector("doctor", "--offline", cwd=tmp_path)
    finally:
        breakable.plugin.write_text(sound, "utf-8")
    assert listed.returncode == 0
    told, whole = " ".join(listed.stdout.split()), " ".join(looked_over.stdout.split())
    assert "smtp simple-mail-transfer-protocol" in told  # the others are there
    place = "acme-mail = acme_mail.plugin (acme-mail 0.1.0)"
    for text in (told, whole):
        assert f"{place}: could not be loaded at the stage {slip.stage}: " in text
        assert slip.told in text
    assert told.endswith(hint)
    remedy = "update or remove it, or leave it out by CONNECTOR_DISABLE=acme-mail"
    assert (f"{hint}; {remedy}" if hint else remedy) in whole


def test_its_failure_is_told_to_machines_and_it_can_be_left_out(
    breakable: Installed, tmp_path: Path
) -> None:
    sound = breakable.plugin.read_text("utf-8")
    breakable.plugin.write_text(sound.replace("def verify(", "def verfy("), "utf-8")
    run = breakable.environment.connector
    try:
        listed = run("list", "--json", cwd=tmp_path).stdout
        without = run("list", "--json", cwd=tmp_path, CONNECTOR_DISABLE="acme-mail").stdout
    finally:
        breakable.plugin.write_text(sound, "utf-8")
    [failure] = json.loads(listed)["failures"]
    assert failure.pop("error").startswith("'verfy' is not a hook; hooks: catalog")
    assert failure == {
        "entryPoint": "acme-mail = acme_mail.plugin",
        "distribution": "acme-mail",
        "version": "0.1.0",
        "stage": "hooks",
        "hint": "did you mean 'verify'?",
    }
    assert json.loads(without)["failures"] == []


def test_the_kit_finds_a_schema_that_is_open(breakable: Installed) -> None:
    schema = breakable.plugin.with_name("schema.json")
    sound = schema.read_text("utf-8")
    schema.write_text(sound.replace('"additionalProperties": false', '"title": "open"'), "utf-8")
    try:
        done = breakable.environment.run(
            "-m", "pytest", "-q", "-k", "test_schema_is_closed", cwd=breakable.folder
        )
    finally:
        schema.write_text(sound, "utf-8")
    assert "1 failed" in done.stdout
    assert "additionalProperties" in done.stdout


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "use letters, digits"),
        ("acme mail", "use letters, digits"),
        ("acme-", "use letters, digits"),
        ("../acme", "use letters, digits"),
        ("acme\n", "use letters, digits"),
        ("courriel-é", "use letters, digits"),
        (LONGEST + "m", "at most 40 of them"),
        ("163-mail", "163_mail cannot be the name of a Python package"),
        ("Class", "class cannot be the name of a Python package"),
        ("email", "a Python package email already"),
        ("tests", "a Python package tests already"),
        ("Connectors", "a Python package connectors already"),
        ("connector.core", "a Python package connector_core already"),
        ("pluggy", "a Python package pluggy already"),
        ("Markdown.it-Py", "a Python package markdown_it_py already"),
        ("smtp", "connector-core 0.1.0 has a connector of this id or target"),
        ("Simple_Mail.Transfer-Protocol", "has a connector of this id or target"),
    ],
)
def test_a_name_that_cannot_be_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("new", name)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "text", "told"),
    [
        ("--title", " ", "must be one line"),
        ("--title", "a\nb", "must be one line"),
        ("--description", "x" * 256, "at most 255 characters"),
        ("--author", "Ann <ann>", "it has no @"),
        ("--author", "Ann <ann@example.org", "is not one e-mail address"),
        ("--type", "Fax", "is not one of"),
    ],
)
def test_a_text_that_cannot_be_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, text: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("new", "acme-mail", option, text)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_without_a_name_and_a_terminal_it_says_what_to_give(run: Run) -> None:
    result = run("new")
    assert result.exit_code == 2
    assert "connector new NAME" in result.stderr


def test_on_a_terminal_it_asks(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "new")
    terminal.answer("Name of the distribution", "acme-mail")
    terminal.answer("What does it send?", "text")
    terminal.answer("Its name as people write it")
    terminal.expect("What to do next", "cd acme-mail", "python -m pytest")
    assert terminal.end() == 0
    assert 'type="Sms"' in (tmp_path / "acme-mail/src/acme_mail/plugin.py").read_text("utf-8")


def test_its_json_has_files_and_next_steps(run: Run, tmp_path: Path) -> None:
    told = json.loads(
        run("new", "Acme_Mail", "--folder", str(tmp_path / "my mail"), "--json").stdout
    )
    assert (told["name"], told["package"]) == ("acme-mail", "acme_mail")
    assert told["next"][0] == f"cd '{tmp_path / 'my mail'}'"
    found = [path for path in (tmp_path / "my mail").rglob("*") if path.is_file()]
    assert told["files"] == sorted(str(path.relative_to(tmp_path / "my mail")) for path in found)


def test_an_empty_folder_is_filled_and_a_full_one_left_alone(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    assert run("new", "acme-mail", "--folder", str(folder)).exit_code == 0
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = run("new", "other-mail", "--folder", str(folder))
    assert result.exit_code == 2
    assert "is not empty: name another by --folder" in " ".join(result.stderr.split())
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_in_none_is_told(run: Run, tmp_path: Path) -> None:
    result = run("new", "acme-mail", "--folder", str(tmp_path / "none/acme"))
    assert result.exit_code == 1
    assert "cannot be made: No such file or directory. Nothing was written" in result.stderr


def test_what_fails_half_way_leaves_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = Path.write_text, list[Path]()

    def full(self: Path, *arguments: Any, **more: Any) -> int:
        written.append(self)
        if len(written) > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, *arguments, **more)

    monkeypatch.setattr(Path, "write_text", full)
    result = run("new", "acme-mail", "--folder", str(tmp_path / "acme"))
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert len(written) == 6
    assert list(tmp_path.iterdir()) == []


def lines(limit: int = 40) -> st.SearchStrategy[str]:
    """Texts that are taken, whatever is in them."""
    texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=limit)
    return st.one_of(
        texts,
        st.sampled_from(['"', "\\", "a \\u0041", "__NAME__", "${{x}}", "'''"]),
        st.sampled_from(["Acme <b>", "C #", "&lt;", "- a", "+", "=", "10) a", "007. a", "    a"]),
        st.sampled_from(["```json", "~~~", "a_b_ *c*", "[a](b)", "![a](b)", "a@b.example"]),
    ).filter(lambda text: not text_problem(text))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(title=lines(), description=lines(), author=lines().filter(lambda x: not author_problem(x)))
def test_what_people_write_stands_in_the_files_as_it_is(
    title: str, description: str, author: str
) -> None:
    files = Project.of("acme-mail", "Email", title, description, author).files()
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["description"] == description
    texts = json.loads(files["src/acme_mail/metadata.json"])
    metadata = ConnectorMetadata(id="acme-mail", target="acme-mail", **texts)
    assert (metadata.name["en"], metadata.description["en"]) == (title, description)
    if "@" not in author:
        assert project["authors"] == [{"name": author}]
    for page in ("README.md", "src/acme_mail/guide.md"):
        tokens = MarkdownIt("commonmark").parse(files[page])
        assert [token.type for token in tokens[:4:3]] == ["heading_open", "paragraph_open"]
        for token, written in ((tokens[1], title), (tokens[4], description)):
            assert [item.type for item in token.children or ()] == ["text"]
            assert (token.children or [])[0].content == written.strip()


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        (None, None),
        ("Ann Example", {"name": "Ann Example"}),
        ("ann@example.org", {"email": "ann@example.org"}),
        ('"Example, Ann" <ann@example.org>', {"name": "Example, Ann", "email": "ann@example.org"}),
    ],
)
def test_the_author_stands_in_the_project(author: str | None, expected: Any) -> None:
    text = Project.of("acme-mail", author=author).files()["pyproject.toml"]
    assert tomllib.loads(text)["project"].get("authors") == ([expected] if expected else None)


def test_no_word_of_the_scaffold_is_left() -> None:
    for kind in ("Email", "Sms"):
        for path, text in Project.of("acme-mail", kind).files().items():
            assert not re.search(r"__[A-Z]", path + text), path
            assert text.endswith("\n") or not text, path


def test_the_wheel_has_the_scaffold(tmp_path: Path) -> None:
    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    packed = set(zipfile.ZipFile(wheel).namelist())
    files = {path.relative_to(ROOT).as_posix() for path in SCAFFOLD.rglob("*") if path.is_file()}
    assert len(files) > 20
    assert all(file.endswith(".tmpl") for file in files)
    assert files <= packed


def test_it_needs_no_more_than_what_is_installed() -> None:
    """What the project depends on and its own checks need is what this project's tests have."""
    project = tomllib.loads(Project.of("acme-mail").files()["pyproject.toml"])
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["requires-python"] == ours["project"]["requires-python"]
    assert project["build-system"] == ours["build-system"]
    assert _required(project) <= _required(ours) | {"connector-core"}


def _required(project: dict[str, Any]) -> set[str]:
    """The names of the distributions in the group dev, but for those of groups within."""
    group = project["dependency-groups"]["dev"]
    return {re.split(r"[\[><=]", item)[0] for item in group if isinstance(item, str)}
