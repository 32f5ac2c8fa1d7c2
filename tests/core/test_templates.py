"""Templates: what a variable becomes, that nothing is evaluated, and which template is chosen."""

from __future__ import annotations

import json
import math
import sys
import time
import uuid
from collections import ChainMap, defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from html.parser import HTMLParser
from types import MappingProxyType
from typing import Any, NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector_core import Template, TemplateNotFoundError
from connector_core.templates import (
    CompiledText,
    TemplateIndex,
    Variables,
    escape_html,
    render,
    template_from,
)

# Variables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{code}}", "123456"),
        ("{{ code }}", "123456"),
        ("{{\tcode\n}}", "123456"),
        ("a {{code}} b {{code}} c", "a 123456 b 123456 c"),
        ("{{code}}{{code}}", "123456123456"),
        ("{{{code}}}", "{123456}"),
        ("{{{{code}}}}", "{{123456}}"),
        ("{{user.name}}", "Ann"),
        ("{{user.profile.city}}", "Paris"),
        ("{{list.0}} {{list.1}}", "a b"),
        ("{{list.2.deep}}", "yes"),
        ("{{pair.1}}", "second"),
        # The root is there and the rest is not, or is null: empty.
        ("<{{user.absent}}>", "<>"),
        ("<{{user.absent.more}}>", "<>"),
        ("<{{code.length}}>", "<>"),
        ("<{{code.0}}>", "<>"),
        ("<{{list.9}}>", "<>"),
        ("<{{list.-1}}>", "<{{list.-1}}>"),
        ("<{{list.99999999999999999999}}>", "<>"),
        ("<{{list.length}}>", "<>"),
        ("<{{nothing}}>", "<>"),
        ("<{{nothing.more}}>", "<>"),
        ("<{{user.}}>", "<>"),
        ("<{{user..name}}>", "<>"),
        # The root is not there, or it is no variable: as it stands.
        ("{{absent}}", "{{absent}}"),
        ("{{  absent.name }}", "{{  absent.name }}"),
        ("{{.code}}", "{{.code}}"),
        ("{{Code}}", "{{Code}}"),
        ("{{}}", "{{}}"),
        ("{{ }}", "{{ }}"),
        ("{code}", "{code}"),
        ("{{code}", "{{code}"),
        ("{{code", "{{code"),
        ("{ {code} }", "{ {code} }"),
        ("{{code name}}", "{{code name}}"),
        ("{{code|upper}}", "{{code|upper}}"),
        ("{{code()}}", "{{code()}}"),
        ("{{#if code}}x{{/if}}", "{{#if code}}x{{/if}}"),
        ("{{user['name']}}", "{{user['name']}}"),
        ("{{user-name}}", "{{user-name}}"),
        ("{{cödé}}", "{{cödé}}"),
        ("{{7 * 7}} ${code} %(code)s {0}", "{{7 * 7}} ${code} %(code)s {0}"),
        ("", ""),
    ],
)
def test_variables(text: str, expected: str) -> None:
    payload = {
        "code": "123456",
        "user": {"name": "Ann", "profile": {"city": "Paris"}},
        "list": ["a", "b", {"deep": "yes"}],
        "pair": ("first", "second"),
        "nothing": None,
    }
    assert render(text, payload) == expected
    assert render(text, payload, escape=True) == expected


class Mode(str, Enum):  # noqa: UP042 - a StrEnum would be written well by itself
    """A str whose str() is not its value."""

    FAST = "fast"


class Level(IntEnum):
    HIGH = 3


