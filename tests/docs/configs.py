"""Configs that a page shows, held to the check that the host makes of them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from connector_core.configs import merge_patch, reference_problems
from connector_core.discovery import discover

__all__ = ["config_faults", "parsed"]

_READERS = {"json": json.loads, "toml": tomllib.loads}
_PART = "in part"


def parsed(language: str, text: str) -> Any:
    """The values of a block in JSON or TOML.

    Raises:
        ValueError: it is neither.
    """
    return _READERS[language](text)


def config_faults(asked: str, config: Any) -> list[str]:
    """What the host finds wrong with a config, save that secrets are references.

    Args:
        asked: the connector, such as `smtp`; `smtp, in part` for what stands in a larger config.
        config: the config.
    """
    target, _, part = map(str.strip, asked.partition(","))
    if part not in ("", _PART):
        raise ValueError(f"<!-- config: {target} --> or <!-- config: {target}, {_PART} -->")
    connector = discover()[target]
    _, problems = connector.check_config(
        _whole(connector.sample_config(), config) if part else config
    )
    later = {problem.path for problem in reference_problems(config)}
    found = [problem for problem in problems if problem.path not in later]
    if part:
        found = [item for item in found if any(_within(item.path, key) for key in config)]
    return [f"{problem.path}: {problem.message}; {problem.hint}" for problem in found]


def _whole(sample: Mapping[str, Any], part: Mapping[str, Any]) -> Any:
    """The sample with a part in the place of its own, of which nothing stays."""
    return merge_patch({key: value for key, value in sample.items() if key not in part}, part)


def _within(path: str, key: str) -> bool:
    return path == f"$.{key}" or path.startswith((f"$.{key}.", f"$.{key}["))
