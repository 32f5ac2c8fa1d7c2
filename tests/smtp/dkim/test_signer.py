"""What is signed holds for dkimpy, and no longer once anything of it is changed."""

from __future__ import annotations

import base64
import logging
import re
from typing import Any

import pytest
from dkim.util import parse_tag_value
from hypothesis import example, given
from hypothesis import strategies as st

from connector_core import ConfigError
from connectors.smtp.dkim.coverage import DEFAULT
from tests.smtp.dkim.oracle import (
    BODY,
    DOMAIN,
    ED25519,
    FIELDS,
    NOW,
    RSA,
    SHORT,
    one,
    pem,
    record,
    several,
    signed,
    signer,
    verdicts,
)
from tests.smtp.dkim.oracle import key as private

BOTH = several(RSA, ED25519)
QUICK = several(SHORT, ED25519)


def tags(mail: bytes, number: int = 0) -> dict[str, str]:
    """The tags of a signature, from the top."""
    fields = re.findall(rb"^DKIM-Signature:((?:.*\r\n(?![!-~]))*.*\r\n)", mail, re.MULTILINE)
    return {key.decode(): value.decode() for key, value in parse_tag_value(fields[number]).items()}


def listed(mail: bytes, number: int = 0) -> list[str]:
    return re.split(r"\s*:\s*", tags(mail, number)["h"])


def altered(old: bytes, new: bytes) -> bytes:
    """A mail with two signatures, changed once on its way."""
    mail = signed(BOTH)
    assert old in mail
    return mail.replace(old, new, 1)


# -- what dkimpy says -----------------------------------------------------------------------------


@pytest.mark.parametrize("selector", [RSA, SHORT, ED25519])
def test_a_signature_holds(selector: str) -> None:
    assert verdicts(signed(one(selector))) == [True]


@pytest.mark.parametrize("selectors", [(RSA, ED25519), (ED25519, RSA), (SHORT, RSA, ED25519)])
def test_each_key_signs_with_a_field_of_its_own(selectors: tuple[str, ...]) -> None:
    mail = signed(several(*selectors))
    assert verdicts(mail) == [True] * len(selectors)
    assert [tags(mail, number)["s"] for number in range(len(selectors))] == list(selectors)
    assert mail.endswith(b"".join(FIELDS) + b"\r\n" + BODY)


@pytest.mark.parametrize("old", [False, True], ids=["PKCS #8", "PKCS #1"])
@pytest.mark.parametrize("passphrase", ["", "open"])
def test_a_key_in_either_form(old: bool, passphrase: str) -> None:
    text = pem(private(RSA), passphrase, old=old)
    given = {"key": text, "passphrase": passphrase} if passphrase else text
    assert verdicts(signed({**one(RSA), "privateKey": given})) == [True]


VALUES = st.lists(
    st.tuples(
        st.sampled_from([" ", "  ", "\t", " \t ", "\r\n ", "\r\n\t", " \r\n  "]),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12),
    ),
    min_size=1,
).map(lambda words: "".join(fold + word for fold, word in words))
NAMES = st.sampled_from([*DEFAULT, "To", "Subject", "X-Tag", "Received", "Sender"])
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
PIECES = [" ", "  ", "\t", " \t ", "\r\n", "\r\n\r\n", " \r\n", "a", "=20", ".", "code"]
BODIES = st.lists(st.sampled_from(PIECES)).map(lambda pieces: "".join(pieces) + "\r\n")


@given(HEADERS, VALUES, st.integers(0, 8), BODIES | st.just(""))
@example([], " ann@example.com", 0, "")
@example([("Subject", " a"), ("Subject", " b")], " ann@example.com", 1, "\r\n\r\n")
def test_any_header_and_any_body(
    header: list[tuple[str, str]], sender: str, place: int, body: str
) -> None:
    header.insert(place, ("From", sender))
    fields = [f"{name}:{value}\r\n".encode() for name, value in header]
    assert verdicts(signed(QUICK, fields, body.encode())) == [True, True]


