"""The hooks of the SMTP connector. What is heavy is imported when a hook needs it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connector_core import (
    ConfigProblem,
    ConnectorMetadata,
    DeliveryError,
    Link,
    Message,
    Provider,
    Receipt,
    Stage,
    VerifyReport,
    hookimpl,
)
from connectors.smtp import i18n, schema

if TYPE_CHECKING:
    from connector_core.i18n import Catalog
    from connectors.smtp.sender import SmtpSender

HOOK_API = 1


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


@hookimpl
def metadata() -> ConnectorMetadata:
    """Id and target are Logto's, so that its configs find their connector."""
    texts = json.loads(_text("metadata.json"))
    return ConnectorMetadata(
        id="simple-mail-transfer-protocol",
        target="smtp",
        type="Email",
        name=texts["name"],
        description=texts["description"],
        logo=_text("logo.svg"),
        logo_dark=_text("logo-dark.svg"),
        readme=_text("README.md"),
        links=tuple(Link(**link) for link in texts["links"]),
    )


@hookimpl
def config_schema() -> Mapping[str, Any]:
    """The schema made from the config's model."""
    return schema.load()


@hookimpl
def catalog() -> Catalog:
    """The translations of the schema's descriptions and of what is said of providers."""
    return i18n.catalog


@hookimpl
def providers() -> Sequence[Provider]:
    """One for each file in `providers/`."""
    from connectors.smtp import providers as presets

    return presets.load()


@hookimpl
def sample_config() -> Mapping[str, Any]:
    """Every parameter that does not exclude another, with templates for nine usage types."""
    sample: dict[str, Any] = json.loads(_text("sample.json"))
    return sample


@hookimpl
def check_config(config: Mapping[str, Any]) -> Sequence[ConfigProblem]:
    """What shows between the fields, in the syntax of values, and in `url` and `service`."""
    from connectors.smtp.check import problems

    return problems(config)


@hookimpl
def configure(config: Mapping[str, Any]) -> SmtpSender:
    """The composer and the pool of connections of one config."""
    from connectors.smtp.sender import SmtpSender

    return SmtpSender.of(config)


@hookimpl
async def send_message(state: SmtpSender, message: Message) -> Receipt:
    """Compose the message and send it over a pooled connection."""
    return await state.send(message)


@hookimpl
def preview(state: SmtpSender, message: Message) -> bytes:
    """Compose the message, signature and all."""
    return state.preview(message)


@hookimpl
async def verify(state: SmtpSender, on_stage: Callable[[Stage], None]) -> VerifyReport:
    """Connect and authenticate over a connection of its own, stage by stage."""
    return await state.verify(on_stage)


@hookimpl
def suspects(error: DeliveryError) -> Sequence[tuple[str, ...]]:
    """By stage and cause: where to connect, TLS, account, sender."""
    from connectors.smtp import suspects

    return suspects.of(error)


@hookimpl
async def close(state: SmtpSender) -> None:
    """Say QUIT on every connection."""
    await state.close()
