"""AUTH: what is secret stays secret, whatever the server says, and goes over no open wire."""

from __future__ import annotations

import base64
import hmac
import logging
import urllib.parse

import pytest

from connector_core import (
    ConfigError,
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
)
from connectors.smtp import login as login_module
from tests.smtp import certificates
from tests.smtp.helpers import (
    AUTH,
    PASSWORD,
    USER,
    assert_secret,
    config,
    hosting,
    new_host,
    send,
    shown,
    within,
)
from tests.smtp.peer import Answer, Connection, Peer


@pytest.fixture(autouse=True)
def every_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PLAIN = b64(f"\0{USER}\0{PASSWORD}")


async def login(connection: Connection) -> None:
    await connection.reply(f"334 {b64('Username:')}")
    assert await connection.line() == b64(USER)
    await connection.reply(f"334 {b64('Password:')}")
    assert await connection.line() == b64(PASSWORD)
    await connection.reply("235 2.7.0 welcome")


async def cram(connection: Connection) -> None:
    await connection.reply(f"334 {b64('<1.2@peer.test>')}")
    digest = hmac.new(PASSWORD.encode(), b"<1.2@peer.test>", "md5").hexdigest()
    assert await connection.line() == b64(f"{USER} {digest}")
    await connection.reply("235 2.7.0 welcome")


@pytest.mark.parametrize(
    ("mechanisms", "answer", "command"),
    [
        ("PLAIN LOGIN CRAM-MD5", None, f"AUTH PLAIN {PLAIN}"),
        ("CRAM-MD5 LOGIN", login, "AUTH LOGIN"),
        ("CRAM-MD5", cram, "AUTH CRAM-MD5"),
        ("login", login, "AUTH LOGIN"),
    ],
)
async def test_the_mechanism_over_tls(
    mechanisms: str, answer: Answer | None, command: str, caplog: pytest.LogCaptureFixture
) -> None:
    tls = certificates.valid()
    async with Peer(implicit_tls=tls, mechanisms=mechanisms, AUTH=[answer]) as peer:
        async with hosting(peer, secure=True, auth=AUTH) as host:
            await send(host)
        assert [line for line in peer.commands if line.startswith("AUTH")] == [command]
    assert_secret(caplog)


