"""Headers: whatever a config, a template or a payload holds, the mail has the headers meant."""

from __future__ import annotations

import email
import email.policy
import re
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core import ConfigError, Message, MessageError, Template
from connector_core.mail.headers import header_problem
from connectors.smtp.compose.message import Composed, Composer
from tests.smtp.helpers import (
    MARK,
    RECIPIENT,
    assert_linear,
    composer,
    config,
    hosting,
    message,
    new_host,
    send,
    shown,
    templates,
)
from tests.smtp.peer import Peer

HEADERS = [
    "Date",
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
]
CONTROLS = {
    "CR": "\r",
    "LF": "\n",
    "CRLF": "\r\n",
    "NUL": "\0",
    "VT": "\x0b",
    "FF": "\x0c",
    "FS": "\x1c",
    "GS": "\x1d",
    "RS": "\x1e",
    "DEL": "\x7f",
    "NEL": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "high surrogate": "\ud800",
    "low surrogate": "\udfff",
}
HIDDEN = {
    "quoted-printable": "=?utf-8?q?a=0D=0ABcc=3Aevil?=",
    "lower case": "=?utf-8?q?a=0d=0aBcc=3Aevil?=",
    "base64": "=?utf-8?b?YQ0KQmNjOiBldmls?=",
    "base64 without padding": "=?utf-8?B?YQ0KQmNjOmV2?=",
    "with a space in it": "=?utf-8?q?a =0D=0ABcc=3Aevil?=",
    "with a question mark in it": "=?utf-8?q?a?b=0D=0ABcc=3Aevil?=",
    "in UTF-7": "=?utf-7?q?a+AA0ACg-Bcc=3Aevil?=",
    "in UTF-16": "=?utf-16?b?//5hAA0ACgBCAGMAYwA6AA==?=",
    "line separator": "=?utf-8?q?a=E2=80=A8Bcc=3Aevil?=",
    "with a language": "=?utf-8*en?q?a=0D=0ABcc=3Aevil?=",
    "behind a good one": "=?utf-8?q?a?= =?utf-8?q?=0A?=",
    "behind a beginning": "=?=?utf-8?q?=0A?=",
}
BAD = {**CONTROLS, **HIDDEN}
bad = pytest.mark.parametrize("evil", list(BAD.values()), ids=list(BAD))


def parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)


def headers_of(content: bytes) -> list[str]:
    return parsed(content).keys()


def mailboxes(content: bytes, name: str) -> list[tuple[str, str]]:
    """Every mailbox that a parser finds in the header, with its display name."""
    # As text: of bytes, neither parser knows raw UTF-8 (RFC 6532).
    text = content.decode()
    found: Any = email.message_from_string(text, policy=email.policy.default)[name]
    # The newer parser leaves spaces between encoded-words (gh-92081), so the older one decodes.
    legacy = email.message_from_string(text)[name]
    phrase = legacy.rpartition("<")[0].removesuffix(" ")
    shown_name = str(make_header(decode_header(phrase))) if phrase else ""
    assert [address for _, address in getaddresses([legacy])] == [
        item.addr_spec for item in found.addresses
    ]
    return [(shown_name, item.addr_spec) for item in found.addresses]


async def refused_by_config(path: str, **changes: Any) -> None:
    async with Peer() as peer, new_host() as host:
        with pytest.raises(ConfigError) as caught:
            host.configure("smtp", config(peer.port, **changes))
        assert len(caught.value.problems) == 1
        assert caught.value.problems[0].path.startswith(path)
        assert MARK not in shown(caught.value)
        assert not peer.connections


async def refused_by_message(field: str, changes: dict[str, Any], **arguments: Any) -> None:
    """The send is refused before a connection is made, and the next one works."""
    async with Peer() as peer, hosting(peer, **changes) as host:
        with pytest.raises(MessageError) as caught:
            await send(host, **arguments)
        assert caught.value.field == field
        assert MARK not in shown(caught.value)
        assert not peer.connections
        await send(host)
        assert len(peer.mails) == 1


@bad
async def test_in_the_subject_of_a_template(evil: str) -> None:
    await refused_by_config("$.templates[0].subject", templates=_first(subject=f"a{evil}b"))


@bad
async def test_in_the_senders_name(evil: str) -> None:
    await refused_by_config("$.fromEmail", fromEmail=f'"Zoé{evil}{MARK}" <a@example.org>')


@bad
async def test_in_the_reply_names(evil: str) -> None:
    await refused_by_config("$.replyTo", replyTo=f'"Zoé{evil}{MARK}" <a@example.org>')


@pytest.mark.parametrize("evil", list(CONTROLS.values()), ids=list(CONTROLS))
@pytest.mark.parametrize("key", ["fromEmail", "replyTo"])
async def test_in_an_address_of_the_config(key: str, evil: str) -> None:
    await refused_by_config(f"$.{key}", **{key: f"a{evil}{MARK}@example.org"})


