"""What is made ready once: mails with plain values go by nothing else, and it is bounded."""

from __future__ import annotations

import quopri
from email import message_from_bytes, policy
from typing import Any, NoReturn

import pytest

from connector_core import ConfigError, MessageError, Template
from connectors.smtp.compose import body, digest, encodings, message, parts, text
from connectors.smtp.compose.body import Body
from connectors.smtp.compose.parts import text_part
from connectors.smtp.compose.prepared import PreparedTemplate
from connectors.smtp.compose.text import Text
from tests.smtp.compose.mails import composer, date_of, expected, html, mail, plain

SIGN_IN = html(
    '<html><body style="color: #333">\n<p>Your code is <b>{{code}}</b>.</p>\n</body></html>\n',
    "{{code}} is your code",
)
# Whatever works on a whole text, or on a value that is not plain.
GENERAL = [
    (text, "quoted_printable"),
    (text, "base64_lines"),
    (text, "crlf"),
    (text, "has_short_lines"),
    (parts, "base64_lines"),
    (digest, "relaxed_body"),
    (message, "PreparedTemplate"),
    (body, "_Frame"),
]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Template]:
    """The templates that are prepared from now on."""
    seen: list[Template] = []

    def prepare(template: Template, *arguments: Any) -> PreparedTemplate:
        seen.append(template)
        return PreparedTemplate(template, *arguments)

    monkeypatch.setattr(message, "PreparedTemplate", prepare)
    return seen


def refused(*_: object, **__: object) -> NoReturn:
    raise AssertionError("plain values do not need this")


def test_for_the_body_its_own_values_alone_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    made = composer(html(SIGN_IN["content"], "{{name}}, your code"))
    made.compose(mail({"code": "000000", "name": "Zoë"}))
    monkeypatch.setattr(text, "quoted_printable", refused)
    monkeypatch.setattr(text, "has_short_lines", refused)
    assert b"123456" in made.compose(mail({"code": "123456", "name": "Jörg"})).content


