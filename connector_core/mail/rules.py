"""Rules of a config's mailboxes and templates that a schema cannot express.

A connector's hook `check_config` calls them; like every such rule they look at what is sound alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from connector_core.errors import ConfigProblem
from connector_core.fields import Fields, Problems
from connector_core.i18n import gettext as _
from connector_core.locales import is_language_tag
from connector_core.mail.addresses import parse_mailbox
from connector_core.mail.headers import header_problem
from connector_core.mail.mailboxes import MailboxFieldTemplate
from connector_core.models import UsageType

__all__ = ["REQUIRED_USAGES", "mailbox_problems", "template_problems"]

REQUIRED_USAGES = (
    UsageType.REGISTER,
    UsageType.SIGN_IN,
    UsageType.FORGOT_PASSWORD,
    UsageType.GENERIC,
)


def mailbox_problems(config: Fields) -> Problems:
    """What is no mailbox among `fromEmail`, `replyTo` and those of the `templates`."""
    for key in ("fromEmail", "replyTo"):
        text = config.text(key)
        if text:
            yield from _mailbox(f"$.{key}", parse_mailbox, text)
    for index, template in config.objects("templates"):
        for key in ("sendFrom", "replyTo"):
            text = template.text(key)
            if text:
                parse = partial(MailboxFieldTemplate, "From", key)
                yield from _mailbox(f"$.templates[{index}].{key}", parse, text)


def _mailbox(path: str, parse: Callable[[str], object], text: str) -> Problems:
    reason = header_problem(text)
    try:
        parse(text)
    except ValueError as error:
        reason = reason or str(error)
    if reason:
        yield ConfigProblem(path, reason, _('write a@b.example or "Name" <a@b.example>'))


def template_problems(config: Fields) -> Problems:
    """Usage types without one of the `templates`, and what cannot stand in a mail."""
    templates = list(config.objects("templates"))
    yield from _unserved(templates)
    for index, template in templates:
        subject, content = template.text("subject") or "", template.text("content") or ""
        locale = template.text("locale")
        if locale and not is_language_tag(locale):
            yield ConfigProblem(f"$.templates[{index}].locale", _("is not a language tag"))
        if problem := header_problem(subject):
            yield ConfigProblem(f"$.templates[{index}].subject", problem)
        if re.search("[\0\ud800-\udfff]", content):
            yield ConfigProblem(f"$.templates[{index}].content", _("contains NUL or a surrogate"))


def _unserved(templates: list[tuple[int, Fields]]) -> Problems:
    served = {item.text("usageType") for _, item in templates if item.text("locale") is None}
    translated = {item.text("usageType") for _, item in templates}
    if absent := [usage for usage in REQUIRED_USAGES if usage not in translated]:
        yield ConfigProblem(
            "$.templates",
            _("has no template for {usage_types}").format(usage_types=", ".join(absent)),
            _("every config needs one for Register, SignIn, ForgotPassword and Generic"),
        )
    if only := [usage for usage in REQUIRED_USAGES if usage in translated - served]:
        yield ConfigProblem(
            "$.templates",
            _("has a template for {usage_types} only with a locale").format(
                usage_types=", ".join(only)
            ),
            _("leave `locale` out of the one that shall serve every other language"),
        )
