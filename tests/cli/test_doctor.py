"""`doctor`: what it finds, in a file made for each finding, and its exit codes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector_core import Stage, VerifyReport, hookimpl
from connector_core.checkup import Finding, Level, check_up
from connector_core.discovery import discover
from connector_core.errors import PluginFailure
from connector_core.registry import Registry
from tests.cli.conftest import Run, ThreadedInbox
from tests.core.plugins import Plugin, connector_of
from tests.hostfile.files import USAGES, connector, write, write_templates
from tests.servers.emulated import gmail

Told = list[tuple[str, str]]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "connectors.toml"


async def findings(path: Path, registry: Registry | None = None, **options: Any) -> list[Finding]:
    options = {"connect": False, **options}
    return [item async for item in check_up(path, registry or discover(), **options)]


def bad(found: list[Finding]) -> Told:
    return [(item.place, item.message) for item in found if item.level is not Level.OK]


def test_what_is_well_is_told_and_the_exit_code_is_0(
    run: Run, path: Path, inbox: ThreadedInbox
) -> None:
    write(path, connector("main", inbox.port))
    result = run("doctor")
    assert result.exit_code == 0, result.stdout
    assert "main: its config is valid" in result.stdout
    assert "main: its connection works, as far as ehlo" in result.stdout
    assert "0 problems, 0 warnings" in result.stdout
    assert inbox.mails == []


def test_a_connection_that_fails_is_a_problem_unless_offline(
    run: Run, path: Path, unused_tcp_port: int
) -> None:
    write(path, connector("main", unused_tcp_port))
    result = run("doctor", "--json")
    assert result.exit_code == 1
    [problem] = [
        item for item in json.loads(result.stdout)["findings"] if item["level"] == "problem"
    ]
    assert problem["place"] == "main"
    assert problem["hint"]
    assert run("doctor", "--offline").exit_code == 0


def test_a_wrong_password_is_told_and_never_shown(run: Run, path: Path) -> None:
    with gmail() as server:
        (path.parent / "ca.pem").write_text(server.reach["tls"]["ca"], "utf-8")
        extra = (
            f'secure = true\nauth = {{ user = "{server.user}", pass = "canary-wrong" }}\n'
            'tls = { ca = "file:ca.pem" }'
        )
        write(path, connector("main", server.port, extra=extra))
        result = run("doctor")
    assert result.exit_code == 1
    assert "Username and Password not accepted" in result.stdout
    assert "the server's certificate is valid for" in result.stdout
    assert "canary-wrong" not in result.stdout + result.stderr


def test_a_missing_file_is_wrong_usage(run: Run, path: Path) -> None:
    result = run("doctor")
    assert result.exit_code == 2
    assert "connector setup" in result.stderr


SOUND = connector("main", 25)
TEMPLATE = "---\nsubject: s\n---\n"


def german(folder: Path) -> None:
    write_templates(folder, ["SignIn"], ["de"])


def plain_link(folder: Path) -> None:
    (folder / "SignIn.html").write_text(f'{TEMPLATE}<a href="http://x.example">x</a>', "utf-8")


def namespace(folder: Path) -> None:
    (folder / "SignIn.html").write_text(
        f'{TEMPLATE}<html xmlns="http://www.w3.org/1999/xhtml"><p>x</p></html>', "utf-8"
    )


def front_matter(folder: Path) -> None:
    (folder / "SignIn.html").write_text("<p>", "utf-8")


def made(*names: str) -> Callable[[Path], None]:
    """Template files of these names, as sound as those that are there."""

    def change(folder: Path) -> None:
        for name in names:
            (folder / name).write_text(f"{TEMPLATE}x", "utf-8")

    return change


def nothing(_folder: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("text", "change", "told"),
    [
        ("", nothing, [("connectors.toml", "no connector is configured")]),
        ("x", nothing, [("connectors.toml", "is not TOML")]),
        (
            SOUND + "[routes]\nSignIn = []\n",
            nothing,
            [("main", "serves no usage type"), ("connectors.toml", "no connector serves: Reg")],
        ),
        (
            SOUND + '[routes]\nSignIn = ["main"]\n',
            nothing,
            [("connectors.toml", "no connector serves: Register, ForgotPassword")],
        ),
        (
            connector("main", 25, extra='host2 = "x"'),
            nothing,
            [("$.connectors.main.config.host2", "is not a known key")],
        ),
        (
            connector("main", 25, extra='replyTo = "<reply address>"'),
            nothing,
            [("$.connectors.main.config.replyTo", "is still the placeholder")],
        ),
        (
            connector("main", 25, extra='auth = { user = "u", pass = "env:NOT_SET_HERE" }'),
            nothing,
            [("$.connectors.main.config.auth.pass", "NOT_SET_HERE is not set")],
        ),
        (
            connector("main", 25, extra="textAlternative = false"),
            nothing,
            [(f"main: {usage}", "HTML without a text") for usage in USAGES],
        ),
        (
            SOUND,
            german,
            [(f"{usage} (de)", "has no template") for usage in USAGES if usage != "SignIn"],
        ),
        (SOUND, plain_link, [("templates/SignIn.html", "http://")]),
        (SOUND, namespace, []),
        (
            connector("main", 25) + '[routes]\n"*" = ["main"]\nMine = []\n',
            nothing,
            [("connectors.toml", "no connector serves: Mine")],
        ),
        (
            SOUND,
            made("SignIn.txt", "SignIn.en.html", "Register.en.html"),
            [
                ("templates/SignIn.txt", "is never used: templates/SignIn.html"),
                *((f"{usage} (en)", "has no template") for usage in ("ForgotPassword", "Generic")),
            ],
        ),
        (
            'defaultLocale = "en"\n' + SOUND,
            made("SignIn.en.html"),
            [("templates/SignIn.en.html", "serves en alone, the default locale: templates/Si")],
        ),
        (
            SOUND,
            made("Signin.html", "Sign In.html", "SignIn.fr_CA.html", "Weekly.html"),
            [
                (f"templates/{name}.html", "a usage type of your own")
                for name in ("Signin", "Sign In", "SignIn.fr_CA")
            ],
        ),
        (SOUND, front_matter, [("templates/SignIn.html", "has no front matter")]),
    ],
)
async def test_each_finding_is_told_with_its_place(
    path: Path, text: str, change: Callable[[Path], None], told: Told
) -> None:
    write(path, text)
    change(path.parent / "templates")
    found = bad(await findings(Path("connectors.toml")))
    assert sorted(place for place, _message in found) == sorted(place for place, _part in told)
    for place, part in told:
        assert any(part in message for where, message in found if where == place), (place, found)


@pytest.mark.parametrize(
    ("routes", "code"),
    [
        ('[routes]\n"*" = []\n', 1),
        ("[routes]\n", 1),
        ('[routes]\n"*" = ["main"]\nSignIn = []\n', 1),
        ('[routes]\nSignIn = ["main"]\n', 0),
        ('[routes]\n"*" = ["main"]\n', 0),
        ("", 0),
    ],
)
def test_what_cannot_be_sent_by_anything_is_a_problem(
    run: Run, path: Path, routes: str, code: int
) -> None:
    write(path, SOUND + routes)
    assert run("doctor", "--offline").exit_code == code


def test_what_a_slip_is_meant_to_be_is_told(run: Run, path: Path) -> None:
    write(path, SOUND)
    made("Signin.html", "SignIn.fr_CA.html")(path.parent / "templates")
    (path.parent / "templates" / "Register.html").rename(
        path.parent / "templates" / "Register.fr.html"
    )
    shown = run("doctor", "--offline").stdout
    assert "did you mean 'SignIn'?" in shown
    assert "'fr_CA' is not a language tag such as fr or fr-CA" in shown
    assert "make templates/Register.html, or set defaultLocale" in shown


def test_the_templates_of_the_sample_have_all_they_show(
    run: Run, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    templates = discover()["smtp"].sample_config()["templates"]
    (path.parent / "source.json").write_text(json.dumps(templates), "utf-8")
    path.write_text(SOUND, "utf-8")
    assert run("templates", "import", "source.json").exit_code == 0
    assert run("doctor", "--offline").exit_code == 0
    assert caplog.messages == []


def test_a_secret_that_others_may_read_is_told(path: Path) -> None:
    write(path, connector("main", 25, extra='auth = { user = "u", pass = "s" }\nignoreTLS = true'))
    path.chmod(0o644)
    [(place, message)] = bad(asyncio.run(findings(path)))
    assert (place, "others on this machine may read it" in message) == (str(path), True)
    path.chmod(0o600)
    assert bad(asyncio.run(findings(path))) == []


async def test_a_plugin_that_failed_is_told(path: Path) -> None:
    write(path, SOUND)
    failure = PluginFailure(
        entry_point="broken",
        distribution="broken-connector",
        version="1.0",
        stage="load",
        error="ImportError: no module named x",
    )
    [(place, message)] = bad(await findings(path, Registry(discover(), [failure])))
    assert place == "broken (broken-connector 1.0)"
    assert "no module named x" in message


class Certified(Plugin):
    """A connector whose server has a certificate that ends in so many days."""

    def __init__(self, days: int) -> None:
        super().__init__()
        self.expires = datetime.now(UTC) + timedelta(days=days, hours=1)

    @hookimpl
    def verify(self, state: Any) -> VerifyReport:
        facts = {"expires": self.expires.isoformat()}
        return VerifyReport((Stage(name="tls", ok=True, seconds=0.1, facts=facts),))


@pytest.mark.parametrize(("days", "level"), [(90, Level.OK), (9, Level.WARNING)])
async def test_the_days_of_a_certificate_are_told(path: Path, days: int, level: Level) -> None:
    write(path, '[connectors.main]\nconnector = "test"\nconfig = {}\n')
    registry = Registry([connector_of(Certified(days))], [])
    [found] = [
        item
        for item in await findings(path, registry, connect=True)
        if "certificate" in item.message
    ]
    assert (found.level, f"valid for {days} more days" in found.message) == (level, True)
