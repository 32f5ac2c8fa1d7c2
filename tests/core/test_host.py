"""AsyncHost: configuring, routing, failing over, deadlines, and plugins that break the contract."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from connector_core import (
    AsyncHost,
    ConfigError,
    ConfigProblem,
    ConnectorError,
    DeliveryError,
    HostClosedError,
    Message,
    MessageError,
    NoConnectorForUsageError,
    PermanentDeliveryError,
    Provider,
    Receipt,
    Stage,
    Template,
    TemplateNotFoundError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
    UnknownConnectorError,
    VerifyReport,
    hookimpl,
)
from tests.core.plugins import Plugin, Sender, receipt_of, registry_of

CANARY = "canary-7f3a"
TO = "ann@example.org"


def failing(error: BaseException) -> Sender:
    def fail(_state: Any, _message: Message) -> Receipt:
        raise error

    return fail


def giving(value: Any) -> Sender:
    return lambda _state, _message: value


async def hang(_state: Any, _message: Message) -> Receipt:
    await asyncio.Event().wait()
    raise AssertionError


def temporary(reason: str = "busy", *, failover: bool = True) -> TemporaryDeliveryError:
    return TemporaryDeliveryError(reason, stage="connect", failover=failover)


def permanent(reason: str = "refused", *, failover: bool = True) -> PermanentDeliveryError:
    return PermanentDeliveryError(reason, stage="auth", failover=failover)


def shown(error: BaseException) -> str:
    """Everything that a log with traceback shows of an error."""
    return f"{error}\n{error!r}\n" + "".join(traceback.format_exception(error))


def host_of(*plugins: Any, **options: Any) -> AsyncHost:
    return AsyncHost(registry_of(*plugins), **options)


def ready(*plugins: Plugin, **options: Any) -> AsyncHost:
    """A host with each plugin configured once, under its own name."""
    host = host_of(*plugins, **options)
    for plugin in plugins:
        host.configure(plugin.connector, {})
    return host


# Configuring


def test_registry_finds_by_id_and_target_and_names_what_there_is() -> None:
    host = host_of(Plugin("b"), Plugin("a"))
    assert [connector.id for connector in host.registry] == ["a-id", "b-id"]
    assert len(host.registry) == 2
    assert host.registry["b"] is host.registry["b-id"]
    with pytest.raises(UnknownConnectorError) as caught:
        host.configure("smpt", {})
    assert str(caught.value) == "no connector is called 'smpt'; there are: a (a-id), b (b-id)"


def test_configure_tells_every_problem_at_once() -> None:
    class Strict(Plugin):
        @hookimpl
        def check_config(self, config: Mapping[str, Any]) -> Sequence[ConfigProblem]:
            return [ConfigProblem("$.more", "is wrong too", "mend it")]

    schema = {
        "type": "object",
        "properties": {"host": {"type": "string"}, "port": {"type": "integer"}},
        "required": ["host", "from"],
        "additionalProperties": False,
    }
    host = host_of(Strict(schema=schema))
    with pytest.raises(ConfigError) as caught:
        host.configure("test", {"host": 5, "prt": 1, "port": "x", "more": b""})
    assert [problem.path for problem in caught.value.problems] == [
        "$.more",  # no JSON; the other problems at this place are not told besides
        "$.from",
        "$.host",
        "$.port",
        "$.prt",
    ]
    for problem in caught.value.problems:
        assert str(problem) in str(caught.value)
    assert dict(host.configured) == {}


@pytest.mark.parametrize("config", [None, [], "text", 5, [("host", "x")]])
def test_config_must_be_an_object(config: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        host_of(Plugin()).configure("test", config)
    assert caught.value.problems == (ConfigProblem("$", "the config must be an object"),)


def test_names_are_unique_and_numbered() -> None:
    host = host_of(Plugin("a"), Plugin("b"))
    chosen = [host.configure("a", {}).name, host.configure("a-id", {}).name]
    assert chosen == ["a", "a-2"]
    assert host.configure("b", {}, name="a-3").name == "a-3"
    assert host.configure("a", {}).name == "a-4"
    assert list(host.configured) == ["a", "a-2", "a-3", "a-4"]
    for taken in ("a", "a-3", ""):
        with pytest.raises(ValueError, match="taken"):
            host.configure("b", {}, name=taken)
    assert len(host.configured) == 4


def test_configured_is_a_copy() -> None:
    host = ready(Plugin())
    host.configured.clear()  # type: ignore[attr-defined]
    assert list(host.configured) == ["test"]


async def test_state_is_a_deep_copy_of_the_config() -> None:
    plugin = Plugin()
    host = host_of(plugin)
    config: dict[str, Any] = {"list": [{"a": 1}], "gone": None}
    before = copy.deepcopy(config)
    host.configure("test", config)
    assert config == before
    config["list"][0]["a"] = 2
    await host.send_message("SignIn", to=TO)
    assert plugin.states == [{"list": [{"a": 1}]}]


def test_schema_and_sample_are_copies() -> None:
    schema = {
        "type": "object",
        "properties": {"host": {"type": "string", "examples": ["<your-host>"]}},
        "required": ["host"],
    }
    preset = Provider(name="p", title="P", guide="", links=(), config={"hosts": ["a"]})

    class Preset(Plugin):
        @hookimpl
        def providers(self) -> Sequence[Provider]:
            return [preset]

    host = host_of(Preset(schema=schema))
    connector = host.registry["test"]
    connector.schema["properties"].clear()
    schema["required"] = []
    connector.sample_config()["host"] = 5
    connector.sample_config("p")["hosts"].append("b")
    assert connector.sample_config("p") == {"host": "<your-host>", "hosts": ["a"]}
    assert preset.config == {"hosts": ["a"]}
    with pytest.raises(ConfigError) as caught:
        host.configure("test", {})
    assert [problem.path for problem in caught.value.problems] == ["$.host"]
    with pytest.raises(ValueError, match="no provider 'q'; there are: p"):
        connector.sample_config("q")


async def test_configure_hook_makes_the_state_once() -> None:
    made: list[object] = []

    class Stateful(Plugin):
        @hookimpl
        def configure(self, config: Mapping[str, Any]) -> object:
            made.append(config)
            return made

    plugin = Stateful()
    async with host_of(plugin) as host:
        host.configure("test", {"a": 1})
        await host.send_message("SignIn", to=TO)
        await host.send_message("SignIn", to=TO)
    assert made == [{"a": 1}]
    assert all(state is made for state in [*plugin.states, *plugin.closed])
    assert len(plugin.states) == 2
    assert len(plugin.closed) == 1


async def test_configure_hook_may_return_none() -> None:
    class Stateless(Plugin):
        @hookimpl
        def configure(self, config: Mapping[str, Any]) -> None:
            return None

    plugin = Stateless()
    async with host_of(plugin) as host:
        host.configure("test", {"a": 1})
        await host.send_message("SignIn", to=TO)
    assert plugin.states == [None]
    assert plugin.closed == [None]


@pytest.mark.parametrize("hook", ["check_config", "configure"])
@pytest.mark.parametrize("error", [KeyError(CANARY), SystemExit(CANARY)])
def test_hook_that_breaks_on_a_config_is_a_problem_without_its_text(
    hook: str, error: BaseException
) -> None:
    def broken(self: Plugin, config: Mapping[str, Any]) -> None:
        raise error

    broken.__name__ = hook
    kind = type("Broken", (Plugin,), {hook: hookimpl(broken)})
    with pytest.raises(ConfigError) as caught:
        host_of(kind()).configure("test", {"password": CANARY})
    [problem] = caught.value.problems
    assert type(error).__name__ in problem.message
    assert "test-connector 1.0" in problem.hint
    assert CANARY not in shown(caught.value)


@pytest.mark.parametrize("found", [["text"], [None], "text", 5, {"$.a": "wrong"}])
def test_problems_of_the_wrong_type_are_a_problem(found: Any) -> None:
    class Odd(Plugin):
        @hookimpl
        def check_config(self, config: Mapping[str, Any]) -> Any:
            return found

    with pytest.raises(ConfigError) as caught:
        host_of(Odd()).configure("test", {})
    assert "TypeError" in str(caught.value)


def test_configure_hook_may_raise_config_error() -> None:
    class Refusing(Plugin):
        @hookimpl
        def configure(self, config: Mapping[str, Any]) -> None:
            raise ConfigError([ConfigProblem("$.a", "one"), ConfigProblem("$.b", "two")])

    host = host_of(Refusing())
    with pytest.raises(ConfigError) as caught:
        host.configure("test", {})
    assert [problem.path for problem in caught.value.problems] == ["$.a", "$.b"]
    assert dict(host.configured) == {}


def test_broken_sample_is_in_nobodys_way(caplog: pytest.LogCaptureFixture) -> None:
    class Unsampled(Plugin):
        @hookimpl
        def sample_config(self, provider: str | None) -> Mapping[str, Any]:
            raise RuntimeError(CANARY)

    host_of(Unsampled()).configure("test", {"a": "b"})
    assert "RuntimeError" in caplog.text
    assert CANARY not in caplog.text


# Where hooks run


class Blocking(Plugin):
    """All hooks are plain functions."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[tuple[str, int]] = []
        self.error: BaseException | None = None

    def _note(self, name: str) -> None:
        self.threads.append((name, threading.get_ident()))

    @hookimpl
    def send_message(self, state: Any, message: Message) -> Receipt:  # type: ignore[override]
        self._note("send_message")
        if self.error:
            raise self.error
        return receipt_of(message)

    @hookimpl
    def verify(self, state: Any, on_stage: Callable[[Stage], None]) -> VerifyReport:
        self._note("verify")
        stages = tuple(Stage(name=name, ok=True, seconds=0.0) for name in ("connect", "auth"))
        for stage in stages:
            on_stage(stage)
        return VerifyReport(stages)

    @hookimpl
    def close(self, state: Any) -> None:  # type: ignore[override]
        self._note("close")


