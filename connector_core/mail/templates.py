"""The templates of a config, as connectors that write the mails themselves have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field

from connector_core.configmodels import Absent, ConfigModel, OptionalText, option
from connector_core.models import ContentType, Template

__all__ = [
    "MAX_CONTENT_TEMPLATE",
    "MAX_SUBJECT_TEMPLATE",
    "TemplateConfig",
    "Templates",
    "templates_of",
]

MAX_SUBJECT_TEMPLATE = 2 * 1024  # characters
MAX_CONTENT_TEMPLATE = 1024 * 1024


class TemplateConfig(ConfigModel):
    """What the mails of one usage type say; {{code}} and other variables are filled in."""

    usage_type: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        description="The usage type it is for", examples=["SignIn"]
    )
    content_type: ContentType = Field(
        description="text/plain or text/html; in HTML the values of variables are escaped"
    )
    subject: Annotated[str, Field(max_length=MAX_SUBJECT_TEMPLATE)] = Field(
        description="The subject"
    )
    content: Annotated[str, Field(max_length=MAX_CONTENT_TEMPLATE)] = Field(description="The body")
    locale: (
        Annotated[str, Field(max_length=64, pattern=r"^([A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*)?$")]
        | Absent
    ) = option(
        "The language tag it is for; without it, every language that has none of its own",
        examples=["fr"],
    )
    send_from: OptionalText = option("A sender in place of fromEmail; may hold variables")
    reply_to: OptionalText = option("Where replies go, in place of replyTo; may hold variables")


Templates = Annotated[
    list[TemplateConfig],
    Field(
        min_length=1,
        max_length=10_000,
        description="What the mails say, a template for each usage type",
    ),
]


def templates_of(configs: Iterable[TemplateConfig]) -> Iterator[Template]:
    """The templates that a config describes."""
    for item in configs:
        yield Template(
            subject=item.subject,
            content=item.content,
            content_type=item.content_type,
            usage_type=item.usage_type,
            locale=item.locale or None,
            send_from=item.send_from,
            reply_to=item.reply_to,
        )
