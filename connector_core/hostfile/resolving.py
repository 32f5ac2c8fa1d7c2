"""A host file's configs as the connectors get them: secrets resolved, shared templates put in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from connector_core.configs import is_reference, json_path, resolve_secrets, strings
from connector_core.errors import ConfigError, ConfigProblem, UnknownConnectorError
from connector_core.i18n import gettext as _
from connector_core.locales import fallbacks
from connector_core.schemas import secret_paths

if TYPE_CHECKING:
    from connector_core.connector import Connector
    from connector_core.hostfile.model import ConfiguredEntry, HostFile
    from connector_core.registry import Registry

__all__ = ["ResolvedEntry", "has_secret", "resolved", "resolved_entry", "with_default_locale"]


@dataclass(frozen=True, slots=True)
class ResolvedEntry:
    """One configured connector of a host file, ready to be configured.

    Attributes:
        entry: what the file says.
        connector: the connector it names.
        config: the config to configure it with.
    """

    entry: ConfiguredEntry
    connector: Connector
    config: Mapping[str, Any] = field(repr=False)


def resolved(file: HostFile, registry: Registry) -> list[ResolvedEntry]:
    """Every configured connector of a host file, checked.

    Raises:
        ConfigError: with every problem of every config, each by its place in the file.
    """
    found: list[ResolvedEntry] = []
    problems: list[ConfigProblem] = []
    for name in file.connectors:
        try:
            found.append(resolved_entry(file, name, registry))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(
            list(dict.fromkeys(problems))
        )  # templates are shared, and so their faults
    return found


def resolved_entry(file: HostFile, name: str, registry: Registry) -> ResolvedEntry:
    """One configured connector of a host file, checked.

    Raises:
        ConfigError: with every problem of its config, by place in the file.
    """
    entry = file.connectors[name]
    try:
        connector = registry[entry.connector]
    except UnknownConnectorError as error:
        path = json_path(("connectors", name, "connector"))
        raise ConfigError([ConfigProblem(path, str(error))]) from None
    config, problems = entry.config, list[ConfigProblem]()
    places = own = _Places(name, ())
    try:
        config = resolve_secrets(config, folder=file.path.parent)
    except ConfigError as error:
        problems = [own.of(problem) for problem in error.problems]
    if connector.takes_templates:
        config, places = _with_templates(file, name, config)
    # What a reference that leads nowhere stands for is unknown; all else can be looked at.
    unknown = {json_path(parts) for parts, text in strings(config) if is_reference(text)}
    plain, found = connector.check_config(config)
    if connector.takes_templates and not config.get("templates"):
        found = [_with_remedy(file, item) for item in found]
    problems += [places.of(item) for item in found if not problems or item.path not in unknown]
    if problems:
        raise ConfigError(problems)
    return ResolvedEntry(entry, connector, plain)


def has_secret(data: Mapping[str, Any], registry: Registry) -> bool:
    """Whether the data of a host file has a secret in clear.

    A connector that is not installed may call anything a secret: then it counts as one.
    """
    for entry in data.get("connectors", {}).values():
        try:
            schema = registry[entry["connector"]].schema
        except UnknownConnectorError:
            return True
        if secret_paths(schema, entry["config"]):
            return True
    return False


def _with_remedy(file: HostFile, problem: ConfigProblem) -> ConfigProblem:
    """The problem of a config for which there are no templates, with the way to some."""
    if problem.path != "$.templates":
        return problem
    hint = _("write {path} and so on, or connector templates import").format(
        path=f"{file.template_folder.name}/SignIn.html"
    )
    return replace(problem, hint=hint)


def _with_templates(
    file: HostFile, name: str, config: Mapping[str, Any]
) -> tuple[dict[str, Any], _Places]:
    own = config.get("templates", [])
    if not isinstance(own, list) or not (file.templates or file.default_locale):
        return dict(config), _Places(name, ())
    shared = [(template.place, dict(template.keys)) for template in file.templates]
    places = [
        (json_path(("connectors", name, "config", "templates", index)), template)
        for index, template in enumerate(own)
    ]
    templates = [
        (place, {"contentType": "text/html", **keys} if isinstance(keys, dict) else keys)
        for place, keys in shared
    ] + places
    templates = list(with_default_locale(templates, file.default_locale))
    merged = {**config, "templates": [template for _place, template in templates]}
    return merged, _Places(name, [place for place, _template in templates])


def with_default_locale(
    templates: Sequence[tuple[str, Any]], locale: str | None
) -> Iterator[tuple[str, Any]]:
    """The templates, and of each usage type that has none without a locale the default's as that.

    Args:
        templates: each with its place.
        locale: the default locale; its nearest match serves (RFC 4647 section 3.4).
    """
    yield from templates
    sound = [(place, item) for place, item in templates if isinstance(item, dict)]
    everywhere = {item.get("usageType") for _place, item in sound if not item.get("locale")}
    for tag in fallbacks(locale or ""):
        for place, item in sound:
            usage_type = item.get("usageType")
            if usage_type not in everywhere and str(item.get("locale")).lower() == tag:
                everywhere.add(usage_type)
                yield place, {key: value for key, value in item.items() if key != "locale"}


@dataclass(frozen=True, slots=True)
class _Places:
    """Where in the host file the parts of one config stand.

    Attributes:
        name: the configured connector.
        templates: where each of its templates stands; none where they are the config's own.
    """

    name: str
    templates: Sequence[str]

    def of(self, problem: ConfigProblem) -> ConfigProblem:
        """The problem by its place in the host file."""
        start, _bracket, rest = problem.path.partition("]")
        if self.templates and start.startswith("$.templates[") and start[12:].isdigit():
            place = self.templates[int(start[12:])]
            # What stands in a file of its own has no JSONPath.
            inside = rest if place.startswith("$") else f" {rest.removeprefix('.')}".rstrip()
            return replace(problem, path=place + inside)
        base = json_path(("connectors", self.name, "config"))
        return replace(problem, path=base + problem.path.removeprefix("$"))
