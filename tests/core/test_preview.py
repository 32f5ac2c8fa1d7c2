"""`preview`: the message as it would be sent, from any connector that has the hook."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import pytest

from connector_core import (
    AsyncHost,
    ConnectorError,
    Host,
    HostClosedError,
    Message,
    MessageError,
    TemplateNotFoundError,
    hookimpl,
)
from connector_core.inbox import Inbox
from tests.core.plugins import Plugin, registry_of

TO = "ann@example.org"


class Previewing(Plugin):
    """A plugin whose preview is what it is told, and that keeps what it is handed."""

    def __init__(self, outcome: Any = b"the message") -> None:
        super().__init__()
        self.outcome = outcome

    @hookimpl
    def preview(self, state: Any, message: Message) -> Any:
        self.states.append(state)
        self.messages.append(message)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


async def test_the_hook_gets_the_message_and_nothing_is_sent() -> None:
    plugin = Previewing()
    async with AsyncHost(registry_of(plugin)) as host:
        configured = host.configure("test", {"key": 1})
        content = await configured.preview(
            "SignIn",
            to=TO,
            payload={"code": "1"},
            locale="fr",
            ip="192.0.2.1",
            message_id="m@example.com",
        )
    assert content == b"the message"
    assert plugin.states == [{"key": 1}]
    assert plugin.messages == [
        Message(
            type="Email",
            usage_type="SignIn",
            to=TO,
            payload={"code": "1"},
            locale="fr",
            ip="192.0.2.1",
            message_id="m@example.com",
        )
    ]


def test_the_blocking_host_and_its_template_source() -> None:
    plugin = Previewing()
    template = {"subject": "of the source", "content": ""}
    with Host(registry_of(plugin), template_source=lambda *_asked: template) as host:
        configured = host.configure("test", {})
        assert configured.preview("SignIn", to=TO) == b"the message"
        with pytest.raises(MessageError, match="to"):
            configured.preview("SignIn", to="")
    assert plugin.messages[0].template is not None
    assert plugin.messages[0].template.subject == "of the source"
    with pytest.raises(HostClosedError):
        configured.preview("SignIn", to=TO)


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (None, "NoneType in place of a bytes object"),
        ("text", "str in place of a bytes object"),
        (KeyError("geheim"), "broke with KeyError"),
        (SystemExit("geheim"), "broke with SystemExit"),
        (MessageError("to", "is wrong"), "to: is wrong"),
        (TemplateNotFoundError("SignIn", "fr", []), "SignIn"),
    ],
)
async def test_a_preview_that_breaks_is_told(outcome: object, told: str) -> None:
    async with AsyncHost(registry_of(Previewing(outcome))) as host:
        configured = host.configure("test", {})
        with pytest.raises(ConnectorError, match=told) as caught:
            await configured.preview("SignIn", to=TO)
    assert "geheim" not in str(caught.value)


async def test_a_connector_without_the_hook_says_so() -> None:
    async with AsyncHost(registry_of(Plugin())) as host:
        with pytest.raises(ConnectorError, match="test-id has no preview"):
            await host.configure("test", {}).preview("SignIn", to=TO)


async def test_the_smtp_connectors_preview_is_what_it_sends() -> None:
    config = {
        "fromEmail": "Zoé <zoe@example.com>",
        "templates": [
            {
                "usageType": usage,
                "contentType": "text/html",
                "subject": "s",
                "content": "<p>ü {{code}}",
            }
            for usage in ("SignIn", "Register", "ForgotPassword", "Generic")
        ],
    }
    async with Inbox() as inbox, AsyncHost.discover() as host:
        smtp = host.configure("smtp", config | {"host": inbox.host, "port": inbox.port})
        about: dict[str, Any] = {"to": TO, "payload": {"code": "1"}, "message_id": "m@example.com"}
        shown = message_from_bytes(await smtp.preview("SignIn", **about), policy=policy.default)
        await smtp.send_message("SignIn", **about)
        [mail] = await inbox.wait_for(1)
        with pytest.raises(MessageError):
            await smtp.preview("SignIn", to="no address")
        assert len(inbox.mails) == 1
    del shown["Date"]
    sent = message_from_bytes(mail.content, policy=policy.default)
    del sent["Date"]
    assert shown.as_bytes() == sent.as_bytes()
    assert [part.get_content_type() for part in shown.walk()][1:] == ["text/plain", "text/html"]
