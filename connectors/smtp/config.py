"""The shape of the SMTP config: a strict pydantic model, from which the JSON Schema is made.

What only shows between fields, or needs more than a type, stands in `rules`. Names and units are
nodemailer's and Logto's: camelCase, milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from connector_core.configmodels import (
    Absent,
    ConfigModel,
    Count,
    Flag,
    Milliseconds,
    OptionalText,
    Text,
    option,
    secret,
)
from connector_core.mail.templates import Templates

__all__ = [
    "IMPLICIT_TLS_PORT",
    "SUBMISSION_PORT",
    "DkimKey",
    "DkimOptions",
    "DsnOptions",
    "ListOptions",
    "LoginAuth",
    "OAuth2KeyAuth",
    "OAuth2TokenAuth",
    "SmtpConfig",
    "TlsOptions",
]

IMPLICIT_TLS_PORT = 465
SUBMISSION_PORT = 587
MAX_DATE = 8_640_000_000_000_000  # the last millisecond that a Date of JavaScript knows

Pem = Annotated[str, Field(max_length=262144)]
OptionalPem = Pem | Absent
OAuth2Type = Literal["oauth2", "OAuth2", "OAUTH2"] | Absent
StringMap = dict[str, Text]


class LoginAuth(ConfigModel):
    """A user name and a password; without both, the server allows the client by its address."""

    type: Literal["login", "Login", "LOGIN"] | Absent = option(
        "Says that user and password are given", examples=["login"]
    )
    user: OptionalText = option("The user name at the mail server", examples=["<user name>"])
    password: OptionalText = secret(
        "The password, or the app password, at the mail server",
        alias="pass",
        examples=["<password>"],
    )
    method: OptionalText = option("The SASL mechanism to use, as authMethod", examples=["PLAIN"])


class _OAuth2(ConfigModel):
    type: OAuth2Type = option("Says that OAuth2 is used", examples=["OAuth2"])
    user: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="The address of the mail account", examples=["<user name>"]
    )
    access_token: Annotated[str, Field(max_length=16384)] | Absent = secret(
        "An access token that is still valid"
    )
    expires: Annotated[int, Field(ge=0, le=MAX_DATE)] | Absent = option(
        "When the access token expires, in milliseconds since 1970-01-01 UTC",
        examples=[1767225600000],
    )
    access_url: OptionalText = option(
        "The https URL of the token endpoint; Google's where absent",
        repr=False,
        examples=["https://oauth2.googleapis.com/token"],
    )
    scope: OptionalText = option("The scope to ask for", examples=["https://mail.google.com/"])
    method: OptionalText = option("The SASL mechanism to use, as authMethod", examples=["XOAUTH2"])
    custom_headers: StringMap | Absent = option("Headers for the token request", repr=False)
    custom_params: StringMap | Absent = option("Parameters for the token request", repr=False)


class PrivateKey(ConfigModel):
    """A private key with a passphrase."""

    key: Pem = Field(
        repr=False,
        description="The private key as PEM text",
        json_schema_extra={"format": "password", "writeOnly": True},
    )
    passphrase: Text = Field(
        repr=False,
        description="The passphrase of the private key",
        json_schema_extra={"format": "password", "writeOnly": True},
    )


class OAuth2KeyAuth(_OAuth2):
    """OAuth2 with the key of a service account (RFC 7523)."""

    service_client: Text = Field(
        description="The service account's client id", examples=["<service client id>"]
    )
    private_key: Pem | PrivateKey = Field(
        repr=False,
        description="The service account's private key as PEM text, or with its passphrase",
        json_schema_extra={"format": "password", "writeOnly": True},
        examples=["<private key>"],
    )


class OAuth2TokenAuth(_OAuth2):
    """OAuth2 with an access token, or with what it takes to get one (RFC 6749 section 6)."""

    client_id: OptionalText = option("The client's id", examples=["<client id>"])
    client_secret: OptionalText = secret("The client's secret", examples=["<client secret>"])
    refresh_token: Annotated[str, Field(max_length=16384)] | Absent = secret(
        "A refresh token", examples=["<refresh token>"]
    )


class TlsOptions(ConfigModel):
    """Options of TLS, as in Node; certificates and keys as PEM text, never as a path."""

    reject_unauthorized: Flag = option(
        "Verify the server's certificate; false makes the connection unsafe", examples=[True]
    )
    ca: Pem | list[Pem] | Absent = option(
        "Certificates of the authorities to trust in place of the system's, as PEM text"
    )
    cert: OptionalPem = option("The client's certificate as PEM text")
    key: OptionalPem = secret("The client's private key as PEM text")
    passphrase: OptionalText = secret("The passphrase of the private key")
    pfx: OptionalPem = secret("Not supported: give cert and key, which `openssl pkcs12` makes")
    ciphers: OptionalText = option(
        "OpenSSL's list of ciphers for TLS 1.2", examples=["ECDHE+AESGCM:ECDHE+CHACHA20"]
    )
    min_version: Literal["TLSv1.2", "TLSv1.3"] | Absent = option(
        "The oldest version of TLS to accept; TLS 1.2 where absent", examples=["TLSv1.2"]
    )
    max_version: Literal["TLSv1.2", "TLSv1.3"] | Absent = option(
        "The newest version of TLS to offer", examples=["TLSv1.3"]
    )
    servername: OptionalText = option("The name to verify, as servername beside tls")
    alpn_protocols: list[Annotated[str, Field(min_length=1, max_length=255)]] | Absent = option(
        "Protocols to offer by ALPN (RFC 7301)", alias="ALPNProtocols"
    )


class DkimKey(ConfigModel):
    """A key to sign with, and where its public half is found."""

    domain_name: Text = Field(description="The domain that signs", examples=["example.com"])
    key_selector: Text = Field(description="The selector of the key", examples=["2026"])
    private_key: Pem | PrivateKey = Field(
        repr=False,
        description="The private key, RSA or Ed25519, as PEM text, or with its passphrase",
        json_schema_extra={"format": "password", "writeOnly": True},
    )


class DkimOptions(ConfigModel):
    """One key, or several, and what to sign with them."""

    domain_name: OptionalText = option("The domain that signs", examples=["example.com"])
    key_selector: OptionalText = option("The selector of the key", examples=["2026"])
    private_key: Pem | PrivateKey | Absent = secret(
        "The private key, RSA or Ed25519, as PEM text, or with its passphrase"
    )
    keys: Annotated[list[DkimKey], Field(min_length=1, max_length=8)] | Absent = option(
        "Several keys in place of the one, each for a signature of its own"
    )
    hash_algo: OptionalText = option("The digest: sha256, and no other", examples=["sha256"])
    header_field_names: OptionalText = option(
        "The headers to sign in place of the usual ones, with : between",
        examples=["From:To:Subject:Date"],
    )
    skip_fields: OptionalText = option(
        "Headers not to sign, because a server on the way changes them, with : between",
        examples=["message-id:date"],
    )


class DsnOptions(ConfigModel):
    """Which notifications to ask for."""

    ret: OptionalText = option(
        "How much of the mail they bring back: FULL or HDRS", examples=["HDRS"]
    )
    return_: OptionalText = option("The same as ret", alias="return", examples=["HDRS"])
    envid: OptionalText = option("An id that they repeat", examples=["sign-in"])
    id: OptionalText = option("The same as envid", examples=["sign-in"])
    notify: Text | list[Text] | Absent = option(
        "In which cases to send one: SUCCESS, FAILURE, DELAY, or NEVER alone",
        examples=[["FAILURE", "DELAY"]],
    )
    orcpt: OptionalText = option(
        "The original recipient, for all mails the same", examples=["rfc822;ann@example.org"]
    )
    recipient: OptionalText = option("The same as orcpt", examples=["rfc822;ann@example.org"])


class ListOptions(ConfigModel):
    """What the header says of the list that a mail belongs to; variables may stand in its URLs."""

    unsubscribe: (
        Annotated[str, Field(min_length=1, max_length=1024)]
        | Annotated[
            list[Annotated[str, Field(min_length=1, max_length=1024)]],
            Field(min_length=1, max_length=8),
        ]
    ) = Field(
        description="Where to unsubscribe: an https:// URL, a mailto: URL, or a list of them",
        examples=["https://example.com/unsubscribe?token={{unsubscribeToken}}"],
    )
    one_click: Flag = option(
        "One click is enough at the https:// URL (RFC 8058); true where absent", examples=[True]
    )


class SmtpConfig(ConfigModel):
    """The whole config of the SMTP connector."""

    model_config = ConfigDict(title="SMTP")

    host: OptionalText = option("The mail server's name or address", examples=["<host>"])
    port: (
        Annotated[int, Field(ge=1, le=65535)]
        | Annotated[str, Field(pattern=r"^[0-9]{1,5}$")]
        | Absent
    ) = option("The mail server's port; 465 with secure, else 587", examples=[587])
    auth: LoginAuth | OAuth2KeyAuth | OAuth2TokenAuth | Absent = option(
        "How to authenticate; absent where the server allows this machine by its address",
        examples=[{"type": "login", "user": "<user name>", "pass": "<password>"}],
    )
    from_email: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="The sender: a@b.example or Name <a@b.example>",
        examples=["<sender's address>"],
    )
    reply_to: OptionalText = option("Where replies go", examples=["<reply address>"])
    templates: Templates
    custom_headers: dict[str, Text | list[Text]] | Absent = option(
        "Further headers of every mail", examples=[{"X-Entity-Ref": "sign-in"}]
    )
    list_: ListOptions | Absent = option("Where to unsubscribe", alias="list")
    text_alternative: Flag = option(
        "Send mails in HTML with a text beside it, made of the template; true where absent",
        examples=[True],
    )
    attach_data_urls: Flag = option(
        "Send images that a template in HTML has as data: URLs as parts of the mail, for mail "
        "programs show no others; true where absent",
        examples=[True],
    )
    inline_css: Flag = option(
        "Copy the rules in <style> to the style attributes of what they select, for mail programs "
        "that look at nothing else",
        alias="inlineCss",
        examples=[False],
    )

    secure: Flag = option(
        "TLS from the first byte; absent, true on port 465 and false elsewhere", examples=[False]
    )
    require_tls: Flag = option(
        "Fail unless the server offers STARTTLS", alias="requireTLS", examples=[True]
    )
    ignore_tls: Flag = option(
        "Never use STARTTLS; credentials then go in the clear", alias="ignoreTLS", examples=[False]
    )
    opportunistic_tls: Flag = option(
        "Carry on in the clear if the server refuses STARTTLS",
        alias="opportunisticTLS",
        examples=[False],
    )
    require_tls_extension_enabled: Flag = option(
        "Ask every server on the way for TLS (RFC 8689), or fail",
        alias="requireTLSExtensionEnabled",
        examples=[False],
    )
    servername: OptionalText = option(
        "The name in the server's certificate, where it is not the host",
        examples=["<server name>"],
    )
    tls: TlsOptions | Absent = option("Options of TLS")

    name: OptionalText = option(
        "The name this client gives itself in EHLO, ASCII; by default its own host name",
        examples=["<client name>"],
    )
    local_address: OptionalText = option(
        "The address of this machine to connect from", examples=["<local address>"]
    )
    connection_timeout: Milliseconds = option(
        "How long to wait for the connection, in milliseconds; 0 is the default", 120_000
    )
    greeting_timeout: Milliseconds = option(
        "How long to wait for the greeting and for the TLS handshake, each, in milliseconds; "
        "0 is the default",
        30_000,
    )
    socket_timeout: Milliseconds = option(
        "How long to wait for the reply to a command, and for a whole transaction, in "
        "milliseconds; 0 is the default",
        600_000,
    )
    dns_timeout: Milliseconds = option(
        "How long to wait for the server's addresses, in milliseconds; 0 is the default", 30_000
    )
    proxy: OptionalText = secret(
        "The URL of a proxy to connect through: http, https, socks4, socks4a or socks5",
        examples=["http://<proxy user>:<proxy password>@proxy.example.com:8080"],
    )

    auth_method: OptionalText = option(
        "The SASL mechanism to use: PLAIN, LOGIN, SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5, XOAUTH2 "
        "or OAUTHBEARER; by default the best offered",
        examples=["PLAIN"],
    )
    force_auth: Flag = option("Authenticate even if the server does not offer it", examples=[False])
    lmtp: Flag = option("Speak LMTP (RFC 2033) and not SMTP", examples=[False])
    chunking: Flag = option(
        "Hand each mail over in one flight, by CHUNKING (RFC 3030), where the server offers it "
        "with PIPELINING; true where absent",
        examples=[True],
    )

    pool: Flag = option("Keep connections open between messages", examples=[True])
    max_connections: Annotated[int, Field(ge=1, le=1000)] = option(
        "How many connections to open at most", 5
    )
    pool_min_connections: Annotated[int, Field(ge=0, le=1000)] = option(
        "How many connections to keep open and ready from the first message or `verify` on; "
        "at most maxConnections",
        0,
    )
    max_messages: Annotated[int, Field(ge=1, le=1_000_000)] = option(
        "How many messages to send over one connection", 100
    )
    rate_limit: Count = option("How many messages to send per rateDelta; 0 is no limit", 0)
    rate_delta: Milliseconds = option(
        "The span of time that rateLimit counts in, in milliseconds; 0 is the default", 1000
    )
    max_requeues: Count = option(
        "How often to send again over a fresh connection when a kept one turns out dead; "
        "never more than once",
        1,
    )

    service: OptionalText = option("A provider by name, which gives host, port and secure")
    url: Annotated[str, Field(max_length=2048)] | Absent = secret(
        "smtp:// or smtps:// with user, password, host, port and options"
    )
    dkim: DkimOptions | Absent = option("Signing each mail with DKIM (RFC 6376)")
    dsn: DsnOptions | Absent = option(
        "Delivery status notifications to ask for (RFC 3461), where the server offers them"
    )

    logger: Flag = option("Log connections and messages", examples=[False])
    debug: Flag = option("Log the SMTP dialogue, secrets and bodies masked", examples=[False])
    transaction_log: Flag = option("Log the SMTP dialogue, as debug", examples=[False])
    disable_file_access: Flag = option(
        "Accepted; no file is ever read because of a config", examples=[True]
    )
    disable_url_access: Flag = option(
        "Accepted; no URL is ever read because of a config", examples=[True]
    )
