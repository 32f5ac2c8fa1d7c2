"""From entry points to connectors; what fails is recorded and never in the way of the others.

Each plugin gets a PluginManager of its own and goes through load, contract, registration, hooks,
metadata and schema as one transaction. One manager for all would not do: pluggy's
`subset_hook_caller` also calls plugins that are registered after it was made.
"""

from __future__ import annotations

import inspect
import os
import re
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import metadata as distributions
from pathlib import Path
from typing import Any

import pluggy

from connector_core import hookspecs
from connector_core.connector import Connector
from connector_core.errors import DiscoveryError, PluginFailure
from connector_core.hookspecs import AWAITED_HOOKS, HOOK_API, PROJECT_NAME, REQUIRED_HOOKS
from connector_core.i18n import gettext as _
from connector_core.models import ConnectorMetadata
from connector_core.registry import Registry

__all__ = ["discover", "registry_of"]

BUILT_IN = "connector-core"
_STANDARD, _CORE, _PLUGGY = (Path(file).parent for file in (os.__file__, __file__, pluggy.__file__))
DISABLE_VARIABLE = "CONNECTOR_DISABLE"
_SPECS = {
    name: hook for name, hook in vars(hookspecs).items() if hasattr(hook, "connector_core_spec")
}


class _StageError(Exception):
    """A plugin broke the contract at this stage."""

    def __init__(self, stage: str, reason: str, hint: str = "") -> None:
        self.stage = stage
        self.reason = reason
        self.hint = hint
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a plugin comes from."""

    entry_point: distributions.EntryPoint
    distribution: str
    version: str

    @classmethod
    def of(cls, entry_point: distributions.EntryPoint) -> _Source:
        return cls(entry_point, *_identity(entry_point.dist))

    @classmethod
    def given(cls, plugin: object) -> _Source:
        """Of a plugin that no entry point names."""
        name = getattr(plugin, "__name__", type(plugin).__qualname__)
        return cls(distributions.EntryPoint(name, name, PROJECT_NAME), *_identity(None))

    @property
    def built_in(self) -> bool:
        return re.sub(r"[-_.]+", "-", self.distribution).lower() == BUILT_IN

    def failure(self, stage: str, error: str, hint: str = "", trace: str = "") -> PluginFailure:
        point = f"{self.entry_point.name} = {self.entry_point.value}"
        return PluginFailure(point, self.distribution, self.version, stage, error, hint, trace)


def _identity(distribution: distributions.Distribution | None) -> tuple[str, str]:
    """Name and version of a distribution."""
    try:
        name, version = (distribution.name, distribution.version) if distribution else ("", "")
    except Exception:  # noqa: BLE001 - a damaged dist-info directory has no METADATA, or no text in it
        name = version = ""
    return name or "unknown", version or "unknown"


def discover(*, strict: bool = False) -> Registry:
    """Load every plugin of the entry-point group `connector_core`.

    Args:
        strict: raise if any plugin fails, instead of recording it in the registry's `failures`.

    The environment variable `CONNECTOR_DISABLE` lists names of entry points to leave alone,
    separated by commas or spaces.

    Raises:
        DiscoveryError: `strict` was asked for and a plugin failed.
    """
    disabled = set(re.split(r"[\s,]+", os.environ.get(DISABLE_VARIABLE, "")))
    entry_points, failures = _entry_points()
    loads = [
        (_Source.of(entry_point), entry_point.load)
        for entry_point in sorted(entry_points)
        if entry_point.name not in disabled
    ]
    registry = _registry(loads, failures)
    if strict and registry.failures:
        raise DiscoveryError(registry.failures)
    return registry


def registry_of(*plugins: object) -> Registry:
    """The registry of plugins that are at hand, each loaded as `discover` loads what is installed.

    It is for programs and tests with a connector of their own, which no distribution brings.

    Args:
        plugins: modules or instances that implement the hooks.
    """
    return _registry([(_Source.given(plugin), partial(_same, plugin)) for plugin in plugins], [])


def _same(plugin: object) -> object:
    return plugin


def _registry(
    loads: Iterable[tuple[_Source, Callable[[], object]]], failures: list[PluginFailure]
) -> Registry:
    """The connectors that could be loaded, and the failures of the others besides those known."""
    found: list[tuple[_Source, Connector]] = []
    for source, load in loads:
        outcome = _load(source, load)
        if isinstance(outcome, PluginFailure):
            failures.append(outcome)
        else:
            found.append((source, outcome))
    connectors, duplicates = _without_duplicates(found)
    return Registry(connectors, [*failures, *duplicates])


def _entry_points() -> tuple[list[distributions.EntryPoint], list[PluginFailure]]:
    """The entry points of the group, and the distributions whose own cannot be read."""
    try:
        return list(distributions.entry_points(group=PROJECT_NAME)), []
    except Exception:  # noqa: BLE001 - one damaged entry_points.txt fails the reading of all
        found: dict[tuple[str, str, str], distributions.EntryPoint] = {}
        failures = []
    for distribution in distributions.distributions():
        name, version = _identity(distribution)
        text = PROJECT_NAME
        try:
            text = distribution.read_text("entry_points.txt") or ""
            for entry_point in distribution.entry_points.select(group=PROJECT_NAME):
                found.setdefault((name, entry_point.name, entry_point.value), entry_point)
        except Exception as error:  # noqa: BLE001 - see above
            if PROJECT_NAME in text:
                reason = _("its entry points cannot be read: {reason}").format(
                    reason=_reason(error)
                )
                failures.append(PluginFailure("entry_points.txt", name, version, "load", reason))
    return list(found.values()), failures


def _reason(error: BaseException) -> str:
    """What was raised, on one line."""
    try:
        return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")
    except Exception:  # noqa: BLE001 - a plugin's own exception may fail to tell its text
        return type(error).__name__


def _load(source: _Source, load: Callable[[], object]) -> Connector | PluginFailure:
    stage = "load"
    try:
        plugin = load()
        stage = "contract"
        _check_contract(plugin)
        stage = "register"
        manager = pluggy.PluginManager(PROJECT_NAME)
        manager.add_hookspecs(hookspecs)
        _check_arguments(plugin)
        manager.register(plugin, name=source.entry_point.name)
        stage = "hooks"
        _check_hooks(manager, plugin)
        stage = "metadata"
        metadata = _metadata(manager)
        stage = "config_schema"
        return Connector(
            metadata,
            _schema(manager, checked=source.built_in),
            manager.hook,
            entry_point=source.entry_point.name,
            distribution=source.distribution,
            version=source.version,
        )
    except KeyboardInterrupt:
        raise
    except _StageError as error:
        return source.failure(error.stage, error.reason, error.hint)
    # A plugin may do anything at import, SystemExit and exceptions outside Exception included.
    except BaseException as error:  # noqa: BLE001
        trace = "".join(traceback.format_exception(error))
        return source.failure(stage, _reason(error), _place_of(error), trace)


def _place_of(error: BaseException) -> str:
    """Where in the plugin it was raised, for its author; empty where it did not come so far."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    for file, line in reversed(places):
        if not file.startswith("<") and not _is_on_the_way(Path(file)):
            return _("see {file}, line {line}").format(file=file, line=line)
    return ""


