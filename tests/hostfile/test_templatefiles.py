"""Template files: what is written is read again, and what is wrong is told by file."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connector_core.errors import ConfigProblem
from connector_core.hostfile.templatefiles import file_name, file_text, template_files

texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30)
templates = st.fixed_dictionaries(
    {
        "usageType": st.sampled_from(["SignIn", "Mine", "a b", "é", "a.b", "fr", "-"])
        | st.text("aB.-_ é", min_size=1, max_size=8),
        "contentType": st.sampled_from(["text/html", "text/plain"]),
        "subject": texts,
        "content": st.text(st.characters(codec="utf-8"), max_size=60),
    },
    optional={
        "locale": st.sampled_from(["fr", "fr-CA", "zh-Hant-TW", "en"]),
        "sendFrom": texts,
        "replyTo": texts,
    },
)


def read_one(folder: Path) -> object:
    [(_name, found)] = template_files(folder)
    return found


@given(templates)
def test_a_template_comes_back_from_its_file(template: dict[str, str]) -> None:
    try:
        name, text = file_name(template), file_text(template)
    except ValueError:
        assume(False)
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(text.encode())
        assert read_one(Path(folder)) == template


def test_most_templates_can_be_files() -> None:
    assert file_name({"usageType": "SignIn", "locale": "fr-CA"}) == "SignIn.fr-CA.html"
    assert file_name({"usageType": "a.b!", "contentType": "text/plain"}) == "a.b!.txt"


@pytest.mark.parametrize("usage", ["a/b", "..", ".x", "a.b", "con:x", "a\0"])
def test_a_usage_type_that_is_no_file_name_is_refused(usage: str) -> None:
    with pytest.raises(ValueError, match="name"):
        file_name({"usageType": usage})


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Your code: {{code}}", "Your code: {{code}}"),
        ('"quoted"', "quoted"),
        ("'It is 5'", "It is 5"),
        ('"A" and "B"', '"A" and "B"'),
        ("# no comment", "# no comment"),
        ("", ""),
    ],
)
def test_a_value_is_what_stands_behind_the_colon(
    tmp_path: Path, subject: str, expected: str
) -> None:
    (tmp_path / "SignIn.html").write_text(f"---\nsubject: {subject}\n---\n<p>", "utf-8")
    assert read_one(tmp_path) == {
        "usageType": "SignIn",
        "contentType": "text/html",
        "subject": expected,
        "content": "<p>",
    }


def test_line_ends_of_windows_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    data = "\ufeff---\r\nsubject: s\r\nreplyTo: r@x.example\r\n---\r\na\r\n---\r\n"
    (tmp_path / "SignIn.fr.txt").write_bytes(data.encode())
    assert read_one(tmp_path) == {
        "usageType": "SignIn",
        "locale": "fr",
        "contentType": "text/plain",
        "subject": "s",
        "replyTo": "r@x.example",
        "content": "a\r\n---\r\n",
    }


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"<p>", "no front matter"),
        (b"---\nsubject: s\n", "has no end"),
        (b"---\nreplyTo: s\n---\n", "no subject"),
        (b"---\nsubjct: s\n---\n", "did you mean 'subject'?"),
        (b"---\nmore: s\n---\n", "known keys: subject"),
        (b"---\nsubject: s\nsubject: t\n---\n", "twice"),
        (b"---\njust words\n---\n", "not key: value"),
        (b"---\nsubject: \xff\n---\n", "not UTF-8"),
    ],
)
def test_what_is_wrong_is_told_by_file(tmp_path: Path, data: bytes, told: str) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "SignIn.html").write_bytes(data)
    found = read_one(folder)
    assert isinstance(found, ConfigProblem)
    assert found.path == "mails/SignIn.html"
    assert told in str(found)


def test_other_files_are_left_alone_and_a_missing_folder_has_none(tmp_path: Path) -> None:
    for name in ("README.md", ".SignIn.html", "SignIn.html.bak", "a.css"):
        (tmp_path / name).write_text("x", "utf-8")
    assert list(template_files(tmp_path)) == []
    assert list(template_files(tmp_path / "none")) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("---\nsubject: x\n<p>{{code}}</p>\n", "its front matter has no end: a line ---"),
        ("---\r\nsubject: x\r\n", "its front matter has no end: a line ---"),
        ("--- subject: x\n---\n", "has no front matter"),
        ("<p>\n---\n</p>", "has no front matter"),
    ],
)
def test_a_front_matter_that_does_not_end_is_told_from_none(
    tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "SignIn.html").write_bytes(text.encode())
    found = read_one(tmp_path)
    assert isinstance(found, ConfigProblem)
    assert found.message == told


def test_a_pipe_among_the_files_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "SignIn.html")
    found = read_one(tmp_path)
    assert isinstance(found, ConfigProblem)
    assert found.message == "is not a regular file"


def test_a_folder_that_may_not_be_read_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path) -> None:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(Path, "iterdir", refuse)
    found = read_one(tmp_path)
    assert isinstance(found, ConfigProblem)
    assert found.message == "cannot be read: Permission denied"
