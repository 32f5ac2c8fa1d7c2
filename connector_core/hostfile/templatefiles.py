"""Templates as files: `SignIn.html`, `SignIn.fr.html`, `SignIn.zh-Hant.txt`.

A file begins with its front matter, `key: value` lines between two lines of three hyphens; a value
is what stands behind the colon, as it stands, so that `subject: Your code: {{code}}` needs no
quotes. What follows is the content. The name says the usage type and, if it has one, the locale.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from connector_core.configs import open_at_once
from connector_core.errors import ConfigProblem
from connector_core.i18n import gettext as _
from connector_core.i18n import system_reason
from connector_core.locales import is_language_tag
from connector_core.validation import nearest

__all__ = ["CONTENT_TYPES", "file_name", "file_text", "template_files"]

CONTENT_TYPES = {".html": "text/html", ".txt": "text/plain"}

_KEYS = ("subject", "sendFrom", "replyTo")
_MAX_SIZE = 8 * 1024 * 1024  # octets
_SAFE = re.compile(r"[^\x00-\x1f/\\:*?\"<>|.][^\x00-\x1f/\\:*?\"<>|]*")
_HEAD = re.compile(
    r"\s*---[ \t]*\r?\n(?P<head>(?:(?!---[ \t]*\r?$)[^\n]*\n)*)---[ \t]*(?:\r?\n|\Z)",
    re.MULTILINE,
)
_OPENING = re.compile(r"\s*---[ \t]*\r?$", re.MULTILINE)
_LINE = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9_-]*)[ \t]*:(?P<value>.*)")


def template_files(folder: Path) -> Iterator[tuple[str, dict[str, str] | ConfigProblem]]:
    """Each template file of a folder by its name: as a config template, or what is wrong with it.

    Other files are left alone; a folder that is not there has none.
    """
    try:
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        told = _("cannot be read: {reason}").format(reason=system_reason(error))
        yield folder.name, ConfigProblem(folder.name, told)
        return
    for path in paths:
        if path.suffix in CONTENT_TYPES and not path.name.startswith("."):
            name = f"{folder.name}/{path.name}"
            try:
                yield name, _template(path)
            except ValueError as error:
                yield name, ConfigProblem(name, *error.args)


def file_name(template: Mapping[str, str]) -> str:
    """The name of the file for a config template.

    Raises:
        ValueError: its usage type or locale cannot be part of a file's name.
    """
    usage_type, locale = template["usageType"], template.get("locale")
    suffix = next(
        suffix
        for suffix, content_type in CONTENT_TYPES.items()
        if content_type == template.get("contentType", "text/html")
    )
    parts = [usage_type, *([locale] if locale else [])]
    ambiguous = locale is None and is_language_tag(usage_type.rpartition(".")[2] or "-")
    if not _SAFE.fullmatch(usage_type) or (ambiguous and "." in usage_type):
        raise ValueError(_("{text!r} cannot be a file's name").format(text=usage_type))
    return ".".join(parts) + suffix


def file_text(template: Mapping[str, str]) -> str:
    """A config template as the text of a file.

    Raises:
        ValueError: a value of its front matter cannot stand on a line.
    """
    lines = []
    for key in _KEYS:
        if key in template:
            if re.search(r"[\r\n]", template[key]):
                raise ValueError(_("its {key} has a line break").format(key=key))
            lines.append(f"{key}: {_quoted(key, template[key])}\n")
    return f"---\n{''.join(lines)}---\n{template['content']}"


def _template(path: Path) -> dict[str, str]:
    usage_type, _dot, locale = path.stem.rpartition(".")
    if not usage_type or not is_language_tag(locale):
        usage_type, locale = path.stem, ""
    template = {"usageType": usage_type, "contentType": CONTENT_TYPES[path.suffix]}
    if locale:
        template["locale"] = locale
    text = _text_of(path)
    head = _HEAD.match(text)
    if head is None and _OPENING.match(text):
        raise ValueError(_("its front matter has no end: a line ---"))
    if head is None:
        raise ValueError(
            _("has no front matter"),
            _("begin it with: ---, a line such as subject: Your code, and --- again"),
        )
    template |= _front_matter(head["head"])
    if "subject" not in template:
        raise ValueError(
            _("has no subject"), _("add a line such as subject: Your code to its front matter")
        )
    return template | {"content": text[head.end() :]}


def _text_of(path: Path) -> str:
    try:
        # Not blocking: a pipe would be waited for without end.
        with open(path, "rb", opener=open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError(_("is not a regular file"))
            data = file.read(_MAX_SIZE + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ValueError(
            _("cannot be read: {reason}").format(reason=system_reason(error))
        ) from None
    except UnicodeDecodeError:
        raise ValueError(_("is not UTF-8 text"), _("save it as UTF-8")) from None
    if len(data) > _MAX_SIZE:
        raise ValueError(_("has more than {count} MiB").format(count=_MAX_SIZE >> 20))
    return text


def _front_matter(head: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(str.strip, head.split("\n")):
        pair = _LINE.fullmatch(line.strip())
        if pair is None:
            raise ValueError(
                _("has a line in its front matter that is not key: value"),
                _("a text of the mail goes below the second ---"),
            )
        key = pair["key"]
        if key not in _KEYS:
            near = nearest(key, _KEYS)
            raise ValueError(
                _("has {key!r} in its front matter, which is not a known key").format(key=key),
                _("did you mean {near!r}?").format(near=near)
                if near
                else _("known keys: {keys}").format(keys=", ".join(_KEYS)),
            )
        if key in found:
            raise ValueError(_("has {key!r} twice in its front matter").format(key=key))
        found[key] = _unquoted(pair["value"].strip())
    return found


def _unquoted(value: str) -> str:
    """The value without quotes around all of it, which writers of YAML are used to."""
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted and value[0] not in value[1:-1] else value


def _quoted(key: str, value: str) -> str:
    """The value in quotes where it would be read as another without."""
    for form in (value, f'"{value}"', f"'{value}'"):
        if _unquoted(form.strip()) == value:
            return form
    raise ValueError(_("its {key} has both kinds of quotes around it").format(key=key))
