"""What a connector says of itself, said wrongly."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from connector_core import ConnectorMetadata, Provider, Question, hookimpl
from connector_core.i18n import Catalog
from tests.testing.broken.registry import breaks
from tests.testing.good import LOGO, PROVIDER, SAMPLE, SCHEMA, Good

_NUMBERS = count()


def schema_with(**properties: Any) -> dict[str, Any]:
    """The good schema with these properties besides, or in place of others."""
    changed = copy.deepcopy(SCHEMA)
    changed["properties"] |= properties
    return changed


# Discovery


@breaks("test_it_loads")
def not_installed(locale: Path) -> str:
    return "a-connector-that-nobody-installed"


@breaks("test_hooks")
class OtherArguments(Good):
    @hookimpl
    def preview(self, state: Any, mail: Any) -> bytes:
        return b""


@breaks("test_contract_version")
class OfTomorrow(Good):
    HOOK_API = 99


@breaks("test_hooks")
class Misspelt(Good):
    @hookimpl
    def verfiy(self, state: Any) -> None:
        """No hook has this name."""


@breaks("test_hooks")
class WithDefault(Good):
    @hookimpl
    def preview(self, state: Any, message: Any = None) -> bytes:
        return b""


@breaks("test_metadata")
class NoMetadata(Good):
    @hookimpl
    def metadata(self) -> Any:
        return {"id": "good-relay"}


@breaks("test_metadata")
class ChangingMetadata(Good):
    @hookimpl
    def metadata(self) -> ConnectorMetadata:
        return replace(super().metadata(), platform=str(next(_NUMBERS)))


@breaks("test_languages")
class HalfFrench(Good):
    @hookimpl
    def metadata(self) -> ConnectorMetadata:
        return replace(super().metadata(), name={"en": "Relay"})


@breaks("test_languages")
class BlankName(Good):
    @hookimpl
    def metadata(self) -> ConnectorMetadata:
        return replace(super().metadata(), name={"en": " ", "fr": "Relais"})


@breaks("test_languages")
class TwiceFrench(Good):
    @hookimpl
    def metadata(self) -> ConnectorMetadata:
        names = {"en": "Relay", "fr": "Relais", "FR": "Relais"}
        return replace(super().metadata(), name=names)


class _Logo(Good):
    logo = ""

    @hookimpl
    def metadata(self) -> ConnectorMetadata:
        return replace(super().metadata(), logo=self.logo)


@breaks("test_readme_and_logos")
class NoSvg(_Logo):
    logo = "<html/>"


@breaks("test_readme_and_logos")
class BrokenSvg(_Logo):
    logo = "<svg"


@breaks("test_readme_and_logos")
class ScriptInLogo(_Logo):
    logo = LOGO.replace("<circle", "<script/><circle")


@breaks("test_readme_and_logos")
class HandlerInLogo(_Logo):
    logo = LOGO.replace("<circle", '<circle onload="alert(1)"')


@breaks("test_readme_and_logos")
class LogoFromElsewhere(_Logo):
    logo = LOGO.replace("<circle", '<image href="https://evil.example/"/><circle')


@breaks("test_readme_and_logos")
class EntitiesInLogo(_Logo):
    logo = f'<!DOCTYPE svg [<!ENTITY a "a">]>{LOGO}'


@breaks("test_readme_and_logos")
class EmptyReadme(Good):
    @hookimpl
    def metadata(self) -> ConnectorMetadata:
        return replace(super().metadata(), readme="\n")


@breaks("test_translations")
class Untranslated(Good):
    schema = schema_with(zone={"type": "string", "description": "Where the relay stands."})


@breaks("test_translations")
class NoTranslations(Good):
    @hookimpl
    def catalog(self) -> Catalog:
        return Catalog("good", Path("nowhere"))


# The schema


@breaks("test_schema_is_valid")
class NoSchema(Good):
    schema = {"type": "objekt"}  # noqa: RUF012


@breaks("test_schema_is_valid")
class OutsideReference(Good):
    schema = schema_with(limits={"$ref": "https://example.com/a.json", "description": "Limits."})


@breaks("test_schema_is_valid")
class ChangingSchema(Good):
    @hookimpl
    def config_schema(self) -> Mapping[str, Any]:
        return {**SCHEMA, "title": str(next(_NUMBERS))}


@breaks("test_schema_is_closed")
class OpenObject(Good):
    schema = schema_with(
        proxy={
            "type": "object",
            "description": "The name of the relay.",
            "properties": {"host": {"type": "string", "description": "The name of the relay."}},
        }
    )


@breaks("test_schema_is_described")
class Undescribed(Good):
    schema = schema_with(zone={"type": "string"})


@breaks("test_schema_is_described")
class DescribedByItsName(Good):
    schema = schema_with(sender={"type": "string", "description": "Sender"})

    @hookimpl
    def catalog(self) -> Catalog:
        return _anything(self.locale)


@breaks("test_secrets_are_marked")
class UnmarkedSecret(Good):
    schema = schema_with(apiKey={"type": "string", "description": "What it knows you by."})


@breaks("test_secrets_are_marked")
class UnmarkedPassword(Good):
    schema = schema_with(
        login={
            "type": "object",
            "description": "What it knows you by.",
            "properties": {"pass": {"type": "string", "description": "What it knows you by."}},
            "additionalProperties": False,
        }
    )


# Samples and presets


@breaks("test_sample")
class UnsoundSample(Good):
    @hookimpl
    def sample_config(self, provider: str | None) -> Mapping[str, Any]:
        return SAMPLE if provider else {**SAMPLE, "port": 0}


class _Preset(Good):
    preset: Provider

    @hookimpl
    def providers(self) -> Sequence[Provider]:
        return [self.preset]


@breaks("test_providers")
class LoudName(_Preset):
    preset = replace(PROVIDER, name="ACME")


@breaks("test_providers")
class NoGuide(_Preset):
    preset = replace(PROVIDER, guide="")


@breaks("test_providers")
class NoProviders(Good):
    @hookimpl
    def providers(self) -> Sequence[Provider]:
        return []


@breaks("test_questions_lead_to_a_config")
class AskedTooLittle(_Preset):
    preset = replace(PROVIDER, questions=PROVIDER.questions[1:])


@breaks("test_questions_lead_to_a_config")
class ExampleIsNoChoice(_Preset):
    preset = replace(
        PROVIDER,
        questions=(
            PROVIDER.questions[0],
            Question(path=("port",), title="port", example="4000", choices={"4001": "usual"}),
        ),
    )


@breaks("test_questions_lead_to_a_config")
class ExampleOfWrongType(_Preset):
    preset = replace(
        PROVIDER,
        questions=(PROVIDER.questions[0], Question(path=("port",), title="port", example="low")),
    )


def _anything(locale: Path) -> Catalog:
    class Anything(Catalog):
        def gettext(self, message: str) -> str:
            return f"« {message} »"

    return Anything("good", locale)
