"""Where hosts meet what they do not control: event loops, threads, and plugins that break."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from connector_core import (
    AsyncHost,
    ConnectorError,
    Host,
    Message,
    MessageError,
    Provider,
    Receipt,
    TemplateNotFoundError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
    hookimpl,
)
from tests.core.plugins import Plugin, connector_of, receipt_of, registry_of

TO = "ann@example.org"
CANARY = "never-shown-here"


def ready(*plugins: Plugin, **options: Any) -> AsyncHost:
    host = AsyncHost(registry_of(*plugins), **options)
    for plugin in plugins:
        host.configure(plugin.connector, {})
    return host


def test_a_second_event_loop_is_told_and_not_uncertain() -> None:
    host = ready(Plugin())
    asyncio.run(host.send_message("SignIn", to=TO))
    with pytest.raises(RuntimeError, match="belongs to one event loop"):
        asyncio.run(host.send_message("SignIn", to=TO))


def test_a_template_source_that_exits_does_not_stop_the_host() -> None:
    def exits(_usage_type: str, _locale: str | None) -> None:
        raise SystemExit(CANARY)

    async def exits_later(_usage_type: str, _locale: str | None) -> None:
        raise SystemExit(CANARY)

    for source in (exits, exits_later):
        with Host(registry_of(Plugin()), template_source=source) as host:
            host.configure("test", {})
            for _ in range(2):
                assert host.send_message("SignIn", to=TO, timeout=20).accepted == (TO,)


async def test_every_closer_waits_for_the_close() -> None:
    slow = asyncio.Event()

    class Slow(Plugin):
        @hookimpl
        async def close(self, state: Any) -> None:
            await slow.wait()
            self.closed.append(state)

    plugin = Slow()
    host = ready(plugin)
    closers = [asyncio.create_task(host.aclose()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(closer.done() for closer in closers)
    slow.set()
    await asyncio.gather(*closers)
    assert plugin.closed == [{}]


def test_a_send_whose_task_ends_late_does_not_hold_its_thread() -> None:
    started = threading.Event()

    async def stubborn(_state: Any, message: Message) -> Receipt:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(30)
        return receipt_of(message)

    host = Host(registry_of(Plugin(then=stubborn)))
    host.configure("test", {})
    outcomes: list[BaseException] = []

    def send() -> None:
        try:
            host.send_message("SignIn", to=TO)
        except BaseException as error:  # noqa: BLE001 - whatever it is
            outcomes.append(error)

    sender = threading.Thread(target=send)
    sender.start()
    assert started.wait(10)
    host.close()
    sender.join(20)
    assert not sender.is_alive()
    assert isinstance(outcomes[0], UncertainDeliveryError)


async def test_an_error_carries_nothing_of_the_plugins_own() -> None:
    def breaks(_state: Any, _message: Message) -> Receipt:
        raise ValueError(CANARY)

    with pytest.raises(UncertainDeliveryError) as caught:
        await ready(Plugin(then=breaks)).send_message("SignIn", to=TO)
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    assert CANARY not in "".join(error.__notes__)


async def test_another_error_of_a_later_connector_does_not_hide_the_hope() -> None:
    def later(_state: Any, _message: Message) -> Receipt:
        raise TemporaryDeliveryError("down", stage="connect", failover=True)

    def lost(_state: Any, _message: Message) -> Receipt:
        raise TemplateNotFoundError("SignIn", None, [])

    host = ready(Plugin("a", then=later), Plugin("b", then=lost))
    with pytest.raises(TemporaryDeliveryError, match="down") as caught:
        await host.send_message("SignIn", to=TO)
    assert any("b failed after it" in note for note in caught.value.__notes__)


async def test_a_failover_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def down(_state: Any, _message: Message) -> Receipt:
        raise TemporaryDeliveryError("down", stage="connect", failover=True)

    await ready(Plugin("a", then=down), Plugin("b")).send_message("SignIn", to=TO)
    assert "a failed for 'SignIn': down" in caplog.text


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (object(), "payload.code"),
        (b"12", "payload.code"),
        (float("nan"), "payload.code"),
        ({"a": [1, {2}]}, "payload.code.a.1"),
        ({"user": {"name": lambda: "Ann"}}, "payload.code.user.name"),
    ],
)
async def test_a_value_that_no_mail_can_show_is_told(value: Any, path: str) -> None:
    plugin = Plugin()
    with pytest.raises(MessageError) as caught:
        await ready(plugin).send_message("SignIn", to=TO, payload={"code": value})
    assert caught.value.field == path
    assert plugin.messages == []


async def test_a_payload_within_itself_is_told() -> None:
    payload: dict[str, Any] = {}
    payload["self"] = payload
    with pytest.raises(MessageError, match="within itself"):
        await ready(Plugin()).send_message("SignIn", to=TO, payload=payload)


@pytest.mark.parametrize("timeout", [10**400, -1, 0, float("nan"), True, "5"])
async def test_a_timeout_that_is_none_is_told(timeout: Any) -> None:
    with pytest.raises(MessageError) as caught:
        await ready(Plugin()).send_message("SignIn", to=TO, timeout=timeout)
    assert caught.value.field == "timeout"


class BrokenCatalogue(Plugin):
    @hookimpl
    def providers(self) -> list[Provider]:
        raise KeyError(CANARY)

    @hookimpl
    def sample_config(self) -> Mapping[str, Any]:
        raise SystemExit(CANARY)


def test_a_plugin_that_breaks_as_it_is_shown_is_named() -> None:
    connector = connector_of(BrokenCatalogue())
    for ask in (lambda: connector.providers, connector.sample_config):
        with pytest.raises(ConnectorError, match=r"test-connector 1\.0") as caught:
            ask()
        assert CANARY not in str(caught.value)


def test_pydantics_other_errors_do_not_pass_for_a_models() -> None:
    import pydantic

    class Odd(Plugin):
        @hookimpl
        def configure(self, config: Mapping[str, Any]) -> Any:
            raise pydantic.PydanticUserError(CANARY, code=None)

    with pytest.raises(ConnectorError, match="PydanticUserError") as caught:
        AsyncHost(registry_of(Odd())).configure("test", {})
    assert CANARY not in str(caught.value)


def test_the_host_merges_a_providers_preset_whatever_the_hook_does() -> None:
    class Preset(Plugin):
        @hookimpl
        def providers(self) -> list[Provider]:
            return [Provider(name="p", title="P", guide="", links=(), config={"a": 2, "b": None})]

        @hookimpl
        def sample_config(self) -> Mapping[str, Any]:
            return {"a": 1, "b": 1, "c": 1}

    assert connector_of(Preset()).sample_config("p") == {"a": 2, "c": 1}
