"""`templates list`, `show`, `preview`, `import`, `export`."""

from __future__ import annotations

import json
import tomllib
from email import message_from_bytes, policy
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
from tests.hostfile.files import USAGES, connector, write, write_templates

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
OWN = '\n[[templates]]\nusageType = "Mine"\nlocale = "fr"\nsubject = "s"\ncontent = "{{ code }}"\n'
SPARE = """
[[connectors.spare.config.templates]]
usageType = "SignIn"
contentType = "text/plain"
locale = "tr-TR"
subject = "{{code}}"
content = "file:mail.txt"
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host file of two connectors, with templates in all three places there are."""
    file = write(
        tmp_path / "connectors.toml", 'defaultLocale = "en"\n', connector("main", 25),
        connector("spare", 26), SPARE, OWN,
    )  # fmt: skip
    write_templates(tmp_path / "templates", ("SignIn",), ("fr",))
    (tmp_path / "mail.txt").write_text("Merhaba {{user.name}}", "utf-8")
    monkeypatch.setenv("CONNECTOR_FILE", str(file))
    monkeypatch.chdir(tmp_path)
    return file


# list and show


def test_list_is_a_matrix_of_usage_types_and_locales(run: Run, path: Path) -> None:
    lines = run("templates", "list").stdout.splitlines()
    table = {line.split("  ")[0]: line.split() for line in lines}
    assert table["usage type"][2:] == ["any", "locale", "fr", "tr-TR"]
    assert table["SignIn"][1:] == [
        *("templates/SignIn.html", "templates/SignIn.fr.html"),
        *("config", "of", "spare"),
    ]
    assert table["Mine"][1:] == ["-", "connectors.toml", "-"]
    assert lines[-1].startswith("Missing: Register (fr), Register (tr-TR), ForgotPassword (fr)")


def test_list_as_json_names_places_and_what_is_missing(run: Run, path: Path) -> None:
    told = json.loads(run("templates", "list", "--json").stdout)
    assert {
        "usageType": "SignIn",
        "locale": "tr-TR",
        "place": "$.connectors.spare.config.templates[0]",
        "connector": "spare",
    } in told["templates"]
    assert {"usageType": "Register", "locale": "fr"} in told["missing"]
    assert {"usageType": "Mine", "locale": None} not in told["missing"]


def test_a_required_template_is_missing_unless_one_serves_everywhere(run: Run, path: Path) -> None:
    for usage in ("SignIn", "Generic"):
        (path.parent / f"templates/{usage}.html").unlink()
    write_templates(path.parent / "templates", ("Generic",), ("en",))
    assert "SignIn (any locale)" in run("templates", "list").stdout
    missing = json.loads(run("templates", "list", "--json").stdout)["missing"]
    assert {"usageType": "SignIn", "locale": None} in missing
    assert {"usageType": "Generic", "locale": None} not in missing
    # Those without a locale are in the default language.
    assert {"usageType": "Register", "locale": "en"} not in missing


@pytest.mark.parametrize(
    ("arguments", "place", "told"),
    [
        (("SignIn",), "templates/SignIn.html", "templates/SignIn.html"),
        (("SignIn", "--locale", "fr-CA"), "templates/SignIn.fr.html", "templates/SignIn.fr.html"),
        (("SignIn", "--locale", "de"), "templates/SignIn.html", "templates/SignIn.html"),
        (("SignIn", "--locale", "tr-TR"), "templates/SignIn.html", "templates/SignIn.html"),
        (
            ("SignIn", "--locale", "tr-TR", "--connector", "spare"),
            "$.connectors.spare.config.templates[0]",
            "config of spare",
        ),
        (("Mine", "--locale", "fr"), "$.templates[0]", "connectors.toml"),
        (("Mine",), "templates/Generic.html", "templates/Generic.html"),
    ],
)
def test_show_finds_the_template_that_a_message_gets(
    run: Run, path: Path, arguments: tuple[str, ...], place: str, told: str
) -> None:
    assert json.loads(run("templates", "show", *arguments, "--json").stdout)["place"] == place
    shown = run("templates", "show", *arguments).stdout
    assert shown.startswith(f"stands in: {told}\n")


