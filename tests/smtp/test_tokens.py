"""OAuth2 at work: tokens fetched for connections, renewed where the mail server refuses them."""

from __future__ import annotations

import asyncio
import base64
import logging
from typing import Any

import pytest

from connector_core import DeliveryError, PermanentDeliveryError
from tests.smtp.helpers import Outcome, hosting, send, within
from tests.smtp.peer import Connection, Peer
from tests.smtp.token_server import TokenServer, answer, granting, reset

BOTH_LOOPS = True

REFRESH = "refresh-canary"


def oauth2(server: TokenServer, **more: Any) -> dict[str, Any]:
    return {
        "type": "OAuth2",
        "user": "ann@example.org",
        "clientId": "client",
        "clientSecret": "client-canary",
        "refreshToken": REFRESH,
        "accessUrl": server.url,
        **more,
    }


def token_in(line: str) -> str:
    """The access token in an AUTH command."""
    response = base64.b64decode(line.split(" ")[2]).decode()
    return response.partition("auth=Bearer ")[2].rstrip("\x01")


def taking(*tokens: str, closing: bool = False) -> Any:
    """Takes these tokens and refuses every other, as Gmail does: a challenge, and then 535."""

    async def play(connection: Connection) -> bool:
        if token_in(connection.commands[-1]) in tokens:
            await connection.reply("235 2.7.0 welcome")
            return True
        reason = base64.b64encode(b'{"status":"401","schemes":"Bearer"}').decode()
        await connection.reply(f"334 {reason}")
        assert await connection.line() == ""
        await connection.reply("535 5.7.8 Username and Password not accepted")
        if closing:
            connection.drop()
        return False

    return play


def tokens_tried(peer: Peer) -> list[str]:
    return [token_in(line) for line in peer.commands if line.startswith("AUTH ")]


async def test_a_token_is_fetched_once_for_all_connections() -> None:
    async with (
        TokenServer() as tokens,
        Peer(mechanisms="XOAUTH2") as peer,
        hosting(peer, auth=oauth2(tokens), maxMessages=1) as host,
    ):
        await asyncio.gather(*(send(host) for _ in range(12)))
        assert len(tokens.requests) == 1
        assert set(tokens_tried(peer)) == {"token-1"}
        assert len(peer.mails) == 12


@pytest.mark.parametrize("closing", [False, True])
async def test_a_refused_token_is_renewed_and_the_message_is_sent(closing: bool) -> None:
    async with (
        TokenServer() as tokens,
        Peer(mechanisms="XOAUTH2", AUTH=taking("token-1", closing=closing)) as peer,
        hosting(peer, auth=oauth2(tokens, accessToken="revoked")) as host,
    ):
        receipt = await send(host)
        assert tokens_tried(peer) == ["revoked", "token-1"]
        assert len(peer.connections) == 1 + closing
        assert len(peer.mails) == 1
        assert "token" in receipt.seconds
        await send(host)
        assert len(tokens.requests) == 1


@pytest.mark.parametrize("closing", [False, True])
async def test_a_token_that_is_refused_again_is_not_renewed_again(closing: bool) -> None:
    async with (
        TokenServer() as tokens,
        Peer(mechanisms="XOAUTH2", AUTH=taking(closing=closing)) as peer,
        hosting(peer, auth=oauth2(tokens)) as host,
    ):
        for _ in range(3):
            with within(), pytest.raises(PermanentDeliveryError) as caught:
                await send(host)
            Outcome("PFA", "auth").check(caught.value)
            assert caught.value.code == 535
        assert tokens_tried(peer) == ["token-1", "token-2"]
        assert len(tokens.requests) == 2


async def test_a_static_token_that_is_refused() -> None:
    auth = {"type": "OAuth2", "user": "ann", "accessToken": "static"}
    async with (
        Peer(mechanisms="XOAUTH2", AUTH=taking()) as peer,
        hosting(peer, auth=auth) as host,
    ):
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
        Outcome("PFA", "auth").check(caught.value)
        assert tokens_tried(peer) == ["static"]