async def test_blocking_hooks_run_off_the_event_loop() -> None:
    plugin = Blocking()
    here = threading.get_ident()
    stages: list[tuple[str, int]] = []
    async with host_of(plugin) as host:
        configured = host.configure("test", {})
        await host.send_message("SignIn", to=TO)
        report = await configured.verify(
            lambda stage: stages.append((stage.name, threading.get_ident()))
        )
    assert [name for name, _ in plugin.threads] == ["send_message", "verify", "close"]
    assert all(thread != here for _, thread in plugin.threads)
    assert report.ok
    # The caller's own function is called on the loop, and before `verify` ends.
    assert stages == [("connect", here), ("auth", here)]


async def test_asynchronous_hooks_run_on_the_event_loop() -> None:
    threads = []

    async def note(_state: Any, message: Message) -> Receipt:
        threads.append(threading.get_ident())
        return receipt_of(message)

    async with ready(Plugin(then=note)) as host:
        await host.send_message("SignIn", to=TO)
    assert threads == [threading.get_ident()]


async def test_plain_function_may_return_an_awaitable() -> None:
    class Awaited(Plugin):
        @hookimpl
        def send_message(self, state: Any, message: Message) -> Any:
            async def later() -> Receipt:
                return receipt_of(message)

            return later()

    async with host_of(Awaited()) as host:
        host.configure("test", {})
        assert (await host.send_message("SignIn", to=TO)).accepted == (TO,)