CHANGES = {
    "a second From above": (b"Date:", b"From: Eve <eve@example.net>\r\nDate:"),
    "a second From below": (b"Content-Type:", b"From: Eve <eve@example.net>\r\nContent-Type:"),
    "a second Subject": (b"Date:", b"Subject: Your account\r\nDate:"),
    "a second To": (b"Date:", b"To: carol@example.org\r\nDate:"),
    "a second Date": (b"Date:", b"Date: Fri, 02 Jan 2026 00:00:00 +0000\r\nDate:"),
    "a second Content-Type": (b"Date:", b"Content-Type: text/html\r\nDate:"),
    "a Cc": (b"Date:", b"Cc: carol@example.org\r\nDate:"),
    "a Reply-To": (b"Date:", b"Reply-To: eve@example.net\r\nDate:"),
    "another code": (b"Subject: Your code: 123456", b"Subject: Your code: 123457"),
    "another recipient": (b"bob@example.org", b"eve@example.org"),
    "another sender": (b"Ann <ann@", b"Eve <ann@"),
    "no Date": (FIELDS[0], b""),
    "another body": (b"10 minutes", b"20 minutes"),
    "more of a body": (BODY, BODY + b"Or answer to this mail.\r\n"),
    "another first line": (b"\r\n\r\nYour", b"\r\n\r\n\r\nYour"),
    "another time": (b"t=1767225600", b"t=1767225601"),
    "a name that is not signed": (b":to:to:", b":to:"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_breaks_every_signature(change: str) -> None:
    mail = signed(BOTH).replace(*CHANGES[change])
    assert mail != signed(BOTH)
    assert verdicts(mail) == [False, False]


ALLOWED = {
    "a trace": (b"DKIM", b"Return-Path: <a@b.example>\r\nReceived: from a by b; now\r\nDKIM"),
    "results": (b"DKIM", b"Authentication-Results: mx.example.org; dkim=pass\r\nDKIM"),
    "what a submission server adds": (b"Date:", b"Sender: app@example.com\r\nDate:"),
    "what a mailing list adds": (b"Date:", b"List-Id: <a.example.org>\r\nList-Post: NO\r\nDate:"),
    "what a provider adds": (b"Date:", b"List-Unsubscribe: <https://example.org/u>\r\nDate:"),
    "a fold": (b"Subject: Your code", b"Subject:\r\n\tYour code"),
    "white space": (b"From: Ann <", b"FROM:  Ann\t<"),
    "white space in the body": (b"valid for 10", b"valid  for\t10"),
    "white space at the end of a line": (b"123456.\r\n", b"123456. \t\r\n"),
    "empty lines at the end": (BODY, BODY + b"\r\n \r\n"),
}


@pytest.mark.parametrize("change", ALLOWED)
def test_what_servers_do_on_the_way_does_not(change: str) -> None:
    mail = altered(*ALLOWED[change])
    assert verdicts(mail) == [True, True]


# -- the field ------------------------------------------------------------------------------------


def test_its_tags() -> None:
    found = tags(signed(one(RSA)))
    assert set(found) == {"v", "a", "c", "d", "s", "t", "h", "bh", "b"}
    assert (found["v"], found["c"], found["t"]) == ("1", "relaxed/relaxed", str(NOW))
    assert (found["a"], found["d"], found["s"]) == ("rsa-sha256", DOMAIN, RSA)
    assert tags(signed(one(ED25519)))["a"] == "ed25519-sha256"
    assert len(base64.b64decode(re.sub(r"\s", "", found["b"]))) == 256


def test_each_name_stands_once_more_than_its_fields() -> None:
    fields = [*FIELDS, b"Subject: b\r\n", b"X-Tag: a\r\n", b"List-Unsubscribe: <https://a.b>\r\n"]
    names = listed(signed(one(SHORT), fields))
    counts = {name: names.count(name) for name in names}
    assert counts == {
        "from": 2,
        "reply-to": 1,
        "subject": 3,
        "date": 2,
        "message-id": 2,
        "to": 2,
        "cc": 1,
        "mime-version": 2,
        "content-type": 2,
        "content-transfer-encoding": 2,
        "list-unsubscribe": 2,
    }


USUAL = """
From Reply-To Subject Date Message-ID To Cc MIME-Version Content-Type Content-Transfer-Encoding
In-Reply-To References List-Id List-Help List-Unsubscribe List-Unsubscribe-Post List-Subscribe
List-Post List-Owner List-Archive Auto-Submitted
"""


@pytest.mark.parametrize("name", USUAL.split())
def test_what_is_signed_as_far_as_the_mail_has_it(name: str) -> None:
    fields = [f"{usual}: one\r\n".encode() for usual in USUAL.split()]
    mail = signed(QUICK, fields)
    assert verdicts(mail) == [True, True]
    assert verdicts(mail.replace(f"{name}: one".encode(), f"{name}: two".encode())) == [False] * 2


@pytest.mark.parametrize("name", [b"from", b"FROM", b"From ", b"From\t"])
def test_a_name_is_known_however_it_is_written(name: bytes) -> None:
    written = signer(BOTH).sign([name + b": ann@example.com\r\n"], bytes(32))
    assert written == signer(BOTH).sign([b"From: ann@example.com\r\n"], bytes(32))
    assert listed(written) == ["from", "from", "reply-to", "subject", "to", "cc"]


DOMAINS = st.from_regex(r"[a-z0-9]{1,40}(-[a-z0-9]{1,20})?", fullmatch=True)


@given(
    st.lists(DOMAINS, min_size=2, max_size=4).map(".".join),
    st.lists(DOMAINS, max_size=2).map(lambda labels: ".".join([SHORT, *labels])),
    st.sets(st.from_regex(r"[!-9<-~]{1,60}", fullmatch=True), max_size=20),
)
@example("example.com", SHORT, set())
@example("a" * 63 + "." + "b" * 63 + "." + "c" * 63 + ".example", SHORT, {"x" * 76})
def test_it_is_folded_where_it_may_be(domain: str, selector: str, more: set[str]) -> None:
    options = {**one(selector, domain), "headerFieldNames": ":".join(["From", *sorted(more)])}
    fields = [*FIELDS, *(f"{name}: a\r\n".encode() for name in sorted(more))]
    mail = signed(options, fields)
    header, _, _ = mail.partition(fields[0])
    assert re.fullmatch(rb"DKIM-Signature: [!-~ ]+;\r\n(?: [!-~ ]*[!-~]\r\n)+", header)
    for line in header.split(b"\r\n"):
        # One tag or one name cannot be split.
        assert len(line) <= 76 or re.fullmatch(rb" [^ :]+[:;]", line)
    assert tags(mail)["d"] == domain
    assert verdicts(mail, {f"{selector}._domainkey.{domain}": record(SHORT)}) == [True]


@pytest.mark.parametrize(
    ("domain", "written"),
    [("Bücher.Example", "xn--bcher-kva.example"), ("Example.COM", "example.com")],
)
def test_a_domain_in_any_script_is_written_in_ascii(domain: str, written: str) -> None:
    mail = signed(one(SHORT, domain))
    assert tags(mail)["d"] == written
    assert verdicts(mail) == [True]


def test_the_same_mail_has_the_same_signature() -> None:
    assert signed(BOTH) == signed(BOTH)


def test_one_signer_signs_mails_of_all_kinds() -> None:
    """What it keeps of one kind of mail, it does not take for another."""
    own = signer(QUICK)
    digest = bytes(32)
    kinds = [FIELDS[:2], FIELDS, FIELDS[1:], tuple(reversed(FIELDS)), FIELDS[1:2] * 2]
    alone = [signer(QUICK).sign(fields, digest) for fields in kinds]
    assert [own.sign(fields, digest) for fields in kinds * 2] == alone * 2


# -- the options ----------------------------------------------------------------------------------


@pytest.mark.parametrize("names", ["From:To:Subject", "from : to:subject", "From:To:to:Subject"])
def test_other_headers_may_be_signed(names: str) -> None:
    mail = signed({**one(SHORT), "headerFieldNames": names})
    assert listed(mail) == ["from", "from", "to", "to", "subject", "subject"]
    assert verdicts(mail.replace(b"Message-ID", b"X-Id")) == [True]
    assert verdicts(mail.replace(b"Your code:", b"My code:")) == [False]


def test_headers_may_be_left_out_for_servers_that_replace_them() -> None:
    mail = signed({**several(SHORT, ED25519), "skipFields": "message-id : Date"})
    assert not {"message-id", "date"} & set(listed(mail))
    replaced = mail.replace(b"<one@example.com>", b"<two@server.example>").replace(b"Thu, 01", b"x")
    assert verdicts(replaced) == [True, True]


def test_both_together() -> None:
    mail = signed({**one(SHORT), "headerFieldNames": "From:To:Date", "skipFields": "date:x-tag"})
    assert listed(mail) == ["from", "from", "to", "to"]


def test_sha256_may_be_named() -> None:
    assert signed({**one(RSA), "hashAlgo": "SHA256"}) == signed(one(RSA))


# -- what it shows --------------------------------------------------------------------------------


def test_it_shows_where_its_keys_are_found_and_no_key() -> None:
    assert (
        repr(signer(BOTH)) == "Signer(rsa._domainkey.example.com, ed25519._domainkey.example.com)"
    )


@pytest.mark.parametrize(("selector", "bits"), [(SHORT, "1024"), (RSA, ""), (ED25519, "")])
def test_a_short_key_is_warned_of_once(
    caplog: pytest.LogCaptureFixture, selector: str, bits: str
) -> None:
    own = signer(one(selector))
    for _ in range(2):
        own.sign(FIELDS, bytes(32))
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * bool(bits)
    assert bits in caplog.text
    assert "PRIVATE" not in caplog.text


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({**one(RSA), "privateKey": "canary"}, "$.dkim.privateKey"),
        ({"keys": [one(RSA), {**one(SHORT), "privateKey": "canary"}]}, "$.dkim.keys[1].privateKey"),
    ],
)
def test_it_is_not_made_of_a_key_that_is_none(options: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as raised:
        signer(options)
    assert [problem.path for problem in raised.value.problems] == [path]
    assert "canary" not in f"{raised.value!r} {raised.value.__context__!r}"
