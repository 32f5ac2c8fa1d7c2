"""The options of TLS: PEM text and never a path, and what OpenSSL says of them is told."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import Any

import pytest

from connector_core import AsyncHost
from tests.config.configs import config, context_of, endpoint, problems
from tests.config.conftest import Pems
from tests.config.handshake import handshake


def test_certificates_are_verified_with_tls_1_2_or_newer() -> None:
    context = context_of(endpoint())
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    "ca",
    [
        "not PEM",
        "/etc/ssl/certs/ca-certificates.crt",
        "-----BEGIN CERTIFICATE-----\nMIIB",
        ["x"],
        ["", "x"],
        "Tõrva",
    ],
)
def test_what_is_no_authority_is_told(ca: Any) -> None:
    (problem,) = problems(tls={"ca": ca}).values()
    assert problem.path == "$.tls.ca"
    assert "or file:PATH, which the connector command" in problem.hint


@pytest.mark.parametrize("ca", ["", [], [""]])
def test_no_authority_is_the_systems(ca: Any) -> None:
    own = context_of(endpoint(tls={"ca": ca}))
    assert own.cert_store_stats() == context_of(endpoint()).cert_store_stats()


def test_a_bundle_may_have_comments_in_any_language(pems: Pems) -> None:
    assert problems(tls={"ca": f"# Tõrva\n{pems.authority}"}) == {}


def test_several_authorities_in_one_text_or_in_a_list(pems: Pems) -> None:
    for ca in (pems.authority + pems.cert, [pems.authority, pems.cert]):
        store = context_of(endpoint(tls={"ca": ca})).cert_store_stats()
        assert store["x509"] == 2


def test_no_path_is_ever_opened(tmp_path: Path, pems: Pems) -> None:
    files = {}
    for name in ("authority", "cert", "key"):
        files[name] = tmp_path / f"{name}.pem"
        files[name].write_text(getattr(pems, name))
    given = {"ca": str(files["authority"]), "cert": str(files["cert"]), "key": str(files["key"])}
    assert sorted(problems(tls=given)) == ["$.tls.ca", "$.tls.cert"]


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        (["cert"], "$.tls.key"),
        (["key"], "$.tls.cert"),
    ],
)
def test_certificate_and_key_come_together(pems: Pems, keys: list[str], path: str) -> None:
    (problem,) = problems(tls={key: getattr(pems, key) for key in keys}).values()
    assert problem.path == path
    assert "is missing" in problem.message


def test_a_passphrase_needs_a_key() -> None:
    assert list(problems(tls={"passphrase": "open"})) == ["$.tls.key"]


def test_a_key_of_another_certificate_is_told(pems: Pems) -> None:
    (problem,) = problems(tls={"cert": pems.authority, "key": pems.key}).values()
    assert problem.path == "$.tls.cert"
    assert "mismatch" in problem.message.lower().replace("_", " ")


@pytest.mark.parametrize("passphrase", ["wrong", "", None])
def test_an_encrypted_key_needs_its_passphrase(pems: Pems, passphrase: str | None) -> None:
    tls = {"cert": pems.cert, "key": pems.encrypted_key, "passphrase": passphrase}
    (problem,) = problems(tls=tls).values()
    assert problem.path == "$.tls.cert"
    assert pems.passphrase not in str(problem)


def descriptors() -> dict[str, str]:
    found = {}
    for link in Path("/proc/self/fd").iterdir():
        try:
            found[link.name] = str(link.readlink())
        except FileNotFoundError:
            continue
    return found


def test_keys_leave_no_file_and_no_descriptor_behind(
    pems: Pems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    tls = {"cert": pems.cert, "key": pems.encrypted_key, "passphrase": pems.passphrase}
    endpoint(tls=tls)
    endpoint(tls={"cert": pems.cert, "key": pems.key})
    problems(tls={**tls, "passphrase": "wrong"})
    assert list(tmp_path.iterdir()) == []
    assert not [target for target in descriptors().values() if "memfd:connector" in target]


def test_nor_where_there_is_no_memory_file(
    pems: Pems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert problems(tls={"cert": pems.cert, "key": pems.key}) == {}
    assert list(problems(tls={"cert": pems.cert, "key": "junk"})) == ["$.tls.cert"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["minVersion", "maxVersion"])
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1.1", "SSLv3", "1.2", "tlsv1.2", "TLSv1.4", 1.2])
def test_old_and_unknown_versions_are_refused(key: str, version: Any) -> None:
    (problem,) = problems(tls={key: version}).values()
    assert problem.path == f"$.tls.{key}"
    assert "TLSv1.2" in problem.message or isinstance(version, float)


@pytest.mark.parametrize(
    ("given", "low", "high"),
    [
        ({"minVersion": "TLSv1.3"}, "TLSv1_3", "MAXIMUM_SUPPORTED"),
        ({"maxVersion": "TLSv1.2"}, "TLSv1_2", "TLSv1_2"),
        ({"minVersion": "TLSv1.2", "maxVersion": "TLSv1.3"}, "TLSv1_2", "TLSv1_3"),
        ({"minVersion": "TLSv1.3", "maxVersion": "TLSv1.3"}, "TLSv1_3", "TLSv1_3"),
    ],
)
def test_versions_are_kept(given: dict[str, Any], low: str, high: str) -> None:
    context = context_of(endpoint(tls=given))
    assert context.minimum_version is ssl.TLSVersion[low]
    assert context.maximum_version is ssl.TLSVersion[high]


def test_the_newest_must_not_be_older_than_the_oldest() -> None:
    found = problems(tls={"minVersion": "TLSv1.3", "maxVersion": "TLSv1.2"})
    assert list(found) == ["$.tls.maxVersion"]


def openssl_takes(ciphers: str) -> bool:
    try:
        ssl.create_default_context().set_ciphers(ciphers)
    except ssl.SSLError:
        return False
    return True


@pytest.mark.parametrize(
    "ciphers",
    # "SSLv3" is what old advice for Office 365 says; OpenSSL's builds differ over it
    ["HIGH", "ECDHE+AESGCM:ECDHE+CHACHA20", "SSLv3", "SSLv2", "NONSENSE", "TLS_AES_128_GCM_SHA256"],
)
def test_what_openssl_says_of_ciphers_is_told(ciphers: str) -> None:
    found = problems(tls={"ciphers": ciphers})
    assert list(found) == ([] if openssl_takes(ciphers) else ["$.tls.ciphers"])


@pytest.mark.parametrize(
    "ciphers",
    [
        "aNULL",
        "SSLv3",
        "ALL:@SECLEVEL=0",
        "aNULL:@SECLEVEL=0",
    ],
)
def test_no_list_of_ciphers_lets_a_server_do_without_a_certificate(ciphers: str) -> None:
    anonymous = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    anonymous.set_ciphers("aNULL:@SECLEVEL=0")
    anonymous.maximum_version = ssl.TLSVersion.TLSv1_2
    if problems(tls={"ciphers": ciphers}):
        return
    with pytest.raises(ssl.SSLError):
        handshake(context_of(endpoint(tls={"ciphers": ciphers})), anonymous)


@pytest.mark.parametrize("protocols", [["x"], ["smtp", "h2"], []])
def test_protocols_are_taken(protocols: list[str]) -> None:
    assert problems(tls={"ALPNProtocols": protocols}) == {}


@pytest.mark.parametrize("protocols", ["smtp", [""], ["x" * 256], ["ü"], [5]])
def test_what_is_no_protocol_is_told(protocols: Any) -> None:
    (path,) = problems(tls={"ALPNProtocols": protocols})
    assert path.startswith("$.tls.ALPNProtocols")


@pytest.mark.parametrize(("value", "warnings"), [(False, 1), (True, 0), (None, 0)])
async def test_not_verifying_is_warned_of_once(
    host: AsyncHost, caplog: pytest.LogCaptureFixture, value: bool | None, warnings: int
) -> None:
    host.configure("smtp", config(tls={"rejectUnauthorized": value}))
    found = [item for item in caplog.records if "rejectUnauthorized" in item.getMessage()]
    assert len(found) == warnings
    for record in found:
        assert record.levelno == logging.WARNING
        assert "mail.example.com:587" in record.getMessage()


def test_not_verifying_verifies_nothing() -> None:
    context = context_of(endpoint(tls={"rejectUnauthorized": False}))
    assert context.verify_mode is ssl.CERT_NONE
    assert not context.check_hostname


@pytest.mark.parametrize("key", ["secureProtocol", "ecdhCurve", "checkServerIdentity", "CA"])
def test_other_options_of_node_are_told(key: str) -> None:
    assert list(problems(tls={key: "x"})) == [f"$.tls.{key}"]