class Level2(int, Enum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"),
        (False, "false"),
        (None, ""),
        (5, "5"),
        (-5, "-5"),
        (0, "0"),
        (2**64, str(2**64)),
        (1.5, "1.5"),
        (5.0, "5"),
        (-0.0, "0"),
        (1e20, "1" + "0" * 20),
        (1e21, "1e+21"),
        (1.25e-7, "1.25e-07"),
        (math.nan, ""),
        (math.inf, ""),
        (-math.inf, ""),
        ("text", "text"),
        ("", ""),
        (Mode.FAST, "fast"),
        (Level.HIGH, "3"),
        (Level2.HIGH, "3"),
        ([], "[]"),
        ({}, "{}"),
        ([1, 1.5, 5.0, True, None, 'é"<'], '[1,1.5,5,true,null,"é\\"<"]'),
        ({"a": {"b": [1, 2]}}, '{"a":{"b":[1,2]}}'),
        ([math.nan, math.inf], "[null,null]"),
        (("a", "b"), '["a","b"]'),
        ({5: "a"}, '{"5":"a"}'),
        (MappingProxyType({"a": MappingProxyType({"b": 1})}), '{"a":{"b":1}}'),
        ([Mode.FAST, Level.HIGH], '["fast",3]'),
        (Decimal("1.50"), "1.50"),
        (date(2026, 8, 1), "2026-08-01"),
        ([date(2026, 8, 1)], '["2026-08-01"]'),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_values_are_written_as_in_json(value: Any, expected: str) -> None:
    assert render("{{v}}", {"v": value}) == expected
    assert render("{{o.v}}", {"o": {"v": value}}) == expected


def test_a_number_that_python_refuses_to_write_is_empty() -> None:
    assert render("<{{v}}>", {"v": 10**5000}) == "<>"


def test_one_pass_only() -> None:
    payload = {"a": "{{b}}", "b": "{{a}}", "open": "{{", "close": "}}", "name": "b"}
    assert render("{{a}}", payload) == "{{b}}"
    assert render("{{open}}b{{close}}", payload) == "{{b}}"
    assert render("{{{{name}}}}", payload) == "{{b}}"
    assert render("{{open}}{{name}}{{close}} {{a}}{{b}}", payload) == "{{b}} {{b}}{{a}}"


@given(st.text(), st.text())
def test_a_value_goes_in_as_it_is(before: str, value: str) -> None:
    before = before.replace("{", "")
    assert render(before + "{{v}}|{{ v }}", {"v": value}) == f"{before}{value}|{value}"


@given(st.text())
def test_text_without_variables_stays(text: str) -> None:
    assert render(text, {}) == text
    assert CompiledText(text).render({}, escape_html) == text


def test_compiled_text_names_its_paths_and_is_used_again() -> None:
    compiled = CompiledText("{{ a.b }} {{c}} {{a.b}} {{ }}")
    assert compiled.paths == ("a.b", "c", "a.b")
    assert compiled.values({"a": {"b": 1}}) == ["1", None, "1"]
    assert compiled.render({"a": {"b": 1}}) == "1 {{c}} 1 {{ }}"
    assert compiled.render({"c": 2}) == "{{ a.b }} 2 {{a.b}} {{ }}"
    assert compiled.fill(["x", "y", None]) == "x y {{a.b}} {{ }}"


def test_compiled_text_shows_what_it_is_made_of() -> None:
    compiled = CompiledText("a {{ b.c }}{{d}}")
    assert compiled.literals == ("a ", "", "")
    assert compiled.sources == ("{{ b.c }}", "{{d}}")
    assert CompiledText("").literals == ("",)


@given(st.text("ab{} .\n"))
def test_literals_and_sources_are_the_text(text: str) -> None:
    compiled = CompiledText(text)
    assert len(compiled.literals) == len(compiled.sources) + 1 == len(compiled.paths) + 1
    assert (
        "".join(map("".join, zip(compiled.literals, compiled.sources, strict=False)))
        + (compiled.literals[-1])
        == text
    )


def test_variables_are_looked_up_once_each() -> None:
    variables = Variables(["b.c", "a", "b.c", "list.0", "gone", "b.gone"])
    assert variables.paths == ("b.c", "a", "list.0", "gone", "b.gone")
    payload = {"a": 1, "b": {"c": None}, "list": ["first"]}
    assert variables.values(payload) == ["", "1", "first", None, ""]
    assert variables.values(MappingProxyType(payload)) == variables.values(payload)
    assert Variables([]).values(payload) == []


# Never raises, never evaluates


class Raising:
    """Breaks whatever is asked of it."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class NoText:
    def __str__(self) -> str:
        return 5  # type: ignore[return-value]


class Inventive(dict[str, Any]):
    """Has every key."""

    def __missing__(self, key: str) -> str:
        return f"invented {key}"


class Broken(Mapping[str, Any]):
    def __getitem__(self, key: str) -> NoReturn:
        raise OSError(key)

    def __iter__(self) -> Iterator[str]:
        raise OSError

    def __len__(self) -> int:
        raise OSError

    def get(self, key: object, default: object = None) -> NoReturn:
        raise OSError


class Liar:
    """Says that it is what it is not."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return self.kind


class Unclassed:
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError


def circular_list() -> list[Any]:
    circle: list[Any] = [1]
    circle += [circle, circle]
    return circle


def circular_dict() -> dict[str, Any]:
    circle: dict[str, Any] = {"a": 1}
    circle["self"] = circle
    return circle


def deep(levels: int) -> Any:
    value: Any = "end"
    for index in range(levels):
        value = [value] if index % 2 else {"a": value}
    return value


WEIRD: dict[str, Any] = {
    "raising": Raising(),
    "no text": NoText(),
    "inventive": Inventive(),
    "inventive of raising": Inventive(a=Raising()),
    "broken mapping": Broken(),
    **{f"liar {kind.__name__}": Liar(kind) for kind in (str, dict, list, float, bool, int)},
    "unclassed": Unclassed(),
    "circular list": circular_list(),
    "circular dict": circular_dict(),
    "deep": deep(10_000),
    "default dict": defaultdict(dict),
    "chain": ChainMap({"a": 1}, {}),
    "huge": 10**5000,
    "huge below": -(10**5000),
    "list of huge": [10**5000],
    "nan": math.nan,
    "bytes": b"bytes",
    "bytearray": bytearray(b"x"),
    "set": {1, 2},
    "tuple key": {"a": {("tuple",): 1}},
    "class": object,
    "function": len,
    "surrogate": "\ud800",
    "not implemented": NotImplemented,
    "ellipsis": ...,
    "exception": Exception("x"),
    "range": range(10**9),
}
PATHS = ("v", "v.a", "v.0", "v.a.b.c", "v.self.self.a", "v.1.1.0", "v.__class__")


@pytest.mark.parametrize("key", WEIRD)
@pytest.mark.parametrize("path", PATHS)
def test_no_value_makes_it_raise(key: str, path: str) -> None:
    value = WEIRD[key]
    for payload in ({"v": value}, {"v": [value]}, {"v": {"a": value}}, Inventive(v=value)):
        assert isinstance(render(f"{{{{{path}}}}}", payload, escape=True), str)


@pytest.mark.parametrize("key", WEIRD)
def test_no_payload_makes_it_raise(key: str) -> None:
    assert isinstance(render("{{a}} {{a.b}} {{0}}", WEIRD[key]), str)


def test_what_has_no_text_is_empty() -> None:
    for value in (Raising(), NoText(), circular_list(), circular_dict(), deep(10_000)):
        assert render("<{{v}}>", {"v": value}) == "<>"
    assert render("<{{v.a}}>", {"v": Inventive()}) == "<>"
    assert render("{{v}}", Broken()) == "{{v}}"


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.01{}", max_size=3), inner)
    ),
    max_leaves=8,
)
PAYLOADS = st.dictionaries(
    st.text("abcv01", min_size=1, max_size=2),
    JSON_LIKE | st.sampled_from([("weird", key) for key in WEIRD]),
    max_size=4,
)
TEXTS = st.lists(
    st.sampled_from(
        ["{{", "}}", "{", "}", " ", ".", "a", "b", "v", "0", "1", "{{a}}", "{{ v.a }}", "{{v.0}}"]
    )
    | st.text(max_size=3),
    max_size=12,
).map("".join)