def test_show_tells_variables_and_resolves_references(run: Run, path: Path) -> None:
    arguments = ("SignIn", "--locale", "tr-TR", "--connector", "spare")
    shown = json.loads(run("templates", "show", *arguments, "--json").stdout)
    assert shown["variables"] == ["code", "user.name"]
    assert shown["template"]["content"] == "Merhaba {{user.name}}"
    text = run("templates", "show", *arguments).stdout
    assert "variables: code, user.name\n" in text
    assert "locale: tr-TR\n" in text


def test_a_locale_may_be_written_as_posix_does(run: Run, path: Path) -> None:
    shown = run("templates", "show", "SignIn", "--locale", "tr_TR", "--connector", "spare")
    assert "locale: tr-TR\n" in shown.stdout


@pytest.mark.parametrize("command", [("show",), ("preview", "--output", "out")])
def test_a_slip_of_a_usage_type_is_told(run: Run, path: Path, command: tuple[str, ...]) -> None:
    result = run("templates", *command, "SigIn")
    assert result.exit_code == 0, result.output
    assert "did you mean 'SignIn'?" in result.stderr
    assert "did you mean" not in run("templates", *command, "SignIn").stderr


def test_a_usage_type_that_nobody_serves_is_told_with_what_helps(run: Run, path: Path) -> None:
    for name in ("main", "spare"):
        assert run("disable", name).exit_code == 0
    result = run("send", "--usage", "SignIn", "--to", "ann@example.org")
    assert result.exit_code == 1
    assert "what to do: connector enable NAME --usage TYPE" in result.stderr


def test_the_default_locale_serves_where_none_fits_better(run: Run, path: Path) -> None:
    (path.parent / "templates/SignIn.html").unlink()
    write_templates(path.parent / "templates", ("SignIn",), ("en",))
    shown = json.loads(run("templates", "show", "SignIn", "--locale", "de", "--json").stdout)
    assert shown["place"] == "templates/SignIn.en.html"


# preview


def test_preview_writes_what_would_be_sent(run: Run, path: Path) -> None:
    page = f'<p>{{{{user.name}}}}: {{{{code}}}} {{{{link}}}}</p><img alt="x" src="{PIXEL}">'
    (path.parent / "templates/SignIn.fr.html").write_text(
        f"---\nsubject: Code {{{{code}}}} é\n---\n{page}", "utf-8"
    )
    result = run(
        *("templates", "preview", "SignIn", "--locale", "fr", "--output", "out/mails"),
        *("--var", "user.name=Zoé & Co", "--payload", "-"),
        input='{"code": "777"}',
    )
    assert result.exit_code == 0, result.output
    folder = Path("out/mails")
    assert result.stdout.split() == [
        str(folder / f"SignIn.fr{end}") for end in (".html", ".txt", ".eml")
    ]
    html = (folder / "SignIn.fr.html").read_text("utf-8")
    assert "Zoé &amp; Co: 777" in html
    assert PIXEL in html  # as a browser shows it
    text = (folder / "SignIn.fr.txt").read_text("utf-8")
    assert "Zoé & Co: 777 https://app.example.com" in text
    mail = message_from_bytes((folder / "SignIn.fr.eml").read_bytes(), policy=policy.default)
    assert mail["Subject"] == "Code 777 é"
    assert mail["From"] == "main <app@example.com>"
    assert mail["To"] == "ann@example.org"


def test_preview_goes_by_the_routes_or_the_connector_named(run: Run, path: Path) -> None:
    run("order", "SignIn", "spare", "main")
    done = run("templates", "preview", "SignIn", "--output", "a", "--json")
    assert json.loads(done.stdout)["connector"] == "spare"
    named = ("--connector", "spare", "--locale", "tr-TR")
    run("templates", "preview", "SignIn", "--output", "b", *named)
    assert Path("b/SignIn.tr-TR.txt").read_text("utf-8").strip() == "Merhaba Ann"
    assert not Path("b/SignIn.tr-TR.html").exists()