async def test_in_the_clear_challenges_come_first(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        Peer(mechanisms="PLAIN LOGIN CRAM-MD5", AUTH=[cram]) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        await send(host)
        assert peer.count("AUTH") == 1
    assert_secret(caplog)


ECHOES = {
    "as it was sent": f"535 5.7.8 no: AUTH PLAIN {PLAIN}",
    "the response": f"535 5.7.8 {PLAIN}",
    "in the clear": f"535 5.7.8 {USER}:{PASSWORD}",
    "password in base64": f"535 5.7.8 {b64(PASSWORD)}",
    "behind a character": f"535 5.7.8 {b64('x' + PASSWORD)}",
    "behind two": f"535 5.7.8 {b64('xx' + PASSWORD)}",
    "in a longer text": f"535 5.7.8 {b64('user=' + USER + ' pass=' + PASSWORD + ' end')}",
    "in several lines": f"535-5.7.8 {PASSWORD}\r\n535-5.7.8 {PLAIN}\r\n535 5.7.8 {PASSWORD}",
    "as if temporary": f"454 4.7.0 {PASSWORD} {PLAIN}",
    "as a strange code": f"250 {PASSWORD} {PLAIN}",
    "as no reply": f"{PASSWORD} {PLAIN}",
}


@pytest.mark.parametrize("echo", list(ECHOES.values()), ids=list(ECHOES))
async def test_a_server_that_echoes_credentials(
    echo: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Peer(mechanisms="PLAIN", AUTH=echo) as peer, hosting(peer, auth=AUTH) as host:
        with pytest.raises(DeliveryError) as caught:
            await send(host)
        configured = host.configured["smtp"]
        report = await configured.verify()
        error = report.stages[-1].error
        assert error is not None
    assert caught.value.stage == "auth"
    assert_secret(caplog, caught.value, error)
    assert PASSWORD not in repr(report)


@pytest.mark.parametrize("where", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "content", "QUIT"])
async def test_a_server_that_echoes_credentials_anywhere(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    answers = {where: f"550 5.0.0 {PASSWORD} {PLAIN}"}
    errors = []
    async with Peer(mechanisms="PLAIN", answers=answers) as peer, hosting(peer, auth=AUTH) as host:
        try:
            await send(host)
        except DeliveryError as error:
            errors.append(error)
    assert len(errors) == (where != "QUIT")
    assert_secret(caplog, *errors)


async def test_a_short_password_is_masked_where_the_exchange_is_echoed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = b64(f"\0{USER}\0abc")
    async with (
        Peer(mechanisms="PLAIN", AUTH=f"535 5.7.8 {response}") as peer,
        hosting(peer, auth={"user": USER, "pass": "abc"}) as host,
    ):
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
    assert response not in shown(caught.value) + caplog.text


async def test_lines_after_334_are_masked(caplog: pytest.LogCaptureFixture) -> None:
    async def echo(connection: Connection) -> None:
        await connection.reply(f"334 {b64('Username:')}")
        user = await connection.line()
        await connection.reply(f"334 {user}")
        password = await connection.line()
        await connection.reply(f"535 5.7.8 {user} {password}")

    async with (
        Peer(mechanisms="LOGIN", AUTH=echo) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
    assert_secret(caplog, caught.value)
    assert b64(USER) not in shown(caught.value) + caplog.text


async def test_neither_config_nor_host_shows_the_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = f"smtp://user:{urllib.parse.quote(PASSWORD)}@127.0.0.1:2525?nonsense=1"
    async with new_host() as host:
        configured = host.configure("smtp", config(auth=AUTH))
        with pytest.raises(ConfigError) as first:
            host.configure("smtp", config(auth={**AUTH, "pass": [PASSWORD]}))
        with pytest.raises(ConfigError) as second:
            host.configure("smtp", {"url": url, "fromEmail": 1, "templates": []})
        assert_secret(caplog, first.value, second.value)
        assert PASSWORD not in repr(configured) + repr(vars(configured)) + repr(host)


async def test_credentials_go_in_the_clear_to_loopback_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(login_module, "is_loopback", lambda _address: False)
    async with Peer(mechanisms="PLAIN") as peer:
        async with hosting(peer, auth=AUTH) as host:
            with pytest.raises(PermanentDeliveryError) as caught:
                await send(host)
            assert (caught.value.stage, caught.value.operator) == ("auth", True)
            assert "requireTLS" in caught.value.hint
            assert b"AUTH" not in peer.received
            assert_secret(caplog, caught.value)
        async with hosting(peer, auth=AUTH, ignoreTLS=True) as host:
            await send(host)


@pytest.mark.parametrize("starttls", ["454 4.7.0 not now", "502 5.5.1 no"])
async def test_opportunistic_tls_gives_no_credentials_away(
    starttls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_module, "is_loopback", lambda _address: False)
    async with (
        Peer(starttls=certificates.valid(), mechanisms="PLAIN", STARTTLS=starttls) as peer,
        hosting(peer, auth=AUTH, opportunisticTLS=True) as host,
    ):
        with pytest.raises(PermanentDeliveryError):
            await send(host)
        assert b"AUTH" not in peer.received


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("fe80::1", False),
    ],
)
def test_what_is_loopback(address: str, loopback: bool) -> None:
    assert login_module.is_loopback(address) is loopback


@pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN", "CRAM-MD5"])
async def test_one_attempt_a_connection(mechanisms: str) -> None:
    async with (
        Peer(mechanisms=f"{mechanisms} XOAUTH2", AUTH="535 5.7.8 no") as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        with pytest.raises(PermanentDeliveryError):
            await send(host)
        assert peer.count("AUTH") == 1
        assert len(peer.connections) == 1


async def test_challenges_without_end() -> None:
    async def ask_on(connection: Connection) -> None:
        while True:
            await connection.reply("334 bW9yZQ==")
            await connection.line()

    async with (
        Peer(mechanisms="LOGIN", AUTH=[ask_on]) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        with within(), pytest.raises(TemporaryDeliveryError) as caught:
            await send(host)
        assert (caught.value.stage, caught.value.failover) == ("auth", True)
        assert sum(line == b64(PASSWORD) for line in peer.commands) == 1


@pytest.mark.parametrize("challenge", ["334 not base64!", "334 \u2028", "334 ="])
async def test_a_challenge_that_is_none(challenge: str) -> None:
    async with (
        Peer(mechanisms="CRAM-MD5", AUTH=[lambda c: c.reply(challenge)]) as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        with within(), pytest.raises(TemporaryDeliveryError) as caught:
            await send(host)
        assert (caught.value.stage, caught.value.failover) == ("auth", True)


@pytest.mark.parametrize("key", ["user", "pass"])
@pytest.mark.parametrize("evil", ["\x01", "\0", "\r\n", "\n", "\x7f"])
def test_no_credential_holds_a_control_character(key: str, evil: str) -> None:
    with pytest.raises(ConfigError) as caught:
        new_host().configure("smtp", config(auth={**AUTH, key: f"never{evil}shown"}))
    assert [problem.path for problem in caught.value.problems] == [f"$.auth.{key}"]
    assert "never" not in str(caught.value)


def test_no_token_holds_a_control_character() -> None:
    auth = {"type": "OAuth2", "user": USER, "accessToken": "never\x01shown"}
    with pytest.raises(ConfigError) as caught:
        new_host().configure("smtp", config(auth=auth))
    assert [problem.path for problem in caught.value.problems] == ["$.auth.accessToken"]


async def test_a_token_that_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    token = "ya29.never-shown-token"

    async def refuse(connection: Connection) -> None:
        assert connection.commands[-1].split(" ")[1] == "XOAUTH2"
        await connection.reply(f"334 {b64('401 ' + token)}")
        assert await connection.line() == ""
        await connection.reply(f"535 5.7.8 {token}")

    auth = {"type": "OAuth2", "user": USER, "accessToken": token}
    async with (
        Peer(mechanisms="XOAUTH2 PLAIN", AUTH=[refuse]) as peer,
        hosting(peer, auth=auth) as host,
    ):
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
        assert peer.count("AUTH") == 1
    everything = shown(caught.value) + caplog.text
    assert token not in everything
    assert b64(token)[:-4] not in everything


@pytest.mark.parametrize(
    ("mechanisms", "options", "reason"),
    [
        ("", {}, "does not offer authentication"),
        ("XOAUTH2 GSSAPI", {}, "takes no password: it offers GSSAPI, XOAUTH2"),
        ("PLAIN", {"authMethod": "CRAM-MD5"}, "does not offer CRAM-MD5, only PLAIN"),
    ],
)
async def test_no_mechanism_in_common(
    mechanisms: str, options: dict[str, str], reason: str
) -> None:
    async with Peer(mechanisms=mechanisms) as peer, hosting(peer, auth=AUTH, **options) as host:
        with pytest.raises(PermanentDeliveryError, match=reason) as caught:
            await send(host)
        assert (caught.value.stage, caught.value.failover) == ("auth", True)
        assert caught.value.operator
        assert caught.value.hint
        assert b"MAIL" not in peer.received
        assert b"AUTH" not in peer.received
