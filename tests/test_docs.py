"""What the pages must have; that they run is held in `tests/docs`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
from click.testing import CliRunner

from connector_core import AsyncHost, Host, Provider, hookspecs
from connector_core.cli import main
from connectors.smtp.providers import load, services
from tests.core.plugins import registry_of

ROOT = Path(__file__).parent.parent
PAGES = {
    name: (ROOT / f"docs/connectors/{page}.md").read_text("utf-8")
    for name, page in {"file": "file", "http": "http-email", "smtp": "smtp"}.items()
}
SMTP = PAGES["smtp"]


def _keys(schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[str]:
    for branch in schema.get("anyOf", ()):
        yield from _keys(branch, definitions)
    if "$ref" in schema:
        yield from _keys(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    for key, sub in schema.get("properties", {}).items():
        yield key
        yield from _keys(sub, definitions)
    if isinstance(schema.get("items"), dict):
        yield from _keys(schema["items"], definitions)


@pytest.mark.parametrize("name", PAGES)
def test_every_option_of_a_connector_is_documented(name: str) -> None:
    schema = AsyncHost.discover().registry[name].schema
    documented = set(re.findall(r"[A-Za-z0-9]+", " ".join(re.findall(r"`[^`\n]+`", PAGES[name]))))
    missing = set(_keys(schema, schema["$defs"])) - documented
    assert not missing


def _row(preset: Provider) -> str:
    """A provider's row in the table of the SMTP connector's page."""
    config, service = preset.config, services().get(preset.name)
    asked = {question.path: question for question in preset.questions}
    host = service["host"] if service else "asked for"
    several = ", …" if service and ("host",) in asked else ""
    port = ", ".join(asked[("port",)].choices) if ("port",) in asked else config["port"]
    tls = {True: "from the first byte", False: "STARTTLS", None: "by the port"}[config["secure"]]
    cells = (f"`{preset.name}`", preset.title, f"{host}{several}", port, tls, preset.user_name)
    return f"| {' | '.join(map(str, cells))} |"


def test_every_provider_is_documented_as_it_is() -> None:
    head = [
        "| name | provider | host | port | TLS | user name |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    table = "\n".join([*head, *map(_row, load())])
    assert f"\n\n{table}\n\n" in SMTP, f"the table of providers must be:\n\n{table}"
    readme = " ".join((ROOT / "connectors/smtp/README.md").read_text("utf-8").split())
    for preset in load():
        assert preset.name == "other" or preset.title.split(",")[0].split(" (")[0] in readme


def test_every_hook_is_in_the_architecture() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    hooks = [name for name, item in vars(hookspecs).items() if hasattr(item, "connector_core_spec")]
    assert len(hooks) >= 9
    for name in hooks:
        arguments = ", ".join(
            getattr(hookspecs, name).__code__.co_varnames[
                : getattr(hookspecs, name).__code__.co_argcount
            ]
        )
        assert f"`{name}({arguments})`" in text


def _commands(group: click.Group) -> Iterator[tuple[str, ...]]:
    """The words of every command, those of groups included."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ((name, *words) for words in _commands(command))
        else:
            yield (name,)


def test_every_command_and_its_options_are_documented() -> None:
    text = (ROOT / "docs/cli.md").read_text("utf-8")
    for words in _commands(main):
        name = " ".join(words)
        section = re.search(rf"^## `connector {name}\b", text, re.MULTILINE)
        assert section, name
        shown = CliRunner().invoke(main, [*words, "--help"]).output
        for option in re.findall(r"^\s+(--[a-z]+)", shown, re.MULTILINE):
            assert f"{option}" in text or option == "--help", (name, option)


def test_the_documented_plugin_works() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    plugin = ModuleType("print_connector")
    exec(compile(code[1], "architecture.md", "exec"), vars(plugin))
    with Host(registry_of(plugin)) as host:
        host.configure("print", {"text": "your code is {{code}}"})
        host.send_message("SignIn", to="ann@example.org", payload={"code": "1"})