@bad
@pytest.mark.parametrize("key", ["sendFrom", "replyTo"])
async def test_in_a_mailbox_of_a_template(key: str, evil: str) -> None:
    changed = _first(**{key: f"Zoé{evil}{MARK} <a@example.org>"})
    await refused_by_config(f"$.templates[0].{key}", templates=changed)


@bad
async def test_in_the_value_of_a_custom_header(evil: str) -> None:
    await refused_by_config("$.customHeaders", customHeaders={"X-Tag": f"a{evil}b"})


@pytest.mark.parametrize(
    "name",
    [
        *(f"X-{control}Tag" for control in CONTROLS.values()),
        "X-Tag:",
        "X Tag",
        " X-Tag",
        "X-Tag ",
        "",
        "Zoé",
        "X-" + "a" * 100,
    ],
)
async def test_the_name_of_a_custom_header_is_ftext(name: str) -> None:
    await refused_by_config("$.customHeaders", customHeaders={name: "a"})


@pytest.mark.parametrize(
    "name",
    [
        *("From", "To", "Cc", "BCC", "sender", "Reply-To", "Subject", "Date", "Message-ID"),
        *("Return-Path", "received", "DKIM-Signature", "MIME-Version", "Content-Type"),
        "content-transfer-ENCODING",
    ],
)
async def test_the_name_of_a_custom_header_is_not_one_of_the_mails_own(name: str) -> None:
    await refused_by_config("$.customHeaders", customHeaders={name: "a"})


@bad
async def test_in_a_value_of_the_subject(evil: str) -> None:
    await refused_by_message("subject", {}, payload={"code": f"1{evil}{MARK}"})


@bad
@pytest.mark.parametrize("key", ["sendFrom", "replyTo"])
async def test_in_a_value_of_a_mailbox(key: str, evil: str) -> None:
    changes = {"templates": templates(**{key: "{{name}} <a@example.org>"})}
    async with Peer() as peer, hosting(peer, **changes) as host:
        with pytest.raises(MessageError) as caught:
            await send(host, payload={"name": f"Zoé{evil}{MARK}"})
        assert caught.value.field == key
        assert MARK not in shown(caught.value)
        assert not peer.connections


@bad
async def test_in_what_a_template_source_gives(evil: str) -> None:
    given_ = {"subject": f"a{evil}b", "content": "c", "contentType": "text/plain"}
    async with Peer() as peer, new_host(lambda _usage, _locale: given_) as host:
        host.configure("smtp", config(peer.port))
        with pytest.raises(MessageError, match="subject"):
            await send(host)
        assert not peer.connections


@pytest.mark.parametrize("evil", list(CONTROLS.values()), ids=list(CONTROLS))
@pytest.mark.parametrize("place", ["a{}@example.org", "a@example{}.org", "a@example.org{}"])
async def test_in_the_recipient(place: str, evil: str) -> None:
    await refused_by_message("to", {}, to=place.format(evil + MARK))


