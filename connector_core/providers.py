"""Presets of providers: found by what people type, completed by what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from unicodedata import combining, normalize

from connector_core.configs import json_path, merge_patch, placeholders
from connector_core.models import Provider, Question

__all__ = ["matching", "preset_config", "recognised"]

_DOTLESS = "\N{LATIN SMALL LETTER DOTLESS I}"


def matching(providers: Iterable[Provider], text: str) -> list[Provider]:
    """The providers whose name, title and aliases have every word of the text in them.

    Words may be parts of words, in any order; case and accents make no difference. Without a word,
    all providers.
    """
    words = _plain(text).split()
    return [item for item in providers if all(word in _names(item) for word in words)]


def recognised(providers: Iterable[Provider], config: Mapping[str, Any]) -> Provider | None:
    """The provider whose preset a config was made from, by the values that only it has."""
    for provider in providers:
        own = {
            key: value
            for key, value in provider.config.items()
            if isinstance(value, str) and value not in placeholders(provider.config)
        }
        if own and all(config.get(key) == value for key, value in own.items()):
            return provider
    return None


def preset_config(
    sample: Mapping[str, Any],
    questions: Sequence[Question],
    answers: Mapping[tuple[str, ...], Any],
) -> dict[str, Any]:
    """A copy of a provider's sample config with the answers in their places.

    Args:
        sample: what `Connector.sample_config` gives for the provider.
        questions: the provider's.
        answers: by the path of their question. What is not answered stays as it is in the sample;
            None takes it out.

    Raises:
        ValueError: an answer to no question; the message names its path, and not the answer.
    """
    asked = {question.path for question in questions}
    if unasked := [json_path(path) for path in answers if path not in asked]:
        raise ValueError(f"no question asks for {', '.join(unasked)}")
    config = dict(sample)
    for question in questions:
        if question.path not in answers:
            continue
        for path in (question.path, *(path for path in question.also if path not in asked)):
            config = merge_patch(config, _nested(path, answers[question.path]))
    return config


def _names(provider: Provider) -> str:
    return _plain(" ".join((provider.name, provider.title, *provider.aliases)))


def _plain(text: str) -> str:
    """The text without case and accents (Unicode, section 3.13 and annex 15)."""
    folded = normalize("NFKD", normalize("NFKD", text).casefold())
    # Decomposed it stays as it is, and who has no Turkish keyboard types i.
    return "".join(char for char in folded if not combining(char)).replace(_DOTLESS, "i")


def _nested(path: tuple[str, ...], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value
