"""A mail transaction without a network: what is written, and when a message counts as sent."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.smtp.protocol import Capabilities, ProtocolError, Reply, dot_stuff
from connectors.smtp.transaction import Envelope, Handover, MailOptions, Transaction

CONTENT = b"Subject: x\r\n\r\n.body\r\n"
ENVELOPE = Envelope("a@example.org", "b@example.org")
EXTENSIONS = ["PIPELINING", "SIZE", "SMTPUTF8", "CHUNKING", "DSN"]
codes = st.one_of(st.sampled_from([250, 250, 354, 354, 550, 450, 421, 503]), st.integers(200, 559))
options = st.builds(
    MailOptions,
    lmtp=st.booleans(),
    chunking=st.booleans(),
    require_tls=st.booleans(),
    dsn_mail=st.sampled_from([(), ("RET=HDRS",)]),
    dsn_rcpt=st.sampled_from([(), ("NOTIFY=FAILURE",)]),
)


def begin(*extensions: str, envelope: Envelope = ENVELOPE, **changes: Any) -> Transaction:
    capabilities = Capabilities(dict.fromkeys(extensions, ""))
    return Transaction(envelope, CONTENT, Handover.of(capabilities, MailOptions(**changes)))


def play(transaction: Transaction, *answers: int) -> list[bytes]:
    """What is written at first, and after each reply."""
    written = [transaction.start().data]
    for code in answers:
        flight = transaction.receive(Reply(code, ("text",)))
        written.append(flight.data if flight else b"")
    return written


@given(
    answers=st.lists(codes, max_size=8),
    extensions=st.sets(st.sampled_from(EXTENSIONS)),
    chosen=options,
)
def test_whatever_the_replies_success_is_only_what_it_is(
    answers: list[int], extensions: set[str], chosen: MailOptions
) -> None:
    capabilities = Capabilities(dict.fromkeys(extensions, ""))
    transaction = Transaction(ENVELOPE, CONTENT, Handover.of(capabilities, chosen))
    written, refused = [transaction.start()], False
    for code in answers:
        if not transaction.awaited:
            break
        final, committed = transaction.final, transaction.committed
        try:
            flight = transaction.receive(Reply(code, ("",)))
        except ProtocolError:
            assert transaction.accepted is None
            return
        written += [flight] if flight else []
        refused = refused or code >= 400
        if transaction.accepted is not None:
            assert final
            assert committed
            assert 200 <= code < 300
            assert not refused
            assert not transaction.awaited
    sent = b"".join(flight.data for flight in written)
    shown = b"".join(flight.shown for flight in written)
    assert b"body" not in shown
    whole = CONTENT if transaction.chunked else dot_stuff(CONTENT)
    assert (whole in sent) == transaction.committed
    assert sent.count(b"DATA\r\n") + sent.count(b"BDAT ") <= 1
    if refused:
        assert transaction.accepted is None
        assert transaction.refusal is not None
    if not transaction.awaited:
        assert (transaction.accepted is None) == refused
        with pytest.raises(ProtocolError):
            transaction.receive(Reply(250, ("",)))


@given(
    answers=st.lists(codes, min_size=1, max_size=4),
    extensions=st.sets(st.sampled_from(EXTENSIONS)),
    chosen=options,
)
def test_a_flight_that_is_taken_at_once_is_what_comes_of_one_reply_after_the_other(
    answers: list[int], extensions: set[str], chosen: MailOptions
) -> None:
    handover = Handover.of(Capabilities(dict.fromkeys(extensions, "")), chosen)
    at_once, by_one = (Transaction(ENVELOPE, CONTENT, handover) for _ in range(2))
    at_once.start()
    replies = deque(Reply(code, ("",)) for code in answers)
    taken = at_once.agree(replies)
    if taken is None:
        assert [reply.code for reply in replies] == answers
        assert (at_once.committed, at_once.accepted, at_once.refusal) == (
            at_once.chunked,
            None,
            None,
        )
        return
    assert not replies
    assert [code // 100 for code in answers] == [2, 2, 3]
    assert taken.data == play(by_one, *answers)[-1] == dot_stuff(CONTENT)
    assert vars(at_once) == vars(by_one)


def test_the_usual_replies_to_a_flight_are_taken_at_once() -> None:
    transaction = begin("PIPELINING")
    transaction.start()
    flight = transaction.agree(deque(Reply(code, ("",)) for code in (250, 250, 354)))
    assert flight is not None
    assert flight.data == dot_stuff(CONTENT)
    assert transaction.committed
    assert transaction.final


def test_a_recipient_refused_within_a_flight_gets_a_lone_dot() -> None:
    transaction = begin("PIPELINING")
    assert play(transaction, 250, 550, 354, 250)[1:] == [b"", b"", b".\r\n", b""]
    assert not transaction.awaited
    assert not transaction.committed
    assert transaction.accepted is None
    assert transaction.refusal is not None
    assert transaction.refusal.step.stage == "recipient"


def test_without_pipelining_each_command_waits() -> None:
    assert play(begin(), 250, 250, 354) == [
        b"MAIL FROM:<a@example.org>\r\n",
        b"RCPT TO:<b@example.org>\r\n",
        b"DATA\r\n",
        dot_stuff(CONTENT),
    ]


def test_with_chunking_all_leaves_in_one_flight() -> None:
    transaction = begin("PIPELINING", "CHUNKING", "SIZE")
    assert play(transaction, 250, 250) == [
        b"MAIL FROM:<a@example.org> SIZE=21\r\nRCPT TO:<b@example.org>\r\nBDAT 21 LAST\r\n"
        + CONTENT,
        b"",
        b"",
    ]
    assert transaction.committed
    assert transaction.final
    transaction.receive(Reply(250, ("2.0.0 ok",)))
    assert transaction.accepted is not None


@pytest.mark.parametrize(
    ("extensions", "changes"),
    [
        (("CHUNKING",), {}),
        (("PIPELINING",), {}),
        (("CHUNKING", "PIPELINING"), {"chunking": False}),
        (("CHUNKING", "PIPELINING"), {"lmtp": True}),
    ],
)
def test_chunking_needs_all_it_needs(extensions: tuple[str, ...], changes: dict[str, Any]) -> None:
    transaction = begin(*extensions, **changes)
    assert b"BDAT" not in transaction.start().data
    assert not transaction.committed


@pytest.mark.parametrize(
    ("answers", "stage", "command"),
    [
        ((550, 503, 503), "sender", "MAIL"),
        ((250, 550, 503), "recipient", "RCPT"),
        ((250, 550, 250), "recipient", "RCPT"),
        ((250, 250, 554), "content", "BDAT"),
    ],
)
def test_a_chunk_is_never_taken_after_a_refusal(
    answers: tuple[int, ...], stage: str, command: str
) -> None:
    transaction = begin("PIPELINING", "CHUNKING")
    play(transaction, *answers)
    assert not transaction.awaited
    assert transaction.accepted is None
    assert transaction.refusal is not None
    assert (transaction.refusal.step.stage, transaction.refusal.step.command) == (stage, command)
    assert transaction.content_refused == (stage == "content")


def test_lmtp_sends_data_only_to_a_recipient() -> None:
    transaction = begin("PIPELINING", lmtp=True)
    first, *_ = play(transaction, 250)
    assert first == b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n"
    transaction.receive(Reply(550, ("5.1.1 no such user",)))
    assert not transaction.awaited  # to a message without recipients no reply would come

    transaction = begin("PIPELINING", lmtp=True)
    assert play(transaction, 250, 250, 354)[1:] == [b"", b"DATA\r\n", dot_stuff(CONTENT)]


def test_notifications_are_asked_for_where_they_are_offered() -> None:
    asked: dict[str, Any] = {
        "dsn_mail": ("RET=HDRS", "ENVID=a+2Bb"),
        "dsn_rcpt": ("NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;b@example.org"),
    }
    assert play(begin("PIPELINING", "DSN", **asked)) == [
        b"MAIL FROM:<a@example.org> RET=HDRS ENVID=a+2Bb\r\n"
        b"RCPT TO:<b@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;b@example.org\r\nDATA\r\n"
    ]
    assert b"RET" not in play(begin("PIPELINING", **asked))[0]


def test_requiretls_is_asked_for_with_the_sender() -> None:
    written = play(begin("PIPELINING", "SIZE", require_tls=True))[0]
    assert written.startswith(b"MAIL FROM:<a@example.org> SIZE=21 REQUIRETLS\r\n")


@pytest.mark.parametrize("content", [b"a\nb\r\n", b"a\rb\r\n", b"a\0b\r\n", b"a", b""])
@pytest.mark.parametrize("extensions", [(), ("PIPELINING", "CHUNKING")])
def test_content_that_servers_read_differently_is_refused(
    content: bytes, extensions: tuple[str, ...]
) -> None:
    handover = Handover.of(Capabilities(dict.fromkeys(extensions, "")), MailOptions())
    with pytest.raises(ValueError, match="the content must"):
        Transaction(ENVELOPE, content, handover)
