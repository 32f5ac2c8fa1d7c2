"""Configs: what is wrong with one, told at once and without its values; secrets; samples."""

from __future__ import annotations

import copy
import os
import traceback
from collections import OrderedDict
from collections.abc import Mapping
from enum import Enum, IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core import (
    ConfigError,
    ConfigProblem,
    Connector,
    Registry,
    hookimpl,
    resolve_secrets,
)
from connector_core.configs import json_path, merge_patch, placeholders, sample_from_schema
from connector_core.validation import model_problems, nearest, schema_problems
from tests.core.plugins import Plugin, connector_of

CANARY = "canary-7f3a"


def shown(error: BaseException) -> str:
    """Everything that a log with traceback shows of an error, and what hangs on it."""
    told = [str(error), repr(error), *traceback.format_exception(error)]
    if error.__cause__ is not None:
        told.append(shown(error.__cause__))
    return "\n".join(told)


def problems_of(
    config: Any, schema: Mapping[str, Any] | None = None, **plugin: Any
) -> list[ConfigProblem]:
    """What `configure` says is wrong."""
    connector = connector_of(Plugin(schema={"type": "object", **(schema or {})}, **plugin))
    try:
        connector.configure(config)
    except ConfigError as error:
        return list(error.problems)
    return []


def properties(**of: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": of}


# Problems of the schema

MAIL = properties(
    host={"type": "string", "minLength": 1, "description": "Name of the server."},
    port={"type": "integer", "minimum": 1, "maximum": 65535},
    secure={"type": "boolean"},
    mode={"enum": ["fast", "slow", 3, None]},
    version={"const": 2},
    tags={"type": "array", "items": {"type": "string"}, "maxItems": 2, "uniqueItems": True},
    size={"type": ["number", "string"]},
    weird={"type": "object", "additionalProperties": {"type": "string"}},
    name={"type": "string", "pattern": "^[a-z]+$", "maxLength": 3},
    banned=False,  # type: ignore[arg-type]
    templates={
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"subject": {"type": "string"}},
            "required": ["subject"],
        },
    },
) | {"required": ["host", "port"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("change", "path", "message", "hint"),
    [
        ({"host": 5}, "$.host", "must be text, not a number", "Name of the server."),
        ({"host": ["x"]}, "$.host", "must be text, not a list", "Name of the server."),
        ({"host": {}}, "$.host", "must be text, not an object", "Name of the server."),
        ({"host": True}, "$.host", "must be text, not true or false", "Name of the server."),
        ({"host": ""}, "$.host", "must have at least 1 characters", "Name of the server."),
        ({"host": None}, "$.host", "is missing; it must be text", "Name of the server."),
        ({"port": None}, "$.port", "is missing; it must be a whole number", ""),
        ({"port": "587"}, "$.port", "must be a whole number, not text", ""),
        ({"port": 1.5}, "$.port", "must be a whole number, not a number", ""),
        ({"port": True}, "$.port", "must be a whole number, not true or false", ""),
        ({"port": 0}, "$.port", "must be 1 or more", ""),
        ({"port": 70000}, "$.port", "must be 65535 or less", ""),
        ({"secure": "true"}, "$.secure", "must be true or false, not text", ""),
        ({"mode": "quick"}, "$.mode", 'must be one of "fast", "slow", 3 or null', ""),
        ({"version": 3}, "$.version", "must be 2", ""),
        ({"tags": ["a", 5]}, "$.tags[1]", "must be text, not a number", ""),
        ({"tags": ["a", "a"]}, "$.tags", "must not have the same item twice", ""),
        ({"tags": ["a", "b", "c"]}, "$.tags", "must have at most 2 items", ""),
        ({"size": []}, "$.size", "must be a number or text, not a list", ""),
        ({"weird": {"a b": 5}}, '$.weird["a b"]', "must be text, not a number", ""),
        ({"name": "ABC"}, "$.name", "must match the pattern ^[a-z]+$", ""),
        ({"name": "abcd"}, "$.name", "must have at most 3 characters", ""),
        ({"banned": 1}, "$", "has something in it that is not allowed", ""),
        (
            {"templates": [{"subject": "s"}, {}]},
            "$.templates[1].subject",
            "is missing; it must be text",
            "",
        ),
        ({"prot": 587}, "$.prot", "is not a known key", "did you mean 'port'?"),
        ({"HOST": "x"}, "$.HOST", "is not a known key", "did you mean 'host'?"),
        (
            {"zzzz": 1},
            "$.zzzz",
            "is not a known key",
            "known keys: banned, host, mode, name, port, secure, size, tags, templates, version, "
            "weird",
        ),
    ],
)
def test_each_problem(change: dict[str, Any], path: str, message: str, hint: str) -> None:
    config = {"host": "mail.test", "port": 587, **change}
    assert problems_of(config, MAIL) == [ConfigProblem(path, message, hint)]


def test_every_problem_at_once_and_in_order() -> None:
    config = {
        "secure": 1,
        "prot": 1,
        "templates": [{"subject": "s"}] * 2 + [{"subject": 1}] * 9 + [{}],
        "tags": [1, 2],
    }
    assert [problem.path for problem in problems_of(config, MAIL)] == [
        "$.host",
        "$.port",
        "$.prot",
        "$.secure",
        "$.tags[0]",
        "$.tags[1]",
        *(f"$.templates[{index}].subject" for index in range(2, 12)),
    ]


def test_two_missing_keys_are_two_problems() -> None:
    schema = properties(a={"type": "string"}, b={}) | {"required": ["a", "b", "c"]}
    assert problems_of({}, schema) == [
        ConfigProblem("$.a", "is missing; it must be text"),
        ConfigProblem("$.b", "is missing"),
        ConfigProblem("$.c", "is missing"),
    ]


def test_null_means_absent() -> None:
    schema = properties(a={"type": "string"}, list={"type": "array"}) | {
        "additionalProperties": False
    }
    connector = connector_of(Plugin(schema=schema))
    config = {"a": None, "unknown": None, "list": [{"x": None, "y": 1}]}
    assert connector.configure(config) == {"list": [{"y": 1}]}


def test_whole_numbers() -> None:
    connector = connector_of(Plugin(schema=properties(n={"type": "integer"})))
    state = connector.configure({"n": 30000.0, "x": [1.0, 1.5]})
    assert state == {"n": 30000, "x": [1, 1.5]}
    assert type(state["n"]) is int


AUTH = {
    "anyOf": [
        {
            "type": "object",
            "title": "password",
            "properties": {"user": {"type": "string"}, "pass": {"type": "string"}},
            "additionalProperties": False,
        },
        {
            "type": "object",
            "title": "oauth2",
            "properties": {
                "type": {"const": "OAuth2"},
                "user": {"type": "string"},
                "clientId": {"type": "string"},
                "clientSecret": {"type": "string"},
            },
            "required": ["type", "user", "clientSecret"],
            "additionalProperties": False,
        },
    ],
    "description": "Who sends.",
}


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ({"user": "u", "pass": 5}, [("$.auth.pass", "must be text, not a number")]),
        ({"user": "u", "pas": "p"}, [("$.auth.pas", "is not a known key")]),
        (
            {"type": "OAuth2", "user": "u", "clientId": "c"},
            [("$.auth.clientSecret", "is missing; it must be text")],
        ),
        (
            {"type": "OAuth2", "user": 5, "clientId": 5, "clientSecret": "s"},
            [
                ("$.auth.clientId", "must be text, not a number"),
                ("$.auth.user", "must be text, not a number"),
            ],
        ),
        ("text", [("$.auth", "must be an object, not text")]),
        ([], [("$.auth", "must be an object, not a list")]),
    ],
)
@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_of_alternatives_the_nearest_is_told(
    keyword: str, auth: Any, expected: list[tuple[str, str]]
) -> None:
    schema = properties(auth={keyword: AUTH["anyOf"], "description": "Who sends."})
    found = problems_of({"auth": auth}, schema)
    assert [(problem.path, problem.message) for problem in found] == expected


