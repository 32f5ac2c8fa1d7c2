"""The contract between the host and a plugin: one plugin implements these hooks for one connector.

The host passes every argument by name; an implementation may leave out those it does not need.
`metadata`, `config_schema` and `send_message` are required, the others are optional. Later
versions of the contract only add hooks and arguments. A plugin may state the version it was
written for in a module or instance attribute `HOOK_API` (an integer; absent means 1).

Hooks that may be asynchronous may return an awaitable; implementations that are not coroutine
functions run in a thread, so they may block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from connector_core.errors import ConfigProblem, DeliveryError
    from connector_core.i18n import Catalog
    from connector_core.models import (
        ConnectorMetadata,
        Message,
        Provider,
        Receipt,
        Stage,
        VerifyReport,
    )

__all__ = ["AWAITED_HOOKS", "HOOK_API", "PROJECT_NAME", "REQUIRED_HOOKS", "hookimpl"]

PROJECT_NAME = "connector_core"
HOOK_API = 1
REQUIRED_HOOKS = ("metadata", "config_schema", "send_message")
AWAITED_HOOKS = ("send_message", "verify", "close")

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec(firstresult=True)
def metadata() -> ConnectorMetadata:  # type: ignore[empty-body]
    """Say what the connector is. Required.

    Called once, at discovery: no config, no network, no heavy import.
    """


@hookspec(firstresult=True)
def config_schema() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Give the JSON Schema (draft 2020-12) of the connector's config. Required.

    Called once, at discovery: no config, no network, no heavy import. The schema describes an
    object; secrets carry `"writeOnly": true`. References outside the schema are not followed.
    """


@hookspec(firstresult=True)
def send_message(  # type: ignore[empty-body]
    state: Any,  # what `configure` returned, or the config itself without that hook
    message: Message,  # whom to tell, why, and the values to show
) -> Receipt | Awaitable[Receipt]:
    """Send one message and return its receipt. Required.

    Raises:
        MessageError: the message's data is bad; nothing was written to the network.
        TemplateNotFoundError: there is no template for the usage type.
        TemporaryDeliveryError, PermanentDeliveryError, UncertainDeliveryError: it was not, or not
            surely, delivered. Any other exception counts as uncertain.
    """


@hookspec(firstresult=True)
def sample_config(  # type: ignore[empty-body]
    provider: str | None,  # the name of one of `providers`, or None for the general sample
) -> Mapping[str, Any]:
    """Give a complete config to start from; what must be replaced is written `<like this>`.

    The host merges the `config` of the provider over it, key by key; null removes a key. Without
    this hook the sample is built from the schema's `examples` and `default`s.
    """


@hookspec(firstresult=True)
def providers() -> Sequence[Provider]:  # type: ignore[empty-body]
    """Give the presets for well-known providers of the connector's service."""


@hookspec(firstresult=True)
def catalog() -> Catalog:  # type: ignore[empty-body]
    """Give the translations of the plain texts that the other hooks return in English.

    They are looked up where a person reads them: the descriptions in the schema, each whole; of
    the providers the titles, user names, questions and remedies, and of a guide each paragraph and
    each item of a list on its own. Errors are translated by the plugin itself, where it makes them.
    """


@hookspec(firstresult=True)
def check_config(  # type: ignore[empty-body]
    config: Mapping[str, Any],  # a copy of plain JSON; it may fail the schema
) -> Sequence[ConfigProblem]:
    """Name what is wrong in ways that a JSON Schema cannot express.

    Called with configs that fail the schema too, so that every problem is told at once: look only
    at what is sound, and leave the rest to the schema. No I/O.

    The copy has no nulls (an absent key says the same), and whole numbers are integers (2.0 is 2);
    schemas need not, and cannot, ask for null.
    """


@hookspec(firstresult=True)
def configure(
    config: Mapping[str, Any],  # as in `check_config`; it and the schema found nothing wrong
) -> Any:
    """Make the state that the other hooks are handed: the parsed config and what lives between
    messages. No I/O; it runs once for each configured connector.

    Raises:
        ConfigError: the config cannot be used after all.
    """  # noqa: D205 - one sentence


@hookspec(firstresult=True)
def preview(  # type: ignore[empty-body]
    state: Any,  # what `configure` returned
    message: Message,  # as in `send_message`
) -> bytes:
    """Give the complete message (RFC 5322) as it would be sent. No I/O, and nothing is sent.

    Raises:
        MessageError: the message's data is bad.
        TemplateNotFoundError: there is no template for the usage type.
    """


@hookspec(firstresult=True)
def verify(  # type: ignore[empty-body]
    state: Any,  # what `configure` returned
    on_stage: Callable[[Stage], None],  # call it as each stage ends; it returns at once
) -> VerifyReport | Awaitable[VerifyReport]:
    """Try the connection as far as authentication, without sending a message.

    Failures are told in the report and not raised.
    """


@hookspec(firstresult=True)
def suspects(  # type: ignore[empty-body]
    error: DeliveryError,  # what a trial of the config ended with
) -> Sequence[tuple[str, ...]]:
    """Name the values of the config to look at after an error, by their paths, likeliest first.

    Whoever sets up a connector is offered them to change. No I/O.
    """


@hookspec(firstresult=True)
def close(
    state: Any,  # what `configure` returned
) -> Awaitable[None] | None:
    """Give back what the state holds. Called once; ends in bounded time."""
