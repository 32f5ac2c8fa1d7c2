"""The connector's JSON Schema: made from the model, and committed as `schema.json`.

`python -m connectors.smtp.schema` writes the file anew. Discovery reads the file, so that listing
the connectors does not build the model.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

__all__ = ["generate", "kind", "load"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@lru_cache(maxsize=1)
def load() -> dict[str, Any]:
    """The committed schema."""
    text = resources.files("connectors.smtp").joinpath("schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def kind(key: str, inner: str | None = None) -> str:
    """The JSON type of an option, or of a key within an option; empty where it has several."""
    found = load()["properties"].get(key, {})
    if inner is not None:
        found = load()["$defs"].get(found.get("$ref", "").rpartition("/")[2], {})
        found = found.get("properties", {}).get(inner, {})
    return str(found.get("type", ""))


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
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=TLS)(?=[A-Z][a-z])", " ", key).split()
    lowered = " ".join(word if word.isupper() else word.lower() for word in words)
    return lowered[0].upper() + lowered[1:]


def write() -> Path:
    """Write `schema.json` anew and return its path."""
    path = Path(__file__).with_name("schema.json")
    path.write_text(json.dumps(generate(), indent=2, ensure_ascii=False) + "\n", "utf-8")
    return path


if __name__ == "__main__":
    print(f"wrote {write()}")  # noqa: T201 - a command
