"""`list`, `show`, `schema`, `sample`: what there is, without a config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from connector_core.cli.completing import connectors, providers
from connector_core.cli.output import echo_json, json_option, print_registry, printable, table
from connector_core.cli.presets import provider_named
from connector_core.configs import json_path
from connector_core.discovery import discover
from connector_core.i18n import gettext as _
from connector_core.i18n import language

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connector_core.connector import Connector
    from connector_core.models import Provider, Question


@click.command("list")
@json_option
def list_connectors(as_json: bool) -> None:
    """List the connectors, and the plugins that failed to load."""
    registry = discover()
    if not as_json:
        print_registry(registry, language())
        return
    echo_json(
        {
            "connectors": [_summary(connector) for connector in registry],
            "failures": [
                {
                    "entryPoint": item.entry_point,
                    "distribution": item.distribution,
                    "version": item.version,
                    "stage": item.stage,
                    "error": item.error,
                    "hint": item.hint,
                }
                for item in registry.failures
            ],
        }
    )


def _summary(connector: Connector) -> dict[str, Any]:
    metadata = connector.metadata
    return {
        "id": metadata.id,
        "target": metadata.target,
        "type": metadata.type,
        "name": dict(metadata.name),
        "description": dict(metadata.description),
        "platform": metadata.platform,
        "distribution": connector.distribution,
        "version": connector.version,
    }


def _provider_data(provider: Provider) -> dict[str, Any]:
    return {
        "name": provider.name,
        "title": provider.title,
        "aliases": list(provider.aliases),
        "userName": provider.user_name,
        "guide": provider.guide,
        "links": [{"title": link.title, "url": link.url} for link in provider.links],
        "questions": [
            {
                "path": json_path(item.path),
                "title": item.title,
                "help": item.help,
                "example": item.example,
                "optional": item.optional,
                "choices": dict(item.choices),
                "also": [json_path(path) for path in item.also],
            }
            for item in provider.questions
        ],
        "pitfalls": [{"sign": item.sign, "remedy": item.remedy} for item in provider.pitfalls],
    }


@click.command()
@click.argument("connector", shell_complete=connectors)
@click.option("--readme", is_flag=True, help="Print the connector's guide.")
@click.option("--provider", help="Print the guide for one provider.", shell_complete=providers)
@json_option
def show(connector: str, readme: bool, provider: str | None, as_json: bool) -> None:
    """Show one connector, named by its id or target."""
    found = discover()[connector]
    metadata = found.metadata
    if as_json:
        links = [{"title": found.translate(link.title), "url": link.url} for link in metadata.links]
        providers = [_provider_data(item) for item in found.providers]
        more = {"links": links, "providers": providers, "readme": metadata.readme}
        echo_json({**_summary(found), **more})
        return
    if provider is not None:
        _describe_provider(found, provider)
        return
    if readme:
        click.echo(printable(metadata.readme or _("this connector has no guide")))
        return
    _describe(found)


def _describe_provider(found: Connector, name: str) -> None:
    preset = provider_named(found, name)
    click.echo(f"{preset.title}\n")
    if preset.user_name:
        told = _("User name: {form}").format(form=preset.user_name)
        click.echo(printable(f"{told}\n"))
    click.echo(printable(preset.guide))
    for link in preset.links:
        click.echo(_titled(link.title, link.url))
    if preset.questions:
        click.echo("\n" + _("What it needs"))
        for question in preset.questions:
            click.echo(printable("\n".join(_described(question))))
    if preset.pitfalls:
        click.echo("\n" + _("What commonly goes wrong, in the server's words"))
        for pitfall in preset.pitfalls:
            click.echo(printable(f"  {pitfall.sign}\n      {pitfall.remedy}"))
    command = f"connector sample {found.target} --provider {name}"
    click.echo("\n" + _("{command} prints a config for it.").format(command=command))


def _described(question: Question) -> Iterator[str]:
    yield f"  {'.'.join(question.path)}: {question.title}"
    if question.help:
        yield f"      {question.help}"
    for value, meaning in question.choices.items():
        yield f"      {value}: {meaning}"
    if question.example and not question.choices:
        yield "      " + _("for example {example}").format(example=question.example)


def _describe(found: Connector) -> None:
    metadata = found.metadata
    click.echo(
        _("{name}  {id}, target {target}").format(
            name=metadata.name_in(language()), id=metadata.id, target=metadata.target
        )
    )
    click.echo(
        _("{distribution} {version}, type {type}").format(
            distribution=found.distribution, version=found.version, type=metadata.type
        )
        + "\n"
    )
    click.echo(metadata.description_in(language()))
    for link in metadata.links:
        click.echo("  " + _titled(found.translate(link.title), link.url))
    if found.providers:
        click.echo("")
        rows = [
            (item.name, item.title, "\n".join(link.url for link in item.links))
            for item in found.providers
        ]
        table(_("Providers"), (_("name"), _("title"), _("links")), rows)
    required = set(found.schema.get("required", ()))
    options = [
        (
            f"{name} *" if name in required else name,
            _kind(schema),
            found.translate(schema.get("description", "")),
        )
        for name, schema in found.schema.get("properties", {}).items()
    ]
    click.echo("")
    table(_("Options (* required)"), (_("option"), _("type"), _("meaning")), options)


def _titled(title: str, url: str) -> str:
    return _("{title}: {url}").format(title=title, url=url)


def _kind(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return _(" or ").join(dict.fromkeys(_kind(item) for item in schema["anyOf"]))
    return "object" if "$ref" in schema else str(schema.get("type", ""))


@click.command()
@click.argument("connector", required=False, shell_complete=connectors)
@click.option("--host-file", is_flag=True, help="The schema of connectors.toml, for editors.")
@json_option
def schema(connector: str | None, host_file: bool, as_json: bool) -> None:
    """Print the JSON Schema (draft 2020-12) of a connector's config, or of the host file."""
    if (connector is None) != host_file:
        raise click.UsageError(_("give either a connector or --host-file"))
    registry = discover()
    if connector is not None:
        echo_json(registry[connector].schema)
        return
    from connector_core.hostfile.schema import file_schema

    echo_json(file_schema(registry))


@click.command()
@click.argument("connector", shell_complete=connectors)
@click.option(
    "--provider",
    help="Preset for a provider; `connector show` lists them.",
    shell_complete=providers,
)
@json_option
def sample(connector: str, provider: str | None, as_json: bool) -> None:
    """Print a sample config; replace what is written <like this>."""
    found = discover()[connector]
    try:
        config = found.sample_config(provider)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--provider") from None
    echo_json(config)
