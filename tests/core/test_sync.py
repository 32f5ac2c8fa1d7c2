"""Host: the surface of AsyncHost, for threads."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from connector_core import (
    AsyncConfiguredConnector,
    AsyncHost,
    ConfigError,
    ConfigProblem,
    DeliveryError,
    Host,
    HostClosedError,
    Message,
    MessageError,
    Receipt,
    Stage,
    TemporaryDeliveryError,
    UncertainDeliveryError,
    UnknownConnectorError,
    VerifyReport,
    hookimpl,
    sync,
)
from tests.core.plugins import Plugin, receipt_of, registry_of

TO = "ann@example.org"


def host_of(*plugins: Any, **options: Any) -> Host:
    return Host(registry_of(*plugins), **options)


class Waiting:
    """A sender that waits until it is released, and tells whether it was cancelled."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.cancelled = threading.Event()

    async def __call__(self, _state: Any, _message: Message) -> Receipt:
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        raise AssertionError


def public(kind: type) -> dict[str, Any]:
    return {name: value for name, value in vars(kind).items() if not name.startswith("_")}


def parameters(function: Any) -> list[tuple[str, Any, Any, str]]:
    plain = getattr(function, "__func__", function)
    return [
        (item.name, item.kind, item.default, str(item.annotation))
        for item in inspect.signature(plain).parameters.values()
    ]


# The surface


def test_host_has_the_names_of_async_host() -> None:
    expected = {"close" if name == "aclose" else name for name in public(AsyncHost)}
    assert set(public(Host)) == expected


def test_configured_connector_has_the_same_names() -> None:
    expected = set(public(AsyncConfiguredConnector))
    assert set(public(sync.ConfiguredConnector)) == expected


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(Host, AsyncHost), (sync.ConfiguredConnector, AsyncConfiguredConnector)],
)
def test_parameters_and_docstrings_are_the_same(ours: type, theirs: type) -> None:
    compared = 0
    for name, member in public(ours).items():
        other = public(theirs)["aclose" if name == "close" else name]
        if isinstance(member, property):
            assert isinstance(other, property)
            assert member.__doc__ == other.__doc__
        else:
            renamed = [
                (*item[:3], item[3].replace("AsyncConfigured", "Configured"))
                for item in parameters(other)
            ]
            assert parameters(member) == renamed, name
            assert inspect.getdoc(member) == inspect.getdoc(other), name
            assert inspect.getdoc(member)
        compared += 1
    assert compared >= 3


def test_both_are_made_alike() -> None:
    assert inspect.signature(Host) == inspect.signature(AsyncHost)


# Use


def test_every_call() -> None:
    class Verifying(Plugin):
        @hookimpl
        async def verify(self, on_stage: Callable[[Stage], None]) -> VerifyReport:
            stage = Stage(name="connect", ok=True, seconds=0.0)
            on_stage(stage)
            return VerifyReport((stage,))

    plugin, other = Verifying("a"), Plugin("b")
    stages: list[str] = []
    with host_of(plugin, other) as blocking:
        assert [connector.target for connector in blocking.registry] == ["a", "b"]
        configured = blocking.configure("a", {"key": 1}, name="mine")
        blocking.configure("b", {})
        assert list(blocking.configured) == ["mine", "b"]
        assert blocking.configured["mine"] is configured
        assert (configured.name, configured.type) == ("mine", "Email")
        assert repr(configured) == "<ConfiguredConnector mine (a-id)>"
        blocking.enable(configured, ["SignIn"])
        receipt = blocking.send_message(
            "SignIn", to=TO, payload={"code": "1"}, locale="fr", timeout=60, message_id="m@x"
        )
        assert (receipt.message_id, receipt.connector_id) == ("m@x", "a")
        assert blocking.send_message("Generic", to=TO).connector_id == "b"
        assert configured.send_message("Generic", to=TO).connector_id == "a"
        assert configured.verify(lambda stage: stages.append(stage.name)).ok
        with pytest.raises(MessageError):
            blocking.send_message("SignIn", to="")
        with pytest.raises(ValueError, match="taken"):
            blocking.configure("a", {}, name="b")
    assert stages == ["connect"]
    assert plugin.messages[0].locale == "fr"
    assert plugin.closed == [{"key": 1}]


def test_discovers_what_is_installed() -> None:
    with Host.discover() as blocking:
        assert blocking.registry["smtp"].id == "simple-mail-transfer-protocol"


def test_a_connector_of_another_host_is_unknown() -> None:
    with host_of(Plugin()) as blocking, host_of(Plugin()) as other:
        blocking.configure("test", {})
        with pytest.raises(UnknownConnectorError, match="another host"):
            blocking.enable(other.configure("test", {}), ["SignIn"])


