"""The presets of providers: what they ask leads to a config that works, and what they say holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from connector_core import Provider, Question
from connector_core.configs import json_path, strings
from connector_core.providers import matching, preset_config
from connectors.smtp import providers
from connectors.smtp.causes import known
from connectors.smtp.config import SmtpConfig
from connectors.smtp.endpoint import Endpoint, TlsMode
from tests.config.configs import check, connector, property_schemas
from tests.smtp.test_causes import REPLIES

PRESETS = {item.name: item for item in providers.load()}
QUESTIONS = [
    pytest.param(preset, question, id=f"{name} {'.'.join(question.path)}")
    for name, preset in PRESETS.items()
    for question in preset.questions
]
NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
SECRETS = {path for path, schema in property_schemas() if schema.get("writeOnly")}
IMPLICIT, STARTTLS = TlsMode.IMPLICIT, TlsMode.REQUIRED
# What token endpoints reply, which no SMTP server does.
OF_TOKEN_ENDPOINTS = {"AADSTS7000215: Invalid client secret provided", "AADSTS7000222"}


class Server(NamedTuple):
    """Where the answers of the examples lead."""

    host: str
    port: int
    tls: TlsMode


SERVERS = {
    "163": Server("smtp.163.com", 465, IMPLICIT),
    "aliyun": Server("smtpdm.aliyun.com", 465, IMPLICIT),
    "brevo": Server("smtp-relay.brevo.com", 587, STARTTLS),
    "gmail": Server("smtp.gmail.com", 465, IMPLICIT),
    "mailgun": Server("smtp.mailgun.org", 465, IMPLICIT),
    "mailtrap": Server("live.smtp.mailtrap.io", 587, STARTTLS),
    "other": Server("mail.example.com", 465, IMPLICIT),
    "outlook": Server("smtp.office365.com", 587, STARTTLS),
    "postmark": Server("smtp.postmarkapp.com", 587, STARTTLS),
    "qq": Server("smtp.qq.com", 465, IMPLICIT),
    "resend": Server("smtp.resend.com", 465, IMPLICIT),
    "sendgrid": Server("smtp.sendgrid.net", 587, STARTTLS),
    "ses": Server("email-smtp.eu-west-1.amazonaws.com", 465, IMPLICIT),
    "yandex": Server("smtp.yandex.ru", 465, IMPLICIT),
    "zoho": Server("smtppro.zoho.eu", 465, IMPLICIT),
}


def answered(preset: Provider, **changed: str) -> dict[str, Any]:
    """The config that the examples make; a changed answer goes by the question's path."""
    answers = {
        question.path: changed.get(".".join(question.path), question.example)
        for question in preset.questions
    }
    return preset_config(connector().sample_config(preset.name), preset.questions, answers)


def endpoint(config: dict[str, Any]) -> Endpoint:
    return Endpoint.of(SmtpConfig.model_validate(config))


def unfilled(config: dict[str, Any]) -> set[tuple[str | int, ...]]:
    """The paths of the values in `<` and `>`, templates aside."""
    return {
        parts
        for parts, text in strings(config)
        if parts[0] != "templates" and re.fullmatch("<[^@]*>", text)
    }


def test_these_are_the_providers() -> None:
    assert [item.name for item in connector().providers] == list(SERVERS)


# Questions


@pytest.mark.parametrize("name", list(PRESETS))
def test_each_placeholder_is_asked_for_and_nothing_else(name: str) -> None:
    preset = PRESETS[name]
    asked = [question.path for question in preset.questions]
    covered = [*asked, *(path for question in preset.questions for path in question.also)]
    assert len(set(asked)) == len(asked)
    assert set(covered) == unfilled(connector().sample_config(name))


@pytest.mark.parametrize("name", list(PRESETS))
def test_the_examples_make_a_config_that_leads_to_the_provider(name: str) -> None:
    config = answered(PRESETS[name])
    assert check(config) == []
    found = endpoint(config)
    assert Server(found.host, found.port, found.tls) == SERVERS[name]
    assert found.log_in


@pytest.mark.parametrize(("preset", "question"), QUESTIONS)
def test_a_question_says_what_to_enter(preset: Provider, question: Question) -> None:
    assert question.title
    assert question.help.endswith(".")
    assert question.example
    assert not question.choices or question.example in question.choices
    assert all(question.choices.values())
    assert f"`{'.'.join(question.path)}`" in preset.guide


@pytest.mark.parametrize(("preset", "question"), QUESTIONS)
def test_every_choice_makes_a_sound_config(preset: Provider, question: Question) -> None:
    path = ".".join(question.path)
    for choice in question.choices:
        config = answered(preset, **{path: choice})
        assert check(config) == []
        found = endpoint(config)
        assert found.tls is (IMPLICIT if found.port == 465 else STARTTLS)
        assert NAME.fullmatch(found.host)


@pytest.mark.parametrize("name", list(PRESETS))
def test_one_answer_at_least_is_a_secret(name: str) -> None:
    assert {".".join(question.path) for question in PRESETS[name].questions} & SECRETS


@pytest.mark.parametrize("name", ["163", "aliyun", "gmail", "outlook", "qq", "yandex", "zoho"])
def test_the_sender_is_the_user_where_a_mailbox_sends(name: str) -> None:
    config = answered(PRESETS[name])
    assert config["fromEmail"] == config["auth"]["user"]


@pytest.mark.parametrize(("name", "user"), [("sendgrid", "apikey"), ("resend", "resend")])
def test_a_user_that_is_the_same_for_all_is_not_asked_for(name: str, user: str) -> None:
    assert connector().sample_config(name)["auth"]["user"] == user
    assert ("auth", "user") not in [question.path for question in PRESETS[name].questions]


