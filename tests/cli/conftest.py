"""What the tests of commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from connector_core.cli import main
from tests.inboxes import ThreadedInbox, threaded_inbox

__all__ = ["Run", "ThreadedInbox"]

USAGES = ("Register", "SignIn", "ForgotPassword", "Generic")


@pytest.fixture
def inbox() -> Iterator[ThreadedInbox]:
    with threaded_inbox() as opened:
        yield opened


@pytest.fixture
def config(inbox: ThreadedInbox) -> dict[str, object]:
    return {
        "host": "127.0.0.1",
        "port": inbox.port,
        "fromEmail": "Zoé <zoe@example.com>",
        "templates": [
            {
                "usageType": usage,
                "contentType": "text/plain",
                "subject": f"{usage}: {{{{code}}}}",
                "content": "Hello {{user.name}}, your code is {{code}}.",
            }
            for usage in USAGES
        ],
    }


Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Run the command in this process; `input` is what it reads from standard input."""

    def call(*arguments: str, input: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(main, list(arguments), input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call
