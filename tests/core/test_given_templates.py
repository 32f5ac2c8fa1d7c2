"""`template=`: what one message says, given by whoever sends it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connector_core import AsyncHost, Host, MessageError, Template
from connector_core.inbox import Inbox
from tests.core.plugins import Plugin, registry_of
from tests.hostfile.files import connector, write

TO = "ann@example.org"
GIVEN = {"subject": "Given {{code}}", "content": "<p>{{code}}</p>"}
TEMPLATE = Template(subject=GIVEN["subject"], content=GIVEN["content"])


def never(_usage_type: str, _locale: str | None) -> None:
    raise AssertionError


async def test_it_goes_before_the_template_source_which_is_not_asked() -> None:
    plugin = Plugin()
    async with AsyncHost(registry_of(plugin), template_source=never) as host:
        configured = host.configure("test", {})
        template = Template(subject="a", content="b", content_type="text/plain")
        await host.send_message("SignIn", to=TO, template=template)
        await configured.send_message("SignIn", to=TO, template=GIVEN)
    assert [message.template for message in plugin.messages] == [template, TEMPLATE]


def test_the_blocking_host_takes_it_too() -> None:
    plugin = Plugin()
    with Host(registry_of(plugin)) as host:
        configured = host.configure("test", {})
        host.send_message("SignIn", to=TO, template=GIVEN)
        configured.send_message("SignIn", to=TO, template=GIVEN)
        host.send_message("SignIn", to=TO)
    assert [message.template for message in plugin.messages] == [
        TEMPLATE,
        TEMPLATE,
        None,
    ]


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ({"subject": "a"}, "template.content"),
        ({**GIVEN, "subjct": "a"}, "template.subjct"),
        ({**GIVEN, "contentType": "text/markdown"}, "template.contentType"),
        ({**GIVEN, "subject": 5}, "template.subject"),
        ("a text", "template"),
    ],
)
async def test_what_is_no_template_is_refused_by_its_key(template: Any, field: str) -> None:
    plugin = Plugin()
    async with AsyncHost(registry_of(plugin)) as host:
        host.configure("test", {})
        with pytest.raises(MessageError) as caught:
            await host.send_message("SignIn", to=TO, template=template)
    assert caught.value.field == field
    assert not plugin.messages


@pytest.mark.parametrize(
    ("payload", "subject"), [({"code": "123456"}, "Given 123456"), ({}, "Given {{code}}")]
)
async def test_it_goes_before_the_templates_of_the_host_file(
    tmp_path: Path, payload: Mapping[str, str], subject: str
) -> None:
    async with Inbox() as inbox:
        path = write(tmp_path / "connectors.toml", connector("main", inbox.port))
        async with AsyncHost.from_file(path) as host:
            await host.send_message("SignIn", to=TO, payload=payload, template=GIVEN)
            [mail] = inbox.mails
            preview = await host.configured["main"].preview(
                "SignIn", to=TO, payload=payload, template=GIVEN
            )
    assert mail.message["Subject"] == subject
    assert f"Subject: {subject}\r\n".encode() in preview
