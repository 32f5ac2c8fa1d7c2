"""What is wrong with a config in ways that only show between its fields, or in a value's syntax.

Each rule looks at the fields whose type is sound and leaves the others to the schema, so that
every problem is told at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connector_core import ConfigProblem
from connector_core.configs import json_path, strings
from connector_core.fields import Fields, Problems
from connectors.smtp.i18n import _
from connectors.smtp.rules import account, connection, dkim, handover, mail

__all__ = ["check"]

_RULES = (*connection.RULES, *account.RULES, *handover.RULES, *mail.RULES, *dkim.RULES)


def check(config: Mapping[str, Any]) -> list[ConfigProblem]:
    """Every problem that a rule finds; `url` and `service` were expanded."""
    fields = Fields(config)
    found = [problem for rule in _RULES for problem in rule(fields)]
    named = {problem.path for problem in found}
    return found + [problem for problem in _unpaired(config) if problem.path not in named]


def _unpaired(config: Mapping[str, Any]) -> Problems:
    """JSON can name half of a surrogate pair; nothing can write it."""
    for parts, text in strings(config):
        if re.search("[\ud800-\udfff]", text):
            yield ConfigProblem(json_path(parts), _("contains half of a surrogate pair"))
