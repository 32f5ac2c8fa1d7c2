"""OAuth2 without a valid token: configured, but a send says at once that it cannot renew."""

from __future__ import annotations

from typing import Any

import pytest

from connector_core import AsyncHost, PermanentDeliveryError
from tests.config.configs import config
from tests.config.server import recording

AUTHS: dict[str, dict[str, Any]] = {
    "expired": {"type": "OAuth2", "user": "ann", "accessToken": "old", "expires": 1000},
    "expired, renewable": {
        "user": "ann",
        "accessToken": "old",
        "expires": 1000,
        "clientId": "c",
        "clientSecret": "s",
        "refreshToken": "r",
    },
    "refresh token": {
        "user": "ann",
        "clientId": "c",
        "clientSecret": "s",
        "refreshToken": "r",
    },
    "service account": {"user": "ann", "serviceClient": "c", "privateKey": "k"},
    "empty token": {
        "type": "oauth2",
        "user": "ann",
        "accessToken": "",
        "refreshToken": "r",
        "clientId": "c",
    },
}


@pytest.mark.parametrize("case", AUTHS)
async def test_a_send_fails_without_connecting(host: AsyncHost, case: str) -> None:
    async with recording(["AUTH XOAUTH2"]) as server:
        given = config(host="127.0.0.1", port=server.port, auth=AUTHS[case])
        smtp = host.configure("smtp", given)
        with pytest.raises(PermanentDeliveryError) as raised:
            await smtp.send_message("Generic", to="ann@example.org")
        report = await smtp.verify()
        await host.aclose()
    assert server.dialogues == []
    error = raised.value
    assert (error.stage, error.operator, error.failover) == ("auth", True, True)
    assert "expired" in str(error) if "expired" in case else "no OAuth2 access token" in str(error)
    assert "cannot renew a token yet" in error.hint
    assert "auth.accessToken" in error.hint
    assert [(stage.name, stage.ok) for stage in report.stages] == [("auth", False)]


@pytest.mark.parametrize("expires", [None, 0, 4_102_444_800_000])
async def test_a_token_that_is_valid_is_used(host: AsyncHost, expires: int | None) -> None:
    auth = {"user": "ann", "accessToken": "token", "expires": expires}
    async with recording(["AUTH PLAIN XOAUTH2"]) as server:
        given = config(host="127.0.0.1", port=server.port, auth=auth)
        await host.configure("smtp", given).send_message("Generic", to="ann@example.org")
        await host.aclose()
    assert any(line.startswith("AUTH XOAUTH2 ") for line in server.commands)
    assert len(server.mails) == 1
