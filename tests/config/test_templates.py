"""Templates: which must be there, which of two counts, and what they may hold."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from itertools import combinations
from typing import Any

import pytest

from connector_core import AsyncHost, ConfigError, Message, MessageError, Template
from connectors.smtp.compose.message import Composer
from connectors.smtp.config import SmtpConfig
from tests.config.configs import REQUIRED, USAGES, config, problems, template
from tests.config.server import recording


def some(*usages: str) -> list[dict[str, Any]]:
    return [template(usage) for usage in usages]


@pytest.mark.parametrize(
    "missing", [set(items) for size in range(1, 4) for items in combinations(REQUIRED, size)]
)
def test_exactly_the_missing_ones_are_named(missing: set[str]) -> None:
    left = [usage for usage in USAGES if usage not in missing]
    (problem,) = problems(templates=some(*left)).values()
    assert problem.path == "$.templates"
    named = problem.message.removeprefix("has no template for ").split(", ")
    assert named == [usage for usage in REQUIRED if usage in missing]
    assert problem.hint


@pytest.mark.parametrize("value", [None, [], {}, "text"])
def test_without_templates_it_is_told_once(value: Any) -> None:
    assert list(problems(templates=value)) == ["$.templates"]


def test_what_is_no_template_is_told_beside_those_that_are_missing() -> None:
    found = problems(templates=[5, *some(*REQUIRED[1:])])
    assert sorted(found) == ["$.templates", "$.templates[0]"]


def test_usage_types_are_told_apart_by_case() -> None:
    (problem,) = problems(templates=some("register", *REQUIRED[1:])).values()
    assert problem.message == "has no template for Register"


def test_a_required_one_with_a_locale_alone_is_told() -> None:
    templates = [template("SignIn", locale="fr"), *some("Register", "ForgotPassword", "Generic")]
    (problem,) = problems(templates=templates).values()
    assert problem.path == "$.templates"
    assert problem.message == "has a template for SignIn only with a locale"
    assert "locale" in problem.hint


def test_others_may_have_a_locale_alone() -> None:
    assert problems(templates=[template("BindMfa", locale="fr"), *some(*REQUIRED)]) == {}


@pytest.mark.parametrize("locale", ["fr", "fr-CA", "zh-Hant-TW", "EN", "x-klingon"])
def test_language_tags_are_taken(locale: str) -> None:
    assert problems(templates=[template("Generic", locale=locale), *some(*REQUIRED)]) == {}


@pytest.mark.parametrize("locale", ["fr_CA", "français", "fr-", "fr\n", "a" * 9, 5])
def test_others_are_told(locale: Any) -> None:
    found = problems(templates=[template("BindMfa", locale=locale), *some(*REQUIRED)])
    assert list(found) == ["$.templates[0].locale"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"contentType": "text/markdown"}, "contentType"),
        ({"contentType": "text/HTML"}, "contentType"),
        ({"contentType": None}, "contentType"),
        ({"subject": None}, "subject"),
        ({"subject": "one\r\nBcc: b@example.com"}, "subject"),
        ({"subject": "=?utf-8?q?a=0D=0ABcc:_b?="}, "subject"),
        ({"subject": "x" * 2049}, "subject"),
        ({"content": None}, "content"),
        ({"content": "a\0b"}, "content"),
        ({"content": "half \ud83d"}, "content"),
        ({"content": ["a"]}, "content"),
        ({"usageType": ""}, "usageType"),
        ({"sendFrom": "nobody"}, "sendFrom"),
        ({"sendFrom": "{{name}} <nobody>"}, "sendFrom"),
        ({"sendFrom": "a@b.example\r\nBcc: c@d.example"}, "sendFrom"),
        ({"replyTo": "a@b.example, c@d.example"}, "replyTo"),
        ({"replyTo": "<a@b.example"}, "replyTo"),
        ({"body": "x"}, "body"),
    ],
)
def test_what_a_template_cannot_hold_is_told_at_its_place(
    change: dict[str, Any], path: str
) -> None:
    found = problems(templates=[*some(*REQUIRED), template("BindMfa", **change)])
    assert list(found) == [f"$.templates[4].{path}"]


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "tab\tand ünïcode"},
        {"subject": ""},
        {"content": ""},
        {"content": "lines\nof\rall\r\nkinds"},
        {"sendFrom": "{{application.name}} <app@example.com>"},
        {"sendFrom": "{{application.mail}}"},
        {"sendFrom": '"Doe, {{user.name}}" <{{user.alias}}@example.com>'},
        {"replyTo": "<{{inviter.mail}}>"},
    ],
)
def test_what_it_can_is_taken(change: dict[str, Any]) -> None:
    assert problems(templates=[*some(*REQUIRED), template("BindMfa", **change)]) == {}


# -- styles ---------------------------------------------------------------------------------------


def styled(**changes: Any) -> dict[str, Any]:
    html = {"contentType": "text/html", "content": "<style>p { color: {{c}} }</style><p>Hi</p>"}
    return config(
        templates=[*some(*REQUIRED), template("BindMfa", **html), *some("Asked")], **changes
    )


def test_styles_that_cannot_be_inlined_are_told_at_their_template() -> None:
    assert problems(**styled()) == {}
    assert problems(**styled(inlineCss=False)) == {}
    (problem,) = problems(**styled(inlineCss=True)).values()
    assert problem.path == "$.templates[4].content"
    assert "{{c}}" in problem.message
    with pytest.raises(ConfigError) as raised:
        Composer(SmtpConfig.model_validate(styled(inlineCss=True)))
    assert [item.path for item in raised.value.problems] == [problem.path]


def test_and_those_of_a_template_source_when_it_is_given() -> None:
    composer = Composer(SmtpConfig.model_validate(config(inlineCss=True)))
    given = Template(subject="Hi", content=styled()["templates"][4]["content"])
    message = Message(
        type="Email", usage_type="Asked", to="ann@example.org", template=given, message_id="1"
    )
    with pytest.raises(MessageError) as caught:
        composer.compose(message)
    assert caught.value.field == "template.content"


def test_without_the_package_that_inlines_them_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (problem,) = problems(**styled(inlineCss=True)).values()
    assert problem.path == "$.inlineCss"
    assert problem.hint == "pip install 'connector-core[css]'"
    with pytest.raises(ConfigError) as raised:
        Composer(SmtpConfig.model_validate(styled(inlineCss=True)))
    assert raised.value.problems == (problem,)


def test_what_html_needs_is_imported_for_html_alone() -> None:
    program = (
        "import sys; from connectors.smtp.check import problems; "
        "from connectors.smtp.compose.message import Composer; "
        "from connectors.smtp.config import SmtpConfig; "
        f"config = {config()!r}; assert not problems(config); "
        "Composer(SmtpConfig.model_validate(config)); "
        "print({'selectolax', 'css_inline'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


async def test_of_two_for_the_same_the_first_wins(host: AsyncHost) -> None:
    templates = [
        template("SignIn", subject="first"),
        template("SignIn", subject="second"),
        template("SignIn", subject="premier", locale="fr"),
        template("SignIn", subject="deuxième", locale="FR"),
        *some(*REQUIRED),
    ]
    async with recording() as server:
        given = config(host="127.0.0.1", port=server.port, templates=templates)
        smtp = host.configure("smtp", given)
        await smtp.send_message("SignIn", to="ann@example.org")
        await smtp.send_message("SignIn", to="ann@example.org", locale="fr-CA")
        await host.aclose()
    assert ["Subject: first" in server.mails[0], "Subject: premier" in server.mails[1]] == [
        True
    ] * 2
