"""The good connector's translations, and imports that are looked at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from connector_core.testing import fresh, identity, leaks, limits
from connector_core.translation import descriptions, provider_in
from tests.testing.good import PROVIDER, SCHEMA

_KEPT: dict[str, list[str]] = {}  # by module


@pytest.fixture(scope="session")
def locale(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with French texts of the good connector."""
    texts = list(descriptions(SCHEMA))

    def note(text: str) -> str:
        texts.append(text)
        return text

    provider_in(PROVIDER, note)
    catalog = Catalog(locale="fr")
    for text in filter(None, texts):
        catalog.add(text, f"« {text} »")
    folder = tmp_path_factory.mktemp("locale")
    file = folder / "fr/LC_MESSAGES/good.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as data:
        write_mo(data, catalog)
    return folder


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for what never comes; many connectors are looked at."""
    monkeypatch.setattr(limits, "_UNDER_WAY", 0.05)
    monkeypatch.setattr(limits, "_DEADLINE", 0.1)
    monkeypatch.setattr(leaks, "_SETTLE", 1.0)


@pytest.fixture
def looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a process for each module, and not for each connector in it."""
    original = fresh.findings

    def findings(plugin: object, entry_point: str) -> list[str]:
        module = type(plugin).__module__
        if module not in _KEPT:
            _KEPT[module] = original(plugin, entry_point)
        return _KEPT[module]

    monkeypatch.setattr(identity, "findings", findings)
