"""Configs taken where they should not be, refused where they should, and shown."""

from __future__ import annotations

import logging
import socket
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connector_core import ConfigError, ConfigProblem, hookimpl
from tests.testing.broken.registry import breaks
from tests.testing.broken.said import schema_with
from tests.testing.good import Good, Relay


@breaks("test_config_is_accepted")
class NeverContent(Good):
    @hookimpl
    def configure(self, config: Mapping[str, Any]) -> Relay:
        raise ConfigError([ConfigProblem("$.host", "is none of mine")])


@breaks("test_unknown_keys_are_refused")
class TakesAnyKey(Good):
    schema = {**schema_with(), "patternProperties": {"^[a-zA-Z]+$": True}}  # noqa: RUF012


@breaks("test_unknown_keys_are_refused")
class TakesAnyKeyWithin(Good):
    schema = schema_with(
        limits={
            "type": "object",
            "description": "What is too much.",
            "properties": {"size": {"type": "integer", "description": "Octets of a message."}},
            "patternProperties": {"^conf": True},
            "additionalProperties": False,
        }
    )


@breaks("test_every_problem_is_told")
class TakesAnyType(Good):
    schema = schema_with(
        text={
            "description": "What the messages say.",
            "anyOf": [{"type": "string"}, {"not": False}],
        }
    )


@breaks("test_check_config_takes_anything")
class BreaksOnOtherTypes(Good):
    @hookimpl
    def check_config(self, config: Mapping[str, Any]) -> Sequence[ConfigProblem]:
        missing = "@" not in config.get("sender", "@")
        return [ConfigProblem("$.sender", "must be an address")] if missing else []


@breaks("test_check_config_takes_anything")
class TellsTexts(Good):
    @hookimpl
    def check_config(self, config: Mapping[str, Any]) -> Any:
        return ["the host is missing"] if "host" not in config else []


@breaks("test_problems_hide_values")
class ShowsTheValue(Good):
    @hookimpl
    def check_config(self, config: Mapping[str, Any]) -> Sequence[ConfigProblem]:
        sender = config.get("sender")
        if isinstance(sender, str) and "@" not in sender:
            return [ConfigProblem("$.sender", f"{sender} is no address")]
        return []


@breaks("test_problems_hide_values")
class LogsTheConfig(Good):
    @hookimpl
    def check_config(self, config: Mapping[str, Any]) -> Sequence[ConfigProblem]:
        logging.getLogger("good").debug("checking %s", config.get("sender"))
        return super().check_config(config)


@breaks("test_config_is_left_alone")
class TakesOut(Good):
    @hookimpl
    def configure(self, config: Any) -> Relay:
        relay = Relay(config)
        del config["token"]
        return relay


@breaks("test_configure_does_no_io")
class LooksUp(Good):
    @hookimpl
    def configure(self, config: Mapping[str, Any]) -> Relay:
        socket.getaddrinfo(config["host"], config["port"])
        return Relay(config)


@breaks("test_configure_does_no_io")
class WritesAFile(Good):
    @hookimpl
    def check_config(self, config: Mapping[str, Any]) -> Sequence[ConfigProblem]:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "config").write_text("seen")
        return super().check_config(config)


class _Threaded(Relay):
    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self.closed.wait)
        self.thread.start()

    async def close(self) -> None:
        self.closed.set()
        self.thread.join()


@breaks("test_configure_does_no_io")
class StartsAThread(Good):
    @hookimpl
    def configure(self, config: Mapping[str, Any]) -> Relay:
        return _Threaded(config)


class _Telling(Relay):
    def __repr__(self) -> str:
        return f"Relay({self.config})"


@breaks("test_state_hides_secrets")
class TellingState(Good):
    state = _Telling
