"""The conformance kit: one line in a plugin's tests gives a class of named tests.

    from connector_core.testing import conformance_suite

    TestMyConnector = conformance_suite("my-connector", config={"folder": "/tmp/mails"})

Each test is one check of the contract, by way of what users call: discovery, `AsyncHost`, `Host`.
What a check needs and was not given makes it a skip that says what to give. It runs with plain
pytest (`pip install 'connector-core[testing]'`); it starts the event loops by itself.

A connector that talks to a server is given one, by a function that starts it, and told how to be
led elsewhere, so that the kit can show it a port that refuses and a server that never answers:

    @contextmanager
    def server():
        with start_my_server() as port:
            yield {"url": f"http://127.0.0.1:{port}/", "apiKey": "a key of the tests"}

    TestMyConnector = conformance_suite(
        "my-connector",
        config=server,
        peer=lambda host, port: {"url": f"http://{host}:{port}/"},
    )

`docs/authors/conformance.md` lists the checks, each with what it asks.
"""

from __future__ import annotations

try:
    import pytest  # noqa: F401 - only looked for: without it nothing here is of use
except ImportError:
    raise ImportError(
        "connector_core.testing needs pytest: pip install 'connector-core[testing]'"
    ) from None

from connector_core.testing.servers import Address, closed_port, silent_server
from connector_core.testing.subject import ConfigSource
from connector_core.testing.suite import ConformanceSuite, conformance_suite

__all__ = [
    "Address",
    "ConfigSource",
    "ConformanceSuite",
    "closed_port",
    "conformance_suite",
    "silent_server",
]
