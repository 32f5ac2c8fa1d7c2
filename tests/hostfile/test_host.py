"""Hosts made from a host file, and their reloading, with mails that arrive in an inbox."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connector_core import (
    AsyncHost,
    ConfigError,
    Host,
    NoConnectorForUsageError,
    PermanentDeliveryError,
)
from connector_core.hostfile import loading
from connector_core.hostfile.model import HostFile
from connector_core.hostfile.reading import read
from connector_core.inbox import Inbox
from tests.hostfile.files import ALL_USAGES, connector, write, write_templates


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    async with Inbox() as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "connectors.toml"


async def sender_of(host: AsyncHost, inbox: Inbox, usage: str = "SignIn") -> str:
    """Who sent the mail that comes of one message."""
    before = len(inbox.mails)
    await host.send_message(usage, to="ann@example.org", payload={"code": "1"})
    return str((await inbox.wait_for(before + 1))[-1].message["From"])


async def test_nine_usage_types_in_three_locales_arrive_as_they_were_written(
    path: Path, inbox: Inbox
) -> None:
    write(path, 'defaultLocale = "en"', connector("main", inbox.port))
    for file in (path.parent / "templates").iterdir():
        file.unlink()
    write_templates(path.parent / "templates", ALL_USAGES, ("en", "fr", "zh-CN"))
    asked = {"en": "en", "fr-CA": "fr", "zh-CN": "zh-CN", "de": "en", None: "en"}
    async with AsyncHost.from_file(path) as host:
        for usage in ALL_USAGES:
            for locale, expected in asked.items():
                before = len(inbox.mails)
                await host.send_message(
                    usage, to="ann@example.org", payload={"code": "123456"}, locale=locale
                )
                mail = (await inbox.wait_for(before + 1))[-1]
                assert mail.message["Subject"] == f"{usage} {expected}: 123456"
                html = mail.message.get_body(("html",))
                assert html is not None
                assert (
                    html.get_content().replace("\r\n", "\n")
                    == f"<p>{usage} {expected} <b>123456</b></p>\n"
                )


async def test_routes_choose_and_star_serves_the_other_usage_types(
    path: Path, inbox: Inbox
) -> None:
    write(
        path,
        connector("main", inbox.port),
        connector("spare", inbox.port),
        '[routes]\nSignIn = ["spare", "main"]\nRegister = []\n"*" = ["main"]\n',
    )
    async with AsyncHost.from_file(path) as host:
        assert "spare" in await sender_of(host, inbox)
        assert "main" in await sender_of(host, inbox, "ForgotPassword")
        with pytest.raises(NoConnectorForUsageError):
            await host.send_message("Register", to="ann@example.org")


async def test_without_routes_each_serves_in_the_order_of_the_file(
    path: Path, inbox: Inbox
) -> None:
    async with Inbox() as other:
        write(path, connector("first", other.port), connector("second", inbox.port))
        async with AsyncHost.from_file(path) as host:
            await host.send_message("SignIn", to="ann@example.org")
            assert len(await other.wait_for(1)) == 1


async def test_a_connector_that_fails_gives_over_to_the_next_of_the_route(
    path: Path, inbox: Inbox, unused_tcp_port: int
) -> None:
    write(
        path,
        connector("main", inbox.port),
        connector("dead", unused_tcp_port),
        '[routes]\nSignIn = ["dead", "main"]\n',
    )
    async with AsyncHost.from_file(path) as host:
        assert "main" in await sender_of(host, inbox)


async def test_reload_changes_adds_and_takes_away(path: Path, inbox: Inbox) -> None:
    write(path, connector("main", inbox.port), connector("old", inbox.port))
    async with AsyncHost.from_file(path) as host:
        handle = host.configured["main"]
        write(
            path,
            connector("main", inbox.port, "other@example.com"),
            connector("new", inbox.port),
            '[routes]\nSignIn = ["new"]\n"*" = ["main"]\n',
        )
        await host.reload()
        assert list(host.configured) == ["main", "new"]
        assert host.configured["main"] is handle
        assert "new" in await sender_of(host, inbox)
        await handle.send_message("SignIn", to="ann@example.org")
        assert "other@example.com" in str((await inbox.wait_for(2))[-1].message["From"])


async def test_reload_keeps_the_connections_of_what_did_not_change(
    path: Path, inbox: Inbox
) -> None:
    write(path, connector("main", inbox.port))
    async with AsyncHost.from_file(path) as host:
        await sender_of(host, inbox)
        state = host.configured["main"]._guard
        write(path, connector("main", inbox.port), connector("new", inbox.port))
        await host.reload()
        assert host.configured["main"]._guard is state


async def test_reload_with_a_problem_leaves_everything_as_it_was(path: Path, inbox: Inbox) -> None:
    write(path, connector("main", inbox.port))
    async with AsyncHost.from_file(path) as host:
        write(path, connector("main", inbox.port).replace("port =", "prot ="))
        with pytest.raises(ConfigError) as caught:
            await host.reload()
        assert [problem.path for problem in caught.value.problems] == [
            "$.connectors.main.config.prot"
        ]
        assert "main" in await sender_of(host, inbox)
        write(path, connector("later", inbox.port))
        await host.reload()
        assert "later" in await sender_of(host, inbox)


async def test_reload_drops_no_message(path: Path, inbox: Inbox) -> None:
    write(path, connector("a", inbox.port))
    async with AsyncHost.from_file(path) as host:
        going = True
        sent = 0

        async def send() -> None:
            nonlocal sent
            while going:
                await host.send_message("SignIn", to="ann@example.org", payload={"code": "1"})
                sent += 1

        senders = [asyncio.ensure_future(send()) for _ in range(4)]
        for number in range(6):
            write(path, connector("ab"[number % 2], inbox.port, f"n{number}@example.com"))
            await host.reload()
            await inbox.wait_for(len(inbox.mails) + 5)
        going = False
        await asyncio.gather(*senders)  # none of them failed
        assert len(inbox.mails) == sent


async def test_what_the_program_configured_stays_beside_the_file(path: Path, inbox: Inbox) -> None:
    write(path, connector("main", inbox.port), '[routes]\nSignIn = ["main"]\n')
    async with AsyncHost.from_file(path) as host:
        templates = [
            {"usageType": usage, "contentType": "text/plain", "subject": "s", "content": "c"}
            for usage in ("Register", "SignIn", "ForgotPassword", "Generic")
        ]
        own = {
            "host": "127.0.0.1",
            "port": inbox.port,
            "fromEmail": "own@example.com",
            "templates": templates,
        }
        host.configure("smtp", own, name="own")
        assert "own@" in await sender_of(host, inbox, "Register")
        await host.reload()
        assert "own@" in await sender_of(host, inbox, "Register")
        assert "main" in await sender_of(host, inbox)
        write(path, connector("own", inbox.port))
        with pytest.raises(ConfigError, match="the program configured itself"):
            await host.reload()


async def test_reload_belongs_to_hosts_of_a_file() -> None:
    async with AsyncHost.discover() as host:
        with pytest.raises(RuntimeError, match="from_file"):
            await host.reload()


async def test_every_problem_of_every_connector_is_told_by_its_place(
    path: Path, inbox: Inbox
) -> None:
    write(
        path,
        connector("main", inbox.port, extra='pass = "x"'),
        connector("spare", inbox.port).replace('"smtp"', '"smpt"'),
        '[[templates]]\nusageType = "SignIn"\nsubject = "x"\ncontent = "y"\n',
        'replyTo = "no mailbox"\n',
    )
    (path.parent / "templates" / "Register.html").write_text(
        "---\nsubject: s\nsendFrom: also none\n---\n", "utf-8"
    )
    with pytest.raises(ConfigError) as caught:
        AsyncHost.from_file(path)
    assert {problem.path for problem in caught.value.problems} >= {
        "$.connectors.main.config.pass",
        "$.connectors.spare.connector",
        "$.templates[0].replyTo",
        "templates/Register.html sendFrom",
    }


async def test_references_are_resolved_beside_the_file(
    path: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path.parent / "sender").write_text("from-file@example.com\n", "utf-8")
    monkeypatch.setenv("TEST_MAIL_HOST", "127.0.0.1")
    text = connector("main", inbox.port).replace('"main <app@example.com>"', '"file:sender"')
    write(path, text.replace('"127.0.0.1"', '"env:TEST_MAIL_HOST"'))
    async with AsyncHost.from_file(path) as host:
        assert "from-file@" in await sender_of(host, inbox)


async def test_the_blocking_host_does_the_same(path: Path, inbox: Inbox) -> None:
    def work() -> None:
        with Host.from_file(path) as host:
            main = host.configured["main"]
            host.send_message("SignIn", to="ann@example.org")
            write(path, connector("main", inbox.port, "b@example.com"), connector("x", inbox.port))
            host.reload()
            assert list(host.configured) == ["main", "x"]
            assert host.configured["main"] is main
            main.send_message("SignIn", to="ann@example.org")

    write(path, connector("main", inbox.port, "a@example.com"))
    await asyncio.to_thread(work)
    assert ["a@" in str(mail.message["From"]) for mail in inbox.mails] == [True, False]


async def test_a_host_file_that_is_closed_twice_or_while_retiring_closes(
    path: Path, inbox: Inbox
) -> None:
    write(path, connector("main", inbox.port))
    host = AsyncHost.from_file(path)
    await sender_of(host, inbox)
    write(path, connector("other", inbox.port))
    await host.reload()
    await host.aclose()
    await host.aclose()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in left if "retire" in repr(task)]


async def test_a_refusal_is_told_as_without_a_file(path: Path, unused_tcp_port: int) -> None:
    write(path, connector("main", unused_tcp_port), "[routes]\nSignIn = []\n")
    async with AsyncHost.from_file(path) as host:
        with pytest.raises(NoConnectorForUsageError):
            await host.send_message("SignIn", to="ann@example.org")
        with pytest.raises(Exception, match="connect") as caught:
            await host.configured["main"].send_message("SignIn", to="ann@example.org")
        assert not isinstance(caught.value, PermanentDeliveryError)


async def test_a_reload_that_was_cancelled_counts_for_nothing(
    path: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, connector("main", inbox.port, "old@example.com"))
    async with AsyncHost.from_file(path) as host:
        reading, go_on = threading.Event(), threading.Event()

        def slow(*arguments: Any) -> HostFile:
            reading.set()
            assert go_on.wait(10)
            return read(*arguments)

        monkeypatch.setattr(loading, "read", slow)
        write(path, connector("main", inbox.port, "new@example.com"), connector("two", inbox.port))
        reload = asyncio.ensure_future(host.reload())
        await asyncio.to_thread(reading.wait, 10)
        reload.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await reload
        assert "old@" in await sender_of(host, inbox)
        await host.reload()
        assert list(host.configured) == ["main", "two"]
        assert "new@" in await sender_of(host, inbox)