def test_postmarks_token_is_user_and_password() -> None:
    auth = answered(PRESETS["postmark"], **{"auth.pass": "the-token"})["auth"]
    assert auth == {"type": "login", "user": "the-token", "pass": "the-token"}


def test_microsoft_gets_tokens_for_the_application() -> None:
    assert answered(PRESETS["outlook"])["auth"] == {
        "type": "OAuth2",
        "user": "no-reply@example.com",
        "clientId": "11111111-1111-1111-1111-111111111111",
        "clientSecret": "abc8Q~the-value",
        "accessUrl": "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000"
        "/oauth2/v2.0/token",
        "scope": "https://outlook.office365.com/.default",
    }


@pytest.mark.parametrize(
    ("port", "tls"),
    [("465", IMPLICIT), ("587", STARTTLS), ("25", STARTTLS), ("2525", STARTTLS)],
)
def test_the_port_of_another_server_decides_when_tls_begins(port: str, tls: TlsMode) -> None:
    config = answered(PRESETS["other"], port=port)
    assert check(config) == []
    found = endpoint(config)
    assert (found.port, found.tls) == (int(port), tls)


# What they say


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_provider_says_what_it_is_and_where_it_tells_more(name: str) -> None:
    preset = PRESETS[name]
    assert preset.title
    assert preset.user_name
    assert preset.guide.startswith("1. ") or "\n\n1. " in preset.guide
    assert "\n2. " in preset.guide
    assert len({link.url for link in preset.links}) >= 2
    for link in preset.links:
        assert re.fullmatch(r"https://[a-z0-9.-]+/[!-~]*", link.url)
        assert link.title


@pytest.mark.parametrize("name", list(PRESETS))
def test_what_goes_wrong_is_told_in_words_that_servers_use(name: str) -> None:
    said = [(stage, re.sub(r"\r\n\d{3}[- ]", " ", text)) for _, stage, text in REPLIES]
    pitfalls = PRESETS[name].pitfalls
    assert len(pitfalls) >= 2
    assert len({pitfall.sign for pitfall in pitfalls}) == len(pitfalls)
    for pitfall in pitfalls:
        assert pitfall.remedy.endswith(".")
        causes = [known.find(stage, text) for stage, text in said if pitfall.sign in text]
        assert causes or pitfall.sign in OF_TOKEN_ENDPOINTS, pitfall.sign
        # The connector has a remedy of its own for each.
        assert all(cause is not None and cause.name != "not known" for cause in causes)


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_provider_is_found_by_each_of_its_names(name: str) -> None:
    preset = PRESETS[name]
    for text in (preset.name, preset.title, *preset.aliases):
        assert preset in matching(PRESETS.values(), text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("office", ["outlook"]),
        ("365 MICROSOFT", ["outlook"]),
        ("hotmail", ["outlook"]),
        ("aws", ["ses"]),
        ("阿里", ["aliyun"]),
        ("網易", []),
        ("яндекс", ["yandex"]),
        ("sendinblue", ["brevo"]),
        ("google workspace", ["gmail"]),
        ("postfix", ["other"]),
    ],
)
def test_people_find_a_provider_by_what_they_call_it(text: str, found: list[str]) -> None:
    assert [item.name for item in matching(connector().providers, text)] == found


def test_no_two_providers_have_a_name_in_common() -> None:
    names = [name.casefold() for item in PRESETS.values() for name in {item.name, *item.aliases}]
    assert len(set(names)) == len(names)


# Files

WHOLE = (
    'title = "Acme"\nguide = "Ask Acme."\n'
    '[[links]]\ntitle = "Acme"\nurl = "https://acme.example/smtp"\n'
    '[[questions]]\npath = "auth.pass"\ntitle = "key"\nalso = ["auth.user"]\n'
    '[questions.choices]\n1 = "one"\n'
    '[[pitfalls]]\nsign = "535 no"\nremedy = "Try yes."\n'
    '[config]\nhost = "smtp.acme.example"\n'
)


def loaded(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> tuple[Provider, ...]:
    (folder / "acme.toml").write_text(text, "utf-8")
    monkeypatch.setattr(providers, "__file__", str(folder / "__init__.py"))
    return providers.load.__wrapped__()  # past the cache, which holds the real ones


def test_a_file_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = 'aliases = ["A"]\nuserName = "a key"\nremove = ["name", "tls.minVersion"]\n'
    (acme,) = loaded(tmp_path, monkeypatch, more + WHOLE)
    assert (acme.name, acme.title, acme.guide) == ("acme", "Acme", "Ask Acme.\n")
    assert (acme.aliases, acme.user_name) == (("A",), "a key")
    (question,) = acme.questions
    assert (question.path, question.also) == (("auth", "pass"), (("auth", "user"),))
    assert (question.title, question.choices) == ("key", {"1": "one"})
    assert [(item.sign, item.remedy) for item in acme.pitfalls] == [("535 no", "Try yes.")]
    assert acme.config["tls"] == {"minVersion": None}
    assert {json_path((key,)) for key, value in acme.config.items() if value is None} > {"$.name"}


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("title = ", 'username = "a key"\n'),
        ("url = ", 'text = "more"\n'),
        ("path = ", 'hint = "more"\n'),
        ("sign = ", 'cause = "more"\n'),
    ],
)
def test_an_unknown_key_in_a_file_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, wrong: str
) -> None:
    key = wrong.split(" ")[0]
    with pytest.raises((ValueError, TypeError), match=key):
        loaded(tmp_path, monkeypatch, WHOLE.replace(place, wrong + place, 1))