@pytest.mark.parametrize(
    "template",
    [
        SIGN_IN,
        plain("Your code is {{code}}.\n{{ code }}", "{{code}}"),
        html("Café: your code = {{code}}"),
    ],
    ids=["html", "7bit", "quoted-printable"],
)
def test_plain_values_touch_nothing_else(
    template: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = composer(template)
    made.compose(mail({"code": "000000"}))
    wanted = expected(template, {"code": "123456"}, b"")
    for module, name in GENERAL:
        monkeypatch.setattr(module, name, refused)
    content = made.compose(mail({"code": "123456"})).content
    wanted.date = date_of(content)
    assert content == wanted.written()


# With what is beside it, each of these would mean something else if it were taken as it is.
@pytest.mark.parametrize(
    "value",
    [
        *("_00000", "=00000", "0=0000", "00000=", "<00000", "0>0000", "0&0000", '0"0000', "0'0000"),
        *(" 00000", "00000 ", "00  00", "00\t000", "0\n0000", "0\r\n000", "é00000", "\x7f00000"),
        "\u200000000",
    ],
)
@pytest.mark.parametrize(
    "template",
    [
        html("<a href={{code}}>={{code}}\n</a> {{code}} \n_{{code}}_"),
        html("<p>{{code}}</p>"),
        plain("={{code}}\n{{code}}=\n"),
    ],
)
def test_what_looks_plain_and_is_not_is_no_different_behind_what_is(
    template: dict[str, str], value: str
) -> None:
    made = composer(template)
    for code in ("000000", value, "000000"):
        content = made.compose(mail({"code": code})).content
        assert content == expected(template, {"code": code}, date_of(content)).written()


def test_layouts_are_kept_for_so_many_lengths_and_no_more() -> None:
    source = Text("{{a}} and {{b}}, =" + "x" * 60, ["a", "b"], html=False)
    filled = Body(text_part("text/plain", source))
    for size in range(600):
        values = ["1" * (1 + size % 30), "2" * (1 + size // 30)]
        written = quopri.decodestring(b"".join(filled.fill(values).pieces))
        assert written.startswith("{} and {},".format(*values).encode())
        assert len(filled._layouts) <= 256
    assert len(filled._layouts) == 600 - 2 * 256


def test_of_others_the_values_alone_are_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    made = composer(html('<p class="a">Hello {{name}}, {{code}}</p>'), textAlternative=False)
    made.compose(mail({"code": "000000", "name": "Zoë"}))
    seen: list[tuple[bytes, int]] = []
    encode = encodings.quoted_printable

    def spy(data: bytes, column: int = 0) -> bytes:
        seen.append((data, column))
        return encode(data, column)

    monkeypatch.setattr(text, "quoted_printable", spy)
    made.compose(mail({"code": "123456", "name": "Zoë & Jörg"}))
    assert seen == [
        ("Zoë &amp; Jörg".encode(), len('<p class=3D"a">Hello=20')),
        (b"123456", len(",=20")),
    ]


def given(content: str = "{{code}}", **changes: Any) -> Template:
    return Template(**{"subject": "Code", "content": content, **changes})


def test_a_template_of_a_source_is_prepared_once_however_often_it_is_given(
    counted: list[Template],
) -> None:
    made = composer(plain("Hi"))
    counted.clear()
    for code in ("1", "2"):
        content = made.compose(mail({"code": code}, template=given())).content
        assert content.count(f"\r\n\r\n{code}\r\n".encode()) == 2
    assert counted == [given()]
    made.compose(mail({"code": "1"}, template=given(locale="fr")))
    assert counted == [given(), given(locale="fr")]


def test_of_many_templates_the_latest_are_kept(counted: list[Template]) -> None:
    made = composer(plain("Hi"))
    counted.clear()
    for number in [*range(65), *range(1, 65), 0]:
        made.compose(mail(template=given(f"{number}")))
    assert [item.content for item in counted] == [*map(str, range(65)), "0"]


def test_a_templates_own_mailboxes_are_prepared_where_they_have_no_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = composer({**plain("Hi"), "sendFrom": "Zoë <zoe@example.net>"})
    monkeypatch.setattr("connector_core.mail.mailboxes.mailbox_header", refused)
    composed = made.compose(mail())
    assert composed.envelope.sender == "zoe@example.net"
    assert b"From: =?utf-8?q?Zo=C3=AB?= <zoe@example.net>\r\n" in composed.content


@pytest.mark.parametrize("made_of_it", [True, False])
def test_a_text_of_ones_own_goes_in_place_of_one_made_of_the_html(made_of_it: bool) -> None:
    made = composer(plain("Hi"), textAlternative=made_of_it)
    own = given("<p>{{name}}</p>", text="For {{name}}: {{code}}")
    content = made.compose(mail({"name": "<Ann>", "code": "12"}, template=own)).content
    parts = list(message_from_bytes(content, policy=policy.default).walk())
    kinds = [part.get_content_type() for part in parts]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]
    assert parts[1].get_content().strip() == "For <Ann>: 12"
    assert parts[2].get_content().strip() == "<p>&lt;Ann&gt;</p>"


def test_an_empty_text_of_ones_own_is_none() -> None:
    content = composer(plain("Hi")).compose(mail(template=given("<p>A</p>", text=""))).content
    text = message_from_bytes(content, policy=policy.default).get_body(("plain",))
    assert text is not None
    assert text.get_content().strip() == "A"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("a\0b", "template.text"),
        ("x" * (1024 * 1024 + 1), "template.text"),
        ("{{code}}" * 400, "content"),  # each of 60,000 characters, and the HTML has but one
    ],
)
def test_a_text_of_ones_own_is_bounded_as_the_html_is(text: str, field: str) -> None:
    made = composer(plain("Hi"))
    with pytest.raises(MessageError) as caught:
        made.compose(mail({"code": "y" * 60_000}, template=given(text=text, subject="s")))
    assert caught.value.field == field


FAULTS = [
    ({"subject": "a\nb"}, "subject", "control character"),
    ({"content": "a\0b"}, "content", "NUL"),
    ({"content": "a\ud800b"}, "content", "surrogate"),
    ({"send_from": "nobody"}, "sendFrom", "no @"),
    ({"reply_to": '"a\x7f" <a@b.example>'}, "replyTo", "control character"),
    ({"reply_to": r'"=\?utf-8?q?=0A?=" <a@b.example>'}, "replyTo", "in an encoded-word"),
]


@pytest.mark.parametrize(("changes", "key", "said"), FAULTS)
@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
def test_what_no_mail_can_be_made_of_is_told_at_its_place(
    changes: dict[str, Any], key: str, said: str, kind: Any
) -> None:
    made = composer(plain("Hi"))
    for _ in range(2):
        with pytest.raises(MessageError, match=said) as caught:
            made.compose(mail(template=given(**{**changes, "content_type": kind})))
        assert caught.value.field == f"template.{key}"
    names = {"send_from": "sendFrom", "reply_to": "replyTo"}
    template = {**plain("Hi"), **{names.get(name, name): text for name, text in changes.items()}}
    if "\ud800" in template["content"]:
        return  # which the model refuses by itself
    with pytest.raises(ConfigError) as raised:
        composer({**template, "contentType": kind})
    assert [problem.path for problem in raised.value.problems] == [f"$.templates[0].{key}"]


def test_a_gap_is_told_once_for_a_template(caplog: pytest.LogCaptureFixture) -> None:
    made = composer(html("<p>{{code}} {{name}} {{code}}</p>", "{{code}} {{user.name}}"))
    for _ in range(2):
        made.compose(mail({"name": "Ann"}))
    assert [record.getMessage() for record in caplog.records] == [
        "the payload for 'SignIn' has no value for {{code}}, {{user.name}}, "
        "so the mail shows the variable itself"
    ]
