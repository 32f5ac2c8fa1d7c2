"""Discovery: real distributions, and everything a plugin can do wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connector_core import DiscoveryError, PluginFailure, UnknownConnectorError
from connector_core.discovery import registry_of
from tests.core.distributions import (
    Distribution,
    discover_in,
    good_distribution,
    plugin_source,
)

SMTP = "simple-mail-transfer-protocol"
OURS = {SMTP, "http-email", "file"}
HOOKS = """
from connector_core import ConnectorMetadata, Receipt, hookimpl

class Plugin:
    @hookimpl
    def metadata(self):
        return ConnectorMetadata(
            id={id!r}, target={id!r}, name={{"en": "N"}}, description={{"en": "D"}}
        )
    @hookimpl
    def config_schema(self):
        return {{"type": "object"}}
    @hookimpl
    async def send_message(self, state, message):
        return Receipt(message_id=message.message_id, connector_id={id!r}, accepted=(message.to,))
"""


@dataclass(frozen=True)
class Wrong:
    """One thing a plugin does wrong, and what the failure must say."""

    stage: str
    says: tuple[str, ...]
    source: str
    entry_point: str = ""
    traced: bool = False


def field(key: str, value: str, *says: str) -> Wrong:
    """Metadata with one wrong field."""
    return Wrong("metadata", says, plugin_source(fields={key: value}), traced=True)


def schema(expression: str, *says: str) -> Wrong:
    """A schema that is wrong."""
    return Wrong("config_schema", says, plugin_source(schema=expression))


def send(text: str, *says: str) -> Wrong:
    """A `send_message` with a wrong signature."""
    return Wrong("hooks", ("send_message", *says), plugin_source(send_message=f"@hookimpl\n{text}"))


def api(value: str) -> Wrong:
    return Wrong("contract", ("HOOK_API", value), plugin_source(extra=f"HOOK_API = {value}"))


WRONG = {
    # at import
    "import error": Wrong("load", ("nowhere_to_be_found",), "import nowhere_to_be_found", "", True),
    "syntax error": Wrong("load", ("SyntaxError",), "def broken(:\n", "", True),
    "exit at import": Wrong("load", ("SystemExit: 3",), "raise SystemExit(3)", "", True),
    "base exception": Wrong(
        "load",
        ("Escape: away",),
        "class Escape(BaseException): pass\nraise Escape('away')",
        "",
        True,
    ),
    "cancellation at import": Wrong(
        "load", ("CancelledError",), "import asyncio\nraise asyncio.CancelledError", "", True
    ),
    "exception without a text": Wrong(
        "load",
        ("Mute",),
        "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute",
        "",
        True,
    ),
    "missing attribute": Wrong("load", ("nothing_here",), plugin_source(), ":nothing_here", True),
    "value that names nothing": Wrong(
        "load", ("AttributeError",), plugin_source(), "not a module!", True
    ),
    # the contract
    "class": Wrong("contract", ("class Plugin", "instance"), HOOKS.format(id="bad"), ":Plugin"),
    "api 2": api("2"),
    "api '1'": api("'1'"),
    "api 0": api("0"),
    "api -1": api("-1"),
    "api True": api("True"),
    "api 1.0": api("1.0"),
    "api None": api("None"),
    # what is no plugin
    "none": Wrong("hooks", ("metadata",), "PLUGIN = None", ":PLUGIN"),
    "number": Wrong("hooks", ("metadata",), "PLUGIN = 5", ":PLUGIN"),
    "function": Wrong("hooks", ("metadata",), "def plugin(): pass", ":plugin"),
    "empty module": Wrong("hooks", ("metadata", "not implemented"), ""),
    # the hooks
    "metadata missing": Wrong("hooks", ("'metadata'", "not impl"), plugin_source(metadata="")),
    "schema missing": Wrong(
        "hooks", ("'config_schema'", "not implemented"), plugin_source(config_schema="")
    ),
    "send missing": Wrong(
        "hooks", ("'send_message'", "not implemented"), plugin_source(send_message="")
    ),
    "send not marked": Wrong(
        "hooks",
        ("'send_message'", "not implemented"),
        plugin_source(send_message="def send_message(state, message): pass"),
    ),
    "unknown hook": Wrong(
        "hooks",
        ("'send_mesage'", "send_message"),
        plugin_source(extra="@hookimpl\ndef send_mesage(state, message): pass"),
    ),
    "wrong argument": Wrong(
        "register",
        ("'send_message'", "no argument 'msg'", "arguments: state, message"),
        plugin_source(send_message="@hookimpl\ndef send_message(state, msg): pass"),
    ),
    "keyword-only": send("def send_message(state, *, message): pass", "message", "keyword-only"),
    "default": send("def send_message(state, message=None): pass", "message", "default"),
    "args": send("def send_message(*args): pass", "args", "variadic"),
    "kwargs": send("def send_message(**kwargs): pass", "kwargs", "keyword-only"),
    "required wrapper": Wrong(
        "hooks",
        ("'send_message'", "wrapped"),
        plugin_source(
            send_message="@hookimpl(wrapper=True)\ndef send_message(state, message): return (yield)"
        ),
    ),
    "old wrapper": Wrong(
        "hooks",
        ("'config_schema'", "wrapped"),
        plugin_source(config_schema="@hookimpl(hookwrapper=True)\ndef config_schema(): yield"),
    ),
    "optional wrapper": Wrong(
        "hooks",
        ("'configure'", "wrapped"),
        plugin_source(
            extra="@hookimpl(wrapper=True)\ndef configure(config): return (yield)",
        ),
    ),
    "async metadata": Wrong(
        "hooks",
        ("'metadata'", "asynchronous"),
        plugin_source(metadata="@hookimpl\nasync def metadata(): return None"),
    ),
    "async schema": Wrong(
        "hooks",
        ("'config_schema'", "asynchronous"),
        plugin_source(config_schema="@hookimpl\nasync def config_schema(): return {}"),
    ),
    "async configure": Wrong(
        "hooks",
        ("'configure'", "asynchronous"),
        plugin_source(extra="@hookimpl\nasync def configure(config): return {}"),
    ),
    "coroutine from a plain hook": Wrong(
        "metadata",
        ("coroutine",),
        plugin_source(
            metadata="async def later(): pass\n@hookimpl\ndef metadata(): return later()"
        ),
    ),
    # metadata
    "metadata raises": Wrong(
        "metadata",
        ("RuntimeError: no such file",),
        plugin_source(metadata="@hookimpl\ndef metadata(): raise RuntimeError('no such file')"),
        traced=True,
    ),
    "metadata exits": Wrong(
        "metadata",
        ("SystemExit",),
        plugin_source(metadata="@hookimpl\ndef metadata(): raise SystemExit"),
        traced=True,
    ),
    "metadata is none": Wrong(
        "metadata",
        ("ConnectorMetadata", "NoneType"),
        plugin_source(metadata="@hookimpl\ndef metadata(): return None"),
    ),
    "metadata is a dict": Wrong(
        "metadata",
        ("ConnectorMetadata", "dict"),
        plugin_source(metadata="@hookimpl\ndef metadata(): return {'id': 'bad'}"),
    ),
    "id absent": field("id", "", "'id'"),
    "id number": field("id", "5", "metadata.id", "text", "int"),
    "id empty": field("id", "''", "metadata.id", "empty"),
    "id upper": field("id", "'Bad'", "metadata.id", "lower-case"),
    "id spaced": field("id", "'a b'", "metadata.id", "lower-case"),
    "id line": field("id", "'bad\\n'", "metadata.id", "lower-case"),
    "id long": field("id", "'x' * 129", "metadata.id"),
    "target absent": field("target", "", "'target'"),
    "target none": field("target", "None", "metadata.target", "text"),
    "target path": field("target", "'../x'", "metadata.target", "lower-case"),
    "type fax": field("type", "'Fax'", "metadata.type", "Email", "Sms"),
    "type list": field("type", "['Email']", "metadata.type", "Email", "Sms"),
    "name text": field("name", "'Name'", "metadata.name", "language tags", "str"),
    "name without en": field("name", "{'fr': 'Nom'}", "metadata.name", "'en'"),
    "name empty": field("name", "{}", "metadata.name", "'en'"),
    "name of nothing": field("name", "{'en': ''}", "metadata.name['en']", "empty"),
    "name number": field("name", "{'en': 5}", "metadata.name['en']", "text"),
    "name bad tag": field("name", "{'en': 'N', 'not a tag': 'N'}", "metadata.name", "'not a tag'"),
    "name number tag": field("name", "{'en': 'N', 5: 'N'}", "metadata.name", "5"),
    "description none": field("description", "None", "metadata.description", "NoneType"),
    "description list": field("description", "['D']", "metadata.description", "list"),
    "description without en": field("description", "{'de': 'B'}", "metadata.description", "'en'"),
    "logo bytes": field("logo", "b'<svg/>'", "metadata.logo", "text or None"),
    "logo_dark number": field("logo_dark", "5", "metadata.logo_dark", "text or None"),
    "readme list": field("readme", "[]", "metadata.readme", "text or None"),
    "platform number": field("platform", "1", "metadata.platform", "text or None"),
    "links text": field("links", "'https://x.test'", "metadata.links", "Link"),
    "links number": field("links", "5", "metadata.links", "Link"),
    "links none": field("links", "None", "metadata.links", "Link"),
    "links of text": field("links", "['https://x.test']", "metadata.links", "Link"),
    "link untitled": field("links", "[Link('', 'https://x.test')]", "Link.title", "empty"),
    "link in clear": field("links", "[Link('X', 'http://x.test')]", "Link.url", "https://"),
    "unknown field": field("colour", "'red'", "colour"),
    # the schema
    "schema raises": Wrong(
        "config_schema",
        ("KeyError: 'nothing'",),
        plugin_source(config_schema="@hookimpl\ndef config_schema(): return {}['nothing']"),
        traced=True,
    ),
    "schema none": schema("None", "mapping", "NoneType"),
    "schema text": schema("'{}'", "mapping", "str"),
    "schema list": schema("[]", "mapping", "list"),
    "schema bool": schema("True", "mapping", "bool"),
    "schema unsound": schema("{'type': 'object', 'required': 'host'}", "2020-12", "$.required"),
    "schema bad type": schema("{'type': 'objekt'}", "2020-12", "$.type"),
    "draft 7": schema(
        "{'$schema': 'http://json-schema.org/draft-07/schema#', 'type': 'object'}",
        "$schema",
        "2020-12",
    ),
    "remote ref": schema(
        "{'type': 'object', 'properties': {'a': {'$ref': 'https://json.test/a.json'}}}",
        "https://json.test/a.json",
        "never fetched",
    ),
    "file ref": schema(
        "{'type': 'object', 'allOf': [{'$ref': 'file:///etc/passwd'}]}", "never fetched"
    ),
    "dangling ref": schema(
        "{'type': 'object', 'properties': {'a': {'$ref': '#/$defs/absent'}}}", "#/$defs/absent"
    ),
    "ref under a data keyword's name": schema(
        "{'type': 'object', 'properties': {'default': {'$ref': 'https://json.test/b.json'}}}",
        "https://json.test/b.json",
    ),
    "bad pattern": schema(
        "{'type': 'object', 'properties': {'a': {'type': 'string', 'pattern': '('}}}",
        "$.properties.a.pattern",
        "'('",
        "regex",
    ),
    "bad pattern of keys": schema(
        "{'type': 'object', 'patternProperties': {'[': {}}}", "$.patternProperties", "'['", "regex"
    ),
    "schema of text": schema("{'type': 'string'}", "object"),
    "schema of anything": schema("{}", "object"),
    "schema not json": schema("{'type': 'object', 'default': object()}", "JSON", "object"),
    "schema of a lock": schema(
        "{'type': 'object', 'x-lock': __import__('threading').Lock()}", "JSON", "lock"
    ),
    "circular schema": Wrong(
        "config_schema",
        ("JSON", "Circular"),
        plugin_source(
            config_schema="CIRCLE = {'type': 'object'}\nCIRCLE['not'] = CIRCLE\n"
            "@hookimpl\ndef config_schema(): return CIRCLE"
        ),
    ),
}
DAMAGED: dict[str, dict[str, bytes | None]] = {
    "no METADATA": {"METADATA": None},
    "METADATA is not text": {"METADATA": b"Name: \xff\xfe\nVersion: \xff\n"},
    "METADATA without a name": {"METADATA": b"Metadata-Version: 2.1\n"},
}

Outcome = dict[str, Any]


def names(distribution: Distribution) -> str:
    return f"{distribution.module} = {distribution.value}"


class Laboratory:
    """Discovers all the cases in one process; each has its own directory on the path."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._good = good_distribution().install(directory / "good")
        self._cases: dict[str, dict[str, Any]] = {}

    def add(self, key: str, *distributions: Distribution, **more: Any) -> None:
        paths = [str(self._good)]
        for index, distribution in enumerate(distributions):
            where = self._directory / f"case-{len(self._cases)}-{index}"
            paths.append(str(distribution.install(where)))
        self._cases[key] = {"paths": paths, **more}

    def run(self) -> dict[str, Outcome]:
        return dict(zip(self._cases, discover_in(list(self._cases.values())), strict=True))


