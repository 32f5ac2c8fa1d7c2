"""Small distributions, as an installer would leave them, and a process that discovers them."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROBE = Path(__file__).with_name("probe.py")
GOOD = "good-connector"

_HEADER = """
from connector_core import ConnectorMetadata, Link, Message, Receipt, hookimpl
"""
_METADATA = """
@hookimpl
def metadata():
    return ConnectorMetadata({arguments})
"""
_SCHEMA = """
@hookimpl
def config_schema():
    return {schema}
"""
_SEND = """
@hookimpl
def send_message(state, message):
    return Receipt(message_id=message.message_id, connector_id={id!r}, accepted=(message.to,))
"""


def plugin_source(
    id: str = "bad",
    *,
    target: str | None = None,
    fields: Mapping[str, str] | None = None,
    schema: str = '{"type": "object"}',
    metadata: str | None = None,
    config_schema: str | None = None,
    send_message: str | None = None,
    extra: str = "",
) -> str:
    """The source of a plugin that is right but for what is given; the rest is Python source too.

    Args:
        id: the connector's id.
        target: its target; the id, if absent.
        fields: arguments of ConnectorMetadata as source, in place of the right ones; an empty one
            is left out.
        schema: an expression for the schema.
        metadata: the whole hook, in place of the right one; likewise the other two.
        config_schema: see there.
        send_message: see there.
        extra: put at the end.
    """
    arguments = {
        "id": repr(id),
        "target": repr(target or id),
        "name": "{'en': 'A name'}",
        "description": "{'en': 'A description'}",
        **(fields or {}),
    }
    listed = ", ".join(f"{key}={value}" for key, value in arguments.items() if value)
    return "\n".join(
        (
            _HEADER,
            _METADATA.format(arguments=listed) if metadata is None else metadata,
            _SCHEMA.format(schema=schema) if config_schema is None else config_schema,
            _SEND.format(id=id) if send_message is None else send_message,
            extra,
        )
    )


@dataclass(frozen=True)
class Distribution:
    """A distribution with one module.

    Attributes:
        name: the distribution's name; the module has it too, with `_` for `-`.
        source: the module's source.
        version: the distribution's version.
        entry_point: the entry point's value, or the module.
        files: files of its dist-info directory; None leaves one out.
    """

    name: str
    source: str
    version: str = "1.2.3"
    entry_point: str = ""
    files: Mapping[str, bytes | None] = field(default_factory=dict)

    @property
    def module(self) -> str:
        return self.name.replace("-", "_")

    @property
    def value(self) -> str:
        return self.entry_point or self.module

    def contents(self) -> dict[str, bytes]:
        """Every file by its path."""
        info = f"{self.module}-{self.version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n"
        entry_points = f"[connector_core]\n{self.module} = {self.value}\n"
        wheel = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        files: dict[str, bytes | None] = {
            "METADATA": metadata.encode(),
            "WHEEL": wheel.encode(),
            "entry_points.txt": entry_points.encode(),
            **self.files,
        }
        contents = {f"{self.module}.py": self.source.encode()}
        contents |= {f"{info}/{name}": data for name, data in files.items() if data is not None}
        record = "".join(
            f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in contents.items()
        )
        return {**contents, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}

    def install(self, directory: Path) -> Path:
        """Put the files where an installer would put them."""
        for path, data in self.contents().items():
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return directory

    def wheel(self, directory: Path) -> Path:
        """A wheel of it, for a real installer."""
        path = directory / f"{self.module}-{self.version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in self.contents().items():
                archive.writestr(name, data)
        return path


def good_distribution() -> Distribution:
    """A distribution that is right, by somebody else."""
    return Distribution(GOOD, plugin_source("good"))


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def discover_in(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What discovery finds with each case's paths, one after the other in one fresh process."""
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", PROBE],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
