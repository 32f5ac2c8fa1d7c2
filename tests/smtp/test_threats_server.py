"""A hostile server: whatever it sends, the send ends in time and the connection is done with."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from connector_core import DeliveryError, MessageError, Template, TemporaryDeliveryError
from connectors.smtp.compose.limits import MAX_MESSAGE
from tests.smtp.helpers import (
    assert_linear,
    composer,
    fault,
    hosting,
    message,
    patiently,
    send,
    short,
    templates,
    within,
    works,
)
from tests.smtp.peer import Connection, Peer, Script, drop, stall

BOTH_LOOPS = True
STAGES = {
    "greeting": "greeting",
    "EHLO": "ehlo",
    "MAIL": "sender",
    "RCPT": "recipient",
    "DATA": "content",
}


def says(data: bytes) -> Script:
    async def answer(connection: Connection) -> None:
        await connection.write(data)
        await connection.stall()

    return answer


def without_end(piece: bytes) -> Script:
    async def answer(connection: Connection) -> None:
        while True:
            await connection.write(piece * 1000)

    return answer


def dripping(data: bytes) -> Script:
    async def answer(connection: Connection) -> None:
        await connection.drip(data * 10_000)

    return answer


FAULTS: dict[str, Script] = {
    "lines without end": without_end(b"250-more\r\n"),
    "empty lines of a reply without end": without_end(b"250-\r\n"),
    "a line without end": without_end(b"2"),
    "text without end": without_end(b"250 a"),
    "no numbers": says(b"hello there\r\n"),
    "an empty line": says(b"\r\n"),
    "two digits": says(b"25\r\n"),
    "four digits": says(b"2500 ok\r\n"),
    "999": says(b"999 what\r\n"),
    "199": says(b"199 what\r\n"),
    "000": says(b"000 what\r\n"),
    "mixed codes": says(b"250-a\r\n550 b\r\n"),
    "other digits": says("２５０ ok\r\n".encode()),
    "NUL": says(b"\0\0\0\r\n"),
    "HTTP": says(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "too long a line": says(b"250 " + b"a" * 8200 + b"\r\n"),
    "too long a reply": says((b"250-" + b"a" * 1000 + b"\r\n") * 70),
    "a drip": dripping(b"250-a\r\n"),
    "half a reply": says(b"250-a\r\n250"),
    "silence": stall,
    "close": drop,
}


# What ends by a time-out alone; it is short for these, and everything else has long ones.
WAITING = {"a drip", "half a reply", "silence"}


@pytest.mark.parametrize("disorder", list(FAULTS))
@pytest.mark.parametrize("place", list(STAGES))
@patiently
async def test_disorder_ends_the_connection(place: str, disorder: str, brief: int) -> None:
    timeout = "greetingTimeout" if place == "greeting" else "socketTimeout"
    times = short(timeout, brief) if disorder in WAITING else {}
    extensions = () if place in ("MAIL", "RCPT") else ("PIPELINING",)
    async with (
        Peer(extensions=extensions, answers={place: [FAULTS[disorder]]}) as peer,
        hosting(peer, **times) as host,
    ):
        error = await fault(peer, host, STAGES[place])
        assert isinstance(error, TemporaryDeliveryError)
        assert error.stage == STAGES[place]
        assert error.failover
        assert not peer.mails
        await works(peer, host)
        assert len(peer.connections) == 2


@pytest.mark.parametrize("place", list(STAGES))
async def test_text_that_is_no_utf8_is_no_reason_to_stop(place: str) -> None:
    code = {"greeting": b"220", "DATA": b"354"}.get(place, b"250")

    async def answer(connection: Connection) -> bool:
        await connection.write(code + b" gr\xfc\xdf \xff\xfe \x1b[31m\r\n")
        return True

    async with Peer(answers={place: answer}) as peer, hosting(peer) as host:
        await send(host)
        assert len(peer.mails) == 1


async def test_the_text_of_an_error_holds_no_control_characters() -> None:
    evil = "550 5.1.1 \x1b[31m\u2028\x07\x9b no"
    async with Peer(RCPT=evil) as peer, hosting(peer) as host:
        with pytest.raises(DeliveryError) as caught:
            await send(host)
        assert caught.value.response.isprintable()


async def test_250_before_the_final_dot_is_no_success() -> None:
    async with (
        Peer(DATA=[says(b"354 go on\r\n250 2.0.0 queued\r\n")]) as peer,
        hosting(peer) as host,
    ):
        with within(), pytest.raises(TemporaryDeliveryError) as caught:
            await send(host)
        assert caught.value.stage == "content"
        assert b"Subject" not in peer.received
        await send(host)


@pytest.mark.parametrize("reply", [b"250 2.0.0 queued\r\n", b"550 5.0.0 no\r\n"])
async def test_a_reply_before_all_was_written(reply: bytes) -> None:
    """The server answers 354, reads nothing, and already knows the outcome."""

    async def answer(connection: Connection) -> None:
        await connection.write(b"354 go on\r\n")
        await connection.anything()
        await connection.write(reply)
        await connection.freeze()

    big = {"code": "x" * 60_000}
    changes: dict[str, Any] = {"templates": templates(subject="Hi", content="{{code}}" * 150)}
    async with Peer(DATA=[answer]) as peer, hosting(peer, **changes) as host:
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host, payload=big)
        assert caught.value.retry == ("retry" if reply[:1] == b"2" else "never")
        await send(host)
        assert len(peer.mails) == 1


async def test_replies_to_a_flight_all_at_once_and_byte_by_byte() -> None:
    async def split(connection: Connection) -> bool:
        for byte in b"250-one\r\n250 two\r\n":
            await connection.write(bytes([byte]))
        return True

    async with Peer(MAIL=split, RCPT=split, content=split) as peer, hosting(peer) as host:
        await send(host)
        await send(host)
        assert len(peer.connections) == 1


# Templates: what a value can cost is bounded.


def test_a_value_in_a_subject_has_at_most_2_kib() -> None:
    composer().compose(message({"code": "é" * 2048}))
    with pytest.raises(MessageError) as caught:
        composer().compose(message({"code": "x" * 2049}))
    assert caught.value.field == "payload.code"


def test_a_value_in_a_body_has_at_most_64_kib() -> None:
    made = composer(templates=templates(subject="Hi"))
    made.compose(message({"code": "x" * 65536}))
    with pytest.raises(MessageError) as caught:
        made.compose(message({"code": "x" * 65537}))
    assert caught.value.field == "payload.code"


def test_a_name_has_at_most_2_kib() -> None:
    made = composer(templates=templates(sendFrom="{{name}} <a@example.org>"))
    with pytest.raises(MessageError) as caught:
        made.compose(message({"name": "x" * 2049}))
    assert caught.value.field == "sendFrom"


@contextmanager
def no_more_than(mebibytes: int) -> Iterator[None]:
    """What the block makes never takes more memory than that."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < mebibytes << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("times", [170, 20_000])