def test_preview_overwrites_only_where_it_is_told_to(run: Run, path: Path) -> None:
    Path("out").mkdir()
    Path("out/SignIn.txt").write_text("mine", "utf-8")
    refused = run("templates", "preview", "SignIn", "--output", "out")
    assert refused.exit_code == 1
    assert "out/SignIn.txt: is there already" in refused.stderr
    assert [item.name for item in Path("out").iterdir()] == ["SignIn.txt"]
    assert run("templates", "preview", "SignIn", "--output", "out", "--force").exit_code == 0
    assert "SignIn" in Path("out/SignIn.txt").read_text("utf-8")


def test_nothing_is_written_where_a_file_cannot_be(run: Run, path: Path) -> None:
    Path("out/SignIn.eml").mkdir(parents=True)
    result = run("templates", "preview", "SignIn", "--output", "out", "--force")
    assert result.exit_code == 1
    assert "SignIn.eml: cannot be written" in result.stderr
    assert [item.name for item in Path("out").iterdir()] == ["SignIn.eml"]


# import and export

LOGTO = {
    "templates": [
        {
            "id": "x1",
            "tenantId": "t1",
            "createdAt": 1700000000,
            "languageTag": "fr",
            "templateType": "Register",
            "details": {
                "subject": "Bonjour",
                "content": "<b>{{code}}</b>",
                "replyTo": "a@b.example",
            },
        },
        {
            "languageTag": "zh-CN",
            "templateType": "Register",
            "details": {"subject": "s", "content": "c", "contentType": "text/plain"},
        },
    ]
}


def given_json(value: object, name: str = "source.json") -> str:
    Path(name).write_text(json.dumps(value), "utf-8")
    return name


def test_logtos_email_templates_become_files(run: Run, path: Path) -> None:
    before = path.read_text("utf-8")
    result = run("templates", "import", given_json(LOGTO))
    assert result.exit_code == 0, result.output
    assert "$.templates[0]" in result.stdout
    assert "Register.fr.html" in result.stdout
    assert Path("templates/Register.fr.html").read_text("utf-8") == (
        "---\nsubject: Bonjour\nreplyTo: a@b.example\n---\n<b>{{code}}</b>"
    )
    assert Path("templates/Register.zh-CN.txt").is_file()
    assert path.read_text("utf-8") == before
    assert run("templates", "import", given_json(LOGTO["templates"]), "--force").exit_code == 0


def test_a_connectors_config_is_read_with_a_language_for_all(run: Run, path: Path) -> None:
    config = {
        "host": "x",
        "templates": [
            {"usageType": usage, "contentType": "text/html", "subject": usage, "content": "c"}
            for usage in USAGES
        ],
    }
    result = run("templates", "import", "-", "--locale", "ko", "--json", input=json.dumps(config))
    told = json.loads(result.stdout)
    assert [item["to"].rpartition("/")[2] for item in told["imported"]] == [
        f"{usage}.ko.html" for usage in USAGES
    ]
    assert told["leftOut"] == []


def test_of_two_for_the_same_the_first_counts_and_it_is_said(run: Run, path: Path) -> None:
    twice = [
        {"usageType": "A", "locale": "fr", "subject": "1", "content": ""},
        {"usageType": "A", "locale": "FR", "subject": "2", "content": ""},
    ]
    result = run("templates", "import", given_json(twice))
    assert "left out: $[0] is for the same" in result.stdout
    assert "subject: 1" in Path("templates/A.fr.html").read_text("utf-8")
    assert not Path("templates/A.FR.html").exists()


def test_what_cannot_be_a_file_goes_into_the_host_file(run: Run, path: Path) -> None:
    odd = [
        {"usageType": "a/b", "subject": "s", "content": "x\ny\r\n"},
        {"usageType": "b:c", "subject": "s", "content": ""},
    ]
    result = run("templates", "import", given_json(odd))
    assert result.exit_code == 0, result.output
    inline = [item.keys for item in read(path).templates if item.place.startswith("$")]
    assert [item["usageType"] for item in inline] == ["Mine", "a/b", "b:c"]
    assert inline[1]["content"] == "x\ny\r\n"


