"""What is wrong with a config beyond its own schema."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from connector_core import ConfigProblem
from connector_core.configs import reference_problems
from connector_core.validation import schema_problems
from connectors.smtp import rules, schema
from connectors.smtp.config import TlsOptions
from connectors.smtp.i18n import _
from connectors.smtp.tls import tls_problems
from connectors.smtp.url import expand

__all__ = ["problems"]


def problems(config: Mapping[str, Any]) -> list[ConfigProblem]:
    """What is wrong with a config beyond its own schema."""
    expanded, found = expand(config)
    # Whoever names the server by a URL or service that is wrong is told so, and only that.
    named = {"$.host"} if found else set()
    if expanded != config:
        # What `url` and `service` stand for is held to the schema as well.
        found += [*reference_problems(expanded), *schema_problems(schema.load(), expanded, _)]
    named |= {problem.path for problem in found}
    found += [problem for problem in rules.check(expanded) if problem.path not in named]
    return found + _tls_problems(expanded.get("tls"))


def _tls_problems(options: object) -> list[ConfigProblem]:
    """What OpenSSL says of those options that have the type they should."""
    sound: dict[str, Any] = {}
    for key, value in options.items() if isinstance(options, Mapping) else ():
        with suppress(ValidationError):
            TlsOptions.model_validate({key: value})
            sound[key] = value
    # Without options nothing can be wrong, and loading the system's authorities takes a while.
    return tls_problems(TlsOptions.model_validate(sound)) if sound else []
