"""Templates: choose one by usage type and locale, and fill in its `{{ variables }}`.

A variable is `{{ path }}`: ASCII letters, digits, `_` and `.`, spaces inside the braces allowed.
Its first part is a key of the payload; further parts are keys of objects or indices of lists. If
the payload has no such key the variable stays as it stands; if the rest leads nowhere, or to
null, it is empty. Nothing is ever evaluated, attributes of objects cannot be reached, and a value
that looks like a variable is not filled in again.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from connector_core.errors import MessageError, TemplateNotFoundError
from connector_core.i18n import gettext as _
from connector_core.locales import fallbacks, is_language_tag
from connector_core.models import ContentType, Template, UsageType

__all__ = [
    "CompiledText",
    "TemplateIndex",
    "Variables",
    "escape_html",
    "plain_value",
    "render",
    "template_from",
]

# Possessive quantifiers: without backtracking the time stays linear in the text.
_VARIABLE = re.compile(r"(\{\{\s*+([A-Za-z0-9_.]++)\s*+\}\})")
_INDEX = re.compile(r"[0-9]{1,9}")
_EXACT_FLOAT = 1e21  # from here on JSON as JavaScript writes it turns to exponents
_KEYS = {
    "usageType": "usage_type",
    "contentType": "content_type",
    "subject": "subject",
    "content": "content",
    "locale": "locale",
    "sendFrom": "send_from",
    "replyTo": "reply_to",
    "text": "text",
}
_MISSING = object()


class Variables:
    """Paths of variables, taken apart once, to look their values up in many payloads.

    Attributes:
        paths: each path once, in the order in which it was first given.
    """

    __slots__ = ("_keys", "paths")

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths: tuple[str, ...] = tuple(dict.fromkeys(paths))
        # A key of the payload, and the parts that lead on from there.
        self._keys = [(path.partition(".")[0], path.split(".")[1:]) for path in self.paths]

    def values(self, payload: Mapping[str, Any]) -> list[str | None]:
        """The text for each path; None where the payload does not have its first part."""
        if type(payload) is not dict:
            return [_value_at(key, parts, payload) for key, parts in self._keys]
        # Nearly every value is text, and stands in the payload itself.
        return [
            value
            if type(value := payload.get(key)) is str and not parts
            else _value_at(key, parts, payload)
            for key, parts in self._keys
        ]


class CompiledText:
    """A text with variables, split once into literals and slots.

    Attributes:
        literals: the text before, between and behind the variables: one more than there are
            variables.
        sources: each variable as it stands in the text, braces included.
        paths: the path of each variable, in order of appearance.
    """

    __slots__ = ("_pieces", "_variables", "literals", "paths", "sources")

    def __init__(self, text: str) -> None:
        pieces = _VARIABLE.split(text)
        self.literals: tuple[str, ...] = tuple(pieces[0::3])
        self.sources: tuple[str, ...] = tuple(pieces[1::3])
        self.paths: tuple[str, ...] = tuple(pieces[2::3])
        del pieces[2::3]
        self._pieces = pieces  # literals and variables by turns
        self._variables = Variables(self.paths)

    def values(self, payload: Mapping[str, Any]) -> list[str | None]:
        """The text for each variable; None where the payload does not have its first part."""
        variables = self._variables
        known = dict(zip(variables.paths, variables.values(payload), strict=True))
        return [known[path] for path in self.paths]

    def fill(self, values: Iterable[str | None], escape: Callable[[str], str] | None = None) -> str:
        """The text with its variables replaced; None leaves a variable as it stands.

        Args:
            values: one for each variable.
            escape: what to make of each value, if anything.
        """
        pieces = self._pieces.copy()
        for place, value in enumerate(values):
            if value is not None:
                pieces[2 * place + 1] = escape(value) if escape else value
        return "".join(pieces)

    def render(self, payload: Mapping[str, Any], escape: Callable[[str], str] | None = None) -> str:
        """`fill` with the `values` of this payload. Never raises."""
        return self.fill(self.values(payload), escape)


def render(text: str, payload: Mapping[str, Any], *, escape: bool = False) -> str:
    """Fill in the variables of a text. Never raises; linear in the text and the values.

    Args:
        text: the text with its variables.
        payload: the values.
        escape: escape the values for HTML, in text and in quoted attributes.
    """
    return CompiledText(text).render(payload, escape_html if escape else None)


def escape_html(value: str) -> str:
    """The value with `&`, `<`, `>` and both quotes escaped for HTML."""
    return html.escape(value, quote=True)


def _value_at(key: str, parts: Sequence[str], payload: Mapping[str, Any]) -> str | None:
    value: Any = _item(payload, key)
    if value is _MISSING:
        return None
    for part in parts:
        value = _item(value, part)
        if value is _MISSING:
            return ""
    return _text(value)


def _item(container: Any, key: str) -> Any:
    """The item of a mapping or sequence, or `_MISSING`; never an attribute."""
    try:
        # The first question alone is answered at once, and nearly every container is a dict.
        if type(container) is dict or isinstance(container, Mapping):
            return container.get(key, _MISSING)
        if isinstance(container, list | tuple) and _INDEX.fullmatch(key):
            return container[int(key)]
    except Exception:  # noqa: BLE001 - a mapping of the caller's own may raise anything
        return _MISSING
    return _MISSING


def _text(value: Any) -> str:
    """The value as JSON writes it, strings bare and null empty; what has no text is empty."""
    if type(value) is str:
        return value
    try:
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return ""
        plain = plain_value(value)
        if isinstance(plain, str):
            return plain
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    except Exception:  # noqa: BLE001 - the caller's own __str__ may raise anything
        return ""


def plain_value(value: Any) -> Any:
    """The value made of what JSON knows: 5.0 is 5, no number is null, other objects are text.

    Raises:
        Exception: whatever an object of the caller's own raises when asked for its text.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < _EXACT_FLOAT else float(value)
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    return str(value)


