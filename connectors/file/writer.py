"""One configured folder: mails written into it, each whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connector_core import (
    ConfigError,
    DeliveryError,
    Message,
    PermanentDeliveryError,
    Receipt,
    Stage,
    TemporaryDeliveryError,
    VerifyReport,
)
from connector_core.i18n import system_reason
from connector_core.validation import model_problems
from connector_core.verifying import Stages
from connectors.file.composer import Composed, Composer
from connectors.file.config import FileConfig
from connectors.file.i18n import _

__all__ = ["FileWriter"]

CONNECTOR_ID = "file"
_STAGE = "folder"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_MAX_USAGE = 40  # characters of the usage type in a name
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
_REFUSED = frozenset(
    (
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EEXIST,
        errno.ELOOP,
        errno.ENAMETOOLONG,
    )
)


class FileWriter:
    """Writes the messages of one config. Its methods block."""

    def __init__(self, config: FileConfig) -> None:
        self._folder = Path(config.folder)
        self._composer = Composer(config)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> FileWriter:
        """The writer of a config that was checked.

        Raises:
            ConfigError: its shape is wrong.
        """
        try:
            return cls(FileConfig.model_validate(config))
        except ValidationError as error:
            raise ConfigError(model_problems(error)) from None

    def compose(self, message: Message) -> Composed:
        """The message as `write` would write it.

        Raises:
            MessageError, TemplateNotFoundError: see the `preview` hook.
        """
        return self._composer.compose(message)

    def write(self, message: Message) -> Receipt:
        """Compose one message and write it.

        Raises:
            MessageError, TemplateNotFoundError, DeliveryError: see the `send_message` hook.
        """
        started = time.perf_counter()
        composed = self.compose(message)
        if message.deadline is not None and time.monotonic() >= message.deadline:
            raise TemporaryDeliveryError(
                _("the time was up before the mail was written"), stage=_STAGE, failover=True
            )
        name = _name(message.usage_type)
        try:
            self._folder.mkdir(0o700, exist_ok=True)
            _write(self._folder, name, composed.content)
        except OSError as error:
            raise self._failed(error) from None
        return Receipt(
            message_id=composed.message_id,
            connector_id=CONNECTOR_ID,
            accepted=(message.to,),
            response=name,
            seconds={"content": time.perf_counter() - started},
        )

    def verify(self, on_stage: Callable[[Stage], None]) -> VerifyReport:
        """Write a file and remove it again, with the folder if that had to be made."""
        stages = Stages(on_stage)
        with suppress(DeliveryError), stages.stage(_STAGE) as detail:
            try:
                self._try()
            except OSError as error:
                raise self._failed(error) from None
            detail.append(str(self._folder))
        return VerifyReport(tuple(stages.done))

    def _try(self) -> None:
        made = not self._folder.exists()
        self._folder.mkdir(0o700, exist_ok=True)
        try:
            name = _name("verify")
            _write(self._folder, name, b"")
            (self._folder / name).unlink()
        finally:
            if made:
                with suppress(OSError):  # a message has come meanwhile
                    self._folder.rmdir()

    def _failed(self, error: OSError) -> DeliveryError:
        reason = _("no mail can be written into {folder}: {reason}").format(
            folder=self._folder, reason=system_reason(error)
        )
        permanent = error.errno in _REFUSED
        hint = ""
        if error.errno in _FULL:
            hint = _("make room on the disk, or raise the quota")
        elif permanent:
            hint = _(
                "check `folder`: the folder around it must be there, and whoever runs this must be "
                "allowed to write into it"
            )
        return (PermanentDeliveryError if permanent else TemporaryDeliveryError)(
            reason, stage=_STAGE, hint=hint, failover=True, operator=bool(hint)
        )


def _name(usage_type: str) -> str:
    """A name that nobody else has, and by which mails sort in the order of their time.

    Of the message it shows the usage type, as far as that is letters and digits; the recipient
    stays within.
    """
    now = time.time_ns()
    moment = datetime.fromtimestamp(now // 10**9, UTC).strftime("%Y%m%dT%H%M%S")
    usage = _UNSAFE.sub("-", usage_type)[:_MAX_USAGE]
    return f"{moment}.{now % 10**9:09}Z-{usage}-{secrets.token_hex(8)}.eml"


def _write(folder: Path, name: str, content: bytes) -> None:
    """Write a file that is there whole or not at all, also after a power failure.

    Raises:
        OSError: it is not there.
    """
    temporary = folder / f".{name}.part"
    # Exclusive: a link that somebody put there is not followed, but an error.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(folder / name)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    with suppress(OSError):  # it is there; some systems cannot promise that its name stays
        _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
