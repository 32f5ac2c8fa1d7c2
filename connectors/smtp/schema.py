"""The connector's JSON Schema: made from the model, and committed as `schema.json`.

`python -m connectors.smtp.schema` writes the file anew. Discovery reads the file, so that listing
the connectors does not build the model.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["generate", "load", "options"]

_FILE = Path(__file__).with_name("schema.json")


@lru_cache(maxsize=1)
def load() -> dict[str, Any]:
    """The committed schema."""
    schema: dict[str, Any] = json.loads(_FILE.read_text("utf-8"))
    return schema


def options(*path: str) -> dict[str, Any]:
    """The schemas of the options, or of the keys within an option, by name."""
    found: list[dict[str, Any]] = [load()]
    for key in path:
        inner = [schema["properties"][key] for schema in found if key in schema["properties"]]
        branches = [branch for schema in inner for branch in schema.get("anyOf", [schema])]
        names = [branch["$ref"].rpartition("/")[2] for branch in branches if "$ref" in branch]
        found = [load()["$defs"][name] for name in names]
    return {key: sub for schema in found for key, sub in schema["properties"].items()}


def generate() -> dict[str, Any]:
    """The schema of the model."""
    from connector_core.configmodels import schema_of
    from connectors.smtp.config import SmtpConfig

    return schema_of(SmtpConfig)


def write() -> Path:
    """Write `schema.json` anew and return its path."""
    from connector_core.configmodels import write_schema
    from connectors.smtp.config import SmtpConfig

    write_schema(SmtpConfig, _FILE)
    return _FILE


if __name__ == "__main__":
    print(f"wrote {write()}")  # noqa: T201 - a command