def _is_on_the_way(file: Path) -> bool:
    """Whether a file is this package's, pluggy's or the standard library's."""
    if "site-packages" not in file.parts and _STANDARD in file.parents:
        return True
    return any(folder in file.parents for folder in (_CORE, _PLUGGY))


def _check_contract(plugin: object) -> None:
    if inspect.isclass(plugin):
        raise _StageError(
            "contract",
            _("the entry point names the class {name}; name an instance of it").format(
                name=plugin.__name__
            ),
        )
    version = getattr(plugin, "HOOK_API", 1)
    if type(version) is not int or not 1 <= version <= HOOK_API:
        raise _StageError(
            "contract",
            _(
                "it was written for HOOK_API {version!r}; this host knows 1 to {latest}. "
                "Upgrade {core}, or correct the plugin's HOOK_API"
            ).format(version=version, latest=HOOK_API, core=BUILT_IN),
        )


def _check_arguments(plugin: object) -> None:
    """Find arguments that their hook does not have; pluggy would tell them in its own terms."""
    for name, spec in _SPECS.items():
        hook, known = getattr(plugin, name, None), inspect.signature(spec).parameters
        if not inspect.isroutine(hook) or not hasattr(hook, f"{PROJECT_NAME}_impl"):
            continue
        for argument, parameter in inspect.signature(hook).parameters.items():
            plain = parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            if plain and parameter.default is parameter.empty and argument not in known:
                told = _(
                    "the hook {hook!r} has no argument {argument!r}; arguments: {known}"
                ).format(hook=name, argument=argument, known=", ".join(known) or _("none"))
                raise _StageError("register", told)


