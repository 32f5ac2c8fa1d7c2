"""`templates preview`: a message as it would be sent, as files to look at."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector_core.cli.completing import configured_names, locales, usage_types
from connector_core.cli.configfile import payload_of
from connector_core.cli.hostfile import file_option, host_file, known_name
from connector_core.cli.options import once
from connector_core.cli.output import echo_json, json_option, printable
from connector_core.cli.overwriting import refuse_overwriting
from connector_core.cli.running import run
from connector_core.cli.usages import asked_locale, check_usage, note_slip
from connector_core.configs import merge_patch
from connector_core.hostfile.lookup import own_usages
from connector_core.hostfile.templatefiles import file_name
from connector_core.hostfile.together import written_together
from connector_core.i18n import gettext as _
from connector_core.samplepayload import PAYLOAD, RECIPIENT

if TYPE_CHECKING:
    from email.message import EmailMessage

    from connector_core.hostfile.model import HostFile

__all__ = ["preview"]


@click.command()
@click.argument("usage", shell_complete=usage_types)
@once(
    "--output",
    "folder",
    required=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write the files.",
)
@once("--locale", metavar="TAG", help="The language asked for.", shell_complete=locales)
@once(
    "--connector",
    "name",
    metavar="NAME",
    help="The configured connector that sends; without it the first that serves USAGE.",
    shell_complete=configured_names,
)
@click.option(
    "--var",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="A value in place of the sample's, such as user.name=Ann. May be repeated.",
)
@once(
    "--payload",
    "payload_path",
    metavar="FILE",
    type=click.Path(),
    help="Values as JSON, merged with the sample's.",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@file_option
@json_option
def preview(
    usage: str,
    folder: Path,
    locale: str | None,
    name: str | None,
    variables: tuple[str, ...],
    payload_path: str | None,
    force: bool,
    file: Path,
    as_json: bool,
) -> None:
    """Write a message for USAGE as it would be sent: .html, .txt, and .eml for a mail program."""
    check_usage(usage)
    locale = asked_locale(locale)
    payload = merge_patch(PAYLOAD, payload_of(variables, payload_path))
    stem = _stem(usage, locale)
    found = host_file(file)
    note_slip(usage, lambda: own_usages(found))
    if name is None:
        name = next(iter(found.candidates(usage)), None)
        if name is None:
            told = _("no connector serves {usage}; name one with --connector").format(usage=usage)
            raise click.UsageError(told)
    content = run(_composed(found, known_name(found, name), usage, payload, locale))
    files = {folder / f"{stem}{suffix}": data for suffix, data in _parts(content)}
    if not force:
        refuse_overwriting(files)
    with written_together(files):
        pass
    if as_json:
        echo_json({"connector": name, "files": [str(path) for path in files]})
        return
    for path in files:
        click.echo(printable(str(path)))


async def _composed(
    file: HostFile, name: str, usage: str, payload: dict[str, Any], locale: str | None
) -> bytes:
    from connector_core.discovery import discover
    from connector_core.host import AsyncHost
    from connector_core.hostfile.resolving import resolved_entry

    async with AsyncHost(discover()) as host:
        entry = resolved_entry(file, name, host.registry)
        configured = host.configure(entry.connector.id, entry.config, name)
        return await configured.preview(usage, to=RECIPIENT, payload=payload, locale=locale)


def _stem(usage: str, locale: str | None) -> str:
    try:
        keys = {"usageType": usage} | ({"locale": locale} if locale else {})
        return file_name(keys).removesuffix(".html")
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=_("USAGE")) from None


def _parts(content: bytes) -> Iterator[tuple[str, bytes]]:
    """What is written of a message: the suffix of the file, and its octets."""
    message = message_from_bytes(content, policy=policy.default)
    if (html := message.get_body(("html",))) is not None:
        yield ".html", _with_images(message, html.get_content()).encode()
    if (text := message.get_body(("plain",))) is not None:
        yield ".txt", text.get_content().encode()
    yield ".eml", content


def _with_images(message: EmailMessage, html: str) -> str:
    """The HTML with the images of the message in it: a browser knows no `cid:` (RFC 2392)."""
    for part in message.walk():
        name = str(part["Content-ID"] or "").strip("<> ")
        if name and isinstance(data := part.get_payload(decode=True), bytes):
            encoded = base64.b64encode(data).decode("ascii")
            html = html.replace(f"cid:{name}", f"data:{part.get_content_type()};base64,{encoded}")
    return html
