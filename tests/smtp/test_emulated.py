"""Providers from preset to receipt: their questions answered, and each thing they refuse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import pytest

from connector_core import DeliveryError, Host
from connector_core.configs import merge_patch
from connector_core.providers import preset_config
from tests.servers.emulated import (
    Aliyun,
    Emulated,
    Gmail,
    Received,
    SendGrid,
    aliyun,
    gmail,
    sendgrid,
)
from tests.servers.emulated_clouds import Ses, ses
from tests.smtp.helpers import RECIPIENT, Outcome, registry, shown, within

PROVIDERS = {"gmail": gmail, "sendgrid": sendgrid, "aliyun": aliyun, "ses": ses}
USER, PASS, FROM, HOST = ("auth", "user"), ("auth", "pass"), ("fromEmail",), ("host",)
ANSWERS: dict[str, dict[tuple[str, ...], str]] = {
    "gmail": {USER: Gmail.user, PASS: Gmail.password},
    "sendgrid": {PASS: SendGrid.password, FROM: "Zoé <no-reply@example.com>"},
    "aliyun": {HOST: Aliyun.host, USER: Aliyun.user, PASS: Aliyun.password},
    "ses": {HOST: Ses.host, USER: Ses.user, PASS: Ses.password, FROM: "Zoé <a@example.com>"},
}
WRONG = "horse-battery-staple"


def started(name: str) -> AbstractContextManager[Emulated]:
    return PROVIDERS[name]()


def config(server: Emulated, answers: Mapping[tuple[str, ...], str], **own: Any) -> dict[str, Any]:
    """What comes of the answers, turned to the emulation, with options of one's own."""
    connector = registry()["smtp"]
    (preset,) = [item for item in connector.providers if item.name == server.provider]
    sample = connector.sample_config(preset.name)
    chosen = preset_config(sample, preset.questions, {**ANSWERS[preset.name], **answers})
    return dict(merge_patch(merge_patch(chosen, server.reach), own))


@contextmanager
def hosting(server: Emulated, answers: Mapping[tuple[str, ...], str], **own: Any) -> Iterator[Host]:
    with Host(registry()) as host:
        host.configure("smtp", config(server, answers, **own))
        yield host


def send(host: Host) -> None:
    with within():
        host.send_message("SignIn", to=RECIPIENT, payload={"code": "123456"})


@pytest.mark.parametrize("method", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("name", list(PROVIDERS))
def test_a_preset_with_its_questions_answered_sends(name: str, method: str) -> None:
    with started(name) as server, hosting(server, {}, authMethod=method) as host:
        send(host)
        send(host)
        assert server.log_ins == [(server.user, server.password)]
        mail = server.mails[0]
    assert len(server.mails) == 2
    assert mail.recipients == (RECIPIENT,)
    body = mail.message.get_body(("plain",))
    assert body is not None
    assert "123456" in body.get_content()
    if FROM in ANSWERS[name]:
        assert str(mail.message["From"]) == ANSWERS[name][FROM]
    else:
        assert mail.sender == author(mail) == server.user


@pytest.mark.parametrize("name", list(PROVIDERS))
def test_a_test_of_the_config_logs_in_and_sends_nothing(name: str) -> None:
    with started(name) as server, hosting(server, {}) as host:
        report = host.configured["smtp"].verify()
        assert report.ok
        assert [stage.name for stage in report.stages][-1] == "auth"
        assert server.log_ins == [(server.user, server.password)]
    assert server.mails == []


class Wrong(NamedTuple):
    """An answer that is wrong, and what must come of it."""

    provider: str
    answers: dict[tuple[str, ...], str]
    stage: str
    code: int
    gist: str


FAULTS = {
    "Gmail: wrong password": Wrong(
        "gmail", {PASS: WRONG}, "auth", 535, "check auth.user and auth.pass"
    ),
    "Gmail: another account": Wrong(
        "gmail", {USER: "other@gmail.com"}, "auth", 535, "check auth.user and auth.pass"
    ),
    "Gmail: the account's own password": Wrong(
        "gmail", {PASS: Gmail.own_password}, "auth", 534, "create an app password"
    ),
    "SendGrid: what is no key": Wrong("sendgrid", {PASS: WRONG}, "auth", 535, "an API key that"),
    "SendGrid: another key": Wrong(
        "sendgrid", {PASS: "SG.never-shown.never-shown"}, "auth", 535, "an API key that may send"
    ),
    "SendGrid: sender not verified": Wrong(
        "sendgrid", {FROM: "no-reply@example.org"}, "content", 550, "verify fromEmail"
    ),
    "SES: keys of AWS": Wrong("ses", {PASS: WRONG}, "auth", 535, "check auth.user and auth.pass"),
    "SES: sender not verified": Wrong(
        "ses", {FROM: "no-reply@example.org"}, "content", 554, "not verified in this region"
    ),
    "Aliyun: wrong password": Wrong(
        "aliyun", {PASS: WRONG}, "auth", 526, "check auth.user and auth.pass"
    ),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_wrong_answer_is_told_with_its_remedy(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = FAULTS[fault]
    with started(wrong.provider) as server:
        with hosting(server, wrong.answers, debug=True) as host:
            error = refused(host, wrong.stage, wrong.code, wrong.gist)
        assert server.mails == []
        assert is_a_pitfall(error, wrong.provider)
        secret = wrong.answers.get(PASS, server.password)
        assert secret not in shown(error) + caplog.text
        with hosting(server, {}) as host:  # what was answered wrongly, mended
            send(host)
        assert len(server.mails) == 1


def test_sendgrid_knows_no_user_but_apikey() -> None:
    with sendgrid() as server, hosting(server, {}, auth={"user": "zoe"}) as host:
        refused(host, "auth", 535, "is the word apikey")
        assert server.log_ins == [("zoe", server.password)]


def test_aliyun_lets_the_account_send_for_itself_alone() -> None:
    with aliyun() as server, hosting(server, {}, fromEmail="a@mail.example.com") as host:
        error = refused(host, "sender", 436, "the same as auth.user")
        assert server.mails == []
    assert is_a_pitfall(error, "aliyun")


def test_gmail_puts_the_account_in_place_of_another_sender() -> None:
    with gmail() as server, hosting(server, {}, fromEmail="Zoé <a@example.org>") as host:
        send(host)
        (mail,) = server.mails
    assert (mail.sender, author(mail)) == ("a@example.org", server.user)


@pytest.mark.parametrize("name", list(PROVIDERS))
def test_nobody_sends_without_an_account(name: str) -> None:
    with started(name) as server, hosting(server, {}, auth=None) as host:
        with within(), pytest.raises(DeliveryError, match="530"):
            host.send_message("SignIn", to=RECIPIENT, payload={"code": "123456"})
        assert (server.mails, server.log_ins) == ([], [])


def author(mail: Received) -> str:
    (address,) = mail.message["From"].addresses
    return str(address.addr_spec)


def refused(host: Host, stage: str, code: int, gist: str) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(host)
    Outcome("PFA", stage).check(caught.value)
    assert caught.value.code == code
    assert gist in caught.value.hint
    return caught.value


def is_a_pitfall(error: DeliveryError, provider: str) -> bool:
    """Whether the preset tells of it, in the server's words."""
    (preset,) = [item for item in registry()["smtp"].providers if item.name == provider]
    return any(pitfall.sign in error.response for pitfall in preset.pitfalls)
