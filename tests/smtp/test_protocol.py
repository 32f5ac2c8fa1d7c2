"""The pure parts under arbitrary input: replies, content, headers, the transaction."""

from __future__ import annotations

import email
import email.policy
import re
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core.mail.headers import header, header_problem
from connectors.smtp.protocol import (
    MAX_LINE,
    MAX_REPLY,
    Capabilities,
    Reply,
    ReplyParser,
    dot_stuff,
)

reply_lines = st.lists(
    st.one_of(
        st.sampled_from([b"250 ok", b"250-more", b"354 go", b"550 no", b"550-5.1.1 no", b"421"]),
        st.builds(
            lambda code, mark, text: b"%d%c%s" % (code, mark, text.replace(b"\n", b"")),
            st.integers(200, 559),
            st.sampled_from(list(b" -")),
            st.binary(max_size=20),
        ),
        st.binary(max_size=12),
    ),
    max_size=10,
).map(lambda lines: b"".join(line + b"\r\n" for line in lines))


def replies(pieces: list[bytes]) -> tuple[list[Reply], str | None]:
    """The replies in the pieces, and the error at their end."""
    parser = ReplyParser()
    found: list[Reply] = []
    for piece in pieces:
        parser.feed(piece)
        found += parser.replies
        parser.replies.clear()
    return found, str(parser.error) if parser.error else None


def split(data: bytes, at: list[int]) -> list[bytes]:
    places = sorted({place % (len(data) + 1) for place in at})
    return [data[i:j] for i, j in zip([0, *places], [*places, len(data)], strict=True)]


@given(data=st.one_of(reply_lines, st.binary()), at=st.lists(st.integers(0, 10_000)))
def test_replies_are_the_same_however_the_bytes_are_split(data: bytes, at: list[int]) -> None:
    whole = replies([data])
    assert replies(split(data, at)) == whole
    assert replies([bytes([byte]) for byte in data]) == whole


@given(
    pieces=st.lists(
        st.sampled_from(
            [
                b"250 ok\r\n",
                b"250 ok\r\n354 go\r\n",
                b"250-a\r\n",
                b"250 ok\r",
                b"250 ok",
                b"\r",
                b"\n",
            ]
        ),
        max_size=30,
    )
)
def test_what_was_said_before_is_read_as_if_it_were_new(pieces: list[bytes]) -> None:
    assert replies(pieces) == replies([b"".join(pieces)])


@given(data=st.lists(st.binary(max_size=200), max_size=50))
def test_arbitrary_bytes_raise_nothing_but_a_protocol_error(data: list[bytes]) -> None:
    found, _ = replies(data)
    for reply in found:
        assert 200 <= reply.code <= 559
        assert not re.search("[\0-\x1f\x7f-\x9f\u2028\u2029]", str(reply))
        assert Capabilities.of(reply).size is None or Capabilities.of(reply).size


@pytest.mark.parametrize(
    ("piece", "cap"),
    [
        (b"2", MAX_LINE),
        (b"250-", MAX_LINE),
        (b"\0" * 100, MAX_LINE),
        (b"250-a\r\n", MAX_REPLY),
        (b"250-\n", MAX_REPLY),
        (b"250-" + b"a" * 8000 + b"\r\n", MAX_REPLY),
    ],
)
def test_no_reply_is_kept_beyond_the_caps(piece: bytes, cap: int) -> None:
    parser, fed = ReplyParser(), 0

    while fed <= cap and parser.error is None:
        fed += len(piece)
        parser.feed(piece)
        assert not parser.replies
    assert parser.error is not None
    assert fed > cap * 3 // 4


