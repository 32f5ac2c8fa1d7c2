"""`setup`: unattended by options, and on a terminal; three providers as emulated servers."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from connector_core.hostfile.reading import read
from tests.cli.conftest import Run, ThreadedInbox
from tests.servers.emulated import Emulated, aliyun, gmail, sendgrid
from tests.terminal import Terminal

Open = Callable[[], AbstractContextManager[Emulated]]
SENDER = {"gmail": None, "sendgrid": "no-reply@example.com", "aliyun": None}
NBSP = "\N{NO-BREAK SPACE}"  # before a colon in French
ENGLISH = ("the", "of", "your", "which", "saved", "it", "is", "address")
HOST = ("--set", "host=mail.example.com", "--set", "fromEmail=app@example.com")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server() -> Iterator[Emulated]:
    with gmail() as running:
        yield running


def reached(server: Emulated, folder: Path) -> list[str]:
    """Options that lead to the emulated server in the provider's place."""
    (folder / "ca.pem").write_text(server.reach["tls"]["ca"], "utf-8")
    values = {"host": server.host, "port": server.port, "tls.ca": "file:ca.pem"}
    # Its name leads nowhere here; its certificate is for loopback as well.
    values["host"] = server.reach["host"]
    return [word for path, value in values.items() for word in ("--set", f"{path}={value}")]


def relay(inbox: ThreadedInbox) -> list[str]:
    """Options for a server on this machine that wants no password."""
    return [
        *("--set", "host=127.0.0.1", "--set", f"port={inbox.port}"),
        *("--set", "fromEmail=app@example.com"),
    ]


def files(folder: Path) -> set[str]:
    return {item.name for item in folder.iterdir() if not item.name.endswith(".lock")}


def test_unattended_it_tests_saves_and_enables(
    run: Run, folder: Path, inbox: ThreadedInbox
) -> None:
    result = run(
        "setup", "--no-input", "--to", "you@example.org", "--usage", "SignIn", *relay(inbox)
    )
    assert result.exit_code == 0, result.stderr
    assert [mail.message["Subject"] for mail in inbox.mails] == ["Your verification code"]
    file = read(folder / "connectors.toml")
    assert file.data["connectors"] == {
        "smtp": {
            "connector": "smtp",
            "config": {
                "host": "127.0.0.1",
                "port": inbox.port,
                "fromEmail": "app@example.com",
            },
        }
    }
    assert file.routes == {"SignIn": ["smtp"]}
    assert len(file.templates) == 9
    assert "it serves: SignIn" in result.stdout
    sent = run("send", "--usage", "SignIn", "--to", "ann@example.org", "--var", "code=123456")
    assert sent.exit_code == 0, sent.stderr
    assert "123456" in inbox.mails[-1].body


def test_a_second_one_serves_beside_the_first_and_keeps_its_templates(
    run: Run, folder: Path, inbox: ThreadedInbox
) -> None:
    assert run("setup", "--no-test", "--name", "a", *relay(inbox)).exit_code == 0
    template = folder / "templates" / "SignIn.html"
    template.write_text("---\nsubject: mine\n---\nx", "utf-8")
    result = run("setup", "--no-test", "--name", "b", "--usage", "SignIn", *relay(inbox))
    assert result.exit_code == 0, result.stderr
    assert read(folder / "connectors.toml").routes == {"*": ["a"], "SignIn": ["a", "b"]}
    assert "mine" in template.read_text("utf-8")


