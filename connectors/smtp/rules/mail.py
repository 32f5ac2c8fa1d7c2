"""Rules of the mail itself: its addresses, templates and headers."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from connector_core import ConfigProblem
from connector_core.configs import json_path
from connector_core.locales import is_language_tag
from connector_core.models import UsageType
from connectors.smtp.addresses import parse_mailbox
from connectors.smtp.compose.content import missing
from connectors.smtp.compose.headers import header_problem, name_problem
from connectors.smtp.compose.mailboxes import MailboxFieldTemplate
from connectors.smtp.compose.styles import inline
from connectors.smtp.compose.unsubscribe import is_one_click, unsubscribe_problem
from connectors.smtp.i18n import _
from connectors.smtp.rules.fields import Fields, Problems

__all__ = ["RULES"]

REQUIRED_USAGES = (
    UsageType.REGISTER,
    UsageType.SIGN_IN,
    UsageType.FORGOT_PASSWORD,
    UsageType.GENERIC,
)


def _mailboxes(config: Fields) -> Problems:
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


def _templates(config: Fields) -> Problems:
    templates = list(config.objects("templates"))
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
    for index, template in templates:
        subject, content = template.text("subject") or "", template.text("content") or ""
        locale = template.text("locale")
        if locale and not is_language_tag(locale):
            yield ConfigProblem(f"$.templates[{index}].locale", _("is not a language tag"))
        if problem := header_problem(subject):
            yield ConfigProblem(f"$.templates[{index}].subject", problem)
        if re.search("[\0\ud800-\udfff]", content):
            yield ConfigProblem(f"$.templates[{index}].content", _("contains NUL or a surrogate"))


def _custom_headers(config: Fields) -> Problems:
    for name, value in config.items("customHeaders"):
        path = json_path(("customHeaders", name))
        if problem := name_problem(name):
            yield ConfigProblem(path, problem)
        items = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, text in items:
            if isinstance(text, str) and (problem := header_problem(text)):
                yield ConfigProblem(path if index is None else f"{path}[{index}]", problem)


def _unsubscribe(config: Fields) -> Problems:
    options = config.object("list")
    given = dict(config.items("list")).get("unsubscribe")
    urls = given if isinstance(given, list) else [given]
    for index, url in enumerate(urls):
        if isinstance(url, str) and url and (problem := unsubscribe_problem(url)):
            path = "$.list.unsubscribe" + (f"[{index}]" if isinstance(given, list) else "")
            yield ConfigProblem(
                path, problem, _("write https://example.com/unsubscribe?t={{token}}")
            )
    if options.flag("oneClick") and not any(
        isinstance(url, str) and is_one_click(url) for url in urls
    ):
        yield ConfigProblem(
            "$.list.oneClick", _("needs an https:// URL in unsubscribe"), _("add one (RFC 8058)")
        )
    for name, _value in config.items("customHeaders"):
        if "list" in config and name.lower() in ("list-unsubscribe", "list-unsubscribe-post"):
            path = json_path(("customHeaders", name))
            yield ConfigProblem(path, _("contradicts list.unsubscribe"), _("keep one of them"))


def _inline_css(config: Fields) -> Problems:
    if not config.flag("inlineCss"):
        return
    if problem := missing():
        yield problem
        return
    for index, template in config.objects("templates"):
        if template.text("contentType") != "text/html":
            continue
        try:
            inline(template.text("content") or "")
        except ValueError as error:
            hint = _("mend it, or leave inlineCss out")
            yield ConfigProblem(f"$.templates[{index}].content", str(error), hint)


RULES = (_mailboxes, _templates, _custom_headers, _unsubscribe, _inline_css)