def test_a_message_has_at_most_10_mib(times: int) -> None:
    made = composer(templates=templates(subject="Hi", content="{{code}}" * times))
    with no_more_than(64), pytest.raises(MessageError) as caught:
        made.compose(message({"code": "x" * 65536}))
    assert caught.value.field == "content"


def test_escaping_does_not_grow_a_message_beyond_that() -> None:
    made = composer(
        templates=templates(subject="Hi", contentType="text/html", content="{{code}}" * 150)
    )
    with no_more_than(256), pytest.raises(MessageError) as caught:
        made.compose(message({"code": '"' * 65536}))
    assert caught.value.field == "content"


@pytest.mark.parametrize("field", ["subject", "content"])
def test_a_given_template_is_held_to_the_caps_of_a_config(field: str) -> None:
    texts: dict[str, Any] = {"subject": "s", "content": "c", field: "x" * (MAX_MESSAGE // 2)}
    with pytest.raises(MessageError) as caught:
        composer().compose(message(template=Template(**texts)))
    assert caught.value.field == f"template.{field}"


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        # Without such a key in the payload, a variable stays as it stands.
        ("{{__class__}}", "{{__class__}}"),
        ("{{constructor}}", "{{constructor}}"),
        ("{{__proto__.x}}", "{{__proto__.x}}"),
        ("{{ a.b.c }}", "{{ a.b.c }}"),
        # Where the value has no such part, it is empty.
        ("{{code.__class__}}", ""),
        ("{{code.0}}", ""),
    ],
)
def test_nothing_is_reached_but_values(variable: str, text: str) -> None:
    made = composer(templates=templates(subject="Hi", content=variable))
    body = made.compose(message()).content.partition(b"\r\n\r\n")[2].strip().decode()
    assert body == text


def test_values_are_escaped_in_html() -> None:
    made = composer(templates=templates(contentType="text/html", content='<a href="{{code}}">'))
    body = made.compose(message({"code": "\"'<&>"})).content
    assert b'<a href="&quot;&#x27;&lt;&amp;&gt;">' in body


@pytest.mark.parametrize("piece", ["{{", "{{ ", "{{a", "{{a}", "{{a}}", "}}", "{{a.", "{{ a ."])
def test_rendering_takes_linear_time(piece: str) -> None:
    made = composer()

    def work(size: int) -> None:
        text = piece * (size // len(piece))
        made.compose(message({"a": "x"}, template=Template(subject="s", content=text)))

    assert_linear(work, 30_000)