@given(TEXTS, PAYLOADS, st.booleans())
def test_rendering_never_raises(text: str, payload: dict[str, Any], escape: bool) -> None:
    # Hypothesis cannot show the weird ones, so it draws their names.
    values = {
        key: WEIRD[value[1]] if isinstance(value, tuple) else value
        for key, value in payload.items()
    }
    assert isinstance(render(text, values, escape=escape), str)


@given(JSON_LIKE)
@example([1e300])
def test_containers_are_json(value: Any) -> None:
    written = render("{{v}}", {"v": [value]})
    read = json.loads(written, parse_constant=lambda name: pytest.fail(name))
    assert read == [without_odd_numbers(value)]
    assert written == json.dumps(read, ensure_ascii=False, separators=(",", ":"))


def without_odd_numbers(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: without_odd_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_odd_numbers(item) for item in value]
    return value


class Watched:
    """Notes every attribute that is asked of it."""

    asked: list[str]

    def __init__(self) -> None:
        object.__setattr__(self, "asked", [])

    def __getattr__(self, name: str) -> str:
        self.asked.append(name)
        return "leaked"

    name = "leaked"

    def __str__(self) -> str:
        return "text"


@pytest.mark.parametrize(
    "path",
    ["user.name", "user.__class__", "user.__class__.__name__", "user.asked", "user.anything.0"],
)
def test_attributes_are_out_of_reach(path: str) -> None:
    watched = Watched()
    assert render(f"<{{{{{path}}}}}>", {"user": watched}) == "<>"
    assert watched.asked == []
    assert render("{{user}}", {"user": watched}) == "text"
    assert watched.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "__class__",
        "constructor",
        "__proto__",
        "toString",
        "self",
        "get",
        "keys",
        "__init__.__globals__",
        "payload",
        "os.environ",
    ],
)
def test_names_of_object_internals_are_no_variables(path: str) -> None:
    payload = {"user": {"a": 1}, "list": [1], "text": "t"}
    assert render(f"{{{{{path}}}}}", payload) == f"{{{{{path}}}}}"
    for root in payload:
        assert render(f"<{{{{{root}.{path}}}}}>", payload) == "<>"