@pytest.mark.parametrize(
    ("alternatives", "message"),
    [
        ([{"type": "string"}, {"type": "integer"}], "must be text or a whole number, not a list"),
        (
            [{"type": ["string", "null"]}, {"type": "object"}],
            "must be text, null or an object, not",
        ),
        ([{"type": "string"}, {"type": "string", "minLength": 2}], "must be text, not a list"),
    ],
)
def test_alternatives_of_other_kinds(alternatives: list[Any], message: str) -> None:
    [problem] = problems_of({"a": []}, properties(a={"anyOf": alternatives}))
    assert problem.message.startswith(message)


@pytest.mark.parametrize(
    "rule",
    [
        {"dependentRequired": {"a": ["b"]}},
        {"not": {"required": ["a"]}},
        {"propertyNames": {"maxLength": 0}},
        {"minProperties": 2},
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
        {"unevaluatedProperties": False},
        {"oneOf": [{}, {}]},
        {"contains": {}, "properties": {"a": {"contains": {"type": "integer"}}}},
        {"$defs": {"t": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/t"}}},
    ],
    ids=lambda rule: next(iter(rule)),
)
def test_other_keywords_are_problems_too_and_show_no_value(rule: dict[str, Any]) -> None:
    found = problems_of({"a": [CANARY]}, rule)
    assert found
    assert all(problem.message for problem in found)
    assert CANARY not in repr(found)


def test_a_reference_is_never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a reference was fetched")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    for reference in ("https://json.test/a.json", "http://127.0.0.1/a", "file:///etc/passwd"):
        [problem] = problems_of({"a": 1}, properties(a={"$ref": reference}))
        assert "could not work with it" in problem.message


def test_schema_problems_of_a_config_of_the_wrong_kind() -> None:
    assert schema_problems({"type": "object"}, [CANARY]) == [
        ConfigProblem("$", "must be an object, not a list")
    ]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("hots", "host"), ("HOST", "host"), ("fromemail", "fromEmail"), ("x", None), ("", None)],
)
def test_nearest(word: str, expected: str | None) -> None:
    assert nearest(word, ["host", "port", "fromEmail"]) == expected
    assert nearest(word, []) is None


