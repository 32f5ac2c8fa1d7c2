"""Plugins that are at hand are loaded by the same steps as those that are installed."""

from __future__ import annotations

from connector_core import AsyncHost
from connector_core.discovery import registry_of
from tests.core.plugins import Plugin


class Classless:
    """Implements no hook."""


async def test_a_plugin_at_hand_works() -> None:
    plugin = Plugin("one")
    async with AsyncHost(registry_of(plugin, Plugin("two"))) as host:
        assert [connector.target for connector in host.registry] == ["one", "two"]
        host.configure("one", {})
        await host.send_message("SignIn", to="ann@example.org")
    assert [message.to for message in plugin.messages] == ["ann@example.org"]


def test_what_is_wrong_with_one_is_a_failure_and_the_others_load() -> None:
    registry = registry_of(Plugin, Classless(), Plugin("two"))
    assert [connector.target for connector in registry] == ["two"]
    assert [failure.stage for failure in registry.failures] == ["contract", "hooks"]
    assert "'metadata'" in registry.failures[1].error


def test_of_two_with_one_id_neither_loads() -> None:
    registry = registry_of(Plugin("one"), Plugin("one"))
    assert not len(registry)
    assert [failure.stage for failure in registry.failures] == ["duplicate", "duplicate"]