def test_a_reply_may_be_as_long_as_the_caps() -> None:
    line = b"250-" + b"a" * (MAX_LINE - 4) + b"\r\n"
    whole = line * (MAX_REPLY // len(line)) + b"250 end\r\n"
    (reply,), error = replies([whole])
    assert error is None
    assert max(map(len, reply.lines)) == MAX_LINE - 4


@pytest.mark.parametrize(
    "line",
    [b"25 ok", b"2500 ok", b"999 ok", b"199 ok", b"260 ok", b"250_ok", b" 250 ok", b"", b"x"],
)
def test_what_is_no_reply(line: bytes) -> None:
    assert replies([line + b"\r\n"])[1] is not None


@pytest.mark.parametrize(
    ("line", "text", "enhanced"),
    [
        (b"250 2.1.0 ok\r\n", "2.1.0 ok", "2.1.0"),
        (b"250\r\n", "", None),
        (b"250 \n", "", None),
        (b"550-5.1.1 no\r\n550 5.1.1 such\r\n", "5.1.1 no such", "5.1.1"),
        (b"550 2.0.0 of another class\r\n", "2.0.0 of another class", None),
        (b"250 2.1.0ok\r\n", "2.1.0ok", None),
    ],
)
def test_a_reply(line: bytes, text: str, enhanced: str | None) -> None:
    (reply,), error = replies([line])
    assert error is None
    assert (reply.text, reply.enhanced_code) == (text, enhanced)


def test_capabilities() -> None:
    lines = ("peer.test", "auth=LOGIN", "AUTH PLAIN XOAUTH2", "size 35", "Pipelining", "X y z", "")
    found = Capabilities.of(Reply(250, lines))
    assert found.mechanisms == {"LOGIN", "PLAIN", "XOAUTH2"}
    assert found.size == 35
    assert "PIPELINING" in found
    for text, size in (("", None), ("0", None), ("x", None), ("-1", None), ("9" * 30, None)):
        assert Capabilities({"SIZE": text}).size == size
    assert Capabilities({"SIZE": "٣"}).size is None


line_texts = st.lists(
    st.one_of(st.sampled_from([b"", b".", b"..", b".a", b"a."]), st.binary(max_size=20)),
    min_size=1,
).map(lambda lines: b"".join(re.sub(rb"[\r\n\0]", b"", line) + b"\r\n" for line in lines))


@given(content=line_texts)
def test_dot_stuffing_is_undone_by_the_server(content: bytes) -> None:
    stuffed = dot_stuff(content)
    assert stuffed.endswith(b"\r\n.\r\n")
    body = stuffed[: -len(b".\r\n")]
    assert b"\r\n.\r\n" not in b"\r\n" + body
    assert body.count(b"\r") == body.count(b"\n") == body.count(b"\r\n")
    lines = body.split(b"\r\n")
    assert b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines) == content


@given(content=st.binary())
def test_whatever_the_content_no_smuggling_sequence_leaves(content: bytes) -> None:
    try:
        stuffed = dot_stuff(content)
    except ValueError:
        return
    inside = stuffed[:-5]
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0|\r\n\.\r\n", inside + b"\r\n")


header_texts = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(["=?", "?=", "a", " ", "  ", "\t", "é", "名", "=?utf-8?q?a?=", "_"])
    ).map("".join),
).filter(lambda text: header_problem(text) is None)


@given(text=header_texts, name=st.sampled_from(["Subject", "X-A", "X-" + "a" * 26]))
def test_a_header_comes_back(text: str, name: str) -> None:
    written = header(name, text)
    assert written.isascii()
    assert written.endswith("\r\n")
    lines = written.removesuffix("\r\n").split("\r\n")
    longest = max((len(word) for word in text.split(" ")), default=0)
    assert max(map(len, lines)) <= (
        78 if "=?utf-8?" in written else max(78, longest + len(name) + 2)
    )
    assert max(map(len, lines)) <= 998
    assert all(line.startswith(" ") for line in lines[1:])
    assert all(line.strip() for line in lines)
    assert all(len(word) <= 75 for word in re.findall(r"=\?utf-8\?[bq]\?[^?]*\?=", written))
    value = "".join(lines)[len(name) + 1 :].removeprefix(" ")
    assert str(make_header(decode_header(value))) == text
    parsed = email.message_from_string(written + "\r\n", policy=email.policy.default)
    assert parsed.keys() == [name]
    assert parsed[name] == text