def _check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    """Find what pluggy's own `check_pending` does not see."""
    callers = manager.get_hookcallers(plugin) or []
    implemented = {caller.name: caller.get_hookimpls() for caller in callers}
    for name, implementations in implemented.items():
        if name not in _SPECS:
            raise _StageError(
                "hooks",
                _("{name!r} is not a hook; hooks: {known}").format(
                    name=name, known=", ".join(sorted(_SPECS))
                ),
                _unknown_hook(name, set(_SPECS) - set(implemented)),
            )
        for implementation in implementations:
            _check_signature(name, implementation)
        if all(_is_wrapper(implementation) for implementation in implementations):
            raise _StageError(
                "hooks", _("the hook {name!r} is wrapped and not implemented").format(name=name)
            )
    for name in REQUIRED_HOOKS:
        if name not in implemented:
            raise _StageError(
                "hooks",
                _("the required hook {name!r} is not implemented").format(name=name),
                _missing_hook(name, plugin),
            )


def _unknown_hook(name: str, free: set[str]) -> str:
    """What to do about a hook that there is not, by those that are not implemented."""
    from connector_core.validation import nearest

    if near := nearest(name, free):
        return _("did you mean {name!r}?").format(name=near)
    return _("take @hookimpl away from what is a function of your own")


def _missing_hook(name: str, plugin: object) -> str:
    """What to do about a required hook that is not implemented."""
    if callable(getattr(plugin, name, None)):
        return _("there is a function of that name: put @hookimpl above it")
    if not inspect.ismodule(plugin):
        return _("write it in {place}, with @hookimpl above it").format(place=type(plugin).__name__)
    return _("write it in {place}, with @hookimpl above it").format(place=plugin.__name__)


def _is_wrapper(implementation: pluggy.HookImpl) -> bool:
    return implementation.wrapper or implementation.hookwrapper


def _check_signature(name: str, implementation: pluggy.HookImpl) -> None:
    if name not in AWAITED_HOOKS and inspect.iscoroutinefunction(implementation.function):
        raise _StageError(
            "hooks",
            _("{name!r} is asynchronous; only {hooks} may be").format(
                name=name, hooks=", ".join(AWAITED_HOOKS)
            ),
        )
    for parameter in inspect.signature(implementation.function).parameters.values():
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD):
            told = _(
                "the argument {argument!r} of {hook!r} is keyword-only; the host would never pass "
                "it: declare it as a plain argument"
            )
        elif parameter.kind is parameter.VAR_POSITIONAL:
            told = _(
                "the argument {argument!r} of {hook!r} is variadic; the host would never pass it: "
                "declare it as a plain argument"
            )
        elif parameter.default is not parameter.empty:
            told = _(
                "the argument {argument!r} of {hook!r} has a default; the host would never pass "
                "it: declare it as a plain argument"
            )
        else:
            continue
        raise _StageError("hooks", told.format(argument=parameter.name, hook=name))


def _metadata(manager: pluggy.PluginManager) -> ConnectorMetadata:
    value = _plain_result(manager.hook.metadata())
    if not isinstance(value, ConnectorMetadata):
        raise _StageError(
            "metadata",
            _("must return ConnectorMetadata, not {type}").format(type=type(value).__name__),
        )
    return value


def _schema(manager: pluggy.PluginManager, *, checked: bool) -> Mapping[str, Any]:
    value = _plain_result(manager.hook.config_schema())
    if not checked:
        # Those of this distribution are checked by its own tests: the check needs jsonschema,
        # whose import would be half of the time of `connector list`.
        from connector_core.validation import check_schema

        try:
            check_schema(value)
        except ValueError as error:
            raise _StageError("config_schema", str(error)) from None
    schema: Mapping[str, Any] = value
    return schema


def _plain_result(value: Any) -> Any:
    if inspect.iscoroutine(value):
        value.close()
    return value


def _without_duplicates(
    found: Iterable[tuple[_Source, Connector]],
) -> tuple[list[Connector], list[PluginFailure]]:
    """Of two with one id or target the built-in one stays; between others neither does."""
    found = list(found)
    owners: dict[str, list[_Source]] = defaultdict(list)
    for source, connector in found:
        for key in {connector.id, connector.target}:
            owners[key].append(source)
    connectors, failures = [], []
    for source, connector in found:
        rivals = {
            key: [other for other in owners[key] if other is not source]
            for key in sorted({connector.id, connector.target})
        }
        rivals = {key: others for key, others in rivals.items() if others}
        if source.built_in or not rivals:
            connectors.append(connector)
            continue
        taken = "; ".join(
            _("{key!r} is also the id or target of {others}").format(
                key=key,
                others=", ".join(
                    f"{other.entry_point.value} ({other.distribution} {other.version})"
                    for other in others
                ),
            )
            for key, others in rivals.items()
        )
        failures.append(source.failure("duplicate", taken))
    return connectors, failures
