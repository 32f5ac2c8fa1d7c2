"""Rules of the mail itself: its addresses, templates and headers."""

from __future__ import annotations

from connector_core import ConfigProblem
from connector_core.configs import json_path
from connector_core.fields import Fields, Problems
from connector_core.mail.headers import header_problem, name_problem
from connector_core.mail.rules import mailbox_problems, template_problems
from connectors.smtp.compose.content import missing
from connectors.smtp.compose.styles import inline
from connectors.smtp.compose.unsubscribe import is_one_click, unsubscribe_problem
from connectors.smtp.i18n import _

__all__ = ["RULES"]


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


RULES = (mailbox_problems, template_problems, _custom_headers, _unsubscribe, _inline_css)
