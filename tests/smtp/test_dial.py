"""A name looked up, its addresses tried, one connection kept."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector_core.network.dial import dial, first, look_up
from connectors.smtp.proxy.connect import connect_through
from connectors.smtp.proxy.faults import ProxyError
from connectors.smtp.proxy.url import Proxy
from tests.smtp.helpers import within
from tests.smtp.peer import Peer

Look = Callable[[str, int], Any]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[[Look], None]:
    """Has names looked up by a function; on asyncio's loop, for uvloop's cannot be changed."""

    def use(look_up: Look) -> None:
        async def getaddrinfo(host: str, port: int, **_more: Any) -> Any:
            return look_up(host, port)

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)

    return use


def address(host: str, port: int) -> Any:
    if ":" in host:
        return socket.AF_INET6, socket.SOCK_STREAM, 6, "", (host, port, 0, 0)
    return socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)


async def reach(host: str, port: int) -> tuple[socket.socket | None, list[OSError]]:
    return await dial(await look_up(host, port, None), None)


async def test_ipv6_dead_and_ipv4_alive(names: Callable[[Look], None]) -> None:
    names(lambda _, port: [address("100::1", port), address("127.0.0.1", port)])
    async with Peer() as peer:
        with within():
            connected, _ = await reach("mail.test", peer.port)
        assert connected is not None
        assert connected.getpeername()[0] == "127.0.0.1"
        connected.close()


async def test_an_address_that_refuses_before_one_that_takes(
    names: Callable[[Look], None],
) -> None:
    names(lambda _, port: [address("127.0.0.2", port), address("127.0.0.1", port)])
    async with Peer() as peer:
        connected, errors = await reach("mail.test", peer.port)
        assert connected is not None
        assert connected.getpeername()[0] == "127.0.0.1"
        assert [type(error) for error in errors] == [ConnectionRefusedError]
        connected.close()


async def test_families_are_tried_in_turn(names: Callable[[Look], None]) -> None:
    found = ["::2", "::3", "::4", "127.0.0.1", "127.0.0.2", "::2"]
    names(lambda _, port: [address(item, port) for item in found])
    addresses = [item[1][0] for item in await look_up("mail.test", 25, None)]
    assert addresses == ["::2", "127.0.0.1", "::3", "127.0.0.2", "::4"]


async def test_an_address_is_not_looked_up(names: Callable[[Look], None]) -> None:
    names(lambda host, _port: pytest.fail(host))
    assert [item[1][0] for item in await look_up("::1", 25, None)] == ["::1"]


async def test_every_error_is_told(names: Callable[[Look], None]) -> None:
    names(lambda _, port: [address(f"127.0.0.{last}", port) for last in (2, 3, 4)])
    with socket.socket() as closed:
        closed.bind(("127.0.0.5", 0))
        connected, errors = await reach("proxy.test", closed.getsockname()[1])
    assert connected is None
    assert len(errors) == 3


async def test_an_unreachable_proxy_says_so_once(names: Callable[[Look], None]) -> None:
    names(lambda _, port: [address(f"127.0.0.{last}", port) for last in (2, 3, 4)])
    with socket.socket() as closed:
        closed.bind(("127.0.0.5", 0))
        with pytest.raises(ProxyError) as caught:
            await by_proxy(closed.getsockname()[1])
    assert caught.value.reason.lower().count("refused") == 1
    assert not caught.value.permanent


async def by_proxy(port: int) -> object:
    proxy = Proxy("socks5", "proxy.test", port)
    return await connect_through(
        proxy, "mail.test", 25, asyncio.Protocol, context=None, local_address=None
    )


@pytest.mark.parametrize(
    ("code", "permanent"),
    [
        ("EAI_AGAIN", False),
        ("EAI_FAIL", False),
        ("EAI_SYSTEM", False),
        ("EAI_NONAME", True),
        ("EAI_NODATA", True),
    ],
)
async def test_a_proxy_whose_name_is_not_found(
    code: str, permanent: bool, names: Callable[[Look], None]
) -> None:
    def look_up(_host: str, _port: int) -> Any:
        raise socket.gaierror(getattr(socket, code), "as the test wants it")

    names(look_up)
    with pytest.raises(ProxyError) as caught:
        await by_proxy(3128)
    assert caught.value.permanent == permanent
    assert "proxy.test" in caught.value.reason
    assert caught.value.hint


def hosts_file() -> list[list[str]]:
    lines = Path("/etc/hosts").read_text("utf-8").splitlines()
    return [line.split("#")[0].split() for line in lines]


@pytest.mark.parametrize("name", ["localhost", socket.gethostname()])
async def test_the_hosts_file_counts(name: str) -> None:
    """Names that no name server need know."""
    expected = {item[0] for item in hosts_file() if name in item[1:]}
    if not expected:
        pytest.skip(f"{name} is not in this machine's hosts file")
    assert {item[1][0] for item in await look_up(name, 25, None)} & expected


class Attempts:
    """Attempts that end when the test says so."""

    def __init__(self, count: int) -> None:
        self.ends: list[asyncio.Future[str]] = []
        self.count = count
        self.started = asyncio.Event()
        self.succeeded: list[str] = []
        self.given_back: list[str] = []

    async def one(self, _place: int) -> str:
        end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.ends.append(end)
        if len(self.ends) == self.count:
            self.started.set()
        found = await end
        self.succeeded.append(found)
        return found

    async def all_run(self) -> asyncio.Task[tuple[list[str], list[OSError]]]:
        task = asyncio.ensure_future(
            first(range(self.count), self.one, self.given_back.append),
        )
        await self.started.wait()
        return task


async def test_two_that_succeed_at_once_leave_one() -> None:
    attempts = Attempts(2)
    task = await attempts.all_run()
    for number, end in enumerate(attempts.ends):
        end.set_result(str(number))
    kept, errors = await task
    assert sorted([*kept, *attempts.given_back]) == ["0", "1"]
    assert not errors


async def test_one_that_succeeds_calls_the_others_off() -> None:
    attempts = Attempts(3)
    task = await attempts.all_run()
    attempts.ends[0].set_exception(ConnectionRefusedError())
    await asyncio.sleep(0)
    attempts.ends[1].set_result("second")
    kept, errors = await task
    assert kept == ["second"]
    assert [type(error) for error in errors] == [ConnectionRefusedError]
    assert attempts.ends[2].cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_all_that_fail() -> None:
    attempts = Attempts(2)
    task = await attempts.all_run()
    for end in attempts.ends:
        end.set_exception(ConnectionRefusedError())
    kept, errors = await task
    assert not kept
    assert len(errors) == 2


async def test_a_defect_is_raised() -> None:
    attempts = Attempts(2)
    task = await attempts.all_run()
    attempts.ends[0].set_exception(TypeError("a defect"))
    with pytest.raises(TypeError, match="a defect"):
        await task
    assert attempts.ends[1].cancelled()


@pytest.mark.parametrize("steps", range(6))
@pytest.mark.parametrize("ended", [1, 2])
async def test_called_off_itself_everything_is_given_back(steps: int, ended: int) -> None:
    attempts = Attempts(2)
    task = await attempts.all_run()
    for number, end in enumerate(attempts.ends[:ended]):
        end.set_result(str(number))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    kept = [] if isinstance(result, BaseException) else result[0]
    assert sorted([*kept, *attempts.given_back]) == sorted(attempts.succeeded)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_called_off_at_every_step_no_socket_is_left() -> None:
    async with Peer() as peer:
        steps, finished = 0, False
        while not finished:
            task = asyncio.ensure_future(reach("127.0.0.1", peer.port))
            for _ in range(steps):
                await asyncio.sleep(0)
            finished = task.done()
            task.cancel()
            (result,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(result, tuple) and result[0] is not None:
                result[0].close()
            steps += 1
        gc.collect()  # an open socket that nobody holds would be a warning, which is an error
        await peer.until(lambda: peer.open == 0)
