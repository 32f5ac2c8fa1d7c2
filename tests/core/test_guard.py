"""A connector that retires: what is under way ends first, in bounded time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from connector_core import HostClosedError, Message, PermanentDeliveryError, Receipt, guard
from tests.core.plugins import Plugin, connector_of, receipt_of


def message(message_id: str = "m1") -> Message:
    return Message(type="Email", usage_type="SignIn", to="ann@example.org", message_id=message_id)


class Held:
    """A connector that holds its messages until they may go, one by one."""

    def __init__(self) -> None:
        self.may_go: dict[str, asyncio.Future[None]] = {}
        self.plugin = Plugin(then=self._hold)
        self.guard = guard.Guard("held", connector_of(self.plugin), "the state")

    async def _hold(self, _state: Any, held: Message) -> Receipt:
        await self.may_go[held.message_id]
        return receipt_of(held)

    async def begin(self, message_id: str) -> asyncio.Task[Receipt]:
        self.may_go[message_id] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self.guard.deliver(message(message_id)))
        await turns()
        return task


async def turns() -> None:
    """Let everything that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_idle_one_closes_at_once_and_only_once() -> None:
    held = Held()
    await held.guard.retire()
    assert held.plugin.closed == ["the state"]
    with pytest.raises(HostClosedError):
        await held.guard.deliver(message())
    await asyncio.gather(held.guard.retire(), held.guard.close())
    assert held.plugin.closed == ["the state"]


async def test_it_closes_after_the_last_message_those_that_began_later_included() -> None:
    held = Held()
    first = await held.begin("first")
    retiring = asyncio.create_task(held.guard.retire())
    await turns()
    second = await held.begin("second")
    held.may_go["first"].set_result(None)
    assert (await first).message_id == "first"
    await turns()
    assert held.plugin.closed == []
    assert not retiring.done()
    held.may_go["second"].set_result(None)
    assert (await second).message_id == "second"
    await retiring
    assert held.plugin.closed == ["the state"]


async def test_a_message_that_begins_in_the_moment_the_last_one_ends_is_waited_for() -> None:
    held = Held()

    async def one_after_the_other() -> list[str]:
        return [(await held.guard.deliver(message(name))).message_id for name in held.may_go]

    held.may_go = {name: asyncio.get_running_loop().create_future() for name in ("m1", "m2")}
    sending = asyncio.create_task(one_after_the_other())
    await turns()
    retiring = asyncio.create_task(held.guard.retire())
    await turns()
    held.may_go["m1"].set_result(None)
    await turns()
    assert held.plugin.closed == []
    held.may_go["m2"].set_result(None)
    assert await sending == ["m1", "m2"]
    await retiring
    assert held.plugin.closed == ["the state"]


@pytest.mark.parametrize(
    "ending",
    [PermanentDeliveryError("refused", stage="recipient"), ValueError("broke"), None],
    ids=["an error", "a broken contract", "a cancellation"],
)
async def test_a_message_that_ends_badly_has_ended(ending: Exception | None) -> None:
    held = Held()
    task = await held.begin("m1")
    retiring = asyncio.create_task(held.guard.retire())
    await turns()
    if ending is None:
        task.cancel()
    else:
        held.may_go["m1"].set_exception(ending)
    await retiring
    assert held.plugin.closed == ["the state"]
    await asyncio.wait([task])
    assert task.cancelled() if ending is None else task.exception() is not None


async def test_two_that_retire_it_both_wait() -> None:
    held = Held()
    task = await held.begin("m1")
    both = asyncio.gather(held.guard.retire(), held.guard.retire())
    await turns()
    assert not both.done()
    held.may_go["m1"].set_result(None)
    await both
    await task
    assert held.plugin.closed == ["the state"]


async def test_what_does_not_end_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "_RETIRE", 0)
    held = Held()
    task = await held.begin("m1")
    await held.guard.retire()
    assert held.plugin.closed == ["the state"]
    assert not task.done()
    held.may_go["m1"].set_result(None)
    assert (await task).message_id == "m1"


async def test_closing_goes_before_retiring() -> None:
    held = Held()
    task = await held.begin("m1")
    retiring = asyncio.create_task(held.guard.retire())
    await turns()
    await held.guard.close()
    assert held.plugin.closed == ["the state"]
    held.may_go["m1"].set_result(None)
    await retiring
    await task
    assert held.plugin.closed == ["the state"]
