"""A host for message connectors: configure one, and send the e-mails of a sign-in flow.

from connector_core import Host

with Host.discover() as host:
    host.configure("smtp", config)
    host.send_message("SignIn", to="ann@example.org", payload={"code": "123456"})
"""

from connector_core.configs import resolve_secrets
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
    TemplateNotFoundError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
    UnknownConnectorError,
)
from connector_core.hookspecs import hookimpl
from connector_core.host import AsyncHost, ConfiguredConnector
from connector_core.models import (
    ConnectorMetadata,
    Link,
    Message,
    PluginFailure,
    Provider,
    Receipt,
    Stage,
    Template,
    UsageType,
    VerifyReport,
)
from connector_core.registry import Registry
from connector_core.sync import Host

__all__ = [
    "AsyncHost",
    "ConfigError",
    "ConfigProblem",
    "ConfiguredConnector",
    "Connector",
    "ConnectorError",
    "ConnectorMetadata",
    "DeliveryError",
    "DiscoveryError",
    "Host",
    "HostClosedError",
    "Link",
    "Message",
    "MessageError",
    "NoConnectorForUsageError",
    "PermanentDeliveryError",
    "PluginFailure",
    "Provider",
    "Receipt",
    "Registry",
    "Stage",
    "Template",
    "TemplateNotFoundError",
    "TemporaryDeliveryError",
    "UncertainDeliveryError",
    "UnknownConnectorError",
    "UsageType",
    "VerifyReport",
    "hookimpl",
    "resolve_secrets",
]
