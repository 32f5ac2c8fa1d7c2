"""The suite as an author meets it: one line in a test module, run by pytest."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connector_core import ConnectorMetadata, Message, Receipt, hookimpl
from connector_core.testing import closed_port, conformance_suite, silent_server
from tests.testing.broken.said import UnmarkedSecret
from tests.testing.broken.sent import WrongId, with_state
from tests.testing.good import SAMPLE, Good, Relay, relay, relay_at
from tests.testing.runs import CHECKS, of_kind, outcome, outcomes

pytest_plugins = ["pytester"]

PLUGIN = """
from connector_core import ConnectorMetadata, Message, Receipt, hookimpl
from connector_core.templates import render


@hookimpl
def metadata():
    return ConnectorMetadata(
        id="print", target="print", name={"en": "Print"}, description={"en": "Prints messages."}
    )


@hookimpl
def config_schema():
    return {
        "type": "object",
        "properties": {"text": {"type": "string", "description": "What to print."}},
        "required": ["text"],
        "additionalProperties": False,
    }


@hookimpl
async def send_message(state, message):
    print(message.to, render(state["text"], message.payload))
    return Receipt(message_id=message.message_id, connector_id="print", accepted=(message.to,))
"""
TESTS = """
import print_connector
from connector_core.testing import conformance_suite