# Paths


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ((), "$"),
        (("host",), "$.host"),
        (("templates", 2, "subject"), "$.templates[2].subject"),
        (("_a1",), "$._a1"),
        (("1a",), '$["1a"]'),
        (("x-y",), '$["x-y"]'),
        (("a.b", 0), '$["a.b"][0]'),
        (("",), '$[""]'),
        (('say "hi"',), '$["say \\"hi\\""]'),
        (("back\\slash",), '$["back\\\\slash"]'),
        (("line\nbreak",), '$["line\\nbreak"]'),
        (("é",), '$["é"]'),
        (("0",), '$["0"]'),
    ],
)
def test_json_path(parts: tuple[str | int, ...], path: str) -> None:
    assert json_path(parts) == path


# No value is ever shown

EVERYWHERE: dict[str, Any] = {
    "a text": CANARY,
    "a list": [CANARY],
    "an object": {"inner": CANARY},
    "bytes": CANARY.encode(),
    "a path": Path(CANARY),
    "a set": {CANARY},
    "an error": ValueError(CANARY),
    "a long text": CANARY * 1000,
    "a list of objects": [{"inner": [CANARY]}],
}
RULES: dict[str, Any] = {
    "type": {"type": "integer"},
    "types": {"type": ["integer", "boolean"]},
    "enum": {"enum": [1, "x"]},
    "const": {"const": "x"},
    "pattern": {"type": "string", "pattern": "^x$"},
    "length": {"type": "string", "maxLength": 1},
    "items": {"type": "array", "items": {"type": "integer"}},
    "unique": {"type": "array", "maxItems": 0},
    "unknown": {"type": "object", "additionalProperties": False},
    "required": {"type": "object", "required": ["b"]},
    "anyOf": {"anyOf": [{"type": "integer"}, {"const": 5}, {"type": "string", "maxLength": 1}]},
    "oneOf": {"oneOf": [{"minLength": 1}, {"minItems": 1}, {"minProperties": 1}]},
    "not": {"not": {}},
    "false": False,
    "if": {"if": {}, "then": {"type": "integer"}},
    "names": {"propertyNames": {"pattern": "^x"}},
    "dependent": {"dependentRequired": {"inner": ["b"]}},
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("where", EVERYWHERE)
def test_no_value_is_shown(rule: str, where: str) -> None:
    schema = properties(place=RULES[rule])
    for value in (EVERYWHERE[where], [EVERYWHERE[where]]):
        with pytest.raises(ConfigError) as caught:
            connector_of(Plugin(schema=schema)).configure({"place": value, "other": object()})
        assert CANARY not in shown(caught.value)


def test_no_value_is_shown_by_a_model() -> None:
    class Cat(pydantic.BaseModel):
        kind: Literal["cat"]

    class Dog(pydantic.BaseModel):
        kind: Literal["dog"]

    class Model(pydantic.BaseModel, extra="forbid"):
        port: int
        mode: Literal["a", "b"]
        level: IntEnum
        pet: Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]
        name: Annotated[str, pydantic.StringConstraints(pattern="^x$", max_length=2)]
        url: pydantic.HttpUrl

    class Modelled(Plugin):
        @hookimpl
        def configure(self, config: Mapping[str, Any]) -> Model:
            return Model.model_validate(config)

    config = dict.fromkeys([*Model.model_fields, "extra"], CANARY) | {"pet": {"kind": CANARY}}
    with pytest.raises(ConfigError) as caught:
        connector_of(Modelled()).configure(config)
    assert {problem.path for problem in caught.value.problems} == {
        f"$.{name}" for name in [*Model.model_fields, "extra"]
    }
    [pet] = [problem for problem in caught.value.problems if problem.path == "$.pet"]
    assert "'cat'" in pet.message
    assert CANARY not in shown(caught.value)
    with pytest.raises(pydantic.ValidationError) as raised:
        Model.model_validate({})
    assert len(model_problems(raised.value)) == len(Model.model_fields)


