"""Editing TOML in place: what was wanted comes out, and what was not edited stays as it stood."""

from __future__ import annotations

import copy
import difflib
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core.hostfile.toml import CannotEditError, edited

FILE = '''\
# Mail of the shop
defaultLocale = "en" # the default

# the main one
[connectors.main]
connector = "smtp"

[connectors.main.config] # below
host = "a.example" # the host
port = 465
auth = { user = "x", pass = "env:P" } # secret

# the spare one,
# in another house
[connectors.spare]
connector = "smtp"
[connectors.spare.config]
host = "b.example"

# who serves what
[routes]
SignIn = ["main", "spare"]

# the first
[[templates]]
usageType = "SignIn"
content = """
<p>[connectors.main]
# no comment
host = "c"
</p>"""

# the second
[[templates]]
usageType = "Register"
content = 'x'
# the end
'''

Change = Callable[[dict[str, Any]], Any]


def changed(text: str, change: Change) -> tuple[list[str], list[str]]:
    """The lines that went and those that came."""
    wanted = tomllib.loads(text)
    change(wanted)
    result = edited(text, wanted)
    assert tomllib.loads(result) == wanted
    lines = list(difflib.ndiff(text.splitlines(), result.splitlines()))
    return (
        [line[2:] for line in lines if line.startswith("- ") and line[2:]],
        [line[2:] for line in lines if line.startswith("+ ") and line[2:]],
    )


@pytest.mark.parametrize(
    ("change", "gone", "come"),
    [
        (
            lambda d: d["connectors"]["main"]["config"].update(port=587, secure=False),
            ["port = 465"],
            ["port = 587", "secure = false"],
        ),
        (
            lambda d: d["connectors"]["main"]["config"].update(host="z"),
            ['host = "a.example" # the host'],
            ['host = "z" # the host'],
        ),
        (
            lambda d: d["connectors"]["main"]["config"]["auth"].update({"pass": "file:x"}),
            ['auth = { user = "x", pass = "env:P" } # secret'],
            ['auth = { user = "x", pass = "file:x" } # secret'],
        ),
        (
            lambda d: d["connectors"]["main"]["config"]["auth"].pop("user"),
            ['auth = { user = "x", pass = "env:P" } # secret'],
            ['auth = { pass = "env:P" } # secret'],
        ),
        (
            lambda d: d["connectors"].pop("main"),
            [
                "# the main one",
                "[connectors.main]",
                'connector = "smtp"',
                "[connectors.main.config] # below",
                'host = "a.example" # the host',
                "port = 465",
                'auth = { user = "x", pass = "env:P" } # secret',
            ],
            [],
        ),
        (
            lambda d: d["connectors"].pop("spare"),
            [
                "# the spare one,",
                "# in another house",
                "[connectors.spare]",
                'connector = "smtp"',
                "[connectors.spare.config]",
                'host = "b.example"',
            ],
            [],
        ),
        (lambda d: d.update(templateFolder="mails"), [], ['templateFolder = "mails"']),
        (lambda d: d["routes"].update(Register=["main"]), [], ['Register = ["main"]']),
        (
            lambda d: d.pop("routes"),
            ["# who serves what", "[routes]", 'SignIn = ["main", "spare"]'],
            [],
        ),
        (
            lambda d: d["templates"].pop(0),
            [
                "# the first",
                "[[templates]]",
                'usageType = "SignIn"',
                'content = """',
                "<p>[connectors.main]",
                "# no comment",
                'host = "c"',
                '</p>"""',
            ],
            [],
        ),
        (
            lambda d: d["templates"][1].update(content="a\nb"),
            ["content = 'x'"],
            ['content = """', "a", 'b"""'],
        ),
        (
            lambda d: d["templates"].append({"usageType": "Generic"}),
            [],
            ["[[templates]]", 'usageType = "Generic"'],
        ),
        (
            lambda d: d["connectors"]["spare"]["config"].update(tls={"ca": "x"}),
            [],
            ["[connectors.spare.config.tls]", 'ca = "x"'],
        ),
    ],
)
def test_an_edit_changes_the_lines_it_must_and_no_others(
    change: Change, gone: list[str], come: list[str]
) -> None:
    assert changed(FILE, change) == (gone, come)


