"""OAuth2 with a token alone: used while it is valid; what cannot be renewed is told at once."""

from __future__ import annotations

import pytest

from connector_core import AsyncHost, PermanentDeliveryError
from tests.config.configs import config
from tests.config.server import recording


async def test_an_expired_token_alone_fails_without_connecting(host: AsyncHost) -> None:
    auth = {"type": "OAuth2", "user": "ann", "accessToken": "old", "expires": 1000}
    async with recording(["AUTH XOAUTH2"]) as server:
        given = config(host="127.0.0.1", port=server.port, auth=auth)
        smtp = host.configure("smtp", given)
        with pytest.raises(PermanentDeliveryError) as raised:
            await smtp.send_message("Generic", to="ann@example.org")
        report = await smtp.verify()
        await host.aclose()
    assert server.dialogues == []
    error = raised.value
    assert (error.stage, error.operator, error.failover) == ("token", True, True)
    assert "expired" in str(error)
    assert "accessToken" in error.hint
    assert [(stage.name, stage.ok) for stage in report.stages] == [("token", False)]


@pytest.mark.parametrize("expires", [None, 0, 4_102_444_800_000])
async def test_a_token_that_is_valid_is_used(host: AsyncHost, expires: int | None) -> None:
    auth = {"user": "ann", "accessToken": "token", "expires": expires}
    async with recording(["AUTH PLAIN XOAUTH2"]) as server:
        given = config(host="127.0.0.1", port=server.port, auth=auth)
        await host.configure("smtp", given).send_message("Generic", to="ann@example.org")
        await host.aclose()
    assert any(line.startswith("AUTH XOAUTH2 ") for line in server.commands)
    assert len(server.mails) == 1
