"""Checks of a config: taken where it is right, and every problem told where it is wrong."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from connector_core.configs import PathParts, json_path
from connector_core.errors import ConfigError, ConfigProblem
from connector_core.host import AsyncHost
from connector_core.registry import Registry
from connector_core.schemas import schemas_at
from connector_core.testing import hooks
from connector_core.testing.checks import Checks, check
from connector_core.testing.secrecy import logged, require_hidden, secrets_in, shown
from connector_core.testing.values import changed, leaves, mistyped, objects, speaks_of
from connector_core.testing.verdicts import BreachError, blocked, not_given, not_implemented
from connector_core.testing.watching import watched

__all__ = ["ConfigChecks"]

_UNKNOWN = "conformanceUnknown"
_CANARY = "conformance-cAnArY-5ecret-0123456789"
_ODD: tuple[Any, ...] = ({}, [], "", 0, -1, True, 1e308, "\x00", [[]], {"": {}}, [{}], "ü" * 4096)


class ConfigChecks(Checks):
    """What happens to a config before the first message."""

    @check
    async def test_config_is_accepted(self) -> None:
        """The config that the suite was given has no problem, and `configure` takes it."""
        alone = Registry([self.subject.connector], [])
        async with self.subject.serving() as config, AsyncHost(alone) as host:
            try:
                host.configure(self.subject.connector.id, config)
            except ConfigError as error:
                raise BreachError(f"the config that was given is refused: {error}") from None

    @check
    async def test_unknown_keys_are_refused(self) -> None:
        """A key that nobody knows is a problem at its path, in every object of the config."""
        async with self.subject.serving() as config:
            self._require_sound(config)
            schema = self.subject.connector.schema
            for parts in objects(config):
                if not parts or any("properties" in item for item in schemas_at(schema, parts)):
                    wrong = changed(config, (*parts, _UNKNOWN), "a value")
                    self._require_told(wrong, [(*parts, _UNKNOWN)], "an unknown key")

    @check
    async def test_every_problem_is_told(self) -> None:
        """Of several wrong values each is told at once, at its path: nobody mends one at a time."""
        async with self.subject.serving() as config:
            self._require_sound(config)
            if not config:
                raise not_given("give a `config` that says something")
            wrong = config
            places: list[PathParts] = []
            for parts in _one_of_each_key(config):
                value = mistyped(self.subject.connector.schema, parts)
                if value is None:
                    continue
                self._require_told(
                    changed(config, parts, value), [parts], "a value of a wrong type"
                )
                wrong, places = changed(wrong, parts, value), [*places, parts]
            if not places:
                raise BreachError(
                    "the schema says of no value in the config which type it has",
                    'give the properties their "type"',
                )
            self._require_told(wrong, places, "one of several wrong values")

    @check
    async def test_check_config_takes_anything(self) -> None:
        """The hook `check_config` names problems in configs that fail the schema, and never breaks.

        It is called with those too, so that rules between fields are told together with types.
        """
        if not self.subject.connector.implements("check_config"):
            raise not_implemented("check_config")
        async with self.subject.serving() as config:
            for place, wrong in _oddities(config):
                self._require_problems(place, wrong)

    @check
    async def test_problems_hide_values(self) -> None:
        """No problem, error or log shows a value: people paste passwords into wrong fields."""
        async with self.subject.serving() as config:
            connector = self.subject.connector
            for place, wrong in _canaries(config):
                with logged() as texts:
                    _, problems = connector.check_config(wrong)
                    try:
                        await hooks.discard(self.subject, connector.configure(wrong))
                    except ConfigError as error:
                        texts.append(shown(error))
                told = [*texts, *(f"{problem} {problem!r}" for problem in problems)]
                require_hidden({place: _CANARY}, "what is said of a wrong config", *told)

    @check
    async def test_config_is_left_alone(self) -> None:
        """Neither `check_config` nor `configure` changes the config that it is handed."""
        async with self.subject.serving() as config:
            connector = self.subject.connector
            self._require_sound(config)
            given = copy.deepcopy(config)
            connector.hook.check_config(config=given)
            state = self._state(config, given)
            await hooks.discard(self.subject, state)
            if connector.implements("configure") and given != config:
                raise BreachError("the config is changed", "change a copy: copy.deepcopy(config)")

    @check
    async def test_configure_does_no_io(self) -> None:
        """`check_config` and `configure` open nothing: no connection, no file, no thread.

        A host configures before it serves, `connector validate` only to look: what a state needs
        to open is opened when the first message wants it.
        """
        async with self.subject.serving() as config:
            self._require_sound(config)
            with watched() as offences:
                state = self._state(config)
            await hooks.discard(self.subject, state)
            if offences:
                raise BreachError(
                    f"configure, or check_config, {offences[0]}", "leave it to the first message"
                )

    @check
    async def test_state_hides_secrets(self) -> None:
        """`repr` and `str` of the state show no secret: debuggers and error trackers call them."""
        async with self.subject.serving() as config:
            connector = self.subject.connector
            secrets = secrets_in(connector, config)
            self._require_sound(config)
            state = self._state(config)
            texts = [repr(state), str(state)]
            await hooks.discard(self.subject, state)
            require_hidden(secrets, "repr(state)", *texts)

    def _state(self, config: Mapping[str, Any], given: dict[str, Any] | None = None) -> Any:
        """The state for a config; for the very object `given`, where there is one."""
        connector = self.subject.connector
        try:
            return connector.configure(config) if given is None else connector.state_of(given)
        except ConfigError:
            raise blocked("the connector refuses the config that was given") from None

    def _require_sound(self, config: Mapping[str, Any]) -> None:
        if self.subject.connector.check_config(config)[1]:
            raise blocked("the connector refuses the config that was given")

    def _require_told(
        self, config: Mapping[str, Any], places: Sequence[PathParts], what: str
    ) -> None:
        problems = self.subject.connector.check_config(config)[1]
        for parts in places:
            # A closed schema that is made of alternatives cannot name the key, only the object.
            whole = len(parts) == 1 and parts[0] == _UNKNOWN and len(places) == 1
            told = any(
                speaks_of(item.path, parts) or (whole and item.path == "$") for item in problems
            )
            if not told:
                paths = ", ".join(item.path for item in problems) or "none"
                raise BreachError(
                    f"{what} at {json_path(parts)} is not told; problems are told at: {paths}",
                    "say in the schema what may stand there, or tell it in check_config; let "
                    "check_config return all that it finds, and not raise the first",
                )

    def _require_problems(self, place: str, config: dict[str, Any]) -> None:
        try:
            found = self.subject.connector.hook.check_config(config=config)
            odd = [item for item in found or () if not isinstance(item, ConfigProblem)]
        except (ConfigError, ValidationError):  # the host takes either for problems
            return
        except Exception as error:
            raise BreachError(
                f"check_config broke with {type(error).__name__} on an odd value at {place}",
                "look only at what is sound (connector_core.fields), and leave the rest to the "
                "schema",
            ) from error
        if odd:
            raise BreachError(
                f"check_config must return ConfigProblem, not {type(odd[0]).__name__}"
            )


def _one_of_each_key(config: Mapping[str, Any]) -> Iterator[PathParts]:
    """The first value behind each key of the config."""
    seen = set()
    for parts in leaves(config):
        if parts[0] not in seen:
            seen.add(parts[0])
            yield parts


def _oddities(config: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    yield "$", {}
    for parts in dict.fromkeys([*leaves(config), *(item for item in objects(config) if item)]):
        for value in _ODD:
            yield json_path(parts), changed(config, parts, copy.deepcopy(value))


def _canaries(config: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    yield "the whole config", _CANARY
    yield json_path((_UNKNOWN,)), {**config, _UNKNOWN: _CANARY}
    for parts in dict.fromkeys([*leaves(config), *(item for item in objects(config) if item)]):
        for value in (_CANARY, [_CANARY], {"value": _CANARY}, f"{_CANARY}\r\n", f"<{_CANARY}"):
            yield json_path(parts), changed(config, parts, value)