def test_a_table_is_added_behind_its_siblings() -> None:
    wanted = tomllib.loads(FILE)
    wanted["connectors"]["third"] = {"connector": "smtp", "config": {"host": "c", "auth": {}}}
    result = edited(FILE, wanted)
    assert tomllib.loads(result) == wanted
    assert result.index("[connectors.third]") < result.index("# who serves what")


def test_line_ends_are_kept() -> None:
    text = FILE.replace("\n", "\r\n")
    wanted = tomllib.loads(text)
    wanted["routes"]["Register"] = ["main"]
    wanted["connectors"]["third"] = {"connector": "smtp", "config": {}}
    result = edited(text, wanted)
    assert tomllib.loads(result) == wanted
    assert result.count("\n") == result.count("\r\n")


def test_an_empty_text_and_one_without_a_last_line_end_take_keys() -> None:
    assert edited("", {"a": 1}) == "a = 1\n"
    assert edited("a = 1", {"a": 1, "b": {"c": 2}}) == "a = 1\n\n[b]\nc = 2\n"


def test_nothing_wanted_changes_nothing() -> None:
    assert edited(FILE, tomllib.loads(FILE)) == FILE


def test_a_text_that_cannot_take_the_edit_is_refused_and_not_spoilt() -> None:
    # `nan` equals nothing, not even itself: whether it was kept cannot be told.
    with pytest.raises(CannotEditError):
        edited("a = nan\nb = 1\n", {"a": float("nan"), "b": 2})


scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.sampled_from(["a\nb", 'q"""q', "'''", "# no", "[x]", "\\", "é\n\n", "a\r\nb"]),
)
keys = st.text("abc.-_ é\"'", min_size=1, max_size=6)
values = st.recursive(
    scalars | st.lists(scalars, max_size=3),
    lambda inner: (
        st.dictionaries(keys, inner, max_size=3)
        | st.lists(st.dictionaries(keys, inner, max_size=2), max_size=3)
    ),
    max_leaves=8,
)
documents = st.dictionaries(keys, values, max_size=5)


@given(documents, documents)
def test_any_document_becomes_any_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    text = edited("# top\n", old)
    assert tomllib.loads(text) == old
    assert text.startswith("# top\n")
    assert tomllib.loads(edited(text, new)) == new


names = st.text("abcdef-", min_size=1, max_size=5)
configs = st.fixed_dictionaries(
    {"host": scalars},
    optional={
        "port": scalars,
        "auth": st.dictionaries(names, scalars, max_size=3),
        "templates": st.lists(st.dictionaries(names, scalars, min_size=1), min_size=1, max_size=3),
    },
)
host_files = st.fixed_dictionaries(
    {"connectors": st.dictionaries(names, st.fixed_dictionaries({"config": configs}), min_size=2)},
    optional={"routes": st.dictionaries(names, st.lists(names)), "defaultLocale": names},
)


def commented(text: str) -> str:
    """The text with a comment of its own above each header and behind each short value."""
    lines = []
    for number, line in enumerate(text.split("\n")):
        if line.startswith("[") and tomllib_accepts(line):
            lines.append(f"# above {number}")
        lines.append(line)
    result = "\n".join(lines)
    return result if tomllib.loads(result) == tomllib.loads(text) else text


def tomllib_accepts(line: str) -> bool:
    try:
        tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return False
    return True


@given(host_files, st.data())
def test_a_host_file_takes_every_edit_and_keeps_the_rest(
    data: dict[str, Any], chosen: st.DataObject
) -> None:
    text = commented(edited("# top\n", data))
    wanted = copy.deepcopy(data)
    name = chosen.draw(st.sampled_from(sorted(wanted["connectors"])))
    edit = chosen.draw(st.sampled_from(["remove", "set", "add", "route"]))
    if edit == "remove":
        del wanted["connectors"][name]
    elif edit == "set":
        wanted["connectors"][name]["config"] = chosen.draw(configs)
    elif edit == "add":
        wanted["connectors"]["zz"] = {"config": chosen.draw(configs)}
    else:
        wanted.setdefault("routes", {})["SignIn"] = [name]
    result = edited(text, wanted)
    assert tomllib.loads(result) == wanted
    assert result.startswith("# top\n")
    for other in data["connectors"]:
        if other != name:
            assert section(text, other) == section(result, other)


