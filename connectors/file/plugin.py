"""The hooks of the file connector.

None of them is asynchronous: the host runs `send_message` and `verify` in a thread, so they may
wait for the disk.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector_core import (
    ConfigProblem,
    ConnectorMetadata,
    DeliveryError,
    Message,
    Receipt,
    Stage,
    VerifyReport,
    hookimpl,
)
from connectors.file import i18n, schema

if TYPE_CHECKING:
    from connector_core.i18n import Catalog
    from connectors.file.writer import FileWriter

HOOK_API = 1


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


@hookimpl
def metadata() -> ConnectorMetadata:
    """What the connector is, in five languages."""
    texts = json.loads(_text("metadata.json"))
    return ConnectorMetadata(
        id="file",
        target="file",
        type="Email",
        name=texts["name"],
        description=texts["description"],
        logo=_text("logo.svg"),
        logo_dark=_text("logo-dark.svg"),
        readme=_text("README.md"),
    )


@hookimpl
def config_schema() -> Mapping[str, Any]:
    """The schema made from the config's model."""
    return schema.load()


@hookimpl
def catalog() -> Catalog:
    """The translations of the schema's descriptions."""
    return i18n.catalog


@hookimpl
def sample_config() -> Mapping[str, Any]:
    """Every parameter, with templates for nine usage types."""
    sample: dict[str, Any] = json.loads(_text("sample.json"))
    return sample


@hookimpl
def check_config(config: Mapping[str, Any]) -> Sequence[ConfigProblem]:
    """A folder that is none, mailboxes that are none, and templates that are missing."""
    from connectors.file.rules import problems

    return problems(config)


@hookimpl
def configure(config: Mapping[str, Any]) -> FileWriter:
    """The writer; the folder is not looked at before the first message."""
    from connectors.file.writer import FileWriter

    return FileWriter.of(config)


@hookimpl
def send_message(state: FileWriter, message: Message) -> Receipt:
    """Compose the message and write it."""
    return state.write(message)


@hookimpl
def preview(state: FileWriter, message: Message) -> bytes:
    """Compose the message."""
    return state.compose(message).content


@hookimpl
def verify(state: FileWriter, on_stage: Callable[[Stage], None]) -> VerifyReport:
    """Write a file into the folder, and remove it again."""
    return state.verify(on_stage)


@hookimpl
def suspects(error: DeliveryError) -> Sequence[tuple[str, ...]]:
    """Nothing but the folder can fail."""
    return (("folder",),) if error.stage == "folder" else ()
