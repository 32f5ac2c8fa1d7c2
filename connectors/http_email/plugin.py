"""The hooks of the HTTP e-mail connector. What is heavy is imported when a hook needs it."""

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
    Receipt,
    Stage,
    VerifyReport,
    hookimpl,
)
from connectors.http_email import i18n, schema

if TYPE_CHECKING:
    from connector_core.i18n import Catalog
    from connectors.http_email.sender import HttpSender

HOOK_API = 1

_SUSPECTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "tls": (("endpoint",), ("tls", "ca")),
    "content": (("authorization",), ("endpoint",), ("timeout",)),
}


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


@hookimpl
def metadata() -> ConnectorMetadata:
    """The id is Logto's, so that its configs find their connector."""
    texts = json.loads(_text("metadata.json"))
    return ConnectorMetadata(
        id="http-email",
        target="http",
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
    """The translations of the schema's descriptions."""
    return i18n.catalog


@hookimpl
def sample_config() -> Mapping[str, Any]:
    """Every parameter."""
    sample: dict[str, Any] = json.loads(_text("sample.json"))
    return sample


@hookimpl
def check_config(config: Mapping[str, Any]) -> Sequence[ConfigProblem]:
    """What shows in the syntax of the URL, the header and the certificates."""
    from connectors.http_email.check import problems

    return problems(config)


@hookimpl
def configure(config: Mapping[str, Any]) -> HttpSender:
    """The sender, whose connections are opened when they are needed."""
    from connectors.http_email.sender import HttpSender

    return HttpSender.of(config)


@hookimpl
async def send_message(state: HttpSender, message: Message) -> Receipt:
    """Post the message; `message.template` is not looked at, for the webhook has its own."""
    return await state.send(message)


@hookimpl
async def verify(state: HttpSender, on_stage: Callable[[Stage], None]) -> VerifyReport:
    """Connect as far as TLS: only a message could show whether authorization is right."""
    return await state.verify(on_stage)


@hookimpl
def suspects(error: DeliveryError) -> Sequence[tuple[str, ...]]:
    """By stage: the URL, and what goes with it."""
    return _SUSPECTS.get(error.stage, (("endpoint",),))


@hookimpl
async def close(state: HttpSender) -> None:
    """Close every connection."""
    await state.close()