TestPrint = conformance_suite(print_connector, config={"text": "your code is {{code}}"})
"""
NEEDED = {  # what the skips of a connector with three hooks ask for
    "test_cancellation": "give `stalled`, or `peer=",
    "test_close_while_sending": "give `stalled`, or `peer=",
    "test_deadline": "give `stalled`, or `peer=",
    "test_errors_are_classed": "give `unreachable`, or `peer=",
    "test_errors_hide_secrets": "give `unreachable`, or `peer=",
    "test_state_hides_secrets": "give a `config` with a secret",
    "test_check_config_takes_anything": "implement the hook `check_config`",
    "test_preview": "implement the hook `preview`",
    "test_providers": "implement the hook `providers`",
    "test_questions_lead_to_a_config": "implement the hook `providers`",
    "test_readme_and_logos": "implement the hook `metadata` with `readme=`",
    "test_suspects": "implement the hook `suspects`",
    "test_translations": "implement the hook `catalog`",
    "test_verify": "implement the hook `verify`",
    "test_verify_tells_failures": "implement the hook `verify`",
}


def test_one_line_gives_a_class_of_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(print_connector=PLUGIN, test_print=TESTS)
    options = ("-W", "error", "-p", "no:asyncio", "-p", "no:xdist", "-rs")
    done = pytester.runpytest_subprocess("--import-mode=importlib", *options, "-o", "pythonpath=.")
    failed = {"test_bad_recipients": 1}  # the documented plugin leaves recipients to the printer
    done.assert_outcomes(
        passed=len(CHECKS) - len(NEEDED) - len(failed), skipped=len(NEEDED), failed=len(failed)
    )
    done.stdout.fnmatch_lines(["*The contract: A recipient that is none is refused with *"])
    for told in NEEDED.values():
        done.stdout.fnmatch_lines([f"*{told.replace('[', '[[]')}*"])


class Plain(Good):
    """Knows no service by which a message could fail."""

    @hookimpl
    async def send_message(self, state: Any, message: Message) -> Receipt:
        return Receipt(
            message_id=message.message_id, connector_id="good-relay", accepted=(message.to,)
        )


def test_what_is_not_given_is_skipped_with_what_to_give(locale: Path) -> None:
    found = outcomes(conformance_suite(Plain(locale), config=SAMPLE | {"host": "a", "token": "b"}))
    skipped = of_kind(found, "skipped")
    for name, told in NEEDED.items():
        if "give" in told or name == "test_verify_tells_failures":
            assert name in skipped
            assert skipped[name].startswith("give ")


def test_a_config_may_come_of_a_context_manager(locale: Path) -> None:
    events = []

    @contextmanager
    def folder() -> Iterator[dict[str, Any]]:
        events.append("begun")
        yield {**SAMPLE, "host": "a", "token": "correct-horse-battery"}
        events.append("ended")

    suite = conformance_suite(Plain(locale), config=folder)
    assert outcome(suite, "test_send").kind == "passed"
    assert events == ["begun", "ended"]


def test_a_function_for_a_config_that_is_no_context_manager_is_told(locale: Path) -> None:
    suite = conformance_suite(Plain(locale), config=lambda: SAMPLE)  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match="decorate it with contextlib"):
        outcome(suite, "test_send")


def test_unreachable_and_stalled_may_be_given_in_place_of_peer(locale: Path) -> None:
    with closed_port() as refused, silent_server() as silent:
        given = {**SAMPLE, "token": "correct-horse-battery"}
        suite = conformance_suite(
            Good(locale),
            config=relay,
            unreachable={**given, **relay_at(*refused)},
            stalled={**given, **relay_at(*silent)},
        )
        for name in ("test_errors_are_classed", "test_errors_hide_secrets", "test_deadline"):
            assert outcome(suite, name).kind == "passed"


def test_a_peer_that_the_connector_does_not_turn_to_is_told(locale: Path) -> None:
    suite = conformance_suite(Good(locale), config=relay, peer=lambda host, port: {})
    for name in ("test_errors_are_classed", "test_cancellation", "test_deadline"):
        found = outcome(suite, name)
        assert found.kind == "failed"
        assert "peer" in found.told


class _WantsTexts(Relay):
    async def send(self, message: Message) -> Receipt:
        if isinstance(message.payload.get("code"), list):
            raise ValueError("a list")
        return await super().send(message)


def test_odd_values_are_tried_without_any_value_as_well(locale: Path) -> None:
    suite = conformance_suite(with_state(_WantsTexts)(locale), config=relay, payload={})
    assert outcome(suite, "test_bad_payloads").kind == "failed"


def test_a_service_may_give_ids_of_its_own(locale: Path) -> None:
    suite = conformance_suite(WrongId(locale), config=relay, peer=relay_at, assigns_ids=True)
    assert outcome(suite, "test_send").kind == "passed"
    # All have one id, and so it is nobody's.
    assert "two have receipts with one id" in outcome(suite, "test_many_at_once").told


def test_what_looks_like_a_secret_may_be_none(locale: Path) -> None:
    suite = conformance_suite(UnmarkedSecret(locale), config=relay, not_secret=["apiKey"])
    assert outcome(suite, "test_secrets_are_marked").kind == "passed"


class Texting(Plain):
    @hookimpl
    def metadata(self) -> ConnectorMetadata:
        return replace(super().metadata(), type="Sms")


class Knowing(Plain):
    schema = {"type": "object"}  # noqa: RUF012


def test_a_schema_that_says_nothing_is_open(locale: Path) -> None:
    suite = conformance_suite(Knowing(locale), config={})
    assert "$ takes unknown keys" in outcome(suite, "test_schema_is_closed").told
    assert "conformanceUnknown is not told" in outcome(suite, "test_unknown_keys_are_refused").told
    assert outcome(suite, "test_every_problem_is_told").kind == "skipped"


def test_messages_of_type_sms_go_to_a_telephone_number(locale: Path) -> None:
    given = {**SAMPLE, "host": "a", "token": "correct-horse-battery"}
    suite = conformance_suite(Texting(locale), config=given)
    assert outcome(suite, "test_send").kind == "passed"
    assert suite.subject.recipient.startswith("+")


def test_every_check_says_what_the_contract_asks() -> None:
    suite = conformance_suite("smtp", config={})
    for name in CHECKS:
        assert len(str(getattr(suite, name).__doc__).split()) >= 8, name


def test_a_closed_port_refuses_until_the_end() -> None:
    with closed_port() as address, pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_a_silent_server_takes_connections_and_says_nothing() -> None:
    with silent_server() as address:
        connection = socket.create_connection(address)
        connection.sendall(b"hello")
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)
    with connection, pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_checks_leave_the_threads_event_loop_alone(locale: Path) -> None:
    suite = conformance_suite(Good(locale), config=relay)
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        asyncio.set_event_loop(loop)
        assert outcome(suite, "test_send").kind == "passed"
        assert asyncio.get_event_loop() is loop
