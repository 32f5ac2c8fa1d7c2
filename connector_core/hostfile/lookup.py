"""The templates of a host file with their places, and which of them serves a message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from connector_core.configs import json_path, resolve_secrets
from connector_core.errors import ConfigError
from connector_core.hostfile.resolving import with_default_locale
from connector_core.locales import fallbacks
from connector_core.models import Template, UsageType
from connector_core.templates import CompiledText, TemplateIndex

if TYPE_CHECKING:
    from connector_core.hostfile.model import HostFile

__all__ = [
    "PlacedTemplate",
    "chosen",
    "locales_of",
    "missing_templates",
    "own_usages",
    "placed_templates",
    "resolved_template",
    "usages_of",
]

_REQUIRED = (
    UsageType.REGISTER,
    UsageType.SIGN_IN,
    UsageType.FORGOT_PASSWORD,
    UsageType.GENERIC,
)
Gap = tuple[str, str | None]  # usage type and locale


@dataclass(frozen=True, slots=True)
class PlacedTemplate:
    """One template, and where it stands.

    Attributes:
        place: a JSONPath in the host file, or the name of a template file.
        keys: the template, by the keys of a config template.
        connector: the configured connector whose own it is; None where all share it.
    """

    place: str
    keys: Mapping[str, str] = field(repr=False)
    connector: str | None = None

    @property
    def usage_type(self) -> str:
        """The usage type that it is for."""
        return self.keys["usageType"]

    @property
    def locale(self) -> str | None:
        """The language tag that it is for; None serves every locale."""
        return self.keys.get("locale") or None

    @property
    def identity(self) -> tuple[str, str]:
        """What no two templates that serve have in common: usage type and locale."""
        return self.usage_type, (self.locale or "").lower()

    @property
    def variables(self) -> list[str]:
        """The paths of the variables in it, each once."""
        texts = (self.keys.get(key, "") for key in ("subject", "content", "sendFrom", "replyTo"))
        return list(dict.fromkeys(path for text in texts for path in CompiledText(text).paths))


def placed_templates(file: HostFile, *names: str) -> list[PlacedTemplate]:
    """The shared templates, then those of these connectors, as written; of two the first counts."""
    shared = [
        PlacedTemplate(item.place, {"contentType": "text/html", **item.keys})
        for item in file.templates
    ]
    return [*shared, *(item for name in names for item in _own(file, name))]


def chosen(file: HostFile, usage_type: str, locale: str | None, name: str | None) -> PlacedTemplate:
    """The template that a message gets: the shared ones go before those of the connector.

    Args:
        file: the host file.
        usage_type: why the message is sent.
        locale: the language tag asked for, if any.
        name: the configured connector that sends it; None asks for the shared ones alone.

    Raises:
        TemplateNotFoundError: there is none for the usage type, nor for `Generic`.
        ConfigError: it has references that lead nowhere.
    """
    placed = {item.place: item for item in placed_templates(file, *([name] if name else []))}
    by_object: list[tuple[Template, str]] = []
    for place, keys in with_default_locale(
        [(place, dict(item.keys)) for place, item in placed.items()], file.default_locale
    ):
        template = Template(
            subject="", content="", usage_type=keys["usageType"], locale=keys.get("locale") or None
        )
        by_object.append((template, place))
    found = TemplateIndex(template for template, _place in by_object).find(usage_type, locale)
    place = next(place for template, place in by_object if template is found)
    return resolved_template(file, placed[place])


def resolved_template(file: HostFile, item: PlacedTemplate) -> PlacedTemplate:
    """The template with its references resolved; only a config's own may have some.

    Raises:
        ConfigError: one leads nowhere.
    """
    if item.connector is None:
        return item
    try:
        keys = resolve_secrets(item.keys, folder=file.path.parent)
    except ConfigError as error:
        raise ConfigError(
            [replace(fault, path=item.place + fault.path[1:]) for fault in error.problems]
        ) from None
    return replace(item, keys=keys)


def usages_of(placed: Iterable[PlacedTemplate]) -> list[str]:
    """The usage types that need a template, then the others that have one."""
    return list(dict.fromkeys([*map(str, _REQUIRED), *(item.usage_type for item in placed)]))


def own_usages(file: HostFile) -> list[str]:
    """The usage types that have a route or a template of their own: they are meant as they are."""
    placed = placed_templates(file, *file.connectors)
    return [*(file.routes or ()), *(item.usage_type for item in placed)]


def locales_of(placed: Iterable[PlacedTemplate]) -> list[str]:
    """The locales as first written, none (the empty text) before all others."""
    written = {"": ""}
    for item in placed:
        written.setdefault(item.identity[1], item.locale or "")
    return sorted(written.values())


def missing_templates(placed: Sequence[PlacedTemplate], default_locale: str | None) -> list[Gap]:
    """What those lack who need a template, and each locale that others have."""
    there = {item.identity for item in placed}
    default = list(fallbacks(default_locale or ""))
    missing: list[Gap] = []
    for usage in usages_of(placed):
        everywhere = any((usage, tag) in there for tag in ["", *default])
        if not everywhere and usage in _REQUIRED:
            missing.append((usage, None))
        missing += [
            (usage, tag)
            for tag in locales_of(placed)
            if tag
            and (usage, tag.lower()) not in there
            # The one that serves everywhere is in the default locale.
            and not (everywhere and tag.lower() in default)
        ]
    return missing


def _own(file: HostFile, name: str) -> Iterator[PlacedTemplate]:
    """The sound ones among a connector's own templates; its config was not checked."""
    own = file.connectors[name].config.get("templates", ())
    for index, keys in enumerate(own if isinstance(own, list) else ()):
        if _is_template(keys):
            place = json_path(("connectors", name, "config", "templates", index))
            yield PlacedTemplate(place, keys, name)


def _is_template(keys: Any) -> bool:
    return (
        isinstance(keys, Mapping)
        and {"usageType", "subject", "content"} <= set(keys)
        and all(isinstance(value, str) for value in keys.values())
    )
