"""Senders and addresses for replies, in the forms they may have and in those they may not."""

from __future__ import annotations

from email import policy
from email.parser import Parser

import pytest

from connector_core import AsyncHost
from connector_core.mail.addresses import parse_address
from tests.config.configs import config, problems
from tests.config.server import recording

GOOD = [
    # as given, name, address on the wire
    ("a@b.example", "", "a@b.example"),
    ("<a@b.example>", "", "a@b.example"),
    ("  a@b.example  ", "", "a@b.example"),
    ("Name <a@b.example>", "Name", "a@b.example"),
    ("Name<a@b.example>", "Name", "a@b.example"),
    ("Two Words <a@b.example>", "Two Words", "a@b.example"),
    ('"Doe, Jane" <a@b.example>', "Doe, Jane", "a@b.example"),
    ('"a \\"b\\" \\\\" <a@b.example>', 'a "b" \\', "a@b.example"),
    ('"" <a@b.example>', "", "a@b.example"),
    ("Jörg Müller <a@b.example>", "Jörg Müller", "a@b.example"),
    ("jörg@b.example", "", "jörg@b.example"),
    ("jörg@bücher.example", "", "jörg@xn--bcher-kva.example"),
    ("山田太郎 <a@b.example>", "山田太郎", "a@b.example"),
    ("Ünï 🔐 Cøde <a@b.example>", "Ünï 🔐 Cøde", "a@b.example"),
    ("a@bücher.example", "", "a@xn--bcher-kva.example"),
    ("a@B.EXAMPLE", "", "a@b.example"),
    ("A.b+tag@b.example", "", "A.b+tag@b.example"),
    ('"a b"@b.example', "", '"a b"@b.example'),
    ("a@[127.0.0.1]", "", "a@[127.0.0.1]"),
    ("a@[IPv6:2001:db8::1]", "", "a@[IPv6:2001:db8::1]"),
    ("root@localhost", "", "root@localhost"),
    ("a@printer.local", "", "a@printer.local"),
    ("a@b", "", "a@b"),
    ("o'brien@b.example", "", "o'brien@b.example"),
    ("x" * 64 + "@b.example", "", "x" * 64 + "@b.example"),
]
BAD = [
    "nobody",
    "<>",
    "Name <>",
    "@b.example",
    "a@",
    "a@b@c.example",
    "a@b.example, c@d.example",
    "a@b.example; c@d.example",
    "a@b.example c@d.example",
    "<a@b.example",
    "a@b.example>",
    "<a@b.example> trailing",
    "<<a@b.example>>",
    "Doe, Jane <a@b.example>",
    '"Doe, Jane <a@b.example>',
    'Jane "JD" Doe <a@b.example>',
    "c@d.example <a@b.example>",
    "Group: a@b.example;",
    "a b@c.example",
    ".a@b.example",
    "a..b@c.example",
    "a.@b.example",
    "a@-b.example",
    "a@b..example",
    "a@[300.0.0.1]",
    "a@[IPv6:nonsense]",
    "x" * 65 + "@b.example",
    "a@" + "b" * 64 + ".example",
    "a@" + ".".join(["b" * 60] * 5),
    "a@b.example\n",
    "a@b.example\r\nBcc: c@d.example",
    "Name\t<a@b.example>",
    "Na\0me <a@b.example>",
    "Name\u2028 <a@b.example>",
    "=?utf-8?q?a=0D=0ABcc:_c=40d.example?= <a@b.example>",
    "mailto:a@b.example",
    "{{user.email}}",
    "{{name}} <a@b.example>{{x}}",
]


@pytest.mark.parametrize("given", [given for given, _, _ in GOOD])
@pytest.mark.parametrize("key", ["fromEmail", "replyTo"])
def test_a_mailbox_is_taken(key: str, given: str) -> None:
    assert problems(**{key: given}) == {}


@pytest.mark.parametrize("given", BAD)
@pytest.mark.parametrize("key", ["fromEmail", "replyTo"])
def test_what_is_none_is_told(key: str, given: str) -> None:
    (problem,) = problems(**{key: given}).values()
    assert problem.path == f"$.{key}"
    assert problem.hint
    assert given not in problem.message


@pytest.mark.parametrize("given", ["", None, 5, ["a@b.example"], {"address": "a@b.example"}])
def test_a_sender_is_a_text(given: object) -> None:
    assert list(problems(fromEmail=given)) == ["$.fromEmail"]


async def test_they_arrive_as_they_were_meant(host: AsyncHost) -> None:
    async with recording(["SMTPUTF8", "8BITMIME"]) as server:
        for given, _, _ in GOOD:
            whole = config(host="127.0.0.1", port=server.port, fromEmail=given, replyTo=given)
            await host.configure("smtp", whole).send_message("Generic", to="ann@example.org")
        await host.aclose()
    senders = [line for line in server.commands if line.startswith("MAIL")]
    for (_, name, address), command, mail in zip(GOOD, senders, server.mails, strict=True):
        assert command.partition("> ")[0].rstrip(">") == f"MAIL FROM:<{address}"
        assert ("SMTPUTF8" in command) == (not address.isascii())
        message = Parser(policy=policy.default).parsestr(mail)
        for header in ("From", "Reply-To"):
            (mailbox,) = message[header].addresses
            assert (mailbox.display_name, mailbox.addr_spec) == (name, address)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("x" * 65 + "@b.example", "local part of more than 64 octets"),
        ("a@" + "b." * 126 + "c", "more than 254 octets"),
        ("a@" + "b." * 600 + "c", "more than 254 octets"),
        ("ü" * 33 + "@b.example", "local part of more than 64 octets"),
        ("a=?b@c.example", "beginning of an encoded-word"),
        ("a@b.example\n", "control character U\\+000A"),
        ("a@b..example", "is not one e-mail address"),
        ("a@-b.example", "is not one e-mail address"),
        ("a", "has no @"),
    ],
)
def test_an_address_that_is_none_says_why(given: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_address(given)


@pytest.mark.parametrize("given", ["x" * 64 + "@b.example", "a@" + "b." * 125 + "bc"])
def test_an_address_may_be_as_long_as_that(given: str) -> None:
    assert str(parse_address(given)) == given


@pytest.mark.parametrize(
    "given",
    [
        "jörg@localhost",
        "jörg@printer.local",
        "jörg@mail.test",
        '"a b"@localhost',
        "a@bücher.local",
    ],
)
def test_domains_of_ones_own_are_taken_whatever_the_local_part(given: str) -> None:
    assert problems(fromEmail=given) == {}