class TemplateIndex:
    """Templates by usage type and locale; of two for the same, the first counts."""

    def __init__(self, templates: Iterable[Template]) -> None:
        self._templates: dict[tuple[str, str | None], Template] = {}
        for template in templates:
            if template.usage_type is not None:
                locale = template.locale.lower() if template.locale else None
                self._templates.setdefault((template.usage_type, locale), template)

    def find(self, usage_type: str, locale: str | None) -> Template:
        """The template for the usage type, else for `Generic`; each by RFC 4647 lookup.

        For `fr-CA` it looks for `fr-CA`, `fr`, then one without a locale.

        Raises:
            TemplateNotFoundError: there is neither.
        """
        if not locale and (found := self._templates.get((usage_type, None))):
            return found
        tags: list[str | None] = [*fallbacks(locale), None] if locale else [None]
        for wanted in (usage_type, str(UsageType.GENERIC)):
            for tag in tags:
                if found := self._templates.get((wanted, tag)):
                    return found
        known = [f"{usage} ({tag})" if tag else usage for usage, tag in self._templates]
        raise TemplateNotFoundError(usage_type, locale, known)


def template_from(value: object) -> Template | None:
    """The Template that a template source gave: one already, a mapping, or None.

    A mapping has the keys of a config template and may have `text`, the plain text beside HTML;
    `usageType` and `contentType` may be absent, the latter then is `text/html`.

    Raises:
        MessageError: it is something else; the message names the key.
    """
    if value is None:
        return None
    if isinstance(value, Template):
        value = {key: getattr(value, name) for key, name in _KEYS.items()}
    if not isinstance(value, Mapping):
        raise MessageError(
            "template",
            _("must be a Template or a mapping, not {type}").format(type=type(value).__name__),
        )
    arguments = {_KEYS[key]: item for key, item in _template_items(value)}
    for required in ("subject", "content"):
        if required not in arguments:
            raise MessageError(f"template.{required}", _("is missing"))
    if arguments.get("content_type", "text/html") not in get_args(ContentType):
        raise MessageError(
            "template.contentType",
            _("must be one of {values}").format(values=", ".join(get_args(ContentType))),
        )
    if "locale" in arguments and not is_language_tag(arguments["locale"]):
        raise MessageError("template.locale", _("is not a language tag such as fr or fr-CA"))
    if arguments.get("text") and arguments.get("content_type") == "text/plain":
        raise MessageError("template.text", _("goes beside a content in text/html alone"))
    return Template(**arguments)  # type: ignore[arg-type] # contentType was checked above


def _template_items(value: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if key not in _KEYS:
            raise MessageError(
                f"template.{key}", _("is not a known key: {known}").format(known=", ".join(_KEYS))
            )
        if item is not None:
            if not isinstance(item, str):
                raise MessageError(
                    f"template.{key}",
                    _("must be text, not {type}").format(type=type(item).__name__),
                )
            yield key, item
