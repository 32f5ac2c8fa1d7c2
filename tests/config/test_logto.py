"""Configs in the shapes that Logto's SMTP connector takes; the values are our own."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from connector_core import AsyncHost
from tests.config.configs import (
    USAGES,
    check,
    credentials,
    private_pem,
    problems,
    template,
)

TEMPLATES = [
    template(usage, contentType="text/html", content="<b>{{code}}</b>") for usage in USAGES
]
BASE: dict[str, Any] = {
    "host": "smtp.corp.example",
    "port": 587,
    "fromEmail": "Corp Accounts <accounts@corp.example>",
    "templates": TEMPLATES,
}
LOGIN = {"user": "accounts", "pass": "pa55: word"}
KEY = rsa.generate_private_key(65537, 2048)
PEM = private_pem(KEY)
SHAPES: dict[str, dict[str, Any]] = {
    "login without type": {"auth": LOGIN},
    "login": {"auth": {"type": "login", **LOGIN}},
    "Login": {"auth": {"type": "Login", **LOGIN}},
    "LOGIN": {"auth": {"type": "LOGIN", **LOGIN}},
    "relay, empty auth": {"auth": {}},
    "relay, no auth": {},
    "relay, type alone": {"auth": {"type": "login"}},
    "relay, port 25": {"port": 25, "auth": {}},
    "oauth2 with a key": {
        "auth": {
            "type": "oauth2",
            "user": "accounts@corp.example",
            "serviceClient": "113600000000000000000",
            "privateKey": PEM,
        }
    },
    "OAuth2 with a key and passphrase, no type": {
        "auth": {
            "user": "accounts@corp.example",
            "serviceClient": "113600000000000000000",
            "privateKey": {"key": private_pem(KEY, "open"), "passphrase": "open"},
        }
    },
    "OAuth2 with a token": {
        "auth": {
            "type": "OAuth2",
            "user": "accounts@corp.example",
            "clientId": "client.example",
            "clientSecret": "s3cret",
            "refreshToken": "1/refresh",
            "accessToken": "ya29.access",
            "expires": 1484314697598,
            "accessUrl": "https://id.corp.example/token",
        }
    },
    "OAUTH2 with an access token alone": {
        "auth": {"type": "OAUTH2", "user": "accounts@corp.example", "accessToken": "ya29.access"}
    },
    "tls options with an empty object": {
        "port": 465,
        "secure": True,
        "tls": {},
        "servername": "mx.corp.example",
        "ignoreTLS": False,
        "requireTLS": False,
    },
    "tls options without an object": {"secure": False, "ignoreTLS": False, "requireTLS": True},
    "tls options in the object": {
        "tls": {
            "rejectUnauthorized": True,
            "minVersion": "TLSv1.2",
            "servername": "mx.corp.example",
        }
    },
    "an odd port with TLS at once": {"port": 2465, "secure": True},
    "port 465 alone": {"port": 465},
    "secure and required as well": {"port": 465, "secure": True, "requireTLS": True},
    "connection": {
        "name": "app.corp.example",
        "localAddress": "127.0.0.1",
        "connectionTimeout": 120000,
        "greetingTimeout": 30000,
        "socketTimeout": 600000,
        "dnsTimeout": 30000,
    },
    "debugging": {"logger": True, "debug": True},
    "security": {"disableFileAccess": True, "disableUrlAccess": True},
    "headers": {"customHeaders": {"X-Campaign": "sign-in", "X-Hop": ["one", "two"]}},
    "everything that its form has": {
        "port": 25,
        "auth": {"type": "login", **LOGIN},
        "replyTo": "<help@corp.example>",
        "logger": False,
        "debug": False,
        "disableFileAccess": False,
        "disableUrlAccess": False,
        "name": "app.corp.example",
        "localAddress": "127.0.0.1",
        "connectionTimeout": 120000,
        "greetingTimeout": 30000,
        "socketTimeout": 600000,
        "dnsTimeout": 30000,
        "secure": False,
        "tls": {},
        "servername": "mx.corp.example",
        "ignoreTLS": False,
        "requireTLS": False,
        "customHeaders": {},
    },
    "reply": {"replyTo": "Help <help@corp.example>"},
    "empty texts": {
        "replyTo": "",
        "name": "",
        "servername": "",
        "localAddress": "",
        "auth": {"user": "", "pass": ""},
    },
    "more empty texts": {"tls": {"servername": "", "ca": "", "ciphers": ""}, "authMethod": ""},
    "nulls": {
        "auth": None,
        "replyTo": None,
        "name": None,
        "secure": None,
        "tls": {"ca": None, "minVersion": None},
        "customHeaders": None,
        "logger": None,
        "dkim": None,
        "connectionTimeout": None,
    },
    "nulls within auth": {"auth": {"type": None, "user": "a", "pass": "b", "accessToken": None}},
    "a port as text": {"port": "2525"},
    "a template with a sender of its own": {
        "templates": [
            *TEMPLATES,
            template("Custom", sendFrom="{{application.name}} <app@corp.example>", replyTo=""),
        ]
    },
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_it_works_here_unchanged(host: AsyncHost, shape: str) -> None:
    given = {**BASE, **SHAPES[shape]}
    assert check(given) == []
    host.configure("smtp", given)


@pytest.mark.parametrize("shape", ["relay, empty auth", "relay, no auth", "empty texts", "nulls"])
def test_a_relay_is_used_without_authentication(shape: str) -> None:
    assert credentials(**{**BASE, **SHAPES[shape]}) is None


@pytest.mark.parametrize("key", ["fromEmail", "host"])
@pytest.mark.parametrize("value", ["", None])
def test_what_is_required_must_not_be_empty(key: str, value: str | None) -> None:
    given = {**BASE, key: value}
    (problem,) = check(given)
    assert problem.path == f"$.{key}"


def test_a_user_without_password_is_told() -> None:
    found = problems(auth={"user": "ann"})
    assert {path: str(problem) for path, problem in found.items()} == {
        "$.auth.pass": "$.auth.pass: is missing; user needs it"
    }
    assert list(problems(auth={"pass": "secret"})) == ["$.auth.user"]


@pytest.mark.parametrize(
    ("auth", "paths"),
    [
        ({"type": "OAuth2"}, ["$.auth.user"]),
        ({"type": "OAuth2", "user": ""}, ["$.auth.user"]),
        ({"type": "OAuth2", "user": "a"}, ["$.auth.accessToken"]),
        ({"user": "a", "clientId": "c"}, ["$.auth.accessToken"]),
        ({"user": "a", "clientId": "c", "clientSecret": "s"}, ["$.auth.accessUrl"]),
        ({"user": "a", "accessToken": "t", "pass": "p"}, ["$.auth.accessToken"]),
        ({"type": "OAuth2", "user": "a", "pass": "p"}, ["$.auth.pass"]),
        ({"type": "plain", "user": "a", "pass": "p"}, ["$.auth.type"]),
        ({"user": "a", "pass": "p", "token": "t"}, ["$.auth.token"]),
        ({"user": "a", "pass": 5}, ["$.auth.pass"]),
        ("ann:secret", ["$.auth"]),
        ({"user": "a", "pass": "line\nbreak"}, ["$.auth.pass"]),
        ({"user": "a\0", "pass": "p"}, ["$.auth.user"]),
        ({"type": "OAuth2", "user": "a", "accessToken": "a\1b"}, ["$.auth.accessToken"]),
        (
            {"type": "OAuth2", "user": "a", "accessToken": "t", "accessUrl": "http://a.example"},
            ["$.auth.accessUrl"],
        ),
        ({"type": "OAuth2", "user": "a", "accessToken": "t", "expires": -1}, ["$.auth.expires"]),
        ({"user": "a", "serviceClient": "c", "privateKey": {"key": "k"}}, None),
    ],
)
def test_credentials_that_cannot_be_are_told(auth: Any, paths: list[str] | None) -> None:
    found = problems(auth=auth)
    if paths is None:
        assert found
        assert all(path.startswith("$.auth.privateKey") for path in found)
    else:
        assert list(found)[:1] == paths


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"authMethod": "XOAUTH2", "auth": LOGIN}, "$.authMethod"),
        ({"auth": {**LOGIN, "method": "XOAUTH2"}}, "$.auth.method"),
        ({"auth": {**LOGIN, "method": "PLAIN"}, "authMethod": "LOGIN"}, "$.auth.method"),
        ({"auth": LOGIN, "authMethod": "NTLM"}, "$.authMethod"),
        (
            {"auth": {"user": "a", "accessToken": "t"}, "authMethod": "PLAIN"},
            "$.authMethod",
        ),
    ],
)
def test_a_mechanism_that_does_not_fit_is_told(changes: dict[str, Any], path: str) -> None:
    assert list(problems(**changes)) == [path]


@pytest.mark.parametrize("method", ["plain", "Login", "CRAM-MD5"])
def test_a_mechanism_is_named_in_any_case(method: str) -> None:
    found = credentials(auth=LOGIN, authMethod=method)
    assert found is not None
    assert found.method == method.upper()
