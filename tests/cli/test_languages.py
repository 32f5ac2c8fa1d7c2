"""The commands in French, by `--lang` and by the environment."""

from __future__ import annotations

import gettext
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from connector_core.cli import main
from connector_core.i18n import language
from tests.cli.conftest import Run

SPACE = "\u00a0"  # before a colon in French


@pytest.fixture
def french(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")


def test_help_is_in_french_by_option(run: Run) -> None:
    shown = run("--lang", "fr", "--help").stdout
    assert f"Usage{SPACE}: " in shown
    assert "Afficher ce message et quitter." in shown
    assert "Envoyer un message." in shown
    assert f"Commandes{SPACE}:" in shown
    assert "Show" not in shown


def test_the_order_of_options_does_not_matter(run: Run) -> None:
    assert run("--help", "--lang", "fr").stdout == run("--lang=fr", "-h").stdout


def commands(group: click.Command, *names: str) -> Iterator[tuple[str, ...]]:
    """The names of each command, and of those in it."""
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            inner = group.get_command(context, name)
            assert inner is not None
            yield (*names, name)
            yield from commands(inner, *names, name)


@pytest.mark.parametrize("names", list(commands(main)), ids=" ".join)
def test_the_help_of_each_command_is_in_french(run: Run, names: tuple[str, ...]) -> None:
    english, shown = run(*names, "--help").stdout, run("--lang", "fr", *names, "--help").stdout
    assert "Afficher ce message et quitter." in shown
    lines = {line.strip() for line in english.splitlines() if re.search(r"[a-z]{3,} [a-z]", line)}
    assert lines
    assert not [line for line in lines if line in shown]


def test_help_follows_the_environment(run: Run, french: None) -> None:
    assert f"Usage{SPACE}: " in run("send", "--help").stdout
    assert "Usage: " in run("--lang", "en", "send", "--help").stdout


def test_the_first_of_the_variables_counts(
    run: Run, french: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert "Usage: " in run("--help").stdout


@pytest.mark.parametrize("lang", ["de_DE.UTF-8", "nonsense of a value", "../../fr", "C"])
def test_a_language_without_texts_in_the_environment_is_english(
    run: Run, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    monkeypatch.setenv("LANG", lang)
    assert "Usage: " in run("--help").stdout
    assert "Connectors" in run("list").stdout


@pytest.mark.parametrize("tag", ["de", "klingon", "f r", "../fr", ""])
def test_a_language_without_texts_is_wrong_usage(run: Run, tag: str) -> None:
    refused = run("--lang", tag, "list")
    assert refused.exit_code == 2
    assert "en, fr" in refused.stderr
    assert not refused.stdout


def test_what_is_wrong_with_the_usage_is_told_in_french(run: Run) -> None:
    told = {
        ("--lang", "fr", "sned"): "La commande 'sned' n'existe pas.",
        ("--lang", "fr", "list", "--all"): "L'option '--all' n'existe pas.",
        ("--lang", "fr", "show"): "Argument absent",
        ("--lang", "fr", "send", "smtp", "--to", "a@b.example"): "Option absente",
        ("--lang", "fr", "inbox", "--port", "many"): "n'est pas une valeur de type",
        ("--lang", "fr", "inbox", "--port", "99999"): "n'est pas dans l'intervalle",
        ("--lang", "fr", "validate", "--file", "none.toml"): "créez-le avec connector setup",
        ("--lang", "fr", "validate", "--config", "a", "--url", "b"): "donnez soit --config FICHIER",
        ("--lang", "fr", "validate", "smtp", "--url", "a", "--url", "b"): "qu'une fois",
        ("--lang", "fr", "show", "smtp", "--provider", "gmial"): "n'existe pas",
        ("--lang", "fr", "config", "get"): "Argument absent 'NOM'",
        ("--lang", "fr", "completion", "tcsh"): "n'est pas l'une des valeurs",
        ("--lang", "fr", "templates", "show", "A", "--locale", "?"): "étiquette de langue",
        ("--lang", "fr", "setup", "--no-input", "--set", "host=h"): "ces valeurs sont absentes",
        ("--lang", "fr", "setup", "--no-input", "--set", "host"): "la forme chemin=valeur",
        ("--bogus", "--lang", "fr"): "L'option '--bogus' n'existe pas.",
    }
    for arguments, text in told.items():
        refused = run(*arguments)
        assert refused.exit_code == 2, arguments
        assert text in refused.stderr, arguments
        assert f"Erreur{SPACE}: " in refused.stderr


def test_a_run_leaves_its_language_to_no_other(run: Run) -> None:
    folder = gettext.bindtextdomain("messages")
    assert run("--lang", "fr", "list").stdout.startswith("Connecteurs")
    assert run("--lang", "fr", "--help").stdout != run("--help").stdout
    assert "Show this message and exit." in run("list", "--help").stdout
    assert run("list").stdout.startswith("Connectors")
    assert language() == "en"
    assert "LANGUAGE" not in os.environ
    assert gettext.bindtextdomain("messages") == folder


def test_what_the_environment_had_is_given_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "de")
    assert "Usage: " in run("--help").stdout
    assert os.environ["LANGUAGE"] == "de"


def test_a_connector_is_shown_in_french(run: Run) -> None:
    shown = run("--lang", "fr", "show", "smtp").stdout
    assert "Fournisseurs" in shown
    assert "Le nom ou l'adresse du serveur de messagerie" in shown
    guide = run("--lang", "fr", "show", "smtp", "--provider", "gmail").stdout
    assert "1. Activez la validation en deux étapes" in guide
    told = json.loads(run("--lang", "fr", "show", "smtp", "--json").stdout)
    assert any("Activez la validation" in item["guide"] for item in told["providers"])


def test_every_provider_is_in_french(run: Run) -> None:
    english, french = (
        json.loads(run("--lang", tag, "show", "smtp", "--json").stdout)["providers"]
        for tag in ("en", "fr")
    )
    assert english
    for one, other in zip(english, french, strict=True):
        assert one["name"] == other["name"]
        assert one["guide"] != other["guide"]
        items = re.compile(r"^ *(?:-|[0-9]+\.) ", re.MULTILINE)
        assert items.findall(one["guide"]) == items.findall(other["guide"])


def test_problems_are_told_in_french(run: Run, tmp_path: Path) -> None:
    config = {"host": "a b", "port": 465, "secure": False, "fromEmail": 5, "hots": 1}
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    refused = run("--lang", "fr", "validate", "smtp", "--config", str(file), "--json")
    assert refused.exit_code == 1
    problems = {
        item["path"]: (item["message"], item["hint"])
        for item in json.loads(refused.stdout)["error"]["problems"]
    }
    assert problems["$.hots"] == ("n'est pas une clé connue", f"vouliez-vous dire 'host'{SPACE}?")
    assert problems["$.host"][0] == "n'est pas un nom d'hôte"
    assert problems["$.fromEmail"][0] == "doit être du texte, et non un nombre"
    assert problems["$.fromEmail"][1].startswith("L'expéditeur")
    assert problems["$.secure"][0].startswith("est à false")
    assert "la configuration présente" in refused.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "nom de propriété entre guillemets doubles attendu à la ligne 1, colonne 2"),
        ("[]", "doit être un objet JSON"),
        ('{"a": 1, "a": 2}', "figure deux fois"),
    ],
)
def test_a_config_that_is_none_is_told_in_french(run: Run, text: str, told: str) -> None:
    refused = run("--lang", "fr", "validate", "smtp", "--config", "-", input=text)
    assert refused.exit_code == 1
    assert told in refused.stderr


