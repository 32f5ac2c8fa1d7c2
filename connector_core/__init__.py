"""A host for message connectors: configure one, and send the e-mails of a sign-in flow.

from connector_core import Host

with Host.discover() as host:
    host.configure("smtp", config)
    host.send_message("SignIn", to="ann@example.org", payload={"code": "123456"})
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector_core.configs import resolve_secrets
    from connector_core.configured import AsyncConfiguredConnector
    from connector_core.connector import Connector
    from connector_core.errors import (
        ConfigError,
        ConfigProblem,
        ConnectorError,
        DeliveryError,
        DiscoveryError,
        HostClosedError,
        MessageError,
        NoConnectorForUsageError,
        PermanentDeliveryError,
        PluginFailure,
        TemplateNotFoundError,
        TemporaryDeliveryError,
        UncertainDeliveryError,
        UnknownConnectorError,
    )
    from connector_core.hookspecs import hookimpl
    from connector_core.host import AsyncHost
    from connector_core.messages import TemplateSource
    from connector_core.models import (
        ConnectorMetadata,
        ConnectorType,
        ContentType,
        Link,
        Message,
        Pitfall,
        Provider,
        Question,
        Receipt,
        Stage,
        Template,
        UsageType,
        VerifyReport,
    )
    from connector_core.registry import Registry
    from connector_core.sync import ConfiguredConnector, Host

__all__ = [
    "AsyncConfiguredConnector",
    "AsyncHost",
    "ConfigError",
    "ConfigProblem",
    "ConfiguredConnector",
    "Connector",
    "ConnectorError",
    "ConnectorMetadata",
    "ConnectorType",
    "ContentType",
    "DeliveryError",
    "DiscoveryError",
    "Host",
    "HostClosedError",
    "Link",
    "Message",
    "MessageError",
    "NoConnectorForUsageError",
    "PermanentDeliveryError",
    "Pitfall",
    "PluginFailure",
    "Provider",
    "Question",
    "Receipt",
    "Registry",
    "Stage",
    "Template",
    "TemplateNotFoundError",
    "TemplateSource",
    "TemporaryDeliveryError",
    "UncertainDeliveryError",
    "UnknownConnectorError",
    "UsageType",
    "VerifyReport",
    "hookimpl",
    "resolve_secrets",
]

# Imported when first used: listing the connectors needs neither asyncio nor the hosts.
_MODULES = {
    "AsyncHost": "host",
    "ConfigError": "errors",
    "ConfigProblem": "errors",
    "AsyncConfiguredConnector": "configured",
    "ConfiguredConnector": "sync",
    "ConnectorType": "models",
    "ContentType": "models",
    "TemplateSource": "messages",
    "Connector": "connector",
    "ConnectorError": "errors",
    "ConnectorMetadata": "models",
    "DeliveryError": "errors",
    "DiscoveryError": "errors",
    "Host": "sync",
    "HostClosedError": "errors",
    "Link": "models",
    "Message": "models",
    "MessageError": "errors",
    "NoConnectorForUsageError": "errors",
    "PermanentDeliveryError": "errors",
    "Pitfall": "models",
    "PluginFailure": "errors",
    "Provider": "models",
    "Question": "models",
    "Receipt": "models",
    "Registry": "registry",
    "Stage": "models",
    "Template": "models",
    "TemplateNotFoundError": "errors",
    "TemporaryDeliveryError": "errors",
    "UncertainDeliveryError": "errors",
    "UnknownConnectorError": "errors",
    "UsageType": "models",
    "VerifyReport": "models",
    "hookimpl": "hookspecs",
    "resolve_secrets": "configs",
}


if not TYPE_CHECKING:  # a type checker would take any name for one of the package

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
