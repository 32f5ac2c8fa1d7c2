"""Commands and smuggling: no value starts a command, and no body ends a message."""

from __future__ import annotations

from typing import Any

import pytest

from connector_core import ConfigError, MessageError, PermanentDeliveryError
from connectors.smtp.protocol import command, dot_stuff
from tests.smtp.helpers import MARK, config, hosting, new_host, send, shown, templates
from tests.smtp.peer import EXTENSIONS, Peer

INJECTIONS = {
    "second recipient": "a@b>\r\nRCPT TO:<evil@x.test>",
    "closed bracket": "a@b.test>",
    "CRLF at the end": "a@b.test\r\n",
    "LF at the end": "a@b.test\n",
    "CR at the end": "a@b.test\r",
    "parameters": "a@b.test> SIZE=1",
    "low bytes are CR LF": "a@b.test>\u560d\u560aRCPT TO:<evil@x.test>",
    "low bytes in the domain": "a@b\u560d\u560a.test>",
    "two": "a@b.test, c@d.test",
    "two by semicolon": "a@b.test; c@d.test",
    "two by space": "a@b.test c@d.test",
    "a mailbox": "Ann <a@b.test>",
    "brackets": "<a@b.test>",
    "a group": "us: a@b.test, c@d.test;",
    "a comment": "a(x)@b.test",
    "a source route": "@c.test:a@b.test",
    "no domain": "postmaster",
    "no local part": "@b.test",
    "two ats": "a@b@c.test",
    "spaces around": " a@b.test ",
    "empty labels": "a@b..test",
    "dots": "a..b@c.test",
    "long local part": "a" * 65 + "@b.test",
    "long": "a@" + "b." * 130 + "test",
    "huge": "é" * 200_000 + "@b.test",
    "bad literal": "a@[256.1.1.1]",
    "literal with a command": "a@[1.2.3.4]>\r\nDATA",
}


def all_but(*names: str) -> pytest.MarkDecorator:
    chosen = {name: evil for name, evil in INJECTIONS.items() if name not in names}
    return pytest.mark.parametrize("evil", list(chosen.values()), ids=list(chosen))


injections = all_but()


@injections
async def test_no_recipient_is_a_command_or_two(evil: str) -> None:
    async with Peer() as peer, hosting(peer) as host:
        with pytest.raises(MessageError) as caught:
            await send(host, to=evil)
        assert caught.value.field == "to"
        assert evil.strip() not in shown(caught.value)
        assert not peer.connections
        await send(host)
        assert peer.mails[0].recipients == ["<ann@example.org>"]


# These are mailboxes, though no addresses; and spaces around one mean nothing.
@all_but("a mailbox", "brackets", "spaces around")
@pytest.mark.parametrize("key", ["fromEmail", "replyTo", "sendFrom"])
async def test_no_sender_is_a_command_or_two(key: str, evil: str) -> None:
    changes: dict[str, Any] = {key: evil}
    if key == "sendFrom":
        changes = {"templates": [{**templates()[0], key: evil}, *templates()[1:]]}
    async with Peer() as peer, new_host() as host:
        with pytest.raises(ConfigError) as caught:
            host.configure("smtp", config(peer.port, **changes))
        assert len(caught.value.problems) == 1
        assert caught.value.problems[0].path.endswith(key)
        assert evil.strip() not in shown(caught.value)


@all_but("spaces around")
@pytest.mark.parametrize("key", ["sendFrom", "replyTo"])
async def test_no_value_makes_a_sender_a_command_or_two(key: str, evil: str) -> None:
    changes = {"templates": templates(**{key: "Us <{{address}}>"})}
    async with Peer() as peer, hosting(peer, **changes) as host:
        with pytest.raises(MessageError) as caught:
            await send(host, payload={"address": evil})
        assert caught.value.field == key
        assert not peer.connections


@pytest.mark.parametrize(
    "evil",
    [
        "app.test\r\nMAIL FROM:<>",
        "app.test\n",
        "app test",
        "app\u560d\u560a",
        "é.test",
        "a" * 300,
        "[1.2.3.4]\r\n",
        "-app.test",
        "app.test\0",
    ],
)
async def test_the_clients_name_is_one_word(evil: str) -> None:
    async with Peer() as peer, new_host() as host:
        with pytest.raises(ConfigError) as caught:
            host.configure("smtp", config(peer.port, name=evil))
        assert [problem.path for problem in caught.value.problems] == ["$.name"]
        assert not peer.connections


