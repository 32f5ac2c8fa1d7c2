"""Templates as other programs keep them: a list for a config, and Logto's e-mail templates.

Logto's management API has them as `{"templates": [{"languageTag", "templateType", "details"}]}`,
with id, tenant and time where it shows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from connector_core.configs import PathParts, json_path, plain_copy, strings
from connector_core.errors import ConfigError, ConfigProblem
from connector_core.hostfile.lookup import PlacedTemplate
from connector_core.hostfile.reading import outer_schema
from connector_core.i18n import gettext as _
from connector_core.validation import schema_problems

__all__ = ["as_config", "as_logto", "from_json"]

_LOGTO_OWN = frozenset({"languageTag", "templateType", "details", "id", "tenantId", "createdAt"})
_DETAILS = ("subject", "content", "contentType", "replyTo", "sendFrom")

# What no header of a mail may have: C0 and C1, and the line breaks of Unicode.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def from_json(value: Any, locale: str | None = None) -> list[PlacedTemplate]:
    """The templates in a config, in Logto's e-mail templates, or in a bare list of either.

    Args:
        value: what JSON says.
        locale: the language tag of those that have none.

    Raises:
        ConfigError: with every problem, by its place in the JSON.
    """
    plain, problems = plain_copy(value)
    start: PathParts = ()
    if isinstance(plain, dict) and "templates" in plain:
        plain, start = plain["templates"], ("templates",)
    if not isinstance(plain, list):
        told = _("is no list of templates, nor has it one under templates")
        raise ConfigError([*problems, ConfigProblem(json_path(start), told)])
    found = []
    for index, item in enumerate(plain):
        place = json_path((*start, index))
        if not isinstance(item, dict):
            problems.append(ConfigProblem(place, _("must be an object")))
            continue
        keys, names = (item, {}) if "usageType" in item else _from_logto(item)
        faults = list(_faults(keys))
        problems += [_at(place, names, fault) for fault in faults]
        if not faults:
            found.append(PlacedTemplate(place, _ordered(keys, locale)))
    if problems:
        raise ConfigError(problems)
    return found


def as_config(templates: Iterable[PlacedTemplate]) -> list[dict[str, str]]:
    """The templates as the `templates` of a config."""
    return [_ordered(item.keys, None) for item in templates]


def as_logto(
    templates: Iterable[PlacedTemplate], default_locale: str | None
) -> list[dict[str, Any]]:
    """The templates as Logto's e-mail templates.

    Args:
        templates: each usage type and locale once.
        default_locale: the language of those without one: Logto has none of these.

    Raises:
        ValueError: one has no locale, and there is no default.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    # Those that say their language go before those that get the default.
    for item in sorted(templates, key=lambda item: item.locale is None):
        language = item.locale or default_locale
        if language is None:
            raise ValueError(item.usage_type)
        details = {key: item.keys[key] for key in _DETAILS if key in item.keys}
        found.setdefault(
            (item.usage_type, language.lower()),
            {"languageTag": language, "templateType": item.usage_type, "details": details},
        )
    return list(found.values())


def _from_logto(item: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A template of Logto's by the keys of a config template, and where each key stands in it."""
    names = {"usageType": "templateType", "locale": "languageTag"}
    keys = {key: item[name] for key, name in names.items() if name in item}
    keys |= {key: value for key, value in item.items() if key not in _LOGTO_OWN}
    details = item.get("details", {})
    if not isinstance(details, dict):
        return {**keys, "details": details}, names
    for key, value in details.items():
        # What a template has beside its details is none of them.
        name = key if key not in keys else f"details_{key}"
        keys[name] = value
        names[name] = f"details.{key}"
    return keys, {**{key: f"details.{key}" for key in ("subject", "content")}, **names}


def _faults(keys: Mapping[str, Any]) -> Iterator[ConfigProblem]:
    yield from schema_problems(outer_schema()["properties"]["templates"]["items"], keys, _)
    for key in ("subject", "sendFrom", "replyTo"):
        if isinstance(text := keys.get(key), str) and _CONTROL.search(text):
            told = _("must be one line without control characters")
            yield ConfigProblem(json_path((key,)), told)
    for parts, text in strings(keys):
        try:
            text.encode()
        except UnicodeEncodeError:  # JSON may write half of a surrogate pair
            yield ConfigProblem(json_path(parts), _("is not UTF-8 text"))


def _at(place: str, names: Mapping[str, str], fault: ConfigProblem) -> ConfigProblem:
    inside = fault.path[1:]
    name = names.get(inside[1:])
    return replace(fault, path=f"{place}.{name}" if name else place + inside)


def _ordered(keys: Mapping[str, str], locale: str | None) -> dict[str, str]:
    """The keys of a template in the order in which people read them."""
    language = keys.get("locale") or locale
    head = {"usageType": keys["usageType"], **({"locale": language} if language else {})}
    content_type = keys.get("contentType", "text/html")
    rest = {key: value for key, value in keys.items() if key not in (*head, "locale", "content")}
    return {**head, **rest, "contentType": content_type, "content": keys["content"]}
