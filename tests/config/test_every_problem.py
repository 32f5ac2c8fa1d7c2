"""Every problem is told at once, and no secret with it."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest

from connector_core import AsyncHost, ConfigError
from connectors.smtp.config import SmtpConfig
from tests.config.configs import REQUIRED, check, config, template
from tests.config.conftest import Pems

FAULTY: dict[str, Any] = {
    "host": "mail.example.com:25",
    "port": 465,
    "secure": False,
    "requireTLS": True,
    "ignoreTLS": True,
    "auth": {"user": "ann"},
    "authMethod": "NTLM",
    "replyTo": "nobody",
    "name": "Büro",
    "localAddress": "eth0",
    "tls": {"minVersion": "TLSv1", "ca": "/etc/ca.pem", "ciphers": "NONSENSE", "pfx": "MIIK"},
    "customHeaders": {"Bcc": "a@b.example", "X-Tag": 5},
    "templates": [template("Register", contentType="text"), template("SignIn", subject="a\nb")],
    "maxConnections": "5",
    "dkim": {},
    "hots": "x",
}
PATHS = {
    "$.host",
    "$.secure",
    "$.ignoreTLS",
    "$.auth.pass",
    "$.authMethod",
    "$.fromEmail",
    "$.replyTo",
    "$.name",
    "$.localAddress",
    "$.tls.minVersion",
    "$.tls.ca",
    "$.tls.ciphers",
    "$.tls.pfx",
    "$.customHeaders.Bcc",
    '$.customHeaders["X-Tag"]',
    "$.templates",
    "$.templates[0].contentType",
    "$.templates[1].subject",
    "$.maxConnections",
    "$.dkim",
    "$.hots",
}


def test_every_problem_is_told_at_once_and_once() -> None:
    found = check(FAULTY)
    assert sorted(problem.path for problem in found) == sorted(PATHS)


async def test_the_error_shows_them_all_one_a_line(host: AsyncHost) -> None:
    with pytest.raises(ConfigError) as raised:
        host.configure("smtp", FAULTY)
    assert {problem.path for problem in raised.value.problems} == PATHS
    lines = str(raised.value).splitlines()
    assert lines[0] == f"the config has {len(PATHS)} problems:"
    assert len(lines) == 1 + len(PATHS)
    assert host.configured == {}


@pytest.mark.parametrize("broken", ["port", "secure", "auth", "tls", "templates", "fromEmail"])
def test_rules_look_at_the_sound_fields_whatever_the_others_are(broken: str) -> None:
    without = {path for path in PATHS if path.split(".")[1].split("[")[0] != broken}
    if broken in ("port", "secure"):
        without.discard("$.secure")
    found = {problem.path for problem in check({**FAULTY, broken: [[]]})}
    assert without <= found
    assert any(path.startswith(f"$.{broken}") for path in found)


CANARY = "canary-3f81c2"
SECRETS: list[dict[str, Any]] = [
    {"auth": {"user": "ann", "pass": CANARY}},
    {"auth": {"user": "ann", "pass": CANARY + "\n"}},
    {"auth": {"user": "ann", "pass": [CANARY]}},
    {"auth": {"user": "ann", "pass": CANARY, "type": "other"}},
    {"auth": {"user": "ann", "pass": CANARY * 100}},
    {"auth": CANARY},
    {"auth": {"user": "ann", "accessToken": CANARY, "expires": "soon"}},
    {"auth": {"user": "ann", "accessToken": CANARY + "\1"}},
    {"auth": {"user": "ann", "accessToken": {"token": CANARY}}},
    {"auth": {"user": "ann", "refreshToken": CANARY, "clientSecret": CANARY, "clientId": 5}},
    {"auth": {"user": "ann", "serviceClient": "c", "privateKey": CANARY, "accessUrl": "x"}},
    {"auth": {"user": "a", "serviceClient": "c", "privateKey": {"key": CANARY}}},
    {"auth": {"user": "a", "serviceClient": "c", "privateKey": {"passphrase": CANARY, "key": 5}}},
    {"tls": {"key": CANARY}},
    {"tls": {"cert": "x", "key": CANARY, "passphrase": CANARY}},
    {"tls": {"key": [CANARY], "passphrase": CANARY}},
    {"tls": {"pfx": CANARY, "passphrase": CANARY}},
    {"tls": CANARY},
    {"url": f"smtp://ann:{CANARY}@mail.example.com:smtp"},
    {"url": f"smtp://ann:{CANARY}@mail.example.com/path"},
    {"url": f"http://ann:{CANARY}@mail.example.com"},
    {"url": f"smtps://ann:{CANARY}@mail.example.com:587"},
    {"url": f"smtp://ann:{CANARY}@mail.example.com?secure=maybe"},
    {"url": f"smtp://ann:{CANARY}%00@mail.example.com"},
    {"url": f"smtp://ann:12?{CANARY}@mail.example.com"},
    {"url": f"smtp://ann:12?{CANARY}&{CANARY}@mail.example.com"},
    {"url": f"smtp://ann:#{CANARY}@mail.example.com"},
    {"url": f"smtp://ann:/{CANARY}@mail.example.com"},
    {"url": [f"smtp://ann:{CANARY}@mail.example.com"]},
    {"dkim": {"privateKey": CANARY}},
    {"dkim": {"privateKey": {"key": CANARY, "passphrase": CANARY}}},
    {"dkim": {"keys": [{"privateKey": CANARY, "keySelector": CANARY, "domainName": CANARY}]}},
    {"dkim": {"headerFieldNames": CANARY, "skipFields": f"{CANARY}:", "hashAlgo": CANARY}},
    {"proxy": f"socks5://ann:{CANARY}@127.0.0.1"},
]


@pytest.mark.parametrize("number", range(len(SECRETS)))
async def test_no_output_shows_a_secret(
    host: AsyncHost, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    caplog.set_level(logging.DEBUG)
    given = config(**copy.deepcopy(SECRETS[number]), rateLimit="x")
    with pytest.raises(ConfigError) as raised:
        host.configure("smtp", given)
    error = raised.value
    shown = [str(error), repr(error), repr(error.args), repr(error.problems), caplog.text]
    shown += [repr(cause) for cause in (error.__cause__, error.__context__) if cause]
    for text in shown:
        assert CANARY not in text
        assert "canary" not in text


def test_the_model_shows_no_secret(pems: Pems) -> None:
    for given in SECRETS[:1]:
        assert CANARY not in repr(SmtpConfig.model_validate(config(**given)))
    keys = {"cert": pems.cert, "key": pems.encrypted_key, "passphrase": CANARY}
    assert CANARY not in repr(SmtpConfig.model_validate(config(tls=keys)))
    assert "PRIVATE KEY" not in repr(SmtpConfig.model_validate(config(tls=keys)))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"auth": {"type": "OAuth2", "user": "a", "accessToken": "t", "scope": "\ud800"}}, None),
        ({"auth": {"user": "a", "pass": "\udc00"}}, "$.auth.pass"),
        ({"templates": [template(item, content="\ud800") for item in REQUIRED[:1]]}, None),
    ],
)
def test_half_a_surrogate_pair_is_a_problem_and_no_crash(
    changes: dict[str, Any], path: str | None
) -> None:
    found = [problem.path for problem in check(config(**changes))]
    assert found
    assert "$" not in found
    if path:
        assert found == [path]