# HTML


class Structure(HTMLParser):
    """What a browser would see: tags with attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[str] = []
        self.others: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(("/" + tag, ()))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_decl(self, decl: str) -> None:
        self.others.append(decl)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)


@given(
    st.text() | st.text("<>&\"' ={}/!-ax;#", max_size=20) | TEXTS,
)
@example("<script>alert(1)</script>")
@example('" onmouseover="alert(1)')
@example("' onmouseover='alert(1)")
@example("<!--")
@example("&lt;script&gt;")
@example("]]><![CDATA[")
def test_values_are_inert_in_html(value: str) -> None:
    html = "<p title=\"{{v}}\" class='{{v}}'>a{{v}}b</p><i>{{o.v}}</i>"
    seen = Structure(render(html, {"v": value, "o": {"v": value}}, escape=True))
    assert [(tag, [name for name, _ in attributes]) for tag, attributes in seen.tags] == [
        ("p", ["title", "class"]),
        ("/p", []),
        ("i", []),
        ("/i", []),
    ]
    assert seen.others == []
    # What a reader sees is the value itself.
    assert [text for _, text in seen.tags[0][1]] == [value, value]
    assert "".join(seen.texts) == f"a{value}b{value}"


def test_only_values_are_escaped() -> None:
    payload = {"v": "<&>\"'", "o": {"k": "<"}}
    assert render("<b>&{{v}}</b>", payload, escape=True) == "<b>&&lt;&amp;&gt;&quot;&#x27;</b>"
    assert render("{{o}}", payload, escape=True) == "{&quot;k&quot;:&quot;&lt;&quot;}"
    assert render("<b>{{v}}", payload) == "<b><&>\"'"
    assert render("<{{absent}}>", payload, escape=True) == "<{{absent}}>"
    assert render("{{v}}", {"v": Mode.FAST}, escape=True) == "fast"


# Time

LENGTH = 1_000_000


@pytest.mark.parametrize(
    ("start", "repeated", "end"),
    [
        ("", "{{", ""),
        ("", "{{ ", ""),
        ("", "{{a.", ""),
        ("{{", " ", ""),
        ("{{", "a", ""),
        ("{{", "a.", ""),
        ("{{ a", " ", "}"),
        ("", "{{" + " " * 100, ""),
        ("", "{{a} }", ""),
        ("", "}}", ""),
        ("", "{{a}}", ""),
        ("", "{{v}}", ""),
        ("{{", "a.", "}}"),
        ("{{v", ".v", "}}"),
    ],
)
def test_a_megabyte_of_anything_takes_linear_time(start: str, repeated: str, end: str) -> None:
    """Quadratic time would be minutes here; the bound leaves room for a slow machine."""
    text = start + repeated * (LENGTH // len(repeated)) + end
    started = time.process_time()
    rendered = render(text, {"v": {"v": "x"}}, escape=True)
    assert time.process_time() - started < 20
    if "{{v" not in text:
        assert rendered == text


def test_a_deep_path_does_not_recurse() -> None:
    value: Any = "end"
    for _ in range(sys.getrecursionlimit() * 2):
        value = {"a": value}
    path = ".".join("a" * (sys.getrecursionlimit() * 2))
    assert render(f"{{{{{path}}}}}", value) == "end"


# Choosing


def template(usage_type: str, locale: str | None = None, subject: str = "") -> Template:
    subject = subject or f"{usage_type} {locale}"
    return Template(usage_type=usage_type, locale=locale, subject=subject, content="")


ALL = [
    (usage_type, locale) for usage_type in ("SignIn", "Generic") for locale in ("fr-CA", "fr", None)
]


def test_lookup_order_for_a_locale() -> None:
    """The usage type by ever less specific locales, then Generic likewise."""
    left = list(ALL)
    while left:
        index = TemplateIndex(template(*key) for key in left)
        assert index.find("SignIn", "fr-CA").subject == "{} {}".format(*left[0])
        left.pop(0)
    with pytest.raises(TemplateNotFoundError):
        TemplateIndex([]).find("SignIn", "fr-CA")


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("fr-CA", "SignIn fr-CA"),
        ("FR-ca", "SignIn fr-CA"),
        ("fr_CA", "SignIn fr-CA"),
        ("fr-CA-x-private", "SignIn fr-CA"),
        ("fr-BE", "SignIn fr"),
        ("fr", "SignIn fr"),
        ("f", "SignIn None"),
        ("de", "SignIn None"),
        (None, "SignIn None"),
        ("", "SignIn None"),
        ("not a tag", "SignIn None"),
        ("fr-", "SignIn None"),
        ("*", "SignIn None"),
        ("fr\r\nBcc: x", "SignIn None"),
        ("x" * 10_000, "SignIn None"),
    ],
)
def test_lookup_by_locale(locale: str | None, expected: str) -> None:
    index = TemplateIndex(template(*key) for key in ALL)
    assert index.find("SignIn", locale).subject == expected
    assert index.find("Other", locale).subject == expected.replace("SignIn", "Generic")


@pytest.mark.parametrize(
    ("there", "asked", "found"),
    [
        ("zh-Hant", "zh-Hant-TW", True),
        ("zh", "zh-Hant-TW", True),
        ("ZH-HANT-tw", "zh-Hant-TW", True),
        ("zh-TW", "zh-Hant-TW", False),
        ("zh-Hant-TW", "zh-Hant", False),
        ("en-a", "en-a-bbb", False),  # a single letter goes with what stood behind it
        ("en", "en-a-bbb", True),
        ("de-CH", "de-CH-x-phonebk", True),
        ("de-CH-x", "de-CH-x-phonebk", False),
    ],
)
def test_lookup_of_longer_tags(there: str, asked: str, found: bool) -> None:
    index = TemplateIndex([template("SignIn", there), template("SignIn")])
    assert index.find("SignIn", asked).locale == (there if found else None)


def test_a_locale_is_never_a_stand_in_for_another() -> None:
    index = TemplateIndex([template("SignIn", "fr"), template("Generic", "de")])
    with pytest.raises(TemplateNotFoundError) as caught:
        index.find("SignIn", "en-US")
    assert str(caught.value) == (
        "there is no template for 'SignIn' in en-US, nor a Generic one; "
        "there are: SignIn (fr), Generic (de)"
    )
    assert caught.value.usage_type == "SignIn"
    with pytest.raises(TemplateNotFoundError, match=r"'SignIn', nor a Generic one; .*: none$"):
        TemplateIndex([]).find("SignIn", None)


def test_the_first_of_duplicates_counts() -> None:
    index = TemplateIndex(
        [
            template("SignIn", "fr", "first"),
            template("SignIn", "FR", "second"),
            template("SignIn", None, "third"),
            template("SignIn", None, "fourth"),
        ]
    )
    assert index.find("SignIn", "fr").subject == "first"
    assert index.find("SignIn", None).subject == "third"


def test_usage_types_match_exactly() -> None:
    index = TemplateIndex([template("SignIn"), template("Generic"), template("Ein Anlass")])
    assert index.find("signin", None).usage_type == "Generic"
    assert index.find("Ein Anlass", None).usage_type == "Ein Anlass"


def test_a_source_may_write_every_key() -> None:
    given_ = {
        "usageType": "SignIn",
        "contentType": "text/plain",
        "subject": "s",
        "content": "c",
        "locale": "fr",
        "sendFrom": "a@b.test",
        "replyTo": "r@b.test",
    }
    made = template_from(MappingProxyType(given_))
    assert made == Template(
        usage_type="SignIn",
        content_type="text/plain",
        subject="s",
        content="c",
        locale="fr",
        send_from="a@b.test",
        reply_to="r@b.test",
    )
    assert template_from(made) == made
    both = template_from({"subject": "s", "content": "<p>c</p>", "text": "c"})
    assert both == Template(subject="s", content="<p>c</p>", text="c")
    assert template_from(None) is None
    assert "canary" not in repr(Template(subject="canary", content="canary", text="canary"))
