"""The time limit of a connection, in virtual time: set anew for every reply, by one timer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.smtp.alarm import Alarm
from tests.smtp.memory import run


def rung(plan: Iterable[tuple[float, float]]) -> list[float]:
    """When it rang, where at each time the deadline is set to so much later; both in seconds."""
    times: list[float] = []

    def set_by(alarm: Alarm, after: float) -> None:
        alarm.set(asyncio.get_running_loop().time() + after)

    async def play() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        alarm = Alarm(lambda: times.append(loop.time() - start))
        for at, after in plan:
            loop.call_at(start + at, set_by, alarm, after)
        await asyncio.sleep(1000)

    run(play)
    return [round(time, 6) for time in times]


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ([(0, 5)], [5]),
        ([(0, 0)], [0]),
        ([(0, -1)], [0]),
        ([(0, 5), (1, 5), (2, 5)], [7]),
        ([(0, 100), (1, 5)], [6]),
        ([(0, 5), (6, 5)], [5, 11]),
    ],
)
def test_it_rings_at_the_last_deadline_that_was_set(
    plan: list[tuple[float, float]], expected: list[float]
) -> None:
    assert rung(plan) == expected


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8))
def test_it_rings_whenever_a_deadline_passes_before_the_next_is_set(
    plan: list[tuple[int, int]],
) -> None:
    plan = sorted(dict(plan).items())
    following = [at for at, _ in plan[1:]] + [10_000]
    assert rung([(at, after + 0.5) for at, after in plan]) == [
        at + after + 0.5
        for (at, after), until in zip(plan, following, strict=True)
        if at + after + 0.5 < until
    ]


def test_cancelled_it_rings_no_more() -> None:
    async def play() -> bool:
        alarm = Alarm(pytest.fail)
        alarm.set(asyncio.get_running_loop().time() + 5)
        alarm.cancel()
        await asyncio.sleep(10)
        return True

    assert run(play)


def test_one_timer_serves_many_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[float] = []

    async def send_many() -> None:
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def counted(delay: float, *args: Any) -> asyncio.TimerHandle:
            timers.append(delay)
            return call_later(delay, *args)

        monkeypatch.setattr(loop, "call_later", counted)
        alarm = Alarm(lambda: None)
        for _ in range(1000):
            alarm.set(loop.time() + 600)
            await asyncio.sleep(0)
        alarm.cancel()

    run(send_many)
    assert timers == [600]
