"""Looking over a host file and all it configures: what does not work, and what soon will not."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from connector_core.errors import ConfigError, ConnectorError, DeliveryError
from connector_core.host import AsyncHost
from connector_core.hostfile.lookup import missing_templates, placed_templates
from connector_core.hostfile.reading import read
from connector_core.hostfile.resolving import has_secret, resolved_entry
from connector_core.hostfile.routing import effective_routes, idle
from connector_core.i18n import gettext as _
from connector_core.i18n import ngettext
from connector_core.models import UsageType
from connector_core.routes import ANY_USAGE
from connector_core.samplepayload import PAYLOAD, RECIPIENT
from connector_core.stages import stage_title
from connector_core.validation import nearest

if TYPE_CHECKING:
    from connector_core.configured import AsyncConfiguredConnector
    from connector_core.hostfile.lookup import PlacedTemplate
    from connector_core.hostfile.model import HostFile
    from connector_core.hostfile.resolving import ResolvedEntry
    from connector_core.models import Stage
    from connector_core.registry import Registry

__all__ = ["Finding", "Level", "check_up"]

SOON = 21  # days before a certificate ends in which somebody should know

_PLAIN_LINK = re.compile(
    r"""(?:href|src|action)\s*=\s*["']?\s*http://|(?<![\w"'=])http://""", re.IGNORECASE
)


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: whether it is well.
        place: what it is about: a connector's name, a template's place, a plug-in, a file.
        message: what was found.
        hint: what to do about it; may be empty.
    """

    level: Level
    place: str
    message: str
    hint: str = ""


async def check_up(path: Path, registry: Registry, *, connect: bool) -> AsyncIterator[Finding]:
    """Look over everything, and tell each finding as it is made. No message is sent.

    Args:
        path: the host file.
        registry: the connectors there are.
        connect: try the connections as well.
    """
    for finding in _of_the_plugins(registry):
        yield finding
    try:
        file = read(path)
    except ConfigError as error:
        for finding in _problems(error):
            yield finding
        return
    for finding in (*_of_the_file(file, registry), *_of_the_routes(file)):
        yield finding
    async for finding in _of_the_connectors(file, registry, connect=connect):
        yield finding
    for finding in _of_the_templates(file):
        yield finding


def _of_the_plugins(registry: Registry) -> Iterator[Finding]:
    for failure in registry.failures:
        plugin = f"{failure.entry_point} ({failure.distribution} {failure.version})"
        message = _("could not be loaded at the stage {stage}: {reason}").format(
            stage=failure.stage, reason=failure.error
        )
        hint = _("update or remove it, or leave it out by CONNECTOR_DISABLE={name}")
        hint = "; ".join(filter(None, (failure.hint, hint.format(name=failure.name))))
        yield Finding(Level.WARNING, plugin, message, hint)


async def _of_the_connectors(
    file: HostFile, registry: Registry, *, connect: bool
) -> AsyncIterator[Finding]:
    told: set[Finding] = set()  # templates are shared, and so are their faults
    for name in file.connectors:
        try:
            entry = resolved_entry(file, name, registry)
        except ConfigError as error:
            for finding in _problems(error):
                if finding not in told:
                    told.add(finding)
                    yield finding
            continue
        async for finding in _of_a_connector(entry, registry, connect=connect):
            yield finding


def _problems(error: ConfigError) -> Iterator[Finding]:
    for problem in error.problems:
        yield Finding(Level.PROBLEM, problem.path, problem.message, problem.hint)


def _of_the_file(file: HostFile, registry: Registry) -> Iterator[Finding]:
    if not file.connectors:
        hint = _("connector setup makes one")
        yield Finding(Level.PROBLEM, str(file.path), _("no connector is configured"), hint)
    if has_secret(file.data, registry) and file.path.stat().st_mode & 0o077:
        message = _("has a secret in clear, and others on this machine may read it")
        hint = _("chmod 600 {path}, or keep the secret as env:NAME or file:PATH")
        yield Finding(Level.WARNING, str(file.path), message, hint.format(path=file.path))


def _of_the_routes(file: HostFile) -> Iterator[Finding]:
    for name in idle(file):
        hint = _("connector enable {name}").format(name=name)
        yield Finding(Level.WARNING, name, _("serves no usage type"), hint)
    routes = effective_routes(file.data)
    everything = routes.pop(ANY_USAGE, [])
    usages = dict.fromkeys([*map(str, UsageType), *routes])
    unserved = [usage for usage in usages if not routes.get(usage, everything)]
    if unserved and file.connectors:
        message = _("no connector serves: {usages}").format(usages=", ".join(unserved))
        hint = _("connector enable NAME --usage TYPE, or without --usage for all others")
        dead = not everything and not any(routes.values())
        # What has a line is wanted; what has none may never be sent.
        level = Level.PROBLEM if dead or not all(routes.values()) else Level.WARNING
        yield Finding(level, str(file.path), message, hint)


async def _of_a_connector(
    entry: ResolvedEntry, registry: Registry, *, connect: bool
) -> AsyncIterator[Finding]:
    name = entry.entry.name
    async with AsyncHost(registry) as host:
        try:
            configured = host.configure(entry.connector.id, entry.config, name)
        except ConfigError as error:
            for finding in _problems(error):
                yield finding
            return
        yield Finding(Level.OK, name, _("its config is valid"))
        if connect and entry.connector.implements("verify"):
            for finding in await _of_the_connection(configured):
                yield finding
        if entry.connector.takes_templates and entry.connector.implements("preview"):
            async for finding in _without_text(configured, entry.config):
                yield finding


async def _of_the_connection(configured: AsyncConfiguredConnector) -> list[Finding]:
    try:
        report = await configured.verify()
    except ConnectorError as error:
        return [Finding(Level.PROBLEM, configured.name, str(error))]
    findings = [
        _expiry(configured.name, stage) for stage in report.stages if "expires" in stage.facts
    ]
    for stage in report.stages:
        if isinstance(stage.error, DeliveryError):
            hint = stage.error.hint
            return [*findings, Finding(Level.PROBLEM, configured.name, str(stage.error), hint)]
    last = report.stages[-1].name if report.stages else ""
    message = _("its connection works, as far as {stage}").format(stage=stage_title(last))
    return [Finding(Level.OK, configured.name, message), *findings]


def _expiry(name: str, stage: Stage) -> Finding:
    expires = datetime.fromisoformat(stage.facts["expires"])
    days = (expires - datetime.now(UTC)).days
    message = ngettext(
        "the server's certificate is valid for {count} more day",
        "the server's certificate is valid for {count} more days",
        days,
    ).format(count=days)
    if days >= SOON:
        return Finding(Level.OK, name, message)
    hint = _("it is renewed by whoever runs the server: ask whether that is under way")
    return Finding(Level.WARNING, name, message, hint)


async def _without_text(
    configured: AsyncConfiguredConnector, config: Mapping[str, object]
) -> AsyncIterator[Finding]:
    templates = config.get("templates")
    # One that knows no text beside HTML is not told to leave out an option that it has not.
    makes_text = "textAlternative" in configured.connector.schema.get("properties", {})
    for template in templates if isinstance(templates, list) else ():
        usage, locale = template["usageType"], template.get("locale")
        about = f"{configured.name}: {usage}" + (f" ({locale})" if locale else "")
        try:
            content = await configured.preview(usage, to=RECIPIENT, payload=PAYLOAD, locale=locale)
        except ConnectorError as error:
            yield Finding(Level.PROBLEM, about, str(error))
            continue
        message = message_from_bytes(content, policy=policy.default)
        kinds = {part.get_content_type() for part in message.walk()}
        if makes_text and "text/html" in kinds and "text/plain" not in kinds:
            told = _("goes out as HTML without a text beside it, which filters take for spam")
            yield Finding(Level.WARNING, about, told, _("leave out textAlternative: false"))


def _of_the_templates(file: HostFile) -> Iterator[Finding]:
    placed = placed_templates(file, *file.connectors)
    if not placed:
        return
    for usage, locale in missing_templates(placed, file.default_locale):
        about = f"{usage} ({locale})" if locale else usage
        message = _("has no template, though others have one in this language")
        hint = _("the one without a locale serves, if any")
        if locale is None:
            message = _("has no template that serves every locale")
            hint = _("make {path}, or set defaultLocale")
            hint = hint.format(path=f"{file.template_folder.name}/{usage}.html")
        yield Finding(Level.WARNING, about, message, hint)
    yield from _of_twins(file, placed)
    yield from _of_slips(file, placed)
    for item in placed:
        if _has_plain_link(item):
            yield Finding(
                Level.WARNING,
                item.place,
                _("has a link that begins with http://, which anybody on the way can change"),
                _("write https://"),
            )


def _of_twins(file: HostFile, placed: Iterable[PlacedTemplate]) -> Iterator[Finding]:
    """Templates of which another one takes the place, wholly or in part."""
    default = (file.default_locale or "").lower()
    first: dict[tuple[str | None, str, str], PlacedTemplate] = {}
    for item in placed:
        # Connectors share the templates that are none's own, and no others.
        twins = [first.get((owner, *item.identity)) for owner in (None, item.connector)]
        if twin := next(filter(None, twins), None):
            message = _("is never used: {place} is for the same, and counts")
            hint = _("remove one of them")
            yield Finding(Level.WARNING, item.place, message.format(place=twin.place), hint)
        first.setdefault((item.connector, *item.identity), item)
    for (owner, usage, locale), item in first.items():
        everywhere = first.get((owner, usage, ""))
        if default and locale == default and everywhere:
            message = _("serves {locale} alone, the default locale: {place} serves all others")
            message = message.format(locale=item.locale, place=everywhere.place)
            yield Finding(Level.WARNING, item.place, message, _("remove one of them"))


def _of_slips(file: HostFile, placed: Iterable[PlacedTemplate]) -> Iterator[Finding]:
    """Templates for a usage type that no route has, and that is nearly a known one."""
    known = [*map(str, UsageType), *effective_routes(file.data)]
    for item in placed:
        if item.usage_type in known:
            continue
        usage, _dot, suffix = item.usage_type.rpartition(".")
        message = _("is for {usage!r}, a usage type of your own").format(usage=item.usage_type)
        if usage in known:
            hint = _("{suffix!r} is not a language tag such as fr or fr-CA").format(suffix=suffix)
            yield Finding(Level.WARNING, item.place, message, hint)
        elif near := nearest(item.usage_type, known):
            hint = _("did you mean {near!r}?").format(near=near)
            yield Finding(Level.WARNING, item.place, message, hint)


def _has_plain_link(item: PlacedTemplate) -> bool:
    return _PLAIN_LINK.search(item.keys["content"]) is not None