# Copies


class Mode(str, Enum):  # noqa: UP042 - a StrEnum would be written well by itself
    FAST = "fast"


class Level(IntEnum):
    HIGH = 3


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "another text"


def test_the_state_is_made_of_plain_json() -> None:
    config = MappingProxyType(
        {
            "mode": Mode.FAST,
            "level": Level.HIGH,
            "text": Text("text"),
            Text("key"): OrderedDict(a=(1, 2)),
            "flag": True,
        }
    )
    state = connector_of(Plugin()).configure(config)
    assert state == {
        "mode": "fast",
        "level": 3,
        "text": "text",
        "key": {"a": [1, 2]},
        "flag": True,
    }
    kinds = [type(value) for value in state.values()]
    assert kinds == [str, int, str, dict, bool]
    assert {type(key) for key in state} == {str}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"x", "bytes"),
        (Path("x"), "Path"),
        ({1}, "set"),
        (object(), "object"),
        (float("nan"), "float"),
        (float("inf"), "float"),
        (1j, "complex"),
        (iter([]), "iterator"),
    ],
)
def test_what_is_no_json_is_a_problem_with_its_place(value: Any, kind: str) -> None:
    found = problems_of({"a": {"b": [0, value]}, "c": value})
    assert [problem.path for problem in found] == ["$.a.b[1]", "$.c"]
    assert all(kind in problem.message for problem in found)
    assert all("not a JSON value" in problem.message for problem in found)


@pytest.mark.parametrize("key", [5, None, b"x", ("a",), True])
def test_keys_must_be_text(key: Any) -> None:
    [problem] = problems_of({"a": {key: 1}})
    assert problem.path == "$.a"
    assert type(key).__name__ in problem.message


def test_circular_configs_are_problems() -> None:
    circle: dict[str, Any] = {"a": 1}
    circle["self"] = circle
    circle["again"] = [circle, circle]
    assert problems_of(circle) == [
        ConfigProblem("$.self", "is inside itself"),
        ConfigProblem("$.again[0]", "is inside itself"),
        ConfigProblem("$.again[1]", "is inside itself"),
    ]
    with pytest.raises(ConfigError, match="inside itself"):
        resolve_secrets(circle)


def test_the_same_object_twice_is_no_circle() -> None:
    shared = {"x": [1]}
    state = connector_of(Plugin()).configure({"a": shared, "b": [shared, shared]})
    assert state == {"a": {"x": [1]}, "b": [{"x": [1]}, {"x": [1]}]}
    state["a"]["x"].append(2)
    assert state["b"][0] == {"x": [1]}


def test_depth_is_bounded() -> None:
    config: dict[str, Any] = {}
    for _ in range(5000):
        config = {"deep": config}
    [problem] = problems_of(config)
    assert problem.message == "is nested too deeply"


JSON_VALUES = st.recursive(
    st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
).filter(lambda value: "env:" not in repr(value) and "file:" not in repr(value))


@given(st.dictionaries(st.text(), JSON_VALUES, max_size=4))
def test_a_json_config_without_nulls_stays_what_it_is(config: dict[str, Any]) -> None:
    before = copy.deepcopy(config)
    connector = connector_of(Plugin())
    state = connector.configure(config)
    assert state == config == before
    assert resolve_secrets(config) == config


# Secrets


