"""The connector's JSON Schema: made from the model, and committed as `schema.json`.

`python -m connectors.smtp.schema` writes the file anew. Discovery reads the file, so that listing
the connectors does not build the model.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["generate", "load", "options"]

_SHORT = frozenset(["alpn", "ca", "css", "dkim", "dns", "dsn", "id", "lmtp", "tls", "url"])
_FILE = Path(__file__).with_name("schema.json")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


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
    from connectors.smtp.config import SmtpConfig

    return {"$schema": _DIALECT, **_tidy(SmtpConfig.model_json_schema(by_alias=True))}


def _tidy(schema: Any, name: str | None = None) -> Any:
    """Without the null defaults of optional fields, and with titles that people can read."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _tidy(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        tidy["properties"] = {key: _tidy(value, key) for key, value in schema["properties"].items()}
    if "default" in tidy and tidy["default"] is None:
        del tidy["default"]
    if name is not None and "title" in tidy:
        tidy["title"] = _title(name)
    return tidy


def _title(key: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", key).split()
    words = [word.upper() if word.lower() in _SHORT else word.lower() for word in words]
    return " ".join([words[0][0].upper() + words[0][1:], *words[1:]])


def write() -> Path:
    """Write `schema.json` anew and return its path."""
    _FILE.write_text(json.dumps(generate(), indent=2, ensure_ascii=False) + "\n", "utf-8")
    return _FILE


if __name__ == "__main__":
    print(f"wrote {write()}")  # noqa: T201 - a command
