"""What the Python peers share: callers that send in turns, and the line that says how it went."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.bench.task import Task

__all__ = ["Answer", "codes", "measure", "measure_calls", "measure_threads", "play"]

Answer = dict[str, Any]


def play(perform: Callable[[Task], Answer]) -> None:
    """Do the task in this program's argument and print what came of it."""
    print(json.dumps(perform(Task.from_json(sys.argv[1]))), flush=True)


def codes() -> Iterator[str]:
    """Codes of six digits, each another, as far as six digits go."""
    # not a generator: threads share it
    return map(_code, itertools.count())


def _code(number: int) -> str:
    return f"{number % 1_000_000:06}"


class _Stint:
    """A span of work that its callers share: so long, or so many messages."""

    def __init__(self, seconds: float | None, messages: int | None) -> None:
        self._end = math.inf if seconds is None else time.perf_counter() + seconds
        self._most = math.inf if messages is None else messages
        self._begun = itertools.count()

    def goes_on(self) -> bool:
        """Whether one more is to be sent; the caller who hears so sends it."""
        # `next` of a counter is one step of the interpreter: no two threads get the same
        return next(self._begun) < self._most and time.perf_counter() < self._end


class _Clock:
    """Starts when it is made; `answer` stops it."""

    def __init__(self) -> None:
        self._cpu, self._started = time.process_time(), time.perf_counter()

    def answer(self, messages: int, **more: Any) -> Answer:
        """What was measured since; CPU is that of all threads."""
        seconds, cpu = time.perf_counter() - self._started, time.process_time() - self._cpu
        return {
            "messages": messages,
            "seconds": seconds,
            "cpu_seconds": cpu,
            "peak_rss_bytes": _memory("VmHWM"),
            **more,
        }


async def measure(task: Task, send: Callable[[str], Awaitable[object]]) -> Answer:
    """Let callers on this event loop send; `send` takes a code and returns when it was answered."""
    numbers = codes()

    async def call(stint: _Stint, latencies: list[float]) -> None:
        while stint.goes_on():
            code = next(numbers)
            started = time.perf_counter()
            await send(code)
            latencies.append(time.perf_counter() - started)

    async def run(callers: int, seconds: float | None, messages: int | None) -> list[float]:
        latencies: list[float] = []
        stint = _Stint(seconds, messages)
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(call(stint, latencies))
        return latencies

    [first] = await run(1, None, 1)
    at_rest = _memory("VmRSS")
    warm = await run(task.in_flight, task.warmup_seconds, None)
    clock = _Clock()
    latencies = await run(task.in_flight, task.seconds, task.messages)
    return clock.answer(
        len(latencies),
        latencies_ms=_latencies(first, latencies),
        warmup_messages=1 + len(warm),
        rss_bytes=at_rest,
    )


def measure_threads(task: Task, send: Callable[[str], object]) -> Answer:
    """Let callers send, each in a thread of its own; `send` blocks until it was answered."""
    numbers = codes()

    def call(stint: _Stint) -> list[float]:
        latencies = []
        while stint.goes_on():
            code = next(numbers)
            started = time.perf_counter()
            send(code)
            latencies.append(time.perf_counter() - started)
        return latencies

    # the same threads throughout: a client may keep a connection in each
    with ThreadPoolExecutor(task.in_flight) as threads:

        def run(callers: int, seconds: float | None, messages: int | None) -> list[float]:
            stint = _Stint(seconds, messages)
            futures = [threads.submit(call, stint) for _ in range(callers)]
            return [latency for future in futures for latency in future.result()]

        [first] = run(1, None, 1)
        at_rest = _memory("VmRSS")
        warm = run(task.in_flight, task.warmup_seconds, None)
        clock = _Clock()
        latencies = run(task.in_flight, task.seconds, task.messages)
        return clock.answer(
            len(latencies),
            latencies_ms=_latencies(first, latencies),
            warmup_messages=1 + len(warm),
            rss_bytes=at_rest,
        )


def measure_calls(task: Task, call: Callable[[], object], *, batch: int = 100) -> Answer:
    """Time a call that takes no I/O: batch after batch, as the clock has its price too."""

    def run(seconds: float | None, messages: int | None) -> int:
        stint, done = _Stint(seconds, None), 0
        while (messages is None or done < messages) and stint.goes_on():
            for _ in range(batch):
                call()
            done += batch
        return done

    warm = run(task.warmup_seconds, None)
    clock = _Clock()
    return clock.answer(run(task.seconds, task.messages), warmup_messages=warm)


def _latencies(first: float, others: Sequence[float]) -> dict[str, float]:
    ordered = sorted(others)
    return {
        "first": first * 1000,
        "p50": ordered[math.ceil(0.50 * len(ordered)) - 1] * 1000,
        "p99": ordered[math.ceil(0.99 * len(ordered)) - 1] * 1000,
    }


def _memory(name: str) -> int:
    """A size of this process, in octets, by its name in proc(5).

    Not `getrusage`: its peak is also that of the program which started this one.
    """
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    raise LookupError(name)