@pytest.mark.parametrize("key", ["host", "servername", "localAddress"])
@pytest.mark.parametrize("evil", ["127.0.0.1\r\nX", "127.0.0.1\n", "a b", "a\0", "a/b", "a@b"])
async def test_no_name_of_the_config_holds_a_line_end(key: str, evil: str) -> None:
    async with new_host() as host:
        with pytest.raises(ConfigError) as caught:
            host.configure("smtp", config(**dict[str, Any]({key: evil})))
        assert [problem.path for problem in caught.value.problems] == [f"$.{key}"]


@pytest.mark.parametrize("evil", ["a\r\nb", "a\nb", "a\rb", "a\0b", "a\x85b", "a\u2028b", "\ud800"])
def test_no_command_holds_a_control_character(evil: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        command("MAIL", evil)


async def test_an_international_address_goes_as_utf8_where_the_server_takes_it() -> None:
    async with Peer() as peer, hosting(peer) as host:
        await send(host, to="\u560d\u560a@例え.jp")
        assert peer.mails[0].recipients == ["<\u560d\u560a@xn--r8jz45g.jp>"]
        assert peer.commands[1].endswith(" SMTPUTF8")
        assert peer.received.count(b"\r\nRCPT TO:") == 1


async def test_an_international_address_never_goes_raw_where_it_does_not() -> None:
    extensions = [item for item in EXTENSIONS if item != "SMTPUTF8"]
    async with Peer(extensions=extensions) as peer, hosting(peer) as host:
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host, to="zoé@example.org")
        assert caught.value.stage == "sender"
        assert peer.count("MAIL") == 0
        assert peer.received.isascii()
        await send(host)
        assert len(peer.connections) == 1


@pytest.mark.parametrize(
    ("to", "wire"),
    [
        ("zoé@Mail.local", "zoé@mail.local"),
        ('"a b"@localhost', '"a b"@localhost'),
        ("root@localhost", "root@localhost"),
        ("root@[127.0.0.1]", "root@[127.0.0.1]"),
        ("root@[IPv6:::1]", "root@[IPv6:::1]"),
        ("zoe\u0301@例え.jp", "zo\xe9@xn--r8jz45g.jp"),
    ],
)
async def test_local_names_and_literals_are_for_the_server_to_know(to: str, wire: str) -> None:
    async with Peer() as peer, hosting(peer) as host:
        await send(host, to=to)
        assert peer.mails[0].recipients == [f"<{wire}>"]


SMUGGLED = {
    r"\n.\n": "\n.\n",
    r"\n.\r\n": "\n.\r\n",
    r"\r.\r\n": "\r.\r\n",
    r"\r\n.\r": "\r\n.\r",
    r"\r.\r": "\r.\r",
    r"\n.\r": "\n.\r",
    r"\r\n.\r\n": "\r\n.\r\n",
    "at the beginning": ".\r\n",
    "many": "\n.\n" * 5_000,
    "a long line before": "x" * 8191 + "\r\n.\r\n",
}
TAIL = "MAIL FROM:<evil@x.test>\r\nRCPT TO:<victim@y.test>\r\nDATA\r\n"


@pytest.mark.parametrize("evil", list(SMUGGLED.values()), ids=list(SMUGGLED))
@pytest.mark.parametrize("word", ["a", "é", "名" * 40], ids=["7bit", "quoted", "base64"])
async def test_no_body_ends_the_message(evil: str, word: str) -> None:
    changes = {"templates": templates(subject="Hello", content="{{code}}")}
    async with Peer() as peer, hosting(peer, **changes) as host:
        await send(host, payload={"code": f"{evil}{TAIL}{word}"})
        await send(host)
        assert peer.count("MAIL") == 2
        assert len(peer.mails) == 2
        assert peer.mails[0].recipients == ["<ann@example.org>"]
        wire = peer.mails[0].wire_content
        assert wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n")
        assert b"\0" not in wire
        assert not [line for line in wire.split(b"\r\n") if line == b"."]


async def test_a_body_with_nul_is_refused() -> None:
    changes = {"templates": templates(subject="Hello", content="{{code}}")}
    async with Peer() as peer, hosting(peer, **changes) as host:
        with pytest.raises(MessageError) as caught:
            await send(host, payload={"code": f"{MARK}\r\n\0.\r\n"})
        assert caught.value.field == "content"
        assert MARK not in shown(caught.value)
        assert not peer.connections


@pytest.mark.parametrize("evil", [b"\r", b"\n", b"a\rb\r\n", b"a\nb\r\n", b"\0\r\n", b"a", b""])
def test_content_that_servers_disagree_on_is_refused(evil: bytes) -> None:
    with pytest.raises(ValueError, match="content must"):
        dot_stuff(evil)
