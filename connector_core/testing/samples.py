"""Checks of what a config starts from: the sample, and the presets of providers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connector_core.configs import json_path, placeholders, strings
from connector_core.models import Provider
from connector_core.providers import preset_config
from connector_core.testing.checks import Checks, check
from connector_core.testing.verdicts import BreachError, blocked, not_implemented
from connector_core.typedvalues import typed_value

__all__ = ["SampleChecks"]

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")


class SampleChecks(Checks):
    """What `connector sample` and `connector setup` begin with."""

    @check
    def test_sample(self) -> None:
        """The sample is a whole config: `configure` names exactly its placeholders, `<like this>`.

        It comes from `sample_config`, else from the `examples` and `default`s of the schema.
        """
        self._require_only_placeholders("the sample", self.subject.connector.sample_config())

    @check
    def test_providers(self) -> None:
        """The presets of `providers` have their own names, and samples that are whole configs."""
        names = set()
        for provider in self._providers():
            if not _NAME.fullmatch(provider.name) or provider.name in names:
                raise BreachError(
                    f"the provider name {provider.name!r} is taken, or not in lower case",
                    "use lower-case letters, digits, '.', '_' and '-'",
                )
            names.add(provider.name)
            if not provider.title.strip() or not provider.guide.strip():
                raise BreachError(f"the provider {provider.name!r} has no title, or no guide")
            sample = self.subject.connector.sample_config(provider.name)
            self._require_only_placeholders(f"the sample for {provider.name!r}", sample)

    @check
    def test_questions_lead_to_a_config(self) -> None:
        """With the examples of its questions as answers, each preset is a config without problems.

        A question has a title, an example and, where it has choices, an example among them.
        """
        connector = self.subject.connector
        if connector.implements("providers") and not connector.providers:
            raise blocked("providers() gives none")
        for provider in self._providers():
            answers: dict[tuple[str, ...], Any] = {}
            for question in provider.questions:
                place = f"the question for {json_path(question.path)} of {provider.name!r}"
                unfit = question.choices and question.example not in question.choices
                if not question.title or not question.example or unfit:
                    raise BreachError(f"{place} has no title, or no example that may be answered")
                answers[question.path] = self._answer(place, question.path, question.example)
            sample = connector.sample_config(provider.name)
            config = preset_config(sample, provider.questions, answers)
            problems = connector.check_config(config)[1]
            if problems:
                raise BreachError(
                    f"the preset {provider.name!r} with the examples as answers: {problems[0]}",
                    "every placeholder needs a question whose `path`, or `also`, leads to it",
                )

    def _answer(self, place: str, path: tuple[str, ...], text: str) -> Any:
        try:
            return typed_value(self.subject.connector.schema, path, text)
        except ValueError as error:
            raise BreachError(f"the example of {place}: {error}") from None

    def _providers(self) -> Sequence[Provider]:
        if not self.subject.connector.implements("providers"):
            raise not_implemented("providers")
        found: Sequence[Provider] = self.subject.connector.providers
        if not found:
            raise BreachError("providers() gives none", "leave the hook out, or give one")
        return found

    def _require_only_placeholders(self, what: str, sample: Mapping[str, Any]) -> None:
        _, problems = self.subject.connector.check_config(sample)
        open_values = placeholders(sample)
        expected = {json_path(parts) for parts, text in strings(sample) if text in open_values}
        odd = [problem for problem in problems if problem.path not in expected]
        if odd:
            raise BreachError(
                f"{what} has a problem besides its placeholders: {odd[0]}",
                "give a value that is sound, or a placeholder where only its user knows one",
            )
