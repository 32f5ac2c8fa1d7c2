"""What is wrong with a config in ways that a schema cannot express."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector_core import ConfigProblem
from connector_core.fields import Fields, Problems
from connector_core.mail.rules import mailbox_problems, template_problems
from connectors.file.i18n import _

__all__ = ["problems"]


def problems(config: Mapping[str, Any]) -> list[ConfigProblem]:
    """What the fields that are sound show."""
    fields = Fields(config)
    return [*_folder(fields), *mailbox_problems(fields), *template_problems(fields)]


def _folder(config: Fields) -> Problems:
    folder = config.text("folder")
    if folder is None:
        return
    if "\0" in folder or not folder.isprintable():
        yield ConfigProblem("$.folder", _("contains a control character"))
    elif not Path(folder).is_absolute():
        yield ConfigProblem(
            "$.folder",
            _("is not an absolute path"),
            _("write it from the root, such as /var/spool/mails: a service may start anywhere"),
        )