def test_many_threads_at_once() -> None:
    meeting = asyncio.Barrier(8)

    async def together(_state: Any, message: Message) -> Receipt:
        await meeting.wait()
        return receipt_of(message)

    with host_of(Plugin(then=together)) as blocking, ThreadPoolExecutor(8) as pool:
        blocking.configure("test", {})
        sent = list(
            pool.map(
                lambda index: blocking.send_message("SignIn", to=TO, message_id=f"{index}@x"),
                range(80),
            )
        )
    assert [receipt.message_id for receipt in sent] == [f"{index}@x" for index in range(80)]


def test_threads_configuring_at_once_get_names_of_their_own() -> None:
    plugin = Plugin()
    with host_of(plugin) as blocking, ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda _: blocking.configure("test", {}).name, range(50)))
        assert sorted(names) == sorted(blocking.configured)
    assert len(set(names)) == 50
    assert len(plugin.closed) == 50


def test_a_blocking_template_source_and_connector() -> None:
    class Blocking(Plugin):
        @hookimpl
        def send_message(self, message: Message) -> Receipt:  # type: ignore[override]
            assert message.template is not None
            return receipt_of(message, message.template.subject)

    template = {"subject": "of the source", "content": ""}
    with host_of(Blocking(), template_source=lambda *_: template) as blocking:
        blocking.configure("test", {})
        assert blocking.send_message("SignIn", to=TO).connector_id == "of the source"


# Inside an event loop


async def test_inside_an_event_loop_it_names_async_host() -> None:
    registry = registry_of(Plugin())
    with pytest.raises(RuntimeError, match="AsyncHost"):
        Host(registry)
    with pytest.raises(RuntimeError, match="AsyncHost"):
        Host.discover()
    blocking = await asyncio.to_thread(Host, registry)
    configured = await asyncio.to_thread(blocking.configure, "test", {})
    calls: Sequence[Callable[[], object]] = (
        lambda: blocking.configure("test", {}),
        lambda: blocking.enable("test", ["SignIn"]),
        lambda: blocking.send_message("SignIn", to=TO),
        lambda: configured.send_message("SignIn", to=TO),
        lambda: configured.verify(),
        blocking.close,
    )
    for call in calls:
        with pytest.raises(RuntimeError, match="AsyncHost"):
            call()
    receipt = await asyncio.to_thread(blocking.send_message, "SignIn", to=TO)
    assert receipt.accepted == (TO,)
    await asyncio.to_thread(blocking.close)


# Closing


def test_used_after_close() -> None:
    plugin = Plugin()
    blocking = host_of(plugin)
    configured = blocking.configure("test", {})
    blocking.close()
    blocking.close()
    calls: Sequence[Callable[[], object]] = (
        lambda: blocking.configure("test", {}),
        lambda: blocking.enable("test", ["SignIn"]),
        lambda: blocking.send_message("SignIn", to=TO),
        lambda: configured.send_message("SignIn", to=TO),
        lambda: configured.verify(),
        lambda: blocking.__enter__(),
    )
    for call in calls:
        with pytest.raises(HostClosedError):
            call()
    assert dict(blocking.configured) == {}
    assert plugin.closed == [{}]


def test_closing_ends_its_threads() -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        blocking = host_of(Plugin())
        blocking.configure("test", {})
        blocking.send_message("SignIn", to=TO)
        blocking.close()
    assert set(threading.enumerate()) <= before


def test_closed_by_many_threads_at_once() -> None:
    plugin = Plugin()
    blocking = host_of(plugin)
    blocking.configure("test", {})
    with ThreadPoolExecutor(8) as pool:
        for closing in [pool.submit(blocking.close) for _ in range(8)]:
            closing.result(timeout=30)
    assert plugin.closed == [{}]


def test_closing_ends_a_send_that_hangs_as_uncertain() -> None:
    waiting = Waiting()
    blocking = host_of(Plugin(then=waiting))
    configured = blocking.configure("test", {})
    with ThreadPoolExecutor(2) as pool:
        sending = [
            pool.submit(blocking.send_message, "SignIn", to=TO),
            pool.submit(configured.send_message, "SignIn", to=TO),
        ]
        assert waiting.started.wait(30)
        blocking.close()
        for send in sending:
            with pytest.raises((UncertainDeliveryError, HostClosedError)) as caught:
                send.result(timeout=30)
            assert "closed" in str(caught.value)
    assert waiting.cancelled.is_set()
    assert any(isinstance(send.exception(), UncertainDeliveryError) for send in sending)


def test_every_send_ends_when_the_host_is_closed_meanwhile() -> None:
    """However closing and sending fall together, every caller gets an answer."""
    for _ in range(20):
        blocking = host_of(Plugin())
        blocking.configure("test", {})
        begun = threading.Barrier(5)

        def keep_sending(blocking: Host = blocking, begun: threading.Barrier = begun) -> None:
            begun.wait(30)
            while True:
                blocking.send_message("SignIn", to=TO)

        with ThreadPoolExecutor(4) as pool:
            sending = [pool.submit(keep_sending) for _ in range(4)]
            begun.wait(30)
            blocking.close()
            for send in sending:
                assert isinstance(send.exception(timeout=30), HostClosedError | DeliveryError)