def test_secrets_go_into_files_of_their_own(run: Run, folder: Path, server: Emulated) -> None:
    result = run(
        *("setup", "--provider", "gmail", "--to", "you@example.org", "--secret-files", "--json"),
        *("--set", f"auth.user={server.user}", "--set", f"auth.pass={server.password}"),
        *reached(server, folder),
    )
    assert result.exit_code == 0, result.stderr
    secret = folder / "secrets" / "gmail-auth-pass"
    assert secret.read_text("utf-8").strip() == server.password
    assert secret.stat().st_mode & 0o777 == 0o600
    assert str(secret.relative_to(folder)) in str(json.loads(result.stdout)["written"])
    text = (folder / "connectors.toml").read_text("utf-8")
    assert 'pass = "file:secrets/gmail-auth-pass"' in text
    assert server.password not in text + result.stdout
    assert run("test", "gmail", "--to", "you@example.org").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "--provider one of 163, aliyun"),
        ((), 2, "--set fromEmail=…"),
        (("--set", "host=h"), 2, "missing:\n  --set fromEmail=…"),
        (("--provider", "other"), 2, "--set auth.user=…  user name (may be empty)"),
        (("--to", "you", *HOST), 2, "--to: is not an e-mail address such as"),
        (("--to", "you@example.org and me", *HOST), 2, "--to: is not an e-mail address"),
        (("--name", "a b", "--no-test", *HOST), 2, "--name: use letters, digits, - and _"),
        (("--set", "host=a b", "--no-test"), 1, "$.connectors.smtp.config.host"),
        (("--provider", "gmial"), 2, "there is no 'gmial', but 163, aliyun"),
        (("--provider", "office 365"), 2, "there is no 'office 365', but outlook"),
        (("--set", "host"), 2, "path=value"),
        (("--connector", "nothing"), 2, "nothing"),
        (("--provider", "gmail"), 2, "--set auth.pass=…  app password"),
        (("--to", "a@b.example", "--no-test"), 2, "either --to or --no-test"),
        (("--no-enable", "--usage", "SignIn"), 2, "either --usage or --no-enable"),
        (("--set", "port=x", "--set", "host=h", "--no-test"), 1, ".config.port"),
        (("--set", "auth.pass=env:NOT_SET_HERE", "--no-test"), 1, "NOT_SET_HERE is not set"),
        (
            ("--file", "/dev/null/a.toml", "--no-test", *HOST),
            *(1, "/dev/null/a.toml: cannot be read: Not a directory"),
        ),
    ],
)
def test_what_is_wrong_or_missing_is_told_and_nothing_is_written(
    run: Run, folder: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    result = run("setup", "--no-input", *arguments)
    assert (result.exit_code, told in result.stderr) == (code, True), result.stderr
    assert files(folder) == set()


def test_a_test_that_fails_saves_nothing(run: Run, folder: Path, server: Emulated) -> None:
    result = run(
        *("setup", "--provider", "gmail", "--to", "you@example.org", "--json"),
        *("--set", f"auth.user={server.user}", "--set", "auth.pass=canary-wrong"),
        *reached(server, folder),
    )
    assert result.exit_code == 3
    told = json.loads(result.stdout)
    assert told["stages"][-1]["name"] == "auth"
    assert "Gmail: " in result.stderr
    assert "canary-wrong" not in result.stdout + result.stderr
    assert files(folder) == {"ca.pem"}


def test_a_name_that_is_taken_is_replaced_only_when_told_to(
    run: Run, folder: Path, inbox: ThreadedInbox
) -> None:
    first = ["setup", "--no-test", "--name", "a", *relay(inbox)]
    assert run(*first).exit_code == 0
    before = (folder / "connectors.toml").read_text("utf-8")
    result = run("setup", "--to", "you@example.org", "--name", "a", *relay(inbox))
    assert inbox.mails == []  # it is known before the test
    assert result.exit_code == 1
    assert "is there already" in result.stderr
    assert (folder / "connectors.toml").read_text("utf-8") == before
    changed = [*first, "--replace", "--set", "fromEmail=other@example.com"]
    assert run(*changed).exit_code == 0
    file = read(folder / "connectors.toml")
    assert file.connectors["a"].config["fromEmail"] == "other@example.com"
    assert file.routes == {"*": ["a"]}


@pytest.mark.parametrize("open_", [gmail, sendgrid, aliyun])
def test_a_provider_on_a_terminal_with_a_wrong_secret_first(folder: Path, open_: Open) -> None:
    with open_() as server:
        terminal = Terminal(folder, "setup", *reached(server, folder))
        terminal.answer("Which provider?", server.provider)
        terminal.answer("A name of your own")
        answers(terminal, server, "canary-wrong-key")
        terminal.answer("Your own address", "you@example.org")
        terminal.expect("error:", "what to do:")
        terminal.answer("What now?")
        terminal.answer("(not shown", server.password)
        terminal.expect("look whether it arrived")
        terminal.answer("Where shall the secrets be kept?", "environment variables")
        terminal.answer("The environment variable for", "MAIL_SECRET")
        terminal.answer("What shall it serve?")
        terminal.expect("saved")
        assert terminal.end() == 0, terminal.text
        assert len(server.mails) == 1
    text = (folder / "connectors.toml").read_text("utf-8")
    assert 'pass = "env:MAIL_SECRET"' in text
    assert server.password not in text + terminal.text


def answers(terminal: Terminal, server: Emulated, password: str) -> None:
    """What each of the three asks for."""
    if server.provider == "sendgrid":
        terminal.answer("(not shown", password)
        terminal.answer("address (such as", "no-reply@example.com")
        return
    terminal.answer("address (such as", server.user)
    terminal.answer("(not shown", password)


def test_on_a_french_terminal_everything_is_in_french(folder: Path, server: Emulated) -> None:
    terminal = Terminal(folder, "setup", *reached(server, folder), LANG="fr_FR.UTF-8")
    # In a question the library draws a no-break space as a plain one.
    terminal.answer("Quel fournisseur ? (flèches", "gmail")
    terminal.expect("Activez la validation en deux étapes")
    terminal.expect(f"Compte Google{NBSP}: mots de passe d'application{NBSP}: https://")
    terminal.answer("Un nom de votre choix")
    terminal.expect("L'adresse complète du compte qui envoie")
    terminal.answer("adresse Gmail (par exemple", "ann")
    terminal.expect("n'est pas une adresse e-mail", " ; écrivez")
    terminal.erase("ann")
    terminal.type(server.user)
    terminal.answer("mot de passe d'application (non affiché", "canary-wrong")
    terminal.answer("Votre propre adresse", "you@example.org")
    terminal.expect("résolution", "connexion", "certificat de", "authentification", "échec")
    terminal.expect(f"erreur{NBSP}: le serveur a refusé", f"que faire{NBSP}:")
    terminal.expect(f"Gmail{NBSP}: C'était le mot de passe du compte")
    terminal.answer("Que faire ?", "mot de passe")
    terminal.answer("mot de passe d'application (non affiché", server.password)
    terminal.expect("enveloppe", "contenu", "vérifiez qu'il est arrivé")
    terminal.answer("Où garder les secrets", "à part")
    terminal.answer("Que doit-il servir")
    terminal.expect("gmail est enregistré dans connectors.toml", f"ensuite{NBSP}:")
    assert terminal.end() == 0, terminal.text
    assert not [word for word in ENGLISH if word in terminal.text.split()]
    assert len(server.mails) == 1


QUESTIONS = (
    "Which provider?",
    "A name of your own",
    "Gmail address (such as",
    "app password (not shown",
    "Your own address",
    "Where shall the secrets be kept?",
    "What shall it serve?",
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_ctrl_c_at_any_question_writes_nothing(
    folder: Path, server: Emulated, question: str
) -> None:
    typed: dict[str, Any] = {
        "Which provider?": "gmail",
        "Gmail address (such as": server.user,
        "app password (not shown": server.password,
        "Your own address": "you@example.org",
    }
    terminal = Terminal(folder, "setup", *reached(server, folder))
    for earlier in QUESTIONS[: QUESTIONS.index(question)]:
        terminal.answer(earlier, typed.get(earlier, ""))
    terminal.interrupt(question)
    assert terminal.end() == 130
    assert "nothing was saved" in terminal.text
    assert files(folder) == {"ca.pem"}


def test_another_value_is_offered_without_any_secret(folder: Path, server: Emulated) -> None:
    terminal = Terminal(
        folder,
        *("setup", "--provider", "gmail", "--name", "g", "--to", "you@example.org"),
        *("--set", f"auth.user={server.user}", "--set", "auth.pass=canary-Wrong"),
        *("--set", 'customHeaders={"X-Team": "Post"}'),
        *reached(server, folder),
    )
    terminal.answer("What now?", "another value")
    terminal.answer("Which value?", "customHeaders")
    terminal.expect('{"X-Team": "Post"}')
    terminal.answer("")
    terminal.answer("What now?", "another value")
    terminal.expect("Which value?", "app password", "auth.accessToken", "auth.privateKey")
    terminal.answer("", "app password")
    terminal.answer("(not shown", server.password)
    terminal.expect("look whether it arrived")
    terminal.interrupt("Where shall the secrets be kept?")
    assert terminal.end() == 130
    assert "canary" not in terminal.text.lower()


def test_a_search_finds_by_other_names_and_refuses_what_it_does_not_find(folder: Path) -> None:
    terminal = Terminal(folder, "setup", "--no-test", "--no-enable")
    terminal.expect("Which provider?", "163 Mail", "Zoho", "Another mail server")
    terminal.answer("", "no such provider")
    terminal.expect("nothing matches")
    terminal.erase("no such provider")
    terminal.type("own POSTFIX")
    terminal.answer("A name of your own")
    terminal.answer("mail server (such as", "127.0.0.1")
    terminal.answer("? port", "99999999")
    terminal.expect("nothing matches")
    terminal.erase("99999999")
    terminal.type("2525")
    terminal.interrupt("user name (such as")
    assert terminal.end() == 130
    assert "? port 2525" in terminal.text


OTHER = ("setup", "--provider", "other", "--name", "mine")


@pytest.mark.parametrize(
    "values",
    [
        ("auth=null", "ignoreTLS=true", "requireTLS=false"),
        ("auth.user=", "ignoreTLS=true", "requireTLS=null"),
        ("auth.user=someone", "auth=null", "requireTLS=false"),
    ],
)
def test_a_server_without_log_in_and_tls_is_set_up_unattended(
    run: Run, folder: Path, inbox: ThreadedInbox, values: tuple[str, ...]
) -> None:
    given = [word for value in values for word in ("--set", value)]
    result = run(*OTHER, "--to", "you@example.org", *relay(inbox), *given)
    assert result.exit_code == 0, result.stderr
    assert len(inbox.mails) == 1
    assert "auth" not in read(folder / "connectors.toml").connectors["mine"].config


def test_another_way_to_log_in_than_the_presets_is_set_up(run: Run, folder: Path) -> None:
    auth = ("type=OAuth2", "pass=null", "clientId=i", "clientSecret=s", "refreshToken=r")
    given = [word for value in auth for word in ("--set", f"auth.{value}")]
    gmail = ("setup", "--provider", "gmail", "--no-test", "--set", "auth.user=app@gmail.com")
    result = run(*gmail, *given)
    assert result.exit_code == 0, result.stderr
    config = read(folder / "connectors.toml").connectors["gmail"].config
    assert config["fromEmail"] == "app@gmail.com"
    assert config["auth"] == {
        "type": "OAuth2",
        "user": "app@gmail.com",
        "clientId": "i",
        "clientSecret": "s",
        "refreshToken": "r",
    }


def test_a_server_without_log_in_and_tls_is_set_up_on_a_terminal(
    folder: Path, inbox: ThreadedInbox
) -> None:
    terminal = Terminal(folder, *OTHER, *relay(inbox), "--to", "you@example.org")
    terminal.answer("user name (such as")
    terminal.expect("STARTTLS", "what to do:")
    terminal.answer("What now?", "another value")
    terminal.answer("Which value?", "requireTLS")
    terminal.expect("requireTLS", "true")
    terminal.erase("true")
    terminal.answer("", "false")
    terminal.expect("look whether it arrived")
    terminal.answer("What shall it serve?")
    terminal.expect("saved mine")
    assert terminal.end() == 0, terminal.text
    assert "password (" not in terminal.text
    assert len(inbox.mails) == 1


def test_json_has_the_receipt_and_every_stage(run: Run, folder: Path, inbox: ThreadedInbox) -> None:
    result = run("setup", "--to", "you@example.org", "--json", *relay(inbox))
    told = json.loads(result.stdout)
    assert told["receipt"]["accepted"] == ["you@example.org"]
    assert [stage["name"] for stage in told["stages"]][-2:] == ["envelope", "content"]


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ((), "send --usage SignIn --to ADDRESS --var code=123456"),
        (("--usage", "BindMfa"), "send --usage BindMfa --to ADDRESS --var code=123456"),
        (("--no-enable",), "test smtp --to ADDRESS"),
        (("--no-enable", "--file", "a b.toml"), "test smtp --to ADDRESS --file 'a b.toml'"),
    ],
)
def test_what_comes_next_fits_what_was_saved(
    run: Run, folder: Path, inbox: ThreadedInbox, arguments: tuple[str, ...], command: str
) -> None:
    result = run("setup", "--no-test", *relay(inbox), *arguments)
    assert result.stdout.splitlines()[-1] == f"next: connector {command}"
    ready = command.replace("ADDRESS", "you@example.org")
    assert run(*shlex.split(ready)).exit_code == 0
    assert len(inbox.mails) == 1


