"""A connector: one plugin's hooks behind ordinary typed methods."""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from connector_core.configs import (
    json_path,
    merge_patch,
    placeholders,
    plain_copy,
    reference_problems,
    sample_from_schema,
    strings,
)
from connector_core.errors import ConfigError, ConfigProblem, ConnectorError
from connector_core.i18n import Catalog
from connector_core.i18n import gettext as _
from connector_core.models import Provider
from connector_core.translation import provider_in

if TYPE_CHECKING:
    import pluggy
    from pydantic import ValidationError as ModelError

    from connector_core.errors import DeliveryError
    from connector_core.models import ConnectorMetadata

__all__ = ["Connector"]

T = TypeVar("T")

_LOG = logging.getLogger("connector_core")


def _is_model_error(error: BaseException) -> TypeGuard[ModelError]:
    """Whether it is pydantic's; whoever raises it has imported pydantic."""
    if "pydantic" not in sys.modules:
        return False
    from pydantic import ValidationError

    return isinstance(error, ValidationError)


def _problem(value: object) -> ConfigProblem:
    if not isinstance(value, ConfigProblem):
        raise TypeError("a problem must be a ConfigProblem")
    return value


class Connector:
    """A connector that discovery found: what it says of itself, and its hooks.

    Attributes:
        metadata: what it says of itself.
        entry_point: the name of its entry point.
        distribution: the distribution that brought it.
        version: that distribution's version.
        hook: the plugin's hooks, as pluggy calls them.
    """

    def __init__(
        self,
        metadata: ConnectorMetadata,
        schema: Mapping[str, Any],
        hook: pluggy.HookRelay,
        *,
        entry_point: str,
        distribution: str,
        version: str,
    ) -> None:
        self.metadata = metadata
        self.entry_point = entry_point
        self.distribution = distribution
        self.version = version
        self._schema = copy.deepcopy(dict(schema))
        self.hook = hook

    def __repr__(self) -> str:
        return f"<Connector {self.id} ({self.distribution} {self.version})>"

    @property
    def id(self) -> str:
        """The connector's id."""
        return self.metadata.id

    @property
    def target(self) -> str:
        """Its short alias."""
        return self.metadata.target

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema (draft 2020-12) of its config, as a copy of your own."""
        return copy.deepcopy(self._schema)

    def translate(self, text: str) -> str:
        """A text of its own, such as a description in its schema, in the language of the context.

        It stays as it is where the connector has no translation of it.
        """
        return text if self._catalog is None else self._catalog.gettext(text)

    @cached_property
    def _catalog(self) -> Catalog | None:
        def checked() -> Catalog | None:
            found = self.hook.catalog()
            if found is not None and not isinstance(found, Catalog):
                raise TypeError("catalog() must return a Catalog")
            return found

        try:
            return self._sound("catalog", checked)
        except ConnectorError as error:
            _LOG.warning("%s", error)  # its texts can be read all the same, in English
            return None

    @property
    def providers(self) -> tuple[Provider, ...]:
        """Its presets for well-known providers, by name, in the language of the context."""
        return self._sound(
            "providers",
            lambda: tuple(provider_in(preset, self.translate) for preset in self._presets),
        )

    @cached_property
    def _presets(self) -> tuple[Provider, ...]:
        def checked() -> tuple[Provider, ...]:
            found = tuple(self.hook.providers() or ())
            if not all(isinstance(item, Provider) for item in found):
                raise TypeError("providers() must return Provider objects")
            return tuple(sorted(found, key=lambda provider: provider.name))

        return self._sound("providers", checked)

    def sample_config(self, provider: str | None = None) -> dict[str, Any]:
        """A config to start from; what must be replaced is written `<like this>`.

        Raises:
            ValueError: the connector has no such provider; the message names those it has.
            ConnectorError: its plugin broke.
        """
        preset = next((item for item in self._presets if item.name == provider), None)
        if provider is not None and preset is None:
            there = ", ".join(item.name for item in self._presets) or _("none")
            raise ValueError(
                _("{connector} has no provider {name!r}; there are: {known}").format(
                    connector=self.id, name=provider, known=there
                )
            )

        def checked() -> dict[str, Any]:
            sample = dict(
                self.hook.sample_config(provider=provider)
                if self.implements("sample_config")
                else sample_from_schema(self._schema)
            )
            return copy.deepcopy(dict(merge_patch(sample, preset.config)) if preset else sample)

        return self._sound("sample_config", checked)

    def _sound(self, name: str, call: Callable[[], T]) -> T:
        """What a hook gives, or an error that names the plugin where it breaks."""
        try:
            return call()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            # Only the kind of error: the text of a stranger's may hold a secret.
            raise ConnectorError(
                _(
                    "the hook {hook!r} of {connector} broke with {error}: report it to the author "
                    "of {distribution} {version}"
                ).format(
                    hook=name,
                    connector=self.id,
                    error=type(error).__name__,
                    distribution=self.distribution,
                    version=self.version,
                )
            ) from None

    def check_config(self, config: object) -> tuple[dict[str, Any], list[ConfigProblem]]:
        """A plain copy of the config, and everything that is wrong with it; nothing is opened."""
        from connector_core.validation import schema_problems

        plain, problems = plain_copy(config)
        if not isinstance(plain, dict):
            return {}, [ConfigProblem("$", _("the config must be an object"))]
        # What is not filled in yet is one problem, not one for each rule that it breaks besides.
        unfilled = [*self._placeholder_problems(plain), *reference_problems(plain)]
        problems += unfilled
        named = {problem.path for problem in problems}
        own = self._problems_of(lambda: self.hook.check_config(config=copy.deepcopy(plain)) or ())
        # A schema may still fail as it is applied, for example where it refers to itself for ever.
        by_schema = self._problems_of(lambda: schema_problems(self._schema, plain, self.translate))
        for source in (by_schema, own):
            fresh = [problem for problem in source if problem.path not in named]
            problems += fresh
            named |= {problem.path for problem in fresh}
        return plain, problems

    def configure(self, config: object) -> Any:
        """The state that the other hooks are handed.

        Raises:
            ConfigError: with every problem of the config.
        """
        plain, problems = self.check_config(config)
        if problems:
            raise ConfigError(problems)
        return self.state_of(plain)

    def state_of(self, plain: dict[str, Any]) -> Any:
        """The state for what `check_config` gave and found nothing wrong with.

        Raises:
            ConfigError: it cannot be used after all.
        """
        if not self.implements("configure"):
            return plain
        states: list[Any] = []
        problems = self._problems_of(lambda: states.append(self.hook.configure(config=plain)))
        if problems:
            raise ConfigError(problems)
        return states[0]

    def _problems_of(
        self, call: Callable[[], Iterable[ConfigProblem] | None]
    ) -> list[ConfigProblem]:
        """What a hook finds wrong with a config, whether it returns it, raises it or breaks."""
        try:
            return [_problem(item) for item in call() or ()]
        except ConfigError as error:
            return list(error.problems)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
            if _is_model_error(error):
                from connector_core.validation import model_problems

                return model_problems(error)
            # Its text is left out: a model's or a library's own message may show the value.
            return [
                ConfigProblem(
                    "$",
                    _("the connector could not work with it: {error}").format(
                        error=type(error).__name__
                    ),
                    _("report it to the author of {distribution} {version}").format(
                        distribution=self.distribution, version=self.version
                    ),
                )
            ]

    def suspects(self, error: DeliveryError) -> tuple[tuple[str, ...], ...]:
        """The values of the config to look at after an error, by their paths, likeliest first."""
        return self._sound(
            "suspects", lambda: tuple(map(tuple, self.hook.suspects(error=error) or ()))
        )

    @property
    def takes_templates(self) -> bool:
        """Whether its config has `templates`, with the keys that all connectors share."""
        return "templates" in self._schema.get("properties", {})

    def implements(self, name: str) -> bool:
        """Whether the plugin has this optional hook."""
        return bool(getattr(self.hook, name).get_hookimpls())

    @cached_property
    def _placeholders(self) -> frozenset[str]:
        try:
            samples = [self.sample_config(), *(item.config for item in self._presets)]
        except ConnectorError as error:
            _LOG.warning("%s", error)  # the sample is in nobody's way but its readers'
            return frozenset()
        return frozenset().union(*(placeholders(sample) for sample in samples))

    def _placeholder_problems(self, config: dict[str, Any]) -> list[ConfigProblem]:
        optional = set(self._schema.get("properties", {})) - set(self._schema.get("required", ()))
        problems = []
        for parts, text in strings(config):
            if text in self._placeholders:
                hint = _("put your own value in its place")
                if len(parts) == 1 and parts[0] in optional:
                    hint = _(
                        "put your own value in its place, or leave the key out if you do not need "
                        "it"
                    )
                told = _("is still the placeholder {text}").format(text=text)
                problems.append(ConfigProblem(json_path(parts), told, hint))
        return problems
