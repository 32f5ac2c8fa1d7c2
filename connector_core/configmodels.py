"""The model of a config: strict pydantic, from which the JSON Schema is made.

    class FileConfig(ConfigModel):
        folder: Text = Field(description="Where the mails go", examples=["<folder>"])
        password: OptionalText = secret("The password", examples=["<password>"])

`schema_of(FileConfig)` is what the hook `config_schema` returns, and `FileConfig.model_validate`
what `configure` calls: `connector_core.validation.model_problems` makes problems of what it raises.
A connector whose listing shall not cost the import of pydantic commits the schema as a file, and
has a test that it is fresh.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema

__all__ = [
    "Absent",
    "ConfigModel",
    "Count",
    "Flag",
    "Milliseconds",
    "OptionalText",
    "Text",
    "option",
    "schema_of",
    "secret",
    "write_schema",
]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MAX_TIME = 24 * 60 * 60 * 1000
_SHORT = frozenset(["alpn", "ca", "css", "dkim", "dns", "dsn", "id", "lmtp", "tls", "url"])

# Absent, not null: the host drops null values before a config is checked, so that the schema need
# not offer them.
Absent = SkipJsonSchema[None]
Text = Annotated[str, Field(max_length=1024)]
OptionalText = Text | Absent
Flag = bool | Absent
Milliseconds = Annotated[int, Field(ge=0, le=_MAX_TIME)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class ConfigModel(BaseModel):
    """A config, or an object within one: no type is converted and no unknown key let in.

    Keys are the fields' names in camelCase. No error and no `repr` shows what was given.
    """

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=False,
        hide_input_in_errors=True,
        regex_engine="python-re",
    )


def option(description: str, default: Any = None, **more: Any) -> Any:
    """A field that may be absent.

    Args:
        description: what it is for; shown as a hint where the value is wrong.
        default: the value where it is absent.
        more: further arguments of pydantic's `Field`.
    """
    return Field(default=default, description=description, **more)


def secret(description: str, **more: Any) -> Any:
    """A field that may be absent, and whose value is never shown.

    Args:
        description: what it is for.
        more: further arguments of pydantic's `Field`.
    """
    return Field(
        default=None,
        repr=False,
        description=description,
        json_schema_extra={"format": "password", "writeOnly": True},
        **more,
    )


def schema_of(model: type[ConfigModel]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a model."""
    return {"$schema": _DIALECT, **_tidy(model.model_json_schema(by_alias=True))}


def write_schema(model: type[ConfigModel], file: Path) -> None:
    """Write the schema of a model to a file, to be committed beside it."""
    text = json.dumps(schema_of(model), indent=2, ensure_ascii=False)
    file.write_text(text + "\n", "utf-8")


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
