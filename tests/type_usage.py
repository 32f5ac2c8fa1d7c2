"""The public interface as its users type it; read by mypy, run by nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import assert_type

from connector_core import (
    AsyncConfiguredConnector,
    AsyncHost,
    ConfiguredConnector,
    Host,
    Receipt,
    Template,
    TemplateSource,
    VerifyReport,
)
from connector_core.testing import (
    ConformanceSuite,
    closed_port,
    conformance_suite,
    silent_server,
)


def mapping_source(usage_type: str, locale: str | None) -> Mapping[str, str | None] | None:
    return {"subject": usage_type, "content": locale}


async def template_source(usage_type: str, locale: str | None) -> Template | None:
    return Template(subject=usage_type, content=locale or "")


def bad_source(usage_type: str, locale: str | None) -> int:
    return len(usage_type) + len(locale or "")


SOURCES: tuple[TemplateSource, ...] = (mapping_source, template_source)
BAD: TemplateSource = bad_source  # type: ignore[assignment] # an int is no template


def blocking(config: Mapping[str, object]) -> None:
    with Host.discover(template_source=mapping_source) as host:
        smtp = host.configure("smtp", config)
        assert_type(smtp, ConfiguredConnector)
        host.enable(smtp, ["SignIn"])
        assert_type(host.send_message("SignIn", to="a@b.example", payload={"code": 1}), Receipt)
        given = Template(subject="Your code: {{code}}", content="{{code}}")
        host.send_message("SignIn", to="a@b.example", template=given)
        smtp.send_message("SignIn", to="a@b.example", template={"subject": "a", "content": "b"})
        smtp.send_message("SignIn", to="a@b.example", template="a")  # type: ignore[arg-type]
        assert_type(smtp.preview("SignIn", to="a@b.example", template=given), bytes)
        assert_type(smtp.verify(lambda stage: print(stage.name)), VerifyReport)


async def asynchronous(config: Mapping[str, object]) -> None:
    async with AsyncHost.discover(template_source=template_source) as host:
        smtp = host.configure("smtp", config, name="mine")
        assert_type(smtp, AsyncConfiguredConnector)
        receipt = await host.send_message("Any", to="+49123", type="Sms", timeout=5.0)
        assert_type(receipt, Receipt)
        await host.send_message("Any", to="+49123", type="Fax")  # type: ignore[arg-type] # no type


def from_file(path: Path) -> None:
    with Host.from_file(path, template_source=mapping_source) as host:
        host.reload()
        assert_type(host.configured["main"].preview("SignIn", to="ann@example.org"), bytes)


async def asynchronous_from_file() -> None:
    async with AsyncHost.from_file("connectors.toml", strict=True) as host:
        await host.reload()
        main = host.configured["main"]
        assert_type(await main.preview("SignIn", to="ann@example.org", locale="fr"), bytes)
        AsyncHost.from_file(3)  # type: ignore[arg-type]


@contextmanager
def server() -> Iterator[dict[str, object]]:
    yield {"host": "127.0.0.1", "port": 25}


def conformance() -> None:
    suite = conformance_suite("smtp", config=server, peer=lambda host, port: {"port": port})
    assert_type(suite, type[ConformanceSuite])
    conformance_suite("smtp", config={}, not_secret=["idempotencyKey"], stalled=server)
    conformance_suite("smtp", config=3)  # type: ignore[arg-type]
    conformance_suite("smtp")  # type: ignore[call-arg] # no config
    with closed_port() as address, silent_server() as (host, port):
        assert_type(address.port, int)
        assert_type((host, port), tuple[str, int])
