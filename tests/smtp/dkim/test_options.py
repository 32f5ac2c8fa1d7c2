"""The options of signing: what is wrong with them is told, each thing where it stands."""

from __future__ import annotations

import importlib.util
import logging
import subprocess
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448

from connector_core import AsyncHost, ConfigError
from connectors.smtp.config import SmtpConfig
from tests.config.configs import config, problems
from tests.smtp.dkim.oracle import (
    ED25519,
    RSA,
    SHORT,
    key,
    mersenne,
    one,
    pem,
    several,
    signer,
)

PUBLIC = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""
PASSPHRASE = "canary-passphrase"
ENCRYPTED = pem(key(RSA), PASSPHRASE)
OLD_ENCRYPTED = pem(key(RSA), PASSPHRASE, old=True)


def damaged(text: str) -> str:
    """A PEM text of which a line in the middle is another one."""
    lines = text.splitlines()
    lines[len(lines) // 2] = "A" * len(lines[len(lines) // 2])
    return "\n".join(lines)


def told(**changes: Any) -> dict[str, str]:
    """The problems of one key so changed, by path."""
    found = problems(dkim={**one(RSA), **changes})
    return {path: f"{problem.message} ({problem.hint})" for path, problem in found.items()}


SOUND: dict[str, dict[str, Any]] = {
    "RSA": one(RSA),
    "Ed25519": one(ED25519),
    "several": several(RSA, ED25519),
    "all options": {
        **one(RSA),
        "hashAlgo": "sha256",
        "headerFieldNames": "From : To",
        "skipFields": "to",
    },
    "empty options": {**one(RSA), "hashAlgo": "", "headerFieldNames": "", "skipFields": ""},
    "a passphrase": {**one(RSA), "privateKey": {"key": ENCRYPTED, "passphrase": PASSPHRASE}},
    "a passphrase, PKCS #1": {
        **one(RSA),
        "privateKey": {"key": OLD_ENCRYPTED, "passphrase": PASSPHRASE},
    },
    "a passphrase that nothing needs": {
        **one(RSA),
        "privateKey": {"key": pem(key(RSA)), "passphrase": "open"},
    },
    "a comment, and line ends of another system": {
        **one(RSA),
        "privateKey": "Schlüssel:\n" + pem(key(RSA)).replace("\n", "\r\n"),
    },
    "any script": {**one(RSA), "domainName": "bücher.example"},
    "a selector in parts": {**one(RSA), "keySelector": "2026-01.eu"},
    "one selector in two domains": {"keys": [one(RSA), one(RSA, "example.org")]},
}


@pytest.mark.parametrize("name", SOUND)
def test_these_are_sound(name: str) -> None:
    assert problems(dkim=SOUND[name]) == {}


# -- the key --------------------------------------------------------------------------------------

NO_KEYS = {
    "no PEM": ("canary", "is not a private key"),
    "a path": ("/etc/dkim/canary.pem", "is not a private key"),
    "line breaks written out": (pem(key(RSA)).replace("\n", "\\n"), "with its line breaks"),
    "damaged": (damaged(pem(key(RSA))), "is not a private key"),
    "a public key": (PUBLIC, "is a public key"),
    "encrypted": (ENCRYPTED, "is encrypted, and there is no passphrase"),
    "encrypted, PKCS #1": (OLD_ENCRYPTED, "is encrypted, and there is no passphrase"),
    "P-256": (pem(ec.generate_private_key(ec.SECP256R1())), "neither an RSA nor an Ed25519"),
    "Ed448": (pem(ed448.Ed448PrivateKey.generate()), "neither an RSA nor an Ed25519"),
    "short": (mersenne(107, 521), "fewer than 1024 bits"),
    "long": (mersenne(2203, 2281), "more than 4096 bits"),
    "so long that validating it would take hours": (mersenne(9689, 9941), "more than 4096 bits"),
}


@pytest.mark.parametrize("name", NO_KEYS)
@pytest.mark.parametrize("listed", [False, True], ids=["alone", "in a list"])
def test_what_is_no_key_to_sign_with_is_told(name: str, listed: bool) -> None:
    given, said = NO_KEYS[name]
    bad = {**one(SHORT), "privateKey": given}
    found = problems(dkim={"keys": [one(RSA), bad]} if listed else bad)
    (problem,) = found.values()
    assert problem.path == ("$.dkim.keys[1].privateKey" if listed else "$.dkim.privateKey")
    assert said in f"{problem.message} ({problem.hint})"
    assert problem.hint


@pytest.mark.parametrize("text", [ENCRYPTED, OLD_ENCRYPTED], ids=["PKCS #8", "PKCS #1"])
def test_a_wrong_passphrase_is_told(text: str) -> None:
    found = told(privateKey={"key": text, "passphrase": "shut"})
    assert list(found) == ["$.dkim.privateKey.passphrase"]
    assert list(told(privateKey={"key": text, "passphrase": ""})) == ["$.dkim.privateKey"]


@pytest.mark.parametrize("part", ["domainName", "keySelector", "privateKey"])
@pytest.mark.parametrize("without", [None, ""])
def test_what_a_key_lacks_is_told(part: str, without: str | None) -> None:
    assert list(told(**{part: without})) == [f"$.dkim.{part}"]
    # null is absent only for the host: a list holds what it holds
    lacking = {name: value for name, value in one(SHORT).items() if name != part or without == ""}
    found = problems(dkim={"keys": [one(RSA), lacking | ({part: ""} if without == "" else {})]})
    assert list(found) == [f"$.dkim.keys[1].{part}"]


@pytest.mark.parametrize("dkim", [{}, {"skipFields": "date"}])
def test_no_key_at_all_is_told(dkim: dict[str, Any]) -> None:
    assert list(problems(dkim=dkim)) == ["$.dkim"]


@pytest.mark.parametrize("part", ["domainName", "keySelector", "privateKey"])
def test_one_key_beside_several_is_told(part: str) -> None:
    found = problems(dkim={**several(ED25519), part: one(RSA)[part]})
    assert list(found) == ["$.dkim.keys"]


@pytest.mark.parametrize("count", [0, 9])
def test_too_few_and_too_many_keys_are_told(count: int) -> None:
    keys = [{**one(RSA), "keySelector": f"s{number}"} for number in range(count)]
    assert list(problems(dkim={"keys": keys})) == ["$.dkim.keys"]


def test_two_keys_with_one_record_are_told() -> None:
    """RFC 6376 section 3.6.2.2: a name has one record."""
    keys = [one(RSA), one(ED25519), {**one(ED25519, "EXAMPLE.com"), "keySelector": RSA.upper()}]
    found = problems(dkim={"keys": keys})
    assert list(found) == ["$.dkim.keys[2].keySelector"]
    assert "keys[0]" in found["$.dkim.keys[2].keySelector"].message


# -- where the public half is found ---------------------------------------------------------------


@pytest.mark.parametrize(
    "domain",
    [
        *("localhost", "example.com.", ".example.com", "a..b", "-a.example", "a-.example"),
        *(
            "a_b.example",
            "a b.example",
            "ann@example.com",
            "https://example.com",
            "a.b;d=c.example",
        ),
        *("a.b\r\nX: y", f"{'a' * 64}.example", "bü cher.example", "127.0.0.1:25"),
    ],
)
def test_what_is_no_domain_is_told(domain: str) -> None:
    assert list(told(domainName=domain)) == ["$.dkim.domainName"]


@pytest.mark.parametrize(
    "selector",
    [
        *("a_b", "2026._domainkey", "2026._domainkey.example.com", ".a", "a.", "a..b", "-a", "a-"),
        *("a b", "a;d=example.net", "a\r\nX: y", "a\n", "ü", "a" * 64),
    ],
)
def test_what_is_no_selector_is_told(selector: str) -> None:
    found = told(keySelector=selector)
    assert list(found) == ["$.dkim.keySelector"]
    assert "._domainkey" in found["$.dkim.keySelector"]


def test_the_name_of_the_record_fits_into_dns() -> None:
    domain = ".".join(["d" * 60] * 3 + ["example"])
    longest = 253 - len(f"._domainkey.{domain}")
    assert told(domainName=domain, keySelector="s" * longest) == {}
    too_long = told(domainName=domain, keySelector="s" * (longest + 1))
    assert list(too_long) == ["$.dkim.keySelector"]


# -- what is signed -------------------------------------------------------------------------------


@pytest.mark.parametrize("digest", ["sha1", "sha512", "rsa-sha256", "md5"])
def test_no_other_digest_than_sha256(digest: str) -> None:
    found = told(hashAlgo=digest)
    assert list(found) == ["$.dkim.hashAlgo"]
    assert "RFC 8301" in found["$.dkim.hashAlgo"]


@pytest.mark.parametrize("option", ["headerFieldNames", "skipFields"])
@pytest.mark.parametrize(
    "names", ["To:", ":", "To::Date", "To, Date", "T o", "To;Date", "Tö", "a\nb"]
)
def test_what_is_no_list_of_names_is_told(option: str, names: str) -> None:
    found = told(**{option: names})
    assert list(found) == [f"$.dkim.{option}"]
    assert "From:To:Subject" in found[f"$.dkim.{option}"]


@pytest.mark.parametrize("changes", [{"headerFieldNames": "To:Date"}, {"skipFields": "date: FROM"}])
def test_from_is_always_signed(changes: dict[str, str]) -> None:
    (path,) = told(**changes)
    assert path == f"$.dkim.{next(iter(changes))}"
    assert "must be signed" in told(**changes)[path]


@pytest.mark.parametrize("name", ["Received", "return-path", "DKIM-Signature"])
def test_what_servers_change_cannot_be_signed(name: str) -> None:
    found = told(headerFieldNames=f"From:{name}")
    assert list(found) == ["$.dkim.headerFieldNames"]
    assert name.lower() in found["$.dkim.headerFieldNames"]


@pytest.mark.parametrize("key", ["cacheDir", "cacheTreshold", "cacheThreshold", "selector"])
def test_other_options_are_told(key: str) -> None:
    """nodemailer's files to keep large mails in, too: nothing is written here."""
    assert list(told(**{key: "/tmp"})) == [f"$.dkim.{key}"]


# -- the package that signs -----------------------------------------------------------------------


def test_what_is_missing_is_told_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = problems(dkim={**one(RSA), "keySelector": "a_b"})
    assert set(found) == {"$.dkim", "$.dkim.keySelector"}
    assert found["$.dkim"].hint == "pip install 'connector-core[dkim]'"
    with pytest.raises(ConfigError) as raised:
        signer(one(RSA))
    assert raised.value.problems == (found["$.dkim"],)


def test_without_a_key_nothing_of_it_is_imported() -> None:
    program = (
        "import sys; from connectors.smtp.dkim.signer import Signer; "
        "from connectors.smtp.check import problems; problems({}); "
        "print('cryptography' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


# -- no secret ------------------------------------------------------------------------------------


def secrets(text: str) -> list[str]:
    return [line for line in text.splitlines() if len(line) > 40]


@pytest.mark.parametrize("name", NO_KEYS)
async def test_no_output_shows_a_key(caplog: pytest.LogCaptureFixture, name: str) -> None:
    caplog.set_level(logging.DEBUG)
    given, _ = NO_KEYS[name]
    async with AsyncHost.discover() as host:
        with pytest.raises(ConfigError) as raised:
            host.configure("smtp", config(dkim={**one(RSA), "privateKey": given}))
    error = raised.value
    shown = f"{error} {error!r} {error.__cause__!r} {error.__context__!r} {caplog.text}"
    assert not [line for line in [*secrets(given), "canary"] if line in shown]


def test_the_model_shows_no_key() -> None:
    encrypted = {"key": ENCRYPTED, "passphrase": PASSPHRASE}
    for dkim in (one(RSA), several(RSA), {**one(RSA), "privateKey": encrypted}):
        shown = repr(SmtpConfig.model_validate(config(dkim=dkim)))
        assert "example.com" in shown
        assert "PRIVATE KEY" not in shown
        assert PASSPHRASE not in shown