def test_a_payload_that_is_none_names_the_payload(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "values.json"
    file.write_text("[]")
    arguments = ("send", "smtp", "--url", "smtp://127.0.0.1:1", "--from", "a@b.example", "--to")
    more = ("b@c.example", "--usage", "SignIn", "--payload", str(file))
    assert "the payload must be a JSON object" in run(*arguments, *more).stderr
    told = run("--lang", "fr", *arguments, *more).stderr
    assert "le fichier de données doit être un objet JSON" in told


def test_a_failure_to_send_is_told_in_french(run: Run, config: dict[str, object]) -> None:
    config = {**config, "auth": {"user": "ann", "pass": "secret"}}
    refused = run(
        *("--lang", "fr", "send", "smtp", "--config", "-", "--to", "ann@example.org"),
        *("--usage", "SignIn", "--var", "code=1", "--json"),
        input=json.dumps(config),
    )
    assert refused.exit_code == 3
    error = json.loads(refused.stdout)["error"]
    assert error["message"].endswith(f"ne propose pas d'authentification (étape{SPACE}: auth)")
    assert error["hint"].startswith("omettez auth")
    assert error["stage"] == "auth"
    assert f"que faire{SPACE}: omettez auth" in refused.stderr


def test_a_host_file_is_looked_over_in_french(
    run: Run, config: dict[str, object], tmp_path: Path
) -> None:
    file = tmp_path / "connectors.toml"
    server = f"host = '127.0.0.1'\nport = {config['port']}\nfromEmail = 'a@b.example'\n"
    file.write_text(f"[connectors.main]\nconnector = 'smtp'\n[connectors.main.config]\n{server}")
    (tmp_path / "templates").mkdir()
    for usage in ("Register", "SignIn", "ForgotPassword", "Generic"):
        text = f"---\nsubject: {usage}\n---\n<a href='http://a.example/'>{{{{code}}}}</a>"
        (tmp_path / "templates" / f"{usage}.html").write_text(text, "utf-8")
    told = run("--lang", "fr", "doctor", "--file", str(file)).stdout
    assert "main: sa connexion fonctionne jusqu'à l'étape «\u00a0ehlo\u00a0»" in told
    assert "avertissement  templates/SignIn.html: a un lien qui commence par http://" in told
    assert "0 problème, 4 avertissements" in told
    tried = run("--lang", "fr", "test", "--dry-run", "--file", str(file)).stdout
    assert [line.split()[0] for line in tried.splitlines()[:-1]] == [
        *("résolution", "connexion", "accueil", "ehlo"),
    ]
    assert "la connexion fonctionne" in tried


def test_what_a_host_file_must_have_is_told_in_french(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "connectors.toml"
    file.write_text("templateFolder = 3\n[connectors.main]\nconnector = 'smtp'\n", "utf-8")
    refused = run("--lang", "fr", "validate", "--file", str(file), "--json")
    problems = {
        item["path"]: item["hint"] for item in json.loads(refused.stdout)["error"]["problems"]
    }
    assert problems["$.templateFolder"].startswith("Le dossier des fichiers de modèles")
    assert problems["$.connectors.main.config"].startswith("La configuration du connecteur")


def test_a_message_that_was_sent_is_told_in_french(run: Run, config: dict[str, object]) -> None:
    sent = run(
        *("--lang", "fr", "send", "smtp", "--config", "-", "--to", "ann@example.org"),
        *("--usage", "SignIn", "--var", "code=1"),
        input=json.dumps(config),
    )
    assert sent.exit_code == 0
    assert sent.stdout.startswith(f"envoyé à ann@example.org{SPACE}: 250")


def test_the_command_itself_speaks_french() -> None:
    environ = {**os.environ, "LANG": "fr_FR.UTF-8", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "connector_core.cli", "show", "nobody"],
        capture_output=True,
        env=environ,
        encoding="utf-8",
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"erreur{SPACE}: aucun connecteur ne s'appelle 'nobody'")