def test_references_are_resolved_wherever_they_stand(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEST_SECRET", "from env: ü")
    file = tmp_path / "secret with spaces"
    file.write_text("first line\nlast line: ü\n", "utf-8")
    config = {
        "plain": "text",
        "number": 5,
        "gone": None,
        "auth": {"pass": "env:TEST_SECRET", "keys": [{"key": f"file:{file}"}, "env:TEST_SECRET"]},
        "not": [
            "env: TEST_SECRET",
            " env:TEST_SECRET",
            "env:",
            "env:1x",
            "file:",
            "file: x",
            "ENV:A",
        ],
        "env:TEST_SECRET": "keys are left alone",
    }
    before = copy.deepcopy(config)
    resolved = resolve_secrets(config)
    assert config == before
    assert resolved == {
        **{key: value for key, value in before.items() if key not in ("gone", "auth")},
        "auth": {
            "pass": "from env: ü",
            "keys": [{"key": "first line\nlast line: ü"}, "from env: ü"],
        },
    }


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"x", "x"),
        (b"x\n", "x"),
        (b"x\r\n", "x"),
        (b"x\n\n", "x\n"),
        (b" x \n", " x "),
        (b"\xef\xbb\xbfx", "x"),
        (b"env:TEST_OTHER", "env:TEST_OTHER"),  # one pass only
        (b"a" * 262144, "a" * 262144),
    ],
)
def test_files(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    assert resolve_secrets({"a": f"file:{file}"}) == {"a": expected}


def test_home_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert resolve_secrets({"a": "file:~/secret"}) == {"a": "x"}
    with pytest.raises(ConfigError):
        resolve_secrets({"a": "file:~no-such-user-here/secret"})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (CANARY.encode() + b"\xff", "is not UTF-8 text"),
        (CANARY.encode() * 30_000, "has more than 256 KiB"),
    ],
)
def test_files_that_hold_no_secret(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        resolve_secrets({"auth": [{"pass": f"file:{file}"}]})
    [problem] = caught.value.problems
    assert problem.path == "$.auth[0].pass"
    assert says in problem.message
    assert str(file) in problem.message
    assert CANARY not in shown(caught.value)


def test_directories_and_impossible_paths(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_secrets({"a": f"file:{tmp_path}", "b": "file:a\0b", "c": "file:" + "x" * 5000})
    assert [problem.path for problem in caught.value.problems] == ["$.a", "$.b", "$.c"]


def test_variables_that_hold_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_ABSENT", raising=False)
    monkeypatch.setenv("TEST_EMPTY", "")
    config = {"a": "env:TEST_ABSENT", "b": ["env:TEST_EMPTY"]}
    if os.name == "posix":
        monkeypatch.setitem(os.environ, "TEST_BYTES", os.fsdecode(CANARY.encode() + b"\xff"))
        config["c"] = "env:TEST_BYTES"
    with pytest.raises(ConfigError) as caught:
        resolve_secrets(config)
    told = {problem.path: problem.message for problem in caught.value.problems}
    assert told.pop("$.c", "TEST_BYTES UTF-8").count("TEST_BYTES") == 1
    assert told == {
        "$.a": "the environment variable TEST_ABSENT is not set, or empty",
        "$.b[0]": "the environment variable TEST_EMPTY is not set, or empty",
    }
    assert CANARY not in shown(caught.value)


def test_every_reference_that_cannot_be_resolved_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", CANARY)
    config = {"a": "env:TEST_NO", "b": {"c": ["env:TEST_SECRET", "file:/no/where"]}, "d": b"x"}
    with pytest.raises(ConfigError) as caught:
        resolve_secrets(config)
    assert {problem.path for problem in caught.value.problems} == {"$.a", "$.b.c[1]", "$.d"}
    assert CANARY not in shown(caught.value)


@pytest.mark.parametrize("config", [None, [], "env:HOME", 5])
def test_only_objects_are_resolved(config: Any) -> None:
    with pytest.raises(ConfigError, match="must be an object"):
        resolve_secrets(config)


def test_unresolved_references_are_refused() -> None:
    schema = properties(key={"type": "string", "maxLength": 2}, other={"type": "integer"})
    found = problems_of({"key": "env:SECRET", "list": ["file:/x"], "other": "x"}, schema)
    assert [problem.path for problem in found] == ["$.key", "$.list[0]", "$.other"]
    for problem in found[:2]:
        assert problem.message == "is a reference that was not resolved"
        assert "resolve_secrets" in problem.hint


# Merging, samples, placeholders


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(target: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy((target, patch))
    assert merge_patch(target, patch) == result
    assert (target, patch) == before


@pytest.mark.parametrize(
    ("schema", "sample"),
    [
        ({"examples": ["a", "b"], "default": "c", "type": "string"}, "a"),
        ({"examples": [], "default": 5}, 5),
        ({"default": None}, None),
        ({"const": "x"}, "x"),
        ({"enum": ["first", "second"]}, "first"),
        ({"type": "string"}, "<value>"),
        ({"type": "integer"}, 0),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "number"}, 0),
        ({"type": "boolean"}, False),
        ({"type": "array"}, []),
        ({"type": "object"}, {}),
        ({"type": ["string", "integer"]}, "<value>"),
        ({}, "<value>"),
        (
            properties(host={"type": "string"}, o=properties(p={})),
            {"host": "<host>", "o": {"p": "<p>"}},
        ),
        (properties(a={"type": "integer", "default": 1}, b=True), {"a": 1}),  # type: ignore[arg-type]
        (properties(a={"type": "string"}) | {"examples": [{"a": "whole"}]}, {"a": "whole"}),
    ],
)
def test_sample_from_schema(schema: dict[str, Any], sample: Any) -> None:
    assert sample_from_schema(schema) == sample


def test_placeholders_are_whole_values_and_never_mailboxes() -> None:
    sample = {
        "a": "<your-host>",
        "b": [
            "<one two>",
            "Name <a@b.test>",
            "<a@b.test>",
            "text <x> text",
            "<>",
            "<<x>>",
            "<a><b>",
        ],
        "<key>": "value",
        "c": {"d": "<your-host>"},
        "e": "<two\nlines>",
    }
    assert placeholders(sample) == {"<your-host>", "<one two>", "<two\nlines>"}


SAMPLED = properties(
    host={"type": "string", "examples": ["<your-host>"]},
    password={"type": "string", "maxLength": 4, "examples": ["<your-password>"]},
    sender={"type": "string", "examples": ["<noreply@your-domain.test>"]},
    text={"type": "string", "examples": ["Hello <name>"]},
)


def test_placeholders_left_are_named_exactly() -> None:
    connector = connector_of(Plugin(schema=SAMPLED))
    sample = connector.sample_config()
    with pytest.raises(ConfigError) as caught:
        connector.configure(sample)
    assert [(problem.path, problem.message) for problem in caught.value.problems] == [
        ("$.host", "is still the placeholder <your-host>"),
        ("$.password", "is still the placeholder <your-password>"),
    ]
    state = connector.configure({**sample, "host": "h", "password": "<p>"})
    assert state["sender"] == "<noreply@your-domain.test>"
    # In another place it is still one; what only looks like one is not.
    found = problems_of({"host": "<other>", "text": "<your-host>"}, SAMPLED)
    assert [problem.path for problem in found] == ["$.text"]


def test_problems_are_told_on_one_line_each() -> None:
    one, two = ConfigProblem("$.a", "is wrong", "mend it"), ConfigProblem("$.b", "is too")
    assert str(one) == "$.a: is wrong (mend it)"
    assert str(ConfigError([one])) == "the config has a problem at $.a: is wrong (mend it)"
    assert str(ConfigError([one, two])).splitlines() == [
        "the config has 2 problems:",
        "  $.a: is wrong (mend it)",
        "  $.b: is too",
    ]


def test_the_installed_sample_names_its_placeholders(smtp: Connector) -> None:
    sample = smtp.sample_config()
    with pytest.raises(ConfigError) as caught:
        smtp.configure(sample)
    expected = placeholders(sample)
    assert expected
    assert {problem.message for problem in caught.value.problems} == {
        f"is still the placeholder {text}" for text in expected
    }


def test_the_installed_connector_shows_no_value(smtp: Connector) -> None:
    """A secret in every place of its sample, one after the other, and in all at once."""

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [filled(item) for item in value]
        return CANARY

    sample = smtp.sample_config()
    configs = [filled(sample), *({**sample, key: CANARY} for key in sample)]
    configs += [{**sample, key: [{CANARY[:6]: CANARY}]} for key in sample]
    for config in configs:
        with pytest.raises(ConfigError) as caught:
            smtp.configure(config)
        assert CANARY not in shown(caught.value)


@pytest.fixture(scope="module")
def smtp() -> Connector:
    from connector_core import AsyncHost

    registry: Registry = AsyncHost.discover().registry
    return registry["smtp"]