@pytest.mark.parametrize(
    "name",
    [
        "é <victim@evil.test>, x",
        "x\\",
        'Ann "The \\" Ann',
        "Doe, Jane",
        "a@b.test",
        "(comment)",
        "<victim@evil.test>",
        "Ann; Bob:",
        "=?utf-8?q?victim=40evil.test?=",
        "=?utf-8?q?a b?=",
        " =?us-ascii?q?x?=",
        "  two  spaces  ",
        ".",
        "Ann.",
        "名前" * 40,
        "e\u0301" * 30,
        "\u202eevil",
        "\N{NO-BREAK SPACE}",
        "a" * 950,
    ],
)
@pytest.mark.parametrize("key", ["fromEmail", "replyTo"])
def test_a_display_name_stays_a_display_name(name: str, key: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    changes = {"fromEmail": "b@example.org", key: f'"{quoted}" <a@example.org>'}
    content = composer(**changes).compose(message()).content
    header = {"fromEmail": "From", "replyTo": "Reply-To"}[key]
    assert mailboxes(content, header) == [(name, "a@example.org")]
    assert mailboxes(content, "To") == [("", RECIPIENT)]


@pytest.mark.parametrize(
    "subject",
    [
        "Código 1",
        "=?utf-8?q?a=20b?=",
        "=?utf-8?q?a b?= c",
        "=?utf-8?q?a?b?=",
        "=?unknown?q?a?= =?",
        "=?utf-8?b?é?=",
        "=?=C3=80",
        "tab\tin it",
        "  two  spaces  ",
        "Bcc: evil@evil.test",
        "a" * 950,
        "ab " * 300,
        "名前 " * 100,
        "🔑" * 100,
        "",
    ],
)
def test_a_subject_stays_a_subject(subject: str) -> None:
    content = composer(templates=templates(subject=subject)).compose(message()).content
    assert headers_of(content) == HEADERS
    assert parsed(content)["Subject"] == subject


def test_an_encoded_word_is_no_reason_to_refuse() -> None:
    assert header_problem("=?utf-8?q?=C3=80?=") is None
    assert header_problem("=?utf-8?b?w4A=?=") is None


@pytest.mark.parametrize("piece", ["=?", "=?x?q?", "=?x?q? ", "?=", "=?x?q?=", "{{", "=?x", "?"])
def test_checking_takes_linear_time(piece: str) -> None:
    assert_linear(lambda size: header_problem(piece * (size // len(piece))), 10_000)
    assert_linear(lambda size: header_problem(piece * (size // len(piece)) + "?="), 10_000)


def test_one_recipient_is_one_address() -> None:
    content = composer().compose(message(to="Ann.O'Hara+x@Example.ORG"))
    assert content.envelope.recipient == "Ann.O'Hara+x@example.org"
    assert mailboxes(content.content, "To") == [("", "Ann.O'Hara+x@example.org")]


# Hypothesis finds what nobody thought of; half of its texts are near what attacks look like.
_spiced = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from([*BAD.values(), "=?", "?=", "<", ">", '"', "\\", "@", ",", ";", ":", "é"]),
        st.sampled_from(["evil@evil.test", "=?utf-8?q?", "=?utf-8?b?", "=0A", "  ", "\t", "名"]),
    ),
    max_size=12,
).map("".join)


@given(subject=_spiced, name=_spiced, custom=_spiced)
def test_whatever_the_values_the_mail_has_the_headers_meant(
    subject: str, name: str, custom: str
) -> None:
    sender = composer_with_mailboxes()
    payload = {"subject": subject, "name": name}
    mail = made_or_refused(sender, message(payload))
    if isinstance(mail, MessageError):
        assert mail.field in ("subject", "sendFrom", "replyTo")
        assert header_problem(subject) or header_problem(name.strip(" "))
        return
    content = mail.content
    assert headers_of(content) == [*HEADERS[:3], "Reply-To", *HEADERS[3:]]
    assert parsed(content)["Subject"] == subject
    assert mailboxes(content, "From") == [(name.strip(" "), "a@example.org")]
    assert mailboxes(content, "Reply-To") == [(f"{name} x".strip(" "), "b@example.org")]
    assert mailboxes(content, "To") == [("", RECIPIENT)]
    if header_problem(custom) is None:
        content = composer(customHeaders={"X-Tag": custom}).compose(message()).content
        assert headers_of(content) == [*HEADERS[:5], "X-Tag", *HEADERS[5:]]
        assert parsed(content)["X-Tag"] == custom.strip(" \t")


@given(text=_spiced)
def test_whatever_the_recipient_it_is_one_address_or_refused(text: str) -> None:
    mail = made_or_refused(plain_composer(), message(to=text))
    if isinstance(mail, MessageError):
        assert mail.field == "to"
        return
    assert mailboxes(mail.content, "To") == [("", mail.envelope.recipient)]
    assert headers_of(mail.content) == HEADERS


@given(text=_spiced)
def test_whatever_the_sender_it_is_one_mailbox_or_refused(text: str) -> None:
    template = Template(subject="s", content="c", send_from="{{name}} <{{address}}>")
    payload = {"name": text, "address": text}
    mail = made_or_refused(plain_composer(), message(payload, template=template))
    if isinstance(mail, MessageError):
        assert mail.field == "sendFrom"
        return
    assert mailboxes(mail.content, "From") == [(text.strip(" "), mail.envelope.sender)]


def test_lines_stay_short() -> None:
    texts = ["é" * 400, "ab " * 300, "名 " * 300, "=?" * 200]
    for text in texts:
        content = composer(
            fromEmail=f'"{text}" <a@example.org>', customHeaders={"X-Entity-Ref": text}
        ).compose(message({"code": text}))
        head = content.content.partition(b"\r\n\r\n")[0]
        assert max(map(len, head.split(b"\r\n"))) <= 78
        words = re.findall(rb"=\?utf-8\?[bq]\?[^?]*\?=", head)
        assert max(map(len, words)) <= 75


def test_a_message_id_never_makes_a_line_too_long() -> None:
    with pytest.raises(MessageError, match="message_id"):
        composer(fromEmail=f"a@{'b.' * 100}test").compose(message(message_id="x" * 800))


@pytest.mark.parametrize("message_id", ["a>\r\nBcc: x", "<a@b", "a@b>", "a b", "a@b@c", "<>", "é"])
def test_a_message_id_is_one(message_id: str) -> None:
    with pytest.raises(MessageError, match="message_id"):
        composer().compose(message(message_id=message_id))


def _first(**changes: Any) -> list[dict[str, Any]]:
    first, *others = templates()
    return [{**first, **changes}, *others]


def made_or_refused(sender: Composer, wanted: Message) -> Composed | MessageError:
    try:
        return sender.compose(wanted)
    except MessageError as error:
        return error


@cache
def plain_composer() -> Composer:
    return composer()


@cache
def composer_with_mailboxes() -> Composer:
    return composer(
        templates=templates(
            subject="{{subject}}",
            sendFrom="{{name}} <a@example.org>",
            replyTo="{{name}} x <b@example.org>",
        )
    )
