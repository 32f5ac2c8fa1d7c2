"""connector-core's composer alone: a template and a payload to the bytes of a mail."""

from __future__ import annotations

import itertools
from dataclasses import replace

from connector_core import AsyncHost, Message
from connectors.smtp.compose.message import Composer
from connectors.smtp.config import SmtpConfig
from tests.bench.peers.common import Answer, codes, measure_calls, play
from tests.bench.peers.ours import config
from tests.bench.task import Task, recipient

_DIFFERENT = 1000  # messages that are made before, and composed in turns


def perform(task: Task) -> Answer:
    schema = AsyncHost.discover().registry["smtp"].schema
    # a port that a config may have, though nothing is sent
    wanted = config(replace(task, port=25), schema)
    composer = Composer(SmtpConfig.model_validate(wanted))
    messages = itertools.cycle(
        Message(
            type="Email",
            usage_type="SignIn",
            to=recipient(code),
            payload={"code": code},
            message_id=f"{code}.bench",
        )
        for code in itertools.islice(codes(), _DIFFERENT)
    )
    return measure_calls(task, lambda: composer.compose(next(messages)))


if __name__ == "__main__":
    play(perform)