def test_a_name_that_is_there_is_told_before_anything_else_is_asked(
    run: Run, folder: Path, inbox: ThreadedInbox
) -> None:
    assert run("setup", "--no-test", "--name", "mine", *relay(inbox)).exit_code == 0
    terminal = Terminal(folder, *OTHER, *relay(inbox), "--to", "you@example.org")
    terminal.answer("mine is there already. Replace it?", "no")
    terminal.answer("A name of your own", "2")
    terminal.interrupt("user name (such as")
    assert terminal.end() == 130
    assert inbox.mails == []


def test_what_it_shall_serve_is_written_as_it_was_checked(
    folder: Path, inbox: ThreadedInbox
) -> None:
    terminal = Terminal(folder, "setup", "--provider", "other", "--no-test", *relay(inbox))
    terminal.answer("A name of your own")
    terminal.answer("user name (such as")
    terminal.expect("What shall it serve?")
    terminal.press("down", "space", "up", "up", "space")
    terminal.answer("")
    terminal.expect("nothing yet goes with nothing else", "What shall it serve?")
    terminal.press("down", "space")
    terminal.answer("")
    terminal.expect("saved other")
    assert terminal.end() == 0, terminal.text
    assert read(folder / "connectors.toml").routes == {"Register": ["other"], "*": ["other"]}


def test_a_value_that_is_not_changed_after_all_leads_back(
    folder: Path, inbox: ThreadedInbox
) -> None:
    terminal = Terminal(folder, *OTHER, *relay(inbox), "--set", "auth=null", "--to", "a@b.example")
    terminal.answer("What now?", "another value")
    terminal.answer("Which value?", "requireTLS")
    terminal.expect("requireTLS", "true")
    terminal.erase("true")
    terminal.answer("")
    terminal.answer("What now?", "another value")
    terminal.expect("Which value?")
    terminal.press("escape")
    terminal.answer("What now?", "end, and save")
    terminal.expect("nothing was saved")
    assert terminal.end() == 130
    assert terminal.text.count("error:") == 1
    assert files(folder) == set()
