"""The shape of the SMTP config: a strict pydantic model, from which the JSON Schema is made.

What only shows between fields, or needs more than a type, stands in `rules`. Names and units are
nodemailer's and Logto's: camelCase, milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema

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
MAX_TIME = 24 * 60 * 60 * 1000
MAX_DATE = 8_640_000_000_000_000  # the last millisecond that a Date of JavaScript knows

# Absent, not null: the host drops null values before a config is checked, so that the schema need
# not offer them.
Absent = SkipJsonSchema[None]


class _Model(BaseModel):
    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=False,
        hide_input_in_errors=True,
        regex_engine="python-re",
    )


def _secret(description: str, **more: Any) -> Any:
    return Field(
        default=None,
        repr=False,
        description=description,
        json_schema_extra={"format": "password", "writeOnly": True},
        **more,
    )


def _option(description: str, default: Any = None, **more: Any) -> Any:
    return Field(default=default, description=description, **more)


Text = Annotated[str, Field(max_length=1024)]
OptionalText = Text | Absent
Pem = Annotated[str, Field(max_length=262144)]
OptionalPem = Pem | Absent
Flag = bool | Absent
Milliseconds = Annotated[int, Field(ge=0, le=MAX_TIME)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
OAuth2Type = Literal["oauth2", "OAuth2", "OAUTH2"] | Absent
StringMap = dict[str, Text]


class LoginAuth(_Model):
    """A user name and a password; without both, the server allows the client by its address."""

    type: Literal["login", "Login", "LOGIN"] | Absent = _option(
        "Says that user and password are given", examples=["login"]
    )
    user: OptionalText = _option("The user name at the mail server", examples=["<user name>"])
    password: OptionalText = _secret(
        "The password, or the app password, at the mail server",
        alias="pass",
        examples=["<password>"],
    )
    method: OptionalText = _option("The SASL mechanism to use, as authMethod", examples=["PLAIN"])


class _OAuth2(_Model):
    type: OAuth2Type = _option("Says that OAuth2 is used", examples=["OAuth2"])
    user: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="The address of the mail account", examples=["<user name>"]
    )
    access_token: Annotated[str, Field(max_length=16384)] | Absent = _secret(
        "An access token that is still valid"
    )
    expires: Annotated[int, Field(ge=0, le=MAX_DATE)] | Absent = _option(
        "When the access token expires, in milliseconds since 1970-01-01 UTC",
        examples=[1767225600000],
    )
    access_url: OptionalText = _option(
        "The https URL of the token endpoint; Google's where absent",
        repr=False,
        examples=["https://oauth2.googleapis.com/token"],
    )
    scope: OptionalText = _option("The scope to ask for", examples=["https://mail.google.com/"])
    method: OptionalText = _option("The SASL mechanism to use, as authMethod", examples=["XOAUTH2"])
    custom_headers: StringMap | Absent = _option("Headers for the token request", repr=False)
    custom_params: StringMap | Absent = _option("Parameters for the token request", repr=False)


class PrivateKey(_Model):
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

    client_id: OptionalText = _option("The client's id", examples=["<client id>"])
    client_secret: OptionalText = _secret("The client's secret", examples=["<client secret>"])
    refresh_token: Annotated[str, Field(max_length=16384)] | Absent = _secret(
        "A refresh token", examples=["<refresh token>"]
    )


class TlsOptions(_Model):
    """Options of TLS, as in Node; certificates and keys as PEM text, never as a path."""

    reject_unauthorized: Flag = _option(
        "Verify the server's certificate; false makes the connection unsafe", examples=[True]
    )
    ca: Pem | list[Pem] | Absent = _option(
        "Certificates of the authorities to trust in place of the system's, as PEM text"
    )
    cert: OptionalPem = _option("The client's certificate as PEM text")
    key: OptionalPem = _secret("The client's private key as PEM text")
    passphrase: OptionalText = _secret("The passphrase of the private key")
    pfx: OptionalPem = _secret("Not supported: give cert and key, which `openssl pkcs12` makes")
    ciphers: OptionalText = _option(
        "OpenSSL's list of ciphers for TLS 1.2", examples=["ECDHE+AESGCM:ECDHE+CHACHA20"]
    )
    min_version: Literal["TLSv1.2", "TLSv1.3"] | Absent = _option(
        "The oldest version of TLS to accept; TLS 1.2 where absent", examples=["TLSv1.2"]
    )
    max_version: Literal["TLSv1.2", "TLSv1.3"] | Absent = _option(
        "The newest version of TLS to offer", examples=["TLSv1.3"]
    )
    servername: OptionalText = _option("The name to verify, as servername beside tls")
    alpn_protocols: list[Annotated[str, Field(min_length=1, max_length=255)]] | Absent = _option(
        "Protocols to offer by ALPN (RFC 7301)", alias="ALPNProtocols"
    )


class DkimKey(_Model):
    """A key to sign with, and where its public half is found."""

    domain_name: Text = Field(description="The domain that signs", examples=["example.com"])
    key_selector: Text = Field(description="The selector of the key", examples=["2026"])
    private_key: Pem | PrivateKey = Field(
        repr=False,
        description="The private key, RSA or Ed25519, as PEM text, or with its passphrase",
        json_schema_extra={"format": "password", "writeOnly": True},
    )


class DkimOptions(_Model):
    """One key, or several, and what to sign with them."""

    domain_name: OptionalText = _option("The domain that signs", examples=["example.com"])
    key_selector: OptionalText = _option("The selector of the key", examples=["2026"])
    private_key: Pem | PrivateKey | Absent = _secret(
        "The private key, RSA or Ed25519, as PEM text, or with its passphrase"
    )
    keys: Annotated[list[DkimKey], Field(min_length=1, max_length=8)] | Absent = _option(
        "Several keys in place of the one, each for a signature of its own"
    )
    hash_algo: OptionalText = _option("The digest: sha256, and no other", examples=["sha256"])
    header_field_names: OptionalText = _option(
        "The headers to sign in place of the usual ones, with : between",
        examples=["From:To:Subject:Date"],
    )
    skip_fields: OptionalText = _option(
        "Headers not to sign, because a server on the way changes them, with : between",
        examples=["message-id:date"],
    )


class DsnOptions(_Model):
    """Which notifications to ask for."""

    ret: OptionalText = _option(
        "How much of the mail they bring back: FULL or HDRS", examples=["HDRS"]
    )
    return_: OptionalText = _option("The same as ret", alias="return", examples=["HDRS"])
    envid: OptionalText = _option("An id that they repeat", examples=["sign-in"])
    id: OptionalText = _option("The same as envid", examples=["sign-in"])
    notify: Text | list[Text] | Absent = _option(
        "In which cases to send one: SUCCESS, FAILURE, DELAY, or NEVER alone",
        examples=[["FAILURE", "DELAY"]],
    )
    orcpt: OptionalText = _option(
        "The original recipient, for all mails the same", examples=["rfc822;ann@example.org"]
    )
    recipient: OptionalText = _option("The same as orcpt", examples=["rfc822;ann@example.org"])


class ListOptions(_Model):
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
    one_click: Flag = _option(
        "One click is enough at the https:// URL (RFC 8058); true where absent", examples=[True]
    )


class TemplateConfig(_Model):
    """What the mails of one usage type say; {{code}} and other variables are filled in."""

    usage_type: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        description="The usage type it is for", examples=["SignIn"]
    )
    content_type: Literal["text/plain", "text/html"] = Field(
        description="text/plain or text/html; in HTML the values of variables are escaped"
    )
    subject: Annotated[str, Field(max_length=2048)] = Field(description="The subject")
    content: Annotated[str, Field(max_length=1_048_576)] = Field(description="The body")
    locale: (
        Annotated[str, Field(max_length=64, pattern=r"^([A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*)?$")]
        | Absent
    ) = _option(
        "The language tag it is for; without it, every language that has none of its own",
        examples=["fr"],
    )
    send_from: OptionalText = _option("A sender in place of fromEmail; may hold variables")
    reply_to: OptionalText = _option("Where replies go, in place of replyTo; may hold variables")


class SmtpConfig(_Model):
    """The whole config of the SMTP connector."""

    model_config = ConfigDict(title="SMTP")

    host: OptionalText = _option("The mail server's name or address", examples=["<host>"])
    port: (
        Annotated[int, Field(ge=1, le=65535)]
        | Annotated[str, Field(pattern=r"^[0-9]{1,5}$")]
        | Absent
    ) = _option("The mail server's port; 465 with secure, else 587", examples=[587])
    auth: LoginAuth | OAuth2KeyAuth | OAuth2TokenAuth | Absent = _option(
        "How to authenticate; absent where the server allows this machine by its address",
        examples=[{"type": "login", "user": "<user name>", "pass": "<password>"}],
    )
    from_email: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="The sender: a@b.example or Name <a@b.example>",
        examples=["<sender's address>"],
    )
    reply_to: OptionalText = _option("Where replies go", examples=["<reply address>"])
    templates: Annotated[list[TemplateConfig], Field(min_length=1, max_length=10_000)] = Field(
        description="What the mails say, a template for each usage type"
    )
    custom_headers: dict[str, Text | list[Text]] | Absent = _option(
        "Further headers of every mail", examples=[{"X-Entity-Ref": "sign-in"}]
    )
    list_: ListOptions | Absent = _option("Where to unsubscribe", alias="list")
    text_alternative: Flag = _option(
        "Send mails in HTML with a text beside it, made of the template; true where absent",
        examples=[True],
    )
    attach_data_urls: Flag = _option(
        "Send images that a template in HTML has as data: URLs as parts of the mail, for mail "
        "programs show no others; true where absent",
        examples=[True],
    )
    inline_css: Flag = _option(
        "Copy the rules in <style> to the style attributes of what they select, for mail programs "
        "that look at nothing else",
        alias="inlineCss",
        examples=[False],
    )

    secure: Flag = _option(
        "TLS from the first byte; absent, true on port 465 and false elsewhere", examples=[False]
    )
    require_tls: Flag = _option(
        "Fail unless the server offers STARTTLS", alias="requireTLS", examples=[True]
    )
    ignore_tls: Flag = _option(
        "Never use STARTTLS; credentials then go in the clear", alias="ignoreTLS", examples=[False]
    )
    opportunistic_tls: Flag = _option(
        "Carry on in the clear if the server refuses STARTTLS",
        alias="opportunisticTLS",
        examples=[False],
    )
    require_tls_extension_enabled: Flag = _option(
        "Ask every server on the way for TLS (RFC 8689), or fail",
        alias="requireTLSExtensionEnabled",
        examples=[False],
    )
    servername: OptionalText = _option(
        "The name in the server's certificate, where it is not the host",
        examples=["<server name>"],
    )
    tls: TlsOptions | Absent = _option("Options of TLS")

    name: OptionalText = _option(
        "The name this client gives itself in EHLO, ASCII; by default its own host name",
        examples=["<client name>"],
    )
    local_address: OptionalText = _option(
        "The address of this machine to connect from", examples=["<local address>"]
    )
    connection_timeout: Milliseconds = _option(
        "How long to wait for the connection, in milliseconds; 0 is the default", 120_000
    )
    greeting_timeout: Milliseconds = _option(
        "How long to wait for the greeting and for the TLS handshake, each, in milliseconds; "
        "0 is the default",
        30_000,
    )
    socket_timeout: Milliseconds = _option(
        "How long to wait for the reply to a command, and for a whole transaction, in "
        "milliseconds; 0 is the default",
        600_000,
    )
    dns_timeout: Milliseconds = _option(
        "How long to wait for the server's addresses, in milliseconds; 0 is the default", 30_000
    )
    proxy: OptionalText = _secret(
        "The URL of a proxy to connect through: http, https, socks4, socks4a or socks5",
        examples=["http://<proxy user>:<proxy password>@proxy.example.com:8080"],
    )

    auth_method: OptionalText = _option(
        "The SASL mechanism to use: PLAIN, LOGIN, SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5, XOAUTH2 "
        "or OAUTHBEARER; by default the best offered",
        examples=["PLAIN"],
    )
    force_auth: Flag = _option(
        "Authenticate even if the server does not offer it", examples=[False]
    )
    lmtp: Flag = _option("Speak LMTP (RFC 2033) and not SMTP", examples=[False])
    chunking: Flag = _option(
        "Hand each mail over in one flight, by CHUNKING (RFC 3030), where the server offers it "
        "with PIPELINING; true where absent",
        examples=[True],
    )

    pool: Flag = _option("Keep connections open between messages", examples=[True])
    max_connections: Annotated[int, Field(ge=1, le=1000)] = _option(
        "How many connections to open at most", 5
    )
    pool_min_connections: Annotated[int, Field(ge=0, le=1000)] = _option(
        "How many connections to keep open and ready from the first message or `verify` on; "
        "at most maxConnections",
        0,
    )
    max_messages: Annotated[int, Field(ge=1, le=1_000_000)] = _option(
        "How many messages to send over one connection", 100
    )
    rate_limit: Count = _option("How many messages to send per rateDelta; 0 is no limit", 0)
    rate_delta: Milliseconds = _option(
        "The span of time that rateLimit counts in, in milliseconds; 0 is the default", 1000
    )
    max_requeues: Count = _option(
        "How often to send again over a fresh connection when a kept one turns out dead; "
        "never more than once",
        1,
    )

    service: OptionalText = _option("A provider by name, which gives host, port and secure")
    url: Annotated[str, Field(max_length=2048)] | Absent = _secret(
        "smtp:// or smtps:// with user, password, host, port and options"
    )
    dkim: DkimOptions | Absent = _option("Signing each mail with DKIM (RFC 6376)")
    dsn: DsnOptions | Absent = _option(
        "Delivery status notifications to ask for (RFC 3461), where the server offers them"
    )

    logger: Flag = _option("Log connections and messages", examples=[False])
    debug: Flag = _option("Log the SMTP dialogue, secrets and bodies masked", examples=[False])
    transaction_log: Flag = _option("Log the SMTP dialogue, as debug", examples=[False])
    disable_file_access: Flag = _option(
        "Accepted; no file is ever read because of a config", examples=[True]
    )
    disable_url_access: Flag = _option(
        "Accepted; no URL is ever read because of a config", examples=[True]
    )