def wrong_distribution(index: int, wrong: Wrong) -> Distribution:
    name = f"bad-connector-{index}"
    value = wrong.entry_point
    if value.startswith(":"):
        value = name.replace("-", "_") + value
    return Distribution(name, wrong.source, f"0.{index}", value)


BAD = {key: wrong_distribution(index, wrong) for index, (key, wrong) in enumerate(WRONG.items())}


def dup(name: str, id: str, target: str) -> Distribution:
    return Distribution(name, plugin_source(id, target=target))


DUPLICATES = {
    "one id": (dup("first-d1", "same", "one"), dup("second-d1", "same", "two")),
    "one target": (dup("first-d2", "one", "same"), dup("second-d2", "two", "same")),
    "id and target": (dup("first-d3", "same", "one"), dup("second-d3", "two", "same")),
    "three": (
        dup("first-d4", "same", "one"),
        dup("second-d4", "same", "two"),
        dup("third-d4", "three", "same"),
    ),
    "chain": (
        dup("first-d5", "a", "b"),
        dup("second-d5", "b", "c"),
        dup("third-d5", "c", "d"),
    ),
}
BUILT_IN = {
    "its id": dup("rival-id", SMTP, "other"),
    "its target": dup("rival-target", "other", "smtp"),
    "its id as target": dup("rival-crossed", "other", SMTP),
    "its target as id": dup("rival-crossed-too", "smtp", "other"),
}
TWO_BAD = [
    Distribution("bad-a", "raise ImportError('first')"),
    Distribution("bad-b", plugin_source("b", schema="[]")),
]
INSTANCE = Distribution(
    "instance-connector", HOOKS.format(id="instance") + "\nplugin = Plugin()", "2.0"
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    laboratory = Laboratory(tmp_path_factory.mktemp("distributions"))
    laboratory.add("nothing wrong")
    for key, distribution in BAD.items():
        laboratory.add(f"wrong: {key}", distribution)
    for key, rivals in DUPLICATES.items():
        laboratory.add(f"duplicate: {key}", *rivals)
    for key, rival in BUILT_IN.items():
        laboratory.add(f"built-in: {key}", rival)
    for index, (key, files) in enumerate(DAMAGED.items()):
        bad = Distribution(f"damaged-{index}", "import nowhere_to_be_found", files=files)
        laboratory.add(f"damaged, bad: {key}", bad)
        sound = Distribution(f"damaged-sound-{index}", plugin_source("sound"), files=files)
        laboratory.add(f"damaged, sound: {key}", sound, send=["good", "sound"])
    unreadable: dict[str, bytes | None] = {
        "entry_points.txt": b"[connector_core]\nno equals sign\n"
    }
    laboratory.add("unreadable", Distribution("unreadable-one", "", files=unreadable))
    elsewhere: dict[str, bytes | None] = {
        "entry_points.txt": b"[console_scripts]\nno equals sign\n"
    }
    laboratory.add("unreadable elsewhere", Distribution("unreadable-two", "", files=elsewhere))
    laboratory.add(
        "instance",
        Distribution(INSTANCE.name, INSTANCE.source, INSTANCE.version, f"{INSTANCE.module}:plugin"),
        send=["good", "instance"],
    )
    laboratory.add(
        "proxy",
        Distribution(
            "proxy-connector",
            plugin_source(
                "proxy", schema="__import__('types').MappingProxyType({'type': 'object'})"
            ),
        ),
        send=["proxy"],
    )
    laboratory.add(
        "endless reference",
        Distribution(
            "endless-connector",
            plugin_source("endless", schema="{'type': 'object', 'allOf': [{'$ref': '#'}]}"),
        ),
        send=["good", "endless"],
    )
    laboratory.add("two bad", *TWO_BAD)
    laboratory.add("strict", *TWO_BAD, dup("bad-c", "good", "bad-c"), strict=True)
    laboratory.add("strict, nothing wrong", strict=True)
    laboratory.add("disabled", *TWO_BAD, environment={"CONNECTOR_DISABLE": "bad_a, bad_b"})
    laboratory.add("disabled one", *TWO_BAD, environment={"CONNECTOR_DISABLE": "bad_b"})
    laboratory.add(
        "disabled, strict", *TWO_BAD, strict=True, environment={"CONNECTOR_DISABLE": "bad_b bad_a"}
    )
    laboratory.add(
        "disabled rivals", *DUPLICATES["one id"], environment={"CONNECTOR_DISABLE": "first_d1"}
    )
    laboratory.add("disabled built-in", environment={"CONNECTOR_DISABLE": "smtp, http,file,"})
    return laboratory.run()


def assert_others_work(outcome: Outcome, *more: str) -> None:
    """Everything else is there and works, and nothing of what failed is left."""
    assert set(outcome["connectors"]) == {*OURS, "good", *more}
    assert outcome["sent"]["good"] == "good"
    assert outcome["managers"] == len(outcome["connectors"])
    assert outcome["complaints"] == []


def test_built_in_and_third_party_load(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["nothing wrong"]
    assert outcome["failures"] == []
    ours = dict.fromkeys(OURS, "connector-core")
    assert outcome["connectors"] == {**ours, "good": "good-connector"}
    assert_others_work(outcome)


@pytest.mark.parametrize("key", WRONG)
def test_failure_is_told_and_the_others_work(outcomes: dict[str, Outcome], key: str) -> None:
    wrong, distribution = WRONG[key], BAD[key]
    outcome = outcomes[f"wrong: {key}"]
    assert_others_work(outcome)
    [failure] = outcome["failures"]
    assert failure["stage"] == wrong.stage, failure
    assert failure["entry_point"] == names(distribution)
    assert failure["distribution"] == distribution.name
    assert failure["version"] == distribution.version
    for text in wrong.says:
        assert text in failure["error"]
    assert bool(failure["traceback"]) is wrong.traced
    for part in (names(distribution), distribution.name, distribution.version, failure["error"]):
        assert part in failure["text"]


@pytest.mark.parametrize("key", DUPLICATES)
def test_of_duplicates_none_loads_and_each_names_the_others(
    outcomes: dict[str, Outcome], key: str
) -> None:
    outcome = outcomes[f"duplicate: {key}"]
    assert_others_work(outcome)
    assert {failure["distribution"] for failure in outcome["failures"]} == {
        rival.name for rival in DUPLICATES[key]
    }
    assert len(outcome["failures"]) == len(DUPLICATES[key])
    neighbours = {"first-d5": ["second-d5"], "third-d5": ["second-d5"]}
    for failure in outcome["failures"]:
        own = failure["distribution"]
        assert failure["stage"] == "duplicate"
        others = [rival.name for rival in DUPLICATES[key] if rival.name != own]
        for other in neighbours.get(own, others):
            assert f"({other} 1.2.3)" in failure["error"]
        assert own not in failure["error"]


@pytest.mark.parametrize("key", BUILT_IN)
def test_the_built_in_stays(outcomes: dict[str, Outcome], key: str) -> None:
    outcome = outcomes[f"built-in: {key}"]
    assert_others_work(outcome)
    assert outcome["connectors"][SMTP] == "connector-core"
    [failure] = outcome["failures"]
    assert (failure["stage"], failure["distribution"]) == ("duplicate", BUILT_IN[key].name)
    assert "connectors.smtp.plugin (connector-core " in failure["error"]


@pytest.mark.parametrize("key", DAMAGED)
def test_damaged_dist_info_is_told_as_unknown(outcomes: dict[str, Outcome], key: str) -> None:
    outcome = outcomes[f"damaged, bad: {key}"]
    assert_others_work(outcome)
    [failure] = outcome["failures"]
    assert failure["stage"] == "load"
    assert (failure["distribution"], failure["version"]) == ("unknown", "unknown")
    assert failure["entry_point"].startswith("damaged_")


@pytest.mark.parametrize("key", DAMAGED)
def test_sound_plugin_of_a_damaged_distribution_loads(
    outcomes: dict[str, Outcome], key: str
) -> None:
    outcome = outcomes[f"damaged, sound: {key}"]
    assert outcome["failures"] == []
    assert_others_work(outcome, "sound")
    assert outcome["sent"]["sound"] == "sound"


def test_unreadable_entry_points_are_a_failure_of_their_distribution(
    outcomes: dict[str, Outcome],
) -> None:
    outcome = outcomes["unreadable"]
    assert_others_work(outcome)
    [failure] = outcome["failures"]
    assert (failure["distribution"], failure["version"]) == ("unreadable-one", "1.2.3")
    assert (failure["entry_point"], failure["stage"]) == ("entry_points.txt", "load")
    assert "cannot be read" in failure["error"]


def test_unreadable_entry_points_of_a_stranger_do_not_count(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["unreadable elsewhere"]
    assert_others_work(outcome)
    assert outcome["failures"] == []


def test_an_entry_point_may_name_an_instance(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["instance"]
    assert_others_work(outcome, "instance")
    assert outcome["sent"]["instance"] == "instance"


def test_a_schema_may_be_any_mapping(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["proxy"]["failures"] == []
    assert outcomes["proxy"]["sent"] == {"proxy": "proxy"}


def test_a_schema_that_fails_in_use_is_a_problem_of_the_config(
    outcomes: dict[str, Outcome],
) -> None:
    outcome = outcomes["endless reference"]
    assert outcome["sent"]["good"] == "good"
    assert outcome["sent"]["endless"].startswith("ConfigError: ")
    assert "endless-connector 1.2.3" in outcome["sent"]["endless"]
    assert outcome["complaints"] == []


def test_every_failure_is_told(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["two bad"]
    assert_others_work(outcome)
    assert [failure["distribution"] for failure in outcome["failures"]] == ["bad-a", "bad-b"]


def test_strict_raises_with_every_failure(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["strict"]
    assert sorted(failure["distribution"] for failure in outcome["failures"]) == [
        "bad-a",
        "bad-b",
        "bad-c",
        "good-connector",
    ]
    for failure in outcome["failures"]:
        assert failure["text"] in outcome["raised"]


def test_strict_with_nothing_wrong(outcomes: dict[str, Outcome]) -> None:
    assert_others_work(outcomes["strict, nothing wrong"])


@pytest.mark.parametrize(
    ("key", "failed"),
    [
        ("disabled", []),
        ("disabled one", ["bad-a"]),
        ("disabled, strict", []),
    ],
)
def test_disabled_plugins_are_left_alone(
    outcomes: dict[str, Outcome], key: str, failed: list[str]
) -> None:
    outcome = outcomes[key]
    assert_others_work(outcome)
    assert [failure["distribution"] for failure in outcome["failures"]] == failed


def test_disabling_one_of_two_rivals_lets_the_other_load(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["disabled rivals"]
    assert outcome["failures"] == []
    assert_others_work(outcome, "same")
    assert outcome["connectors"]["same"] == "second-d1"


def test_the_built_in_can_be_disabled(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["disabled built-in"]
    assert set(outcome["connectors"]) == {"good"}
    assert outcome["failures"] == []


def test_discovery_error_lists_the_failures() -> None:
    failures = [PluginFailure(f"p{n} = m", "dist", f"{n}", "load", f"reason {n}") for n in (1, 2)]
    error = DiscoveryError(failures)
    assert error.failures == tuple(failures)
    assert str(error).splitlines() == [
        "plugins failed to load:",
        "  p1 = m (dist 1), load: reason 1",
        "  p2 = m (dist 2), load: reason 2",
    ]


@pytest.fixture(scope="module")
def pip_installed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Distribution], Path]:
    wheels = tmp_path_factory.mktemp("wheels")

    def install(distribution: Distribution) -> Path:
        target = tmp_path_factory.mktemp("site")
        wheel = distribution.wheel(wheels)
        options = ["--isolated", "--no-index", "--no-deps", "--no-compile", "--quiet"]
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install"),
                *(*options, "--target", str(target), str(wheel)),
            ],
            check=True,
            capture_output=True,
            timeout=100,
        )
        return target

    return install


def test_installed_by_pip(pip_installed: Callable[[Distribution], Path]) -> None:
    site = pip_installed(good_distribution())
    [outcome] = discover_in([{"paths": [str(site)]}])
    assert outcome["failures"] == []
    assert_others_work(outcome)


def test_who_asks_for_a_connector_that_failed_is_told_why() -> None:
    plugin = ModuleType("broken")
    registry = registry_of(plugin)
    with pytest.raises(UnknownConnectorError) as raised:
        registry["broken"]
    assert raised.value.failures == registry.failures
    assert "'broken' could not be loaded" in str(raised.value)
    assert "'metadata' is not implemented" in str(raised.value)
    with pytest.raises(UnknownConnectorError, match="no connector is called 'other'"):
        registry["other"]
