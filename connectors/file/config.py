"""The shape of the config: a strict pydantic model, from which the JSON Schema is made."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from connector_core.configmodels import ConfigModel, OptionalText, option
from connector_core.mail.templates import Templates

__all__ = ["FileConfig"]


class FileConfig(ConfigModel):
    """The whole config of the file connector."""

    model_config = ConfigDict(title="File")

    folder: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="The folder for the mails, as an absolute path; it is made where it is not "
        "there, the one around it is not",
        examples=["<absolute path of a folder>"],
    )
    from_email: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="The sender: a@b.example or Name <a@b.example>",
        examples=["<sender's address>"],
    )
    reply_to: OptionalText = option("Where replies go", examples=["<reply address>"])
    templates: Templates
