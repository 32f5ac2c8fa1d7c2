"""Mails of a config with `dkim`, as a server gets them."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector_core import Message
from tests.smtp.dkim.oracle import ED25519, RSA, SHORT, one, several, verdicts
from tests.smtp.helpers import composer, hosting, message, send, templates
from tests.smtp.peer import EXTENSIONS, Peer

BOTH = several(RSA, ED25519)
HTML = "<p>Hello  {{ user.name }},</p>\n\n<p>your\tcode is <b>{{code}}</b>. {{code}}</p> \n\n\n"
KINDS: dict[str, dict[str, Any]] = {
    "text": {"content": "Your code is {{code}}."},
    "html": {"contentType": "text/html", "content": HTML},
    "nothing": {"content": ""},
    "white space": {"content": " \n\t\n{{code}}  \n \n"},
    "dots": {"content": ".\n..\n.{{code}}\n"},
    "long lines": {"content": "a b" * 300 + "{{code}}"},
    "not ASCII": {"content": "Ваш код: {{code}} – 验证码"},
    "a subject of encoded-words": {"subject": "Größe " * 30 + "{{code}}"},
    "a sender of its own": {"sendFrom": "Zoé <zoe@example.com>", "replyTo": "help@example.com"},
}
EXTRAS = [("PIPELINING", "SMTPUTF8"), (*EXTENSIONS, "CHUNKING")]


@pytest.mark.parametrize("extensions", EXTRAS, ids=["DATA", "CHUNKING"])
@pytest.mark.parametrize("kind", KINDS)
async def test_each_signature_holds_where_it_arrives(kind: str, extensions: tuple[str]) -> None:
    custom = {"customHeaders": {"X-Tag": ["one", "two"], "References": "<a@b.example>"}}
    async with (
        Peer(extensions=extensions) as peer,
        hosting(peer, dkim=BOTH, templates=templates(**KINDS[kind]), **custom) as host,
    ):
        # the first message of a sender goes by DATA, the next by BDAT
        for _ in range(2):
            await send(host, payload={"code": "123456", "user": {"name": "Ann  Ö. "}})
    assert len(peer.mails) == 2
    for mail in peer.mails:
        assert mail.content.startswith(b"DKIM-Signature: ")
        assert verdicts(mail.content) == [True, True]
        assert verdicts(mail.content.replace(b"\r\nSubject: ", b"\r\nSubject: x")) == [False, False]
        assert verdicts(mail.content + b"x\r\n") == [False, False]


async def test_without_keys_nothing_is_signed() -> None:
    async with Peer() as peer, hosting(peer) as host:
        await send(host)
    assert b"dkim-signature" not in peer.mails[0].content.lower()


VALUES = st.text(max_size=40) | st.lists(
    st.sampled_from(["a", "1", " ", "  ", "\t", "\n", "\r", "\r\n", ".", "=", "é", "<", "&", '"']),
    max_size=20,
).map("".join)
CONTENTS = st.lists(
    st.sampled_from(
        ["{{a}}", "{{b}}", "{{c.d}}", "Code: ", " ", "  ", "\t", "\n", "\n\n", "\r", ".", "=", "é"]
    ),
    max_size=12,
).map("".join)


@given(
    CONTENTS,
    st.sampled_from(["text/plain", "text/html"]),
    st.dictionaries(st.sampled_from("abc"), VALUES.filter(lambda text: "\0" not in text)),
)
@example("{{a}}", "text/plain", {"a": " "})
@example("{{a}}{{b}}\n", "text/html", {"a": " ", "b": " "})
@example("{{a}} {{b}}", "text/html", {"a": "1", "b": "\n"})
@example("a{{a}}\n\n", "text/html", {"a": "\r"})
def test_whatever_the_values_are(content: str, content_type: str, payload: dict[str, Any]) -> None:
    """A digest that was made of prepared pieces is that of the whole body."""
    own = composer(
        dkim=several(SHORT, ED25519), templates=templates(content=content, contentType=content_type)
    )
    asked: Message = message({"code": "1", **payload})
    assert verdicts(own.compose(asked).content) == [True, True]


async def test_a_short_key_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    async with Peer() as peer, hosting(peer, dkim=one(SHORT)) as host:
        for _ in range(3):
            await send(host)
    warnings = [item.getMessage() for item in caplog.records if item.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "short._domainkey.example.com" in warnings[0]
    assert not re.search("PRIVATE|MII", caplog.text)