async def test_many_whose_token_is_refused_share_one_renewal() -> None:
    async with (
        TokenServer() as tokens,
        Peer(mechanisms="XOAUTH2", AUTH=taking("token-1")) as peer,
        hosting(peer, auth=oauth2(tokens, accessToken="revoked"), maxConnections=5) as host,
    ):
        await asyncio.gather(*(send(host) for _ in range(20)))
        assert len(tokens.requests) == 1
        assert len(peer.mails) == 20


@pytest.mark.parametrize(
    ("fault", "letters"),
    [
        (reset, "RF"),
        (answer(503, b"not now"), "RF"),
        (answer(400, {"error": "invalid_grant"}), "PFA"),
        (answer(401, {"error": "invalid_client"}), "PFA"),
    ],
    ids=["reset", "503", "revoked", "unknown client"],
)
async def test_no_token_no_connection(fault: Any, letters: str) -> None:
    async with (
        TokenServer(fault) as tokens,
        Peer(mechanisms="XOAUTH2") as peer,
        hosting(peer, auth=oauth2(tokens)) as host,
    ):
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host)
        Outcome(letters, "token").check(caught.value)
        assert caught.value.hint
        assert peer.connections == []
        if letters == "RF":
            await send(host)
            assert len(peer.mails) == 1


async def test_a_renewal_that_fails_after_a_refusal() -> None:
    async with (
        TokenServer(answer(400, {"error": "invalid_grant"})) as tokens,
        Peer(mechanisms="XOAUTH2", AUTH=taking()) as peer,
        hosting(peer, auth=oauth2(tokens, accessToken="revoked")) as host,
    ):
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
        Outcome("PFA", "token").check(caught.value)
        assert peer.count("MAIL") == 0


async def test_a_test_shows_the_token_as_a_stage() -> None:
    async with (
        TokenServer() as tokens,
        Peer(mechanisms="XOAUTH2") as peer,
        hosting(peer, auth=oauth2(tokens)) as host,
    ):
        report = await host.configured["smtp"].verify()
        assert report.stages[0].name == "token"
        assert report.ok


async def test_no_token_is_ever_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def echoes(connection: Connection) -> bool:
        await connection.reply(f"535 5.7.8 no: {token_in(connection.commands[-1])}")
        return False

    async with (
        TokenServer(granting("access-canary")) as tokens,
        Peer(mechanisms="XOAUTH2", AUTH=echoes) as peer,
        hosting(peer, auth=oauth2(tokens)) as host,
    ):
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
        lines = [line.split(" ")[2] for line in peer.commands if line.startswith("AUTH ")]
        assert len(lines) == 2
    everything = caplog.text + repr(caught.value) + str(vars(caught.value))
    for secret in ("access-canary", "token-1", REFRESH, "client-canary", *lines):
        assert secret not in everything


async def test_closing_ends_a_renewal() -> None:
    never = asyncio.Event()

    async def silent(_exchange: Any) -> None:
        await never.wait()

    async with TokenServer(silent) as tokens, Peer(mechanisms="XOAUTH2") as peer:
        async with hosting(peer, auth=oauth2(tokens)) as host:
            sending = asyncio.create_task(send(host))
            await tokens.until(lambda: len(tokens.requests) == 1)
            with within():
                await host.aclose()
                with pytest.raises(Exception, match="closed"):
                    await sending
        never.set()


async def test_a_test_asks_an_endpoint_that_refused_before() -> None:
    refusal = answer(400, {"error": "invalid_grant"})
    async with (
        TokenServer(refusal, refusal) as tokens,
        Peer(mechanisms="XOAUTH2") as peer,
        hosting(peer, auth=oauth2(tokens)) as host,
    ):
        for _ in range(2):
            with pytest.raises(PermanentDeliveryError):
                await send(host)
        assert len(tokens.requests) == 1  # no second request within the pause
        assert not (await host.configured["smtp"].verify()).ok
        assert len(tokens.requests) == 2
        assert (await host.configured["smtp"].verify()).ok
        await send(host)
        assert len(peer.mails) == 1