def test_force_replaces_what_would_hide_the_new_one(run: Run, path: Path) -> None:
    Path("templates/Mine.fr.txt").write_text("---\nsubject: old\n---\nold", "utf-8")
    source = given_json([{"usageType": "Mine", "locale": "fr", "subject": "n", "content": "new"}])
    refused = run("templates", "import", source)
    assert refused.exit_code == 1
    assert "$.templates[0]: is there already" in refused.stderr
    assert "Mine.fr.txt: is there already" in refused.stderr
    assert not Path("templates/Mine.fr.html").exists()
    assert run("templates", "import", source, "--force").exit_code == 0
    assert not Path("templates/Mine.fr.txt").exists()
    assert "templates" not in tomllib.loads(path.read_text("utf-8"))
    shown = json.loads(run("templates", "show", "Mine", "--locale", "fr", "--json").stdout)
    assert shown["template"]["content"] == "new"


def test_all_or_nothing(run: Run, path: Path) -> None:
    before = path.read_text("utf-8")
    # The first replaces a file, the second cannot be written, the third would go inline.
    Path("mails/B.html").mkdir(parents=True)
    Path("mails/A.html").write_text("mine", "utf-8")
    source = [{"usageType": usage, "subject": "s", "content": ""} for usage in ("A", "B", "a/b")]
    command = ("templates", "import", given_json(source), "--into", "mails", "--force")
    result = run(*command)
    assert result.exit_code == 1
    assert "mails/B.html: cannot be written" in result.stderr
    assert Path("mails/A.html").read_text("utf-8") == "mine"
    assert path.read_text("utf-8") == before
    Path("mails/B.html").rmdir()
    assert run(*command).exit_code == 0
    assert Path("mails/B.html").is_file()
    assert "a/b" in path.read_text("utf-8")


def test_a_host_file_that_is_refused_takes_the_files_back(run: Run, path: Path) -> None:
    before = path.read_text("utf-8")
    folder = Path("elsewhere/deep")
    # The template folder has a file that is unsound: the host file cannot be changed.
    Path("templates/Bad.html").write_text("<p>", "utf-8")
    source = given_json(
        [{"usageType": usage, "subject": "s", "content": ""} for usage in ("A", "a/b")]
    )
    result = run("templates", "import", source, "--into", str(folder))
    assert result.exit_code == 1
    assert "Bad.html" in result.stderr
    assert not Path("elsewhere").exists()
    assert path.read_text("utf-8") == before


def test_into_another_folder_says_what_the_host_file_reads(run: Run, path: Path) -> None:
    result = run("templates", "import", given_json(LOGTO), "--into", "mails")
    assert Path("mails/Register.fr.html").is_file()
    assert "connectors.toml reads templates from" in result.stderr


def test_export_as_logto_and_as_a_config(run: Run, path: Path) -> None:
    logto = json.loads(run("templates", "export").stdout)["templates"]
    assert {
        "languageTag": "tr-TR",
        "templateType": "SignIn",
        "details": {
            "subject": "{{code}}",
            "contentType": "text/plain",
            "content": "Merhaba {{user.name}}",
        },
    } in logto
    assert {(item["templateType"], item["languageTag"]) for item in logto} >= {
        ("SignIn", "en"),
        ("Mine", "fr"),
    }
    config = json.loads(run("templates", "export", "--format", "json").stdout)
    assert {"usageType", "contentType", "subject", "content"} == set(config["templates"][1])


def test_export_says_what_it_leaves_out(run: Run, path: Path) -> None:
    write_templates(path.parent / "templates", ("SignIn",), ("en", "tr-TR"))
    result = run("templates", "export")
    assert "$.connectors.spare.config.templates[0] is left out" in result.stderr
    assert "without a locale are left out where en has one" in result.stderr


