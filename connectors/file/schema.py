"""The connector's JSON Schema: made from the model, and committed as `schema.json`.

`python -m connectors.file.schema` writes the file anew. Discovery reads the file, so that
listing the connectors does not build the model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["load", "write"]

_FILE = Path(__file__).with_name("schema.json")


def load() -> dict[str, Any]:
    """The committed schema."""
    schema: dict[str, Any] = json.loads(_FILE.read_text("utf-8"))
    return schema


def write() -> Path:
    """Write `schema.json` anew and return its path."""
    from connector_core.configmodels import write_schema
    from connectors.file.config import FileConfig

    write_schema(FileConfig, _FILE)
    return _FILE


if __name__ == "__main__":
    print(f"wrote {write()}")  # noqa: T201 - a command
