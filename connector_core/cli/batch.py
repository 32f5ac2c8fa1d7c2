"""`batch`: one message for each line of JSON, for programs that keep it running."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector_core.cli.hostfile import file_option, there
from connector_core.cli.output import FAILED, PROBLEM, UNCERTAIN, error_data, receipt_data
from connector_core.cli.running import log_to_stderr, run
from connector_core.errors import (
    ConfigError,
    ConnectorError,
    DeliveryError,
    MessageError,
    UncertainDeliveryError,
)
from connector_core.i18n import gettext as _
from connector_core.jsonfile import json_value

if TYPE_CHECKING:
    from connector_core.host import AsyncHost

__all__ = ["batch"]

_MAX_LINE = 1024 * 1024  # octets
_AHEAD = 256  # lines read while others are being sent
_KEYS = {
    "usageType": "usage_type",
    "to": "to",
    "payload": "payload",
    "locale": "locale",
    "timeout": "timeout",
    "type": "type",
    "ip": "ip",
    "messageId": "message_id",
}


@click.command()
@file_option
@click.option(
    "--at-once",
    type=click.IntRange(1, 10_000),
    default=32,
    show_default=True,
    metavar="NUMBER",
    help="Messages under way at once.",
)
@click.option("--verbose", is_flag=True, help="Write what is logged to standard error.")
def batch(file: Path, at_once: int, verbose: bool) -> None:
    """Send a message for each line of JSON on standard input, and print a line for each result.

    A line has usageType and to, and may have payload, locale, timeout (seconds), type, ip and
    messageId. SIGHUP reads the host file again; SIGTERM and Ctrl-C end it once the messages under
    way have ended.
    """
    if verbose:
        log_to_stderr()
    worst = run(_Batch(there(file), at_once).run())
    if worst:
        click.get_current_context().exit(worst)


class _Batch:
    """Lines in, messages through a host, lines out.

    Attributes:
        worst: the exit code so far.
    """

    def __init__(self, path: Path, at_once: int) -> None:
        self._path = path
        self._room = asyncio.Semaphore(at_once)
        self._stop = asyncio.Event()
        self._reloading: set[asyncio.Task[None]] = set()
        self.worst = 0

    async def run(self) -> int:
        """Send until the lines end, or somebody ends it; return the exit code."""
        from connector_core.host import AsyncHost

        async with AsyncHost.from_file(self._path) as host:
            self._listen(host)
            async with asyncio.TaskGroup() as sending:
                number = 0
                async for line in _lines(self._stop):
                    number += 1
                    if line.strip():
                        await self._room.acquire()
                        sending.create_task(self._send(host, number, line))
            await asyncio.gather(*self._reloading)
        return self.worst

    def _listen(self, host: AsyncHost) -> None:
        loop = asyncio.get_running_loop()
        for name in ("SIGINT", "SIGTERM"):
            loop.add_signal_handler(getattr(signal, name), self._stop.set)
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, self._begin_reload, host)

    def _begin_reload(self, host: AsyncHost) -> None:
        task = asyncio.ensure_future(self._reload(host))
        self._reloading.add(task)
        task.add_done_callback(self._reloading.discard)

    async def _reload(self, host: AsyncHost) -> None:
        try:
            await host.reload()
        except ConfigError as error:
            click.echo(
                _("{path} was not taken over: {problems}").format(
                    path=self._path, problems="; ".join(map(str, error.problems))
                ),
                err=True,
            )
        else:
            click.echo(_("{path} was read again").format(path=self._path), err=True)

    async def _send(self, host: AsyncHost, number: int, line: bytes) -> None:
        result: dict[str, Any] = {"line": number}
        try:
            receipt = await host.send_message(**_arguments(line))
            result["receipt"] = receipt_data(receipt)
        except ConnectorError as error:
            result["error"] = error_data(error)
            self.worst = max(self.worst, _exit_code(error))
        finally:
            self._room.release()
        click.echo(json.dumps(result, ensure_ascii=True))
        sys.stdout.flush()


def _exit_code(error: ConnectorError) -> int:
    if isinstance(error, UncertainDeliveryError):
        return UNCERTAIN
    return FAILED if isinstance(error, DeliveryError) else PROBLEM


def _arguments(line: bytes) -> dict[str, Any]:
    """What a line says, as the arguments of `AsyncHost.send_message`.

    Raises:
        MessageError: it is no such line.
    """
    if len(line) > _MAX_LINE:
        raise MessageError("line", _("has more than {count} MiB").format(count=_MAX_LINE >> 20))
    try:
        value = json_value(line.decode())
    except UnicodeDecodeError:
        raise MessageError("line", _("is not UTF-8 text")) from None
    except ValueError as error:
        raise MessageError("line", str(error)) from None
    if not isinstance(value, dict):
        raise MessageError("line", _("must be an object"))
    for key in value:
        if key not in _KEYS:
            known = ", ".join(_KEYS)
            raise MessageError(key, _("is not a known key; known keys: {keys}").format(keys=known))
    for key in ("usageType", "to"):
        if key not in value:
            raise MessageError(key, _("is missing"))
    return {_KEYS[key]: item for key, item in value.items() if item is not None}


async def _lines(stop: asyncio.Event) -> AsyncIterator[bytes]:
    """The lines of standard input, until it ends or `stop` is set."""
    queue: asyncio.Queue[bytes | None] = asyncio.Queue(_AHEAD)
    loop = asyncio.get_running_loop()
    # A thread, for files and terminals cannot be waited for by every event loop; a daemon, for
    # what waits for input must not keep the program from ending.
    threading.Thread(target=_read, args=(queue, loop), daemon=True).start()
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while not stop.is_set():
            getting = asyncio.ensure_future(queue.get())
            await asyncio.wait({getting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                getting.cancel()
                return
            line = getting.result()
            if line is None:
                return
            yield line
    finally:
        stopped.cancel()


def _read(queue: asyncio.Queue[bytes | None], loop: asyncio.AbstractEventLoop) -> None:
    """Put the lines into the queue, waiting while it is full; None at their end.

    Of a line that is too long no more than its beginning is kept.
    """

    def put(item: bytes | None) -> None:
        asyncio.run_coroutine_threadsafe(queue.put(item), loop).result()

    rest = b""
    # Not through sys.stdin, whose lock a thread that waits for input would hold at the end.
    while data := os.read(0, 65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            put(line)
        rest = rest[: _MAX_LINE + 1]
    if rest:
        put(rest)
    put(None)