def test_export_into_a_file(run: Run, path: Path) -> None:
    done = run("templates", "export", "--output", "out/mails.json")
    assert done.stdout == "7 templates in out/mails.json\n"
    assert len(json.loads(Path("out/mails.json").read_text("utf-8"))["templates"]) == 7
    refused = run("templates", "export", "--output", "out/mails.json")
    assert refused.exit_code == 1
    assert "is there already" in refused.stderr


texts = st.text(st.characters(codec="utf-8"), max_size=30)
lines = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=30)
sources = st.lists(
    st.fixed_dictionaries(
        {
            "languageTag": st.sampled_from(["en", "fr", "fr-CA", "zh-Hant", "zh-hant"]),
            "templateType": st.sampled_from(["SignIn", "a/b", "a.fr", "é", "x" * 250])
            | st.text(st.characters(codec="utf-8"), min_size=1, max_size=6),
            "details": st.fixed_dictionaries(
                {"subject": lines, "content": texts},
                optional={
                    "contentType": st.sampled_from(["text/html", "text/plain"]),
                    "replyTo": lines,
                    "sendFrom": lines,
                },
            ),
        }
    ),
    min_size=1,
    max_size=5,
)


def cli(folder: Path, *arguments: str, input: str | None = None) -> Any:
    """Run one of the commands on the host file in a folder; what it printed as JSON."""
    result = CliRunner().invoke(
        main,
        ["templates", *arguments],
        input=input,
        env={"CONNECTOR_FILE": str(folder / "connectors.toml")},
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def by_identity(templates: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    return {(item["templateType"], item["languageTag"].lower()): item for item in templates}


@settings(max_examples=60, deadline=None)
@given(sources)
def test_imported_exported_and_imported_again_they_are_the_same(
    source: list[dict[str, Any]],
) -> None:
    wanted = by_identity(source[::-1])  # of two the first counts
    for item in wanted.values():
        item["details"].setdefault("contentType", "text/html")
    given_text = json.dumps({"templates": source})
    for form in ("logto", "json"):
        with TemporaryDirectory() as one, TemporaryDirectory() as other:
            cli(Path(one), "import", "-", "--json", input=given_text)
            (Path(one) / "connectors.toml").touch()  # not there where all of them are files
            exported = cli(Path(one), "export", "--format", form)
            cli(Path(other), "import", "-", "--json", input=json.dumps(exported))
            (Path(other) / "connectors.toml").touch()
            again = cli(Path(other), "export")["templates"]
        assert by_identity(again) == wanted
        assert len(again) == len(wanted)


# What is wrong

SOUND = {"usageType": "A", "subject": "s", "content": "c"}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("{", "source.json: is not JSON"),
        ("{}", "$: is no list of templates"),
        ('{"templates": {}}', "$.templates: is no list of templates"),
        ("[]", "source.json: has no templates"),
        ("[1]", "$[0]: must be an object"),
        (json.dumps([SOUND | {"subject": 1}]), "$[0].subject: must be text"),
        (json.dumps([SOUND | {"subject": "a\nb"}]), "$[0].subject: must be one line"),
        (json.dumps([SOUND | {"sendFrom": "a\u2028b"}]), "$[0].sendFrom: must be one line"),
        (json.dumps([SOUND | {"replyTo": "a\0b"}]), "$[0].replyTo: must be one line"),
        (json.dumps([SOUND | {"locale": "f_r"}]), "$[0].locale"),
        (json.dumps([SOUND | {"contentType": "text/css"}]), "$[0].contentType"),
        (json.dumps([SOUND | {"body": "x"}]), "$[0].body: is not a known key"),
        ('[{"usageType": "A", "subject": "\\ud800", "content": ""}]', "$[0].subject: is not UTF-8"),
        ('[{"templateType": "A", "languageTag": "fr"}]', "$[0].details.subject: is missing"),
        ('[{"templateType": "A", "details": 3}]', "$[0].details: "),
        (
            '[{"templateType": "A", "languageTag": "f r", "details": '
            '{"subject": "", "content": "", "more": 1}}]',
            "$[0].details.more",
        ),
        (
            '[{"templateType": "A", "details": {"subject": "", "content": "", "usageType": "B"}}]',
            "$[0].details.usageType",
        ),
        (json.dumps([SOUND | {"a b": "x"}]), '$[0]["a b"]: is not a known key'),
    ],
)
def test_a_source_that_is_wrong_is_told_by_place(
    run: Run, path: Path, value: str, told: str
) -> None:
    there = sorted(Path("templates").iterdir())
    Path("source.json").write_text(value, "utf-8")
    result = run("templates", "import", "source.json")
    assert result.exit_code == 1
    assert told in result.stderr
    assert sorted(Path("templates").iterdir()) == there


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (("list", "SignIn"), 2, "SignIn"),
        (("list", "--file", "none.toml"), 2, "there is no none.toml"),
        (("list", "--file", "."), 1, "cannot be read"),
        (("list", "--locale", "fr"), 2, "--locale"),
        (("list", "--format", "x"), 2, "--format"),
        (("show",), 2, "USAGE"),
        (("show", ""), 2, "a usage type is a word"),
        (("show", "SignIn", "--locale", "f r"), 2, "--locale: is not a language tag"),
        (("show", "SignIn", "--connector", "nobody"), 2, "no connector 'nobody'"),
        (("show", "SignIn", "--file", "none.toml"), 2, "there is no none.toml"),
        (("preview", "SignIn"), 2, "--output"),
        (("preview", "a/b", "--output", "out"), 2, "cannot be a file's name"),
        (("preview", "SignIn", "--output", "out", "--locale", "-"), 2, "is not a language tag"),
        (("preview", "SignIn", "--output", "out", "--var", "x"), 2, "must have the form"),
        (("preview", "SignIn", "--output", "out", "--connector", "x"), 2, "no connector 'x'"),
        (("preview", "SignIn", "--output", "out", "--payload", "no"), 1, "payload: cannot be read"),
        (("preview", "SignIn", "--output", "connectors.toml"), 2, "is a file"),
        (("import",), 2, "FILE"),
        (("import", "none.json"), 1, "none.json: cannot be read"),
        (("import", "none.json", "--locale", "f r"), 2, "is not a language tag"),
        (("import", "none.json", "--into", "connectors.toml"), 2, "is a file"),
        (("import", "none.json", "--format", "x"), 2, "--format"),
        (("export", "--format", "yaml"), 2, "logto"),
        (("export", "--output", "templates"), 2, "is a directory"),
        (("export", "--output", "connectors.toml"), 1, "is there already"),
        (("export", "SignIn"), 2, "SignIn"),
        (("export", "--file", "none.toml"), 2, "there is no none.toml"),
    ],
)
def test_wrong_inputs_are_told_and_write_nothing(
    run: Run, path: Path, command: tuple[str, ...], code: int, told: str
) -> None:
    before = path.read_text("utf-8")
    result = run("templates", *command)
    assert result.exit_code == code, result.output
    assert told in result.stderr
    assert not Path("out").exists()
    assert path.read_text("utf-8") == before


def test_what_cannot_be_found_or_sent_is_told(run: Run, path: Path) -> None:
    for name in ("Mine", "SignIn", "Generic"):
        Path(f"templates/{name}.html").unlink(missing_ok=True)
    missing = run("templates", "show", "SignIn", "--locale", "de")
    assert missing.exit_code == 1
    assert "SignIn" in missing.stderr
    unsound = run("templates", "preview", "SignIn", "--output", "out")
    assert unsound.exit_code == 1
    assert "has no template for Generic" in unsound.stderr
    run("disable", "main")
    run("disable", "spare")
    nobody = run("templates", "preview", "SignIn", "--output", "out")
    assert nobody.exit_code == 2
    assert "no connector serves SignIn" in nobody.stderr
    assert not Path("out").exists()


def test_a_template_without_a_language_needs_one_for_logto(run: Run, path: Path) -> None:
    path.write_text(path.read_text("utf-8").replace('defaultLocale = "en"', ""), "utf-8")
    result = run("templates", "export")
    assert result.exit_code == 2
    assert "set defaultLocale" in result.stderr
    assert run("templates", "export", "--format", "json").exit_code == 0