def section(text: str, name: str) -> str:
    """The octets of one connector's tables, with the comments above them."""
    blocks = text.split("\n\n")
    headers = (f"[connectors.{name}]", f"[connectors.{name}.", f"[[connectors.{name}.")
    return "\n\n".join(
        block.strip("\n") for block in blocks if any(header in block for header in headers)
    )


def adds(*path: str, value: object) -> Change:
    def change(data: dict[str, Any]) -> None:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("text", "change", "result"),
    [
        (
            'connectors.a.host = "h" # x\nz = 1\n',
            adds("connectors", "a", "port", value=1),
            'connectors.a.host = "h" # x\nconnectors.a.port = 1\nz = 1\n',
        ),
        (
            '[connectors]\na.config.host = "h"\nb.config.host = "i"\n',
            adds("connectors", "a", "config", "port", value=1),
            '[connectors]\na.config.host = "h"\na.config.port = 1\nb.config.host = "i"\n',
        ),
        (
            "[c]\na.x.y = 1\nb = 2\n",
            adds("c", "a", "x", "z", value={"q": 1}),
            "[c]\na.x.y = 1\nb = 2\n\n[c.a.x.z]\nq = 1\n",
        ),
        (
            "#:schema ./x.json\n[a]\nb = 1\n# inner\nc = 2\n\n# of d\n[d]\n",
            lambda data: data.pop("a"),
            "#:schema ./x.json\n\n# of d\n[d]\n",
        ),
        ('["h] # x"]\na = 1\n', adds("h] # x", "b", value=2), '["h] # x"]\na = 1\nb = 2\n'),
        ('a = [ # """\n  1,\n]\nb = 1\n', adds("b", value=2), 'a = [ # """\n  1,\n]\nb = 2\n'),
        ("a = '''x\"\"\"\ny'''\nb = 1\n", adds("b", value=2), "a = '''x\"\"\"\ny'''\nb = 2\n"),
        ('a = """x""""" # c\nb = 1\n', adds("a", value="y"), 'a = "y" # c\nb = 1\n'),
        (
            "[[t]] # one\na = 1\n[[t]] # two\na = 2\n",
            lambda data: data.update(t=[{"a": 2}, {"a": 3}]),
            "[[t]] # two\na = 2\n\n[[t]]\na = 3\n",
        ),
    ],
)
def test_forms_that_people_write_keep_what_they_are(text: str, change: Change, result: str) -> None:
    wanted = tomllib.loads(text)
    change(wanted)
    assert edited(text, wanted) == result


def test_comments_within_a_value_are_not_lost_but_the_edit_refused() -> None:
    with pytest.raises(CannotEditError):
        edited('a = [\n "x", # why\n]\n', {"a": ["x", "y"]})


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("[c]\n# x\na.b = 1 # y\nz.b = 2\n", "[c]\n# x\nn.b = 1 # y\nz.b = 2\n"),
        ("c.a.b = 1\nc.z.b = 2\n", "c.n.b = 1\nc.z.b = 2\n"),
        ("[c]\na = { b = 1 } # y\nz.b = 2\n", "[c]\nn = { b = 1 } # y\nz.b = 2\n"),
        ('[ c . "a" ] # y\nb = 1\n[c.z]\nb = 2\n', "[ c.n ] # y\nb = 1\n[c.z]\nb = 2\n"),
    ],
)
def test_a_renamed_table_stays_in_its_place(text: str, result: str) -> None:
    wanted = {"c": {"n": {"b": 1}, "z": {"b": 2}}}
    assert edited(text, wanted, {("c", "a"): "n"}) == result


def test_a_new_name_that_would_change_the_order_is_refused() -> None:
    with pytest.raises(CannotEditError):
        edited("c = { a = 1, z = 2 }\n", {"c": {"n": 1, "z": 2}}, {("c", "a"): "n"})


@pytest.mark.parametrize(
    "large",
    [
        'html = "' + "<p style='color:#fff'>  </p>" * 20_000 + '"\n',
        "list = [\n" + "  1, # one\n" * 20_000 + "]\n",
        'inline = [ { html = """' + "<p>#</p>\n" * 20_000 + '""" } ]\n',
    ],
)
def test_a_long_value_is_read_once(large: str) -> None:
    text = f"{large}port = 25\n"
    wanted = tomllib.loads(text) | {"port": 587}
    assert edited(text, wanted) == f"{large}port = 587\n"
