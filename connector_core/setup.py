"""Setting up a connector: from a provider and a few answers to an entry of the host file.

Nothing is written before `save`; until then everything is tried as it would be saved. The command
line asks the questions, and whatever else sets up connectors can do so with the same calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector_core.configs import is_reference, json_path, merge_patch
from connector_core.errors import ConfigError, ConfigProblem
from connector_core.hostfile.entering import NewEntry, enter, refuse_taken_name
from connector_core.hostfile.model import FileTemplate, HostFile
from connector_core.hostfile.reading import checked, parsed, text_if_there
from connector_core.hostfile.resolving import ResolvedEntry, has_secret, resolved_entry
from connector_core.models import Question
from connector_core.providers import preset_config
from connector_core.schemas import described, holds_secret, is_secret
from connector_core.typedvalues import typed_value

if TYPE_CHECKING:
    from connector_core.connector import Connector
    from connector_core.models import Provider
    from connector_core.registry import Registry

__all__ = ["Draft", "Saved"]

ConfigPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written.

    Attributes:
        file: the host file as it is now.
        written: the files that are new beside it: secrets, templates.
    """

    file: HostFile
    written: tuple[Path, ...]


@dataclass
class Draft:
    """A connector being set up.

    Attributes:
        registry: the connectors there are.
        path: the host file that it is for.
        connector: the connector.
        provider: the preset it starts from, if any.
        name: what it will be called.
        answers: the values given so far, by path; references stay references.
    """

    registry: Registry
    path: Path
    connector: Connector
    provider: Provider | None = None
    name: str = ""
    answers: dict[ConfigPath, Any] = field(default_factory=dict)

    def questions(self) -> list[Question]:
        """What there is to ask, in order: the provider's questions, else what the schema requires.

        For a value that was given and that neither asks for, there is a question as well.
        """
        asked = list(self.provider.questions) if self.provider is not None else []
        if not asked:
            required = self.connector.schema.get("required", ())
            asked = [self.question((key,)) for key in required if key != "templates"]
        known = {question.path for question in asked}
        return [*asked, *(self.question(path) for path in self.answers if path not in known)]

    def question(self, path: ConfigPath) -> Question:
        """The question for a value, made of the schema where the provider has none."""
        for question in self.provider.questions if self.provider is not None else ():
            if question.path == path:
                return question
        told = str(described(self.connector.schema, path, "description") or "")
        return Question(path=path, title=".".join(path), help=self.connector.translate(told))

    def is_secret(self, path: ConfigPath) -> bool:
        """Whether the value must not be shown."""
        return is_secret(self.connector.schema, path)

    def require_free_name(self) -> None:
        """Refuse a name that the host file has already.

        Raises:
            ConfigError: it has, or cannot be read.
        """
        refuse_taken_name(self._data(), self.name)

    def missing(self) -> list[Question]:
        """The questions without an answer, save those for values in an object that is left out."""
        return [
            item
            for item in self.questions()
            if not any(item.path[:length] in self.answers for length in range(len(item.path) + 1))
        ]

    def answer(self, path: ConfigPath, text: str) -> list[ConfigProblem]:
        """Take an answer, as it was typed; it is only kept where nothing is wrong with it.

        Args:
            path: of its question.
            text: the value; a number, `true` or JSON where the schema wants such, and null for no
                value. `env:NAME` and `file:PATH` (relative to the host file) are references.
                Empty it leaves out what an optional question asks for.

        Returns:
            What is wrong with it.
        """
        return self.take({path: text})

    def take(self, texts: Mapping[ConfigPath, str]) -> list[ConfigProblem]:
        """Take several answers as one, each as `answer` takes it; all of them are kept, or none.

        Returns:
            What is wrong with them.
        """
        given, problems = dict(self.answers), []
        for path, text in texts.items():
            try:
                self._put(given, path, text)
            except ValueError as error:
                problems.append(ConfigProblem(json_path(path), str(error)))
        if problems:
            return problems
        before, self.answers = self.answers, given
        new = [path for path in given if path not in before or given[path] != before[path]]
        problems = self._problems_of([*texts, *new])
        if problems:
            self.answers = before
        return problems

    def _put(self, answers: dict[ConfigPath, Any], path: ConfigPath, text: str) -> None:
        """Put what was typed among the answers, in place of those that it contradicts.

        Raises:
            ValueError: it is no value for this place.
        """
        if not text and self.question(path).optional:
            path, value = path[:-1] or path, None
        else:
            value = typed_value(self.connector.schema, path, text, absent=True)
        for other in list(answers):
            around = other[: len(path)] == path
            if around or (answers[other] is None and path[: len(other)] == other):
                del answers[other]
        answers.update(self._leaves(path, value))

    def _problems_of(self, paths: Iterable[ConfigPath]) -> list[ConfigProblem]:
        """What is wrong with these values."""
        own = {self._place(item) for path in paths for item in (path, *self.question(path).also)}
        return [item for item in self.problems() if item.path.partition("[")[0] in own]

    def _leaves(self, path: ConfigPath, value: Any) -> Iterator[tuple[ConfigPath, Any]]:
        """An answer; of an object with secrets each value is one of its own."""
        schema = self.connector.schema
        if not isinstance(value, Mapping) or not value or not holds_secret(schema, path):
            yield path, value
            return
        for key, item in value.items():
            yield from self._leaves((*path, key), item)

    def config(self) -> dict[str, Any]:
        """The config as it will be saved."""
        preset = merge_patch({}, self.provider.config) if self.provider is not None else {}
        return preset_config(preset, self.questions(), self.answers)

    def problems(self) -> list[ConfigProblem]:
        """Everything that is wrong with the entry as it is now, by place in the host file."""
        try:
            self.resolved()
        except ConfigError as error:
            return list(error.problems)
        return []

    def suspects(self, problems: Iterable[ConfigProblem]) -> list[ConfigPath]:
        """The values that problems speak of, as far as they are values of this config."""
        base = self._place(())
        inside = [
            item.path[len(base) + 1 :] for item in problems if item.path.startswith(f"{base}.")
        ]
        return list(dict.fromkeys(tuple(path.partition("[")[0].split(".")) for path in inside))

    def resolved(self) -> ResolvedEntry:
        """The entry as a host would get it, with the templates that it will have.

        Raises:
            ConfigError: with everything that is wrong with it.
        """
        return resolved_entry(self._planned(), self.name, self.registry)

    def secrets(self) -> list[ConfigPath]:
        """The answers that are secrets in clear."""
        return [
            path
            for path, value in self.answers.items()
            if isinstance(value, str) and not is_reference(value) and self.is_secret(path)
        ]

    def save(
        self,
        usage_types: Sequence[str] | None,
        *,
        secret_files: bool = False,
        replacing: bool = False,
    ) -> Saved:
        """Write the entry into the host file, whole or not at all.

        Where the connector takes templates and there are none, the sample's are written beside the
        host file, one file each.

        Args:
            usage_types: what it shall serve, behind those that serve it already; `*` is every usage
                type without a route of its own. None leaves the routes as they are; an empty one
                lets a new connector serve `*`, and one that is replaced what it served.
            secret_files: write secrets into files of their own, which the host file refers to.
            replacing: it takes the place of a connector of the same name.

        Raises:
            ConfigError: it cannot be saved; everything is as it was.
        """
        new = NewEntry(
            self.name,
            self._entry(),
            secrets={path: self.answers[path] for path in self.secrets()} if secret_files else {},
            templates=[] if self.config().get("templates") else self._sample_templates(),
            usage_types=usage_types,
            replacing=replacing,
        )
        file, written = enter(self.path, new, secret=lambda data: has_secret(data, self.registry))
        return Saved(file, tuple(written))

    def _entry(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"connector": self.connector.target}
        if self.provider is not None:
            entry["provider"] = self.provider.name
        return {**entry, "config": self.config()}

    def _planned(self) -> HostFile:
        """The host file as it would be, read without being written."""
        data = self._data()
        data.setdefault("connectors", {})[self.name] = self._entry()
        data.pop("routes", None)  # those of others may be wrong, and are not asked for
        file = checked(self.path, data)
        if self.connector.takes_templates and not self._has_templates(file):
            samples = self._sample_templates()
            return replace(file, templates=[FileTemplate("$", item) for item in samples])
        return file

    def _data(self) -> dict[str, Any]:
        return parsed(self.path, text_if_there(self.path) or "")

    def _has_templates(self, file: HostFile) -> bool:
        return bool(file.templates or self.config().get("templates"))

    def _sample_templates(self) -> list[dict[str, str]]:
        if not self.connector.takes_templates:
            return []
        return list(self.connector.sample_config().get("templates", ()))

    def _place(self, path: ConfigPath) -> str:
        return json_path(("connectors", self.name, "config", *path))