def test_a_plugin_that_exits_does_not_take_the_loop_with_it() -> None:
    class Exiting(Plugin):
        @hookimpl
        def configure(self, config: Any) -> None:
            if config:
                raise SystemExit

    def leave(_state: Any, _message: Message) -> Receipt:
        raise SystemExit

    with host_of(Exiting(then=leave)) as blocking:
        blocking.configure("test", {})
        with pytest.raises(ConfigError):
            blocking.configure("test", {"exit": True})
        for _ in range(2):
            with pytest.raises(UncertainDeliveryError, match="SystemExit"):
                blocking.send_message("SignIn", to=TO)


def test_errors_come_as_they_are() -> None:
    error = TemporaryDeliveryError("busy", stage="connect")

    def fail(_state: Any, _message: Message) -> Receipt:
        raise error

    class Refusing(Plugin):
        @hookimpl
        def check_config(self, config: Any) -> list[ConfigProblem]:
            return [ConfigProblem("$.a", "wrong")] if config else []

    with host_of(Refusing(then=fail)) as blocking:
        with pytest.raises(ConfigError) as refused:
            blocking.configure("test", {"a": 1})
        assert refused.value.problems == (ConfigProblem("$.a", "wrong"),)
        blocking.configure("test", {})
        with pytest.raises(TemporaryDeliveryError) as caught:
            blocking.send_message("SignIn", to=TO)
    assert caught.value is error


# Processes and signals


@pytest.fixture
def interrupting() -> Iterator[Callable[[Waiting], None]]:
    """Send this thread Ctrl-C as soon as the connector waits."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals go to the main thread")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    helpers: list[threading.Thread] = []

    def arm(waiting: Waiting) -> None:
        def interrupt() -> None:
            if waiting.started.wait(30):
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        helpers.append(threading.Thread(target=interrupt))
        helpers[0].start()

    yield arm
    for helper in helpers:
        helper.join()
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="pthread_kill is POSIX")
def test_ctrl_c_cancels_the_send(interrupting: Callable[[Waiting], None]) -> None:
    waiting, plugin = Waiting(), Plugin()
    plugin.then = waiting
    with host_of(plugin) as blocking:
        blocking.configure("test", {})
        interrupting(waiting)
        with pytest.raises(KeyboardInterrupt):
            blocking.send_message("SignIn", to=TO)
        assert waiting.cancelled.wait(30)
        plugin.then = None
        assert blocking.send_message("SignIn", to=TO).accepted == (TO,)


PROGRAM = """
import os, sys, threading
import asyncio
from connector_core import Host, HostClosedError
from tests.core.plugins import Plugin, registry_of

async def hang(state, message):
    print("hangs", flush=True)
    await asyncio.Event().wait()

"""


def run(program: str, *, succeeds: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode == 0) is succeeds, done.stderr
    return done.stdout + done.stderr


def test_a_forgotten_host_does_not_keep_the_interpreter_alive() -> None:
    told = run(
        """
        blocking = Host(registry_of(Plugin()))
        blocking.configure("test", {})
        blocking.send_message("SignIn", to="ann@example.org")
        print("done")
        """
    )
    assert told == "done\n"


def test_a_forgotten_host_with_a_hanging_send_does_not_either() -> None:
    told = run(
        """
        blocking = Host(registry_of(Plugin(then=hang)))
        blocking.configure("test", {})
        threading.Thread(
            target=lambda: blocking.send_message("SignIn", to="ann@example.org"), daemon=True
        ).start()
        sys.stdin.read(0)
        """
    )
    assert "Traceback" not in told


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_after_a_fork_the_child_is_told_and_the_parent_goes_on() -> None:
    told = run(
        """
        import warnings
        warnings.simplefilter("ignore")  # of forking a process with threads, since Python 3.12
        with Host(registry_of(Plugin())) as blocking:
            configured = blocking.configure("test", {})
            child = os.fork()
            if child == 0:
                for call in (
                    lambda: blocking.send_message("SignIn", to="ann@example.org"),
                    lambda: configured.send_message("SignIn", to="ann@example.org"),
                    lambda: blocking.configure("test", {}),
                ):
                    try:
                        call()
                    except RuntimeError as error:
                        print("child:", error, flush=True)
                blocking.close()
                with Host(registry_of(Plugin())) as own:
                    own.configure("test", {})
                    print("own:", own.send_message("SignIn", to="a@b.test").accepted, flush=True)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            print("parent:", blocking.send_message("SignIn", to="a@b.test").accepted)
        """
    )
    lines = told.splitlines()
    assert len(lines) == 5, told
    assert all("fork" in line and "make one in each process" in line for line in lines[:3])
    assert lines[3:] == ["own: ('a@b.test',)", "parent: ('a@b.test',)"]
