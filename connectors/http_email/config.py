"""The shape of the config: a strict pydantic model, from which the JSON Schema is made.

`endpoint` and `authorization` are those of Logto's HTTP e-mail connector.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from connector_core.configmodels import Absent, ConfigModel, Flag, option, secret

__all__ = ["HttpEmailConfig", "TlsOptions"]

Pem = Annotated[str, Field(max_length=262144)]


class TlsOptions(ConfigModel):
    """Options of TLS; the webhook's certificate is always verified."""

    ca: Pem | list[Pem] | Absent = option(
        "Certificates of authorities to trust beside the system's, as PEM text",
        examples=["<certificate of your own authority>"],
    )


class HttpEmailConfig(ConfigModel):
    """The whole config of the HTTP e-mail connector."""

    model_config = ConfigDict(title="HTTP Email")

    endpoint: Annotated[str, Field(min_length=1, max_length=2048)] = Field(
        description="The https:// URL of the webhook",
        examples=["<URL of your webhook>"],
        repr=False,  # a key may stand in its path or query
    )
    authorization: Annotated[str, Field(max_length=16384)] | Absent = secret(
        "The header Authorization of each request, whole", examples=["<Bearer your-token>"]
    )
    timeout: Annotated[int, Field(ge=1, le=60_000)] = option(
        "How long one request may take, in milliseconds", 10_000
    )
    retries: Annotated[int, Field(ge=0, le=5)] = option(
        "How often to ask again where the webhook did not take the message", 2
    )
    allow_http: Flag = option(
        "Take an http:// endpoint that is not on this machine; codes then go in the clear",
        examples=[False],
    )
    public_only: Flag = option(
        "Connect to public addresses alone: neither to this machine nor to a private network",
        examples=[False],
    )
    tls: TlsOptions | Absent = option("Options of TLS")