@pytest.mark.parametrize("error", [StopIteration(CANARY), KeyError(CANARY), SystemExit(CANARY)])
async def test_errors_of_blocking_hooks_arrive(error: BaseException) -> None:
    plugin = Blocking()
    plugin.error = error
    async with host_of(plugin) as host:
        host.configure("test", {})
        with pytest.raises(UncertainDeliveryError) as caught:
            await host.send_message("SignIn", to=TO)
        assert CANARY not in shown(caught.value)


# Closing


async def test_close_runs_exactly_once_for_each() -> None:
    a, b = Plugin("a"), Plugin("b")
    host = ready(a, b)
    host.configure("a", {"second": True})
    async with host:
        pass
    await host.aclose()
    await asyncio.gather(host.aclose(), host.aclose())
    assert a.closed == [{}, {"second": True}]
    assert b.closed == [{}]


@pytest.mark.parametrize("error", [KeyError(CANARY), SystemExit(CANARY)])
async def test_a_connector_that_cannot_close_is_logged_and_the_others_close(
    caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    class Stuck(Plugin):
        @hookimpl
        async def close(self, state: Any) -> None:
            raise error

    other = Plugin("other")
    host = host_of(Stuck(), other)
    host.configure("test", {})
    host.configure("other", {})
    await host.aclose()
    assert other.closed == [{}]
    assert type(error).__name__ in caplog.text
    assert CANARY not in caplog.text


async def test_a_closed_host_says_so() -> None:
    host = ready(Plugin())
    configured = host.configured["test"]
    await host.aclose()
    with pytest.raises(HostClosedError):
        await host.send_message("SignIn", to=TO)
    with pytest.raises(HostClosedError):
        await configured.send_message("SignIn", to=TO)
    with pytest.raises(HostClosedError):
        await configured.verify()
    with pytest.raises(HostClosedError):
        host.configure("test", {})
    with pytest.raises(HostClosedError):
        host.enable("test", ["SignIn"])
    with pytest.raises(HostClosedError, match="closed"):
        async with host:
            pass


async def test_host_closed_while_the_template_is_looked_for() -> None:
    plugin = Plugin()
    asked = asyncio.Event()

    async def source(_usage_type: str, _locale: str | None) -> None:
        asked.set()
        await closed.wait()

    closed = asyncio.Event()
    host = ready(plugin, template_source=source)
    sending = asyncio.create_task(host.send_message("SignIn", to=TO))
    await asked.wait()
    await host.aclose()
    closed.set()
    with pytest.raises(HostClosedError):
        await sending
    assert plugin.messages == []


# Routing


async def test_order_of_enabling_and_those_never_enabled_last() -> None:
    order: list[str] = []

    def refuse(name: str) -> Sender:
        def fail(_state: Any, _message: Message) -> Receipt:
            order.append(name)
            raise temporary()

        return fail

    plugins = [Plugin(name, then=refuse(name)) for name in ("any", "late", "early", "other")]
    host = ready(*plugins)
    host.enable("early", ["SignIn", "Register"])
    host.enable(host.configured["late"], iter(["SignIn"]))
    host.enable("other", ["Register"])
    host.enable("early", ["SignIn"])  # again changes nothing
    for usage_type, expected in {
        "SignIn": ["early", "late", "any"],
        "Register": ["early", "other", "any"],
        "Generic": ["any"],
    }.items():
        order.clear()
        with pytest.raises(TemporaryDeliveryError):
            await host.send_message(usage_type, to=TO)
        assert order == expected


async def test_routes_that_change_between_messages() -> None:
    served: list[str] = []

    def serve(name: str) -> Sender:
        def take(_state: Any, message: Message) -> Receipt:
            served.append(name)
            return receipt_of(message)

        return take

    host = AsyncHost(registry_of(*(Plugin(name, then=serve(name)) for name in ("a", "b"))))
    with pytest.raises(NoConnectorForUsageError):
        await host.send_message("SignIn", to=TO)
    host.configure("a", {})
    await host.send_message("SignIn", to=TO)
    host.configure("b", {})
    await host.send_message("SignIn", to=TO)
    host.enable("b", ["SignIn"])
    await host.send_message("SignIn", to=TO)
    host.enable("a", ["Register"])
    await host.send_message("Register", to=TO)
    assert served == ["a", "a", "b", "a"]
    with pytest.raises(NoConnectorForUsageError):
        await host.send_message("Generic", to=TO)


async def test_enabled_for_nothing_serves_nothing() -> None:
    host = ready(Plugin("a"))
    host.enable("a", [])
    with pytest.raises(NoConnectorForUsageError, match=r"a \(Email\) serves none"):
        await host.send_message("SignIn", to=TO)


async def test_channels_never_mix() -> None:
    mail, text = Plugin("mail"), Plugin("text", type="Sms")
    host = ready(text, mail)
    host.enable("text", ["SignIn"])
    await host.send_message("SignIn", to=TO)
    assert [message.type for message in mail.messages] == ["Email"]
    await host.send_message("SignIn", to="+491234567", type="Sms")
    assert [message.type for message in text.messages] == ["Sms"]
    assert len(mail.messages) == 1
    await host.configured["text"].send_message("Any", to="+491234567")
    assert text.messages[-1].type == "Sms"
    with pytest.raises(NoConnectorForUsageError) as caught:
        await host.send_message("Register", to="+491234567", type="Sms")
    assert str(caught.value) == (
        "no Sms connector serves the usage type 'Register': "
        "text (Sms) serves SignIn; mail (Email) serves every usage type"
    )


async def test_no_connector_error_names_what_is_configured() -> None:
    host = ready(Plugin("a"), Plugin("b"))
    host.enable("a", ["SignIn", "Register"])
    host.enable("b", ["Generic"])
    with pytest.raises(NoConnectorForUsageError) as caught:
        await host.send_message("BindMfa", to=TO)
    assert caught.value.configured == {
        "a": ("Email", ("SignIn", "Register")),
        "b": ("Email", ("Generic",)),
    }
    assert str(caught.value) == (
        "no Email connector serves the usage type 'BindMfa': "
        "a (Email) serves SignIn, Register; b (Email) serves Generic"
    )
    with pytest.raises(NoConnectorForUsageError, match=r"nothing is configured; call host\.config"):
        await host_of(Plugin()).send_message("SignIn", to=TO)


def test_enable_refuses_what_it_does_not_know() -> None:
    host, other = ready(Plugin("a")), ready(Plugin("a"))
    with pytest.raises(UnknownConnectorError, match="'b'; there are: a"):
        host.enable("b", ["SignIn"])
    with pytest.raises(UnknownConnectorError, match="another host"):
        host.enable(other.configured["a"], ["SignIn"])
    with pytest.raises(TypeError, match=r"\['SignIn'\]"):
        host.enable("a", "SignIn")


async def test_a_configured_connector_sends_whatever_the_routes_say() -> None:
    a, b = Plugin("a"), Plugin("b")
    host = ready(a, b)
    host.enable("a", ["Register"])
    await host.configured["a"].send_message("SignIn", to=TO, payload={"code": "1"})
    assert [message.usage_type for message in a.messages] == ["SignIn"]
    assert b.messages == []


# Failing over


async def test_failover_only_where_the_error_says_so() -> None:
    second = Plugin("second")
    for error in (temporary(failover=False), permanent(failover=False)):
        host = ready(Plugin("first", then=failing(error)), second)
        with pytest.raises(DeliveryError) as caught:
            await host.send_message("SignIn", to=TO)
        assert caught.value is error
    for other in (MessageError("to", "bad"), TemplateNotFoundError("SignIn", None, [])):
        host = ready(Plugin("first", then=failing(other)), second)
        with pytest.raises(type(other)):
            await host.send_message("SignIn", to=TO)
    assert second.messages == []
    host = ready(Plugin("first", then=failing(permanent())), second)
    receipt = await host.send_message("SignIn", to=TO, message_id="same@id")
    assert receipt.connector_id == "second"
    assert [message.message_id for message in second.messages] == ["same@id"]


async def test_the_next_connector_gets_the_same_message() -> None:
    first, second = Plugin("first", then=failing(temporary())), Plugin("second")
    await ready(first, second).send_message("SignIn", to=TO, timeout=60)
    assert first.messages == second.messages


@pytest.mark.parametrize(
    ("errors", "chosen"),
    [
        ([temporary("1"), permanent("2")], 0),
        ([permanent("1"), temporary("2")], 1),
        ([permanent("1"), permanent("2")], 1),
        ([permanent("1"), temporary("2"), temporary("3")], 1),
        ([temporary("1"), UncertainDeliveryError("2", stage="content")], 1),
        ([permanent("1"), KeyError("2")], 1),
    ],
)
async def test_the_error_with_most_hope_is_raised_and_tells_the_others(
    errors: list[Exception], chosen: int
) -> None:
    errors = copy.deepcopy(errors)
    names = [f"number-{index}" for index in range(len(errors))]
    host = ready(
        *(Plugin(name, then=failing(error)) for name, error in zip(names, errors, strict=True))
    )
    with pytest.raises(DeliveryError) as caught:
        await host.send_message("SignIn", to=TO)
    if isinstance(errors[chosen], DeliveryError):
        assert caught.value is errors[chosen]
    else:
        assert isinstance(caught.value, UncertainDeliveryError)
    notes = "\n".join(caught.value.__notes__)
    for index, error in enumerate(errors):
        if index != chosen:
            assert names[index] in notes
            assert str(error) in notes


async def test_a_stranger_error_is_uncertain_and_never_sent_again() -> None:
    second = Plugin("second")
    host = ready(Plugin("first", then=failing(KeyError("x"))), second)
    with pytest.raises(UncertainDeliveryError):
        await host.send_message("SignIn", to=TO)
    assert second.messages == []


# Deadlines


@pytest.mark.parametrize("uses_thread", [False, True])
async def test_a_connector_that_hangs_is_given_up(uses_thread: bool) -> None:
    released = threading.Event()

    class Hanging(Plugin):
        @hookimpl
        def send_message(self, state: Any, message: Message) -> Any:
            released.wait(60)

    host = host_of(Hanging() if uses_thread else Plugin(then=hang))
    host.configure("test", {})
    started = time.monotonic()
    try:
        with pytest.raises(UncertainDeliveryError) as caught:
            await host.send_message("SignIn", to=TO, timeout=0.05)
    finally:
        released.set()
    assert 0.05 <= time.monotonic() - started < 30
    assert caught.value.stage == "connector"
    assert "time" in str(caught.value)
    assert not caught.value.operator


async def test_the_deadline_is_handed_over() -> None:
    plugin = Plugin()
    host = ready(plugin)
    before = time.monotonic()
    await host.send_message("SignIn", to=TO, timeout=20)
    after = time.monotonic()
    await host.send_message("SignIn", to=TO)
    await host.send_message("SignIn", to=TO, timeout=float("inf"))
    given, none, endless = (message.deadline for message in plugin.messages)
    assert given is not None
    assert before + 20 <= given <= after + 20
    assert none is None
    assert endless == float("inf")


async def test_no_connector_is_tried_after_the_deadline() -> None:
    async def late(_state: Any, message: Message) -> Receipt:
        assert message.deadline is not None
        await asyncio.sleep(message.deadline - time.monotonic() + 0.01)
        raise temporary("too late")

    second = Plugin("second")
    host = ready(Plugin("first", then=late), second)
    with pytest.raises(TemporaryDeliveryError, match="too late"):
        await host.send_message("SignIn", to=TO, timeout=0.5)
    assert second.messages == []


async def test_cancelling_a_send_cancels_the_connector() -> None:
    started = asyncio.Event()
    ended: list[str] = []

    async def wait(_state: Any, _message: Message) -> Receipt:
        try:
            started.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        raise AssertionError

    host = ready(Plugin("first", then=wait), Plugin("second"))
    task = asyncio.create_task(host.send_message("SignIn", to=TO))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["cancelled"]


async def test_cancellation_that_nobody_asked_for_is_uncertain() -> None:
    host = ready(Plugin(then=failing(asyncio.CancelledError(CANARY))))
    with pytest.raises(UncertainDeliveryError):
        await host.send_message("SignIn", to=TO)


# Plugins that break the contract


@pytest.mark.parametrize(
    "error",
    [
        KeyError(CANARY),
        TimeoutError(CANARY),
        SystemExit(CANARY),
        ExceptionGroup(CANARY, [OSError()]),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("timeout", [None, 60])
async def test_a_stranger_error_is_uncertain_and_its_text_stays_hidden(
    error: BaseException, timeout: float | None
) -> None:
    host = ready(Plugin(then=failing(error)))
    with pytest.raises(UncertainDeliveryError) as caught:
        await host.send_message("SignIn", to=TO, timeout=timeout)
    told = shown(caught.value)
    assert CANARY not in told
    assert type(error).__name__ in told
    assert "in fail" in told  # where it happened, for the author
    assert "test-connector 1.0" in caught.value.hint
    assert caught.value.operator


@pytest.mark.parametrize("value", [None, True, "250 OK", {"message_id": "x"}, Receipt])
async def test_anything_but_a_receipt_is_uncertain(value: Any) -> None:
    host = ready(Plugin(then=giving(value)))
    with pytest.raises(UncertainDeliveryError) as caught:
        await host.send_message("SignIn", to=TO)
    assert type(value).__name__ in str(caught.value)
    assert "Receipt" in str(caught.value)
    assert "250 OK" not in shown(caught.value)


class Verifying(Plugin):
    def __init__(self, outcome: Any) -> None:
        super().__init__()
        self.outcome = outcome

    @hookimpl
    async def verify(self, state: Any) -> Any:
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


async def test_verify_reports_delivery_errors_as_a_stage() -> None:
    error = permanent()
    report = await host_of(Verifying(error)).configure("test", {}).verify()
    assert not report.ok
    [stage] = report.stages
    assert (stage.name, stage.error) == ("auth", error)


@pytest.mark.parametrize("error", [KeyError(CANARY), SystemExit(CANARY)])
async def test_verify_that_breaks(error: BaseException) -> None:
    configured = host_of(Verifying(error)).configure("test", {})
    with pytest.raises(ConnectorError, match=type(error).__name__) as caught:
        await configured.verify()
    assert CANARY not in shown(caught.value)


async def test_verify_that_is_absent_or_returns_something_else() -> None:
    with pytest.raises(ConnectorError, match="cannot verify"):
        await host_of(Plugin()).configure("test", {}).verify()
    with pytest.raises(ConnectorError, match="bool in place of a VerifyReport"):
        await host_of(Verifying(True)).configure("test", {}).verify()


# The caller's data


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("to", ""),
        ("to", None),
        ("to", 5),
        ("to", ["ann@example.org"]),
        ("payload", [("code", "1")]),
        ("payload", "code"),
        ("usage_type", ""),
        ("usage_type", None),
        ("usage_type", ["SignIn"]),
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", "5"),
        ("timeout", True),
        ("timeout", float("nan")),
        ("message_id", ""),
        ("message_id", "a b"),
        ("message_id", "a\r\nBcc: b"),
        ("message_id", "é"),
        ("message_id", 5),
        ("message_id", "x" * 901),
        ("locale", 5),
        ("locale", ["fr"]),
        ("type", "Fax"),
        ("type", ["Email"]),
        ("type", None),
    ],
)
async def test_bad_data_is_refused_and_named(argument: str, value: Any) -> None:
    plugin = Plugin()
    host = ready(plugin)
    arguments = {"usage_type": "SignIn", "to": TO, argument: value}
    with pytest.raises(MessageError) as caught:
        await host.send_message(**arguments)
    assert caught.value.field == argument
    assert plugin.messages == []
    if argument != "type":
        with pytest.raises(MessageError):
            await host.configured["test"].send_message(**arguments)


async def test_message_carries_the_callers_data() -> None:
    plugin = Plugin()
    host = ready(plugin)
    payload = {"code": "123456"}
    await host.send_message("SignIn", to=TO, payload=payload, ip="192.0.2.1", message_id="m@x")
    await host.send_message("Any string", to=TO)
    await host.send_message("SignIn", to=TO)
    first, second, third = plugin.messages
    assert first == Message(
        type="Email",
        usage_type="SignIn",
        to=TO,
        payload=payload,
        ip="192.0.2.1",
        message_id="m@x",
    )
    assert second.usage_type == "Any string"
    assert second.payload == {}
    assert second.message_id
    assert second.message_id != third.message_id
    assert "123456" not in repr(first)


@pytest.mark.parametrize(
    ("locale", "in_payload", "expected"),
    [
        ("fr", "de", "fr"),
        (None, "de", "de"),
        (None, 5, None),
        (None, None, None),
        ("", "de", ""),
    ],
)
async def test_locale_goes_before_the_payloads(
    locale: str | None, in_payload: Any, expected: str | None
) -> None:
    plugin = Plugin()
    await ready(plugin).send_message("SignIn", to=TO, payload={"locale": in_payload}, locale=locale)
    assert plugin.messages[0].locale == expected


# Template sources

TEMPLATE = Template(subject="S {{code}}", content="<b>{{code}}</b>", send_from="a@b.test")
MAPPING = {"subject": "S {{code}}", "content": "<b>{{code}}</b>", "sendFrom": "a@b.test"}


@pytest.mark.parametrize("given", [TEMPLATE, MAPPING, {**MAPPING, "replyTo": None}])
@pytest.mark.parametrize("kind", ["function", "coroutine", "callable", "awaitable"])
async def test_template_source_is_asked_once_a_message(given: Any, kind: str) -> None:
    asked: list[tuple[str, str | None, bool]] = []
    here = threading.get_ident()

    def note(usage_type: str, locale: str | None) -> Any:
        asked.append((usage_type, locale, threading.get_ident() == here))
        return given

    async def later(usage_type: str, locale: str | None) -> Any:
        return note(usage_type, locale)

    class Callable_:  # noqa: N801
        async def __call__(self, usage_type: str, locale: str | None) -> Any:
            return note(usage_type, locale)

    sources = {
        "function": note,
        "coroutine": later,
        "callable": Callable_(),
        "awaitable": lambda usage_type, locale: later(usage_type, locale),
    }
    second = Plugin("second")
    first = Plugin("first", then=failing(temporary()))
    host = ready(first, second, template_source=sources[kind])
    await host.send_message("SignIn", to=TO, payload={"locale": "fr-CA"})
    assert asked == [("SignIn", "fr-CA", kind != "function")]
    assert [message.template for message in second.messages] == [TEMPLATE]


async def test_template_source_may_give_none() -> None:
    plugin = Plugin()
    await ready(plugin, template_source=lambda *_: None).send_message("SignIn", to=TO)
    assert plugin.messages[0].template is None


@pytest.mark.parametrize("error", [OSError("the store is down"), StopIteration()])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_template_source_that_raises_is_logged_and_the_config_serves(
    caplog: pytest.LogCaptureFixture, error: Exception, asynchronous: bool
) -> None:
    def source(_usage_type: str, _locale: str | None) -> None:
        raise error

    async def later(_usage_type: str, _locale: str | None) -> None:
        raise error

    plugin = Plugin()
    with caplog.at_level(logging.ERROR, "connector_core"):
        host = ready(plugin, template_source=later if asynchronous else source)
        await host.send_message("SignIn", to=TO, timeout=60)
    assert plugin.messages[0].template is None
    assert "SignIn" in caplog.text


@pytest.mark.parametrize("uses_thread", [False, True])
async def test_template_source_that_hangs_is_given_up(uses_thread: bool) -> None:
    released = threading.Event()

    async def source(_usage_type: str, _locale: str | None) -> None:
        await asyncio.Event().wait()

    def block(_usage_type: str, _locale: str | None) -> None:
        released.wait(30)

    plugin = Plugin()
    host = ready(plugin, template_source=block if uses_thread else source)
    try:
        with pytest.raises(TemporaryDeliveryError) as caught:
            await host.send_message("SignIn", to=TO, timeout=0.05)
    finally:
        released.set()
    assert caught.value.stage == "template"
    assert plugin.messages == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("text", "template"),
        (5, "template"),
        ({"content": "c"}, "template.subject"),
        ({"subject": None, "content": "c"}, "template.subject"),
        ({"subject": "s"}, "template.content"),
        ({"subject": "s", "content": 5}, "template.content"),
        ({"subject": "s", "content": "c", "contentType": "text/markdown"}, "template.contentType"),
        ({"subject": "s", "content": "c", "locale": "not a tag"}, "template.locale"),
        ({"subject": "s", "content": "c", "from": "a@b.test"}, "template.from"),
        ({"subject": "s", "content": "c", "sendFrom": ["a@b.test"]}, "template.sendFrom"),
        ({"subject": "s", "content": "c", 5: "x"}, "template.5"),
        ({"subject": "s", "content": "c", "text": 5}, "template.text"),
        (
            {"subject": "s", "content": "c", "contentType": "text/plain", "text": "t"},
            "template.text",
        ),
        (Template(subject="s", content="c", content_type="text/plain", text="t"), "template.text"),
        (Template(subject=5, content="c"), "template.subject"),  # type: ignore[arg-type]
        (
            Template(subject="s", content="c", content_type="text/markdown"),  # type: ignore[arg-type]
            "template.contentType",
        ),
    ],
)
async def test_a_bad_template_is_refused_and_its_key_named(given: Any, field: str) -> None:
    plugin = Plugin()
    with pytest.raises(MessageError) as caught:
        await ready(plugin, template_source=lambda *_: given).send_message("SignIn", to=TO)
    assert caught.value.field == field
    assert plugin.messages == []


# Errors


@pytest.mark.parametrize(
    "error",
    [
        ConfigError([ConfigProblem("$.a", "wrong", "mend it")]),
        UnknownConnectorError("a", ["b"]),
        NoConnectorForUsageError(
            "SignIn", "Email", {"a": ("Email", None), "b": ("Sms", ("Generic",))}
        ),
        TemplateNotFoundError("SignIn", "fr", ["Generic (fr)"]),
        MessageError("to", "bad"),
        TemporaryDeliveryError("busy", stage="connect", code=421, hint="wait", failover=True),
        PermanentDeliveryError("no", stage="auth", enhanced_code="5.7.8", operator=True),
        UncertainDeliveryError("lost", stage="content", response="r", command="DATA"),
        HostClosedError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_copy_and_pickle(error: ConnectorError) -> None:
    error.add_note("a note")
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is type(error)
        assert str(twin) == str(error) != ""
        assert twin.__dict__ == error.__dict__
