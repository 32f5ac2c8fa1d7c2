"""The parts of a mail (RFC 2045, RFC 2046): texts, images, and what holds them together.

multipart/alternative
    text/plain
    multipart/related
        text/html
        image/…
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from connectors.smtp.compose.encodings import Encoding, base64_lines
from connectors.smtp.compose.text import MARK, Text

if TYPE_CHECKING:
    from connectors.smtp.compose.images import InlineImage

__all__ = ["Entity", "alternative", "image_part", "related", "text_part", "transfer_encoding"]

_EXTENSION = re.compile(r"[a-z0-9]{1,8}")
_EXTENSIONS = {"jpeg": "jpg", "svg+xml": "svg"}


class Entity(NamedTuple):
    """A part, or the whole of a mail's body.

    Attributes:
        fields: its header fields, without the Content-Transfer-Encoding of a text.
        content: a Text alone, or bytes, and among them Texts, each of which has to be preceded by
            its Content-Transfer-Encoding and an empty line.
    """

    fields: bytes
    content: tuple[bytes | Text, ...]


def transfer_encoding(encoding: Encoding) -> bytes:
    """The header field that names an encoding."""
    return b"Content-Transfer-Encoding: %b\r\n" % encoding.encode()


def text_part(media_type: str, text: Text) -> Entity:
    """A text, `text/plain` or `text/html`."""
    return Entity(f"Content-Type: {media_type}; charset=utf-8\r\n".encode(), (text,))


def image_part(image: InlineImage, number: int) -> Entity:
    """An image that a text in HTML shows by `cid:` (RFC 2392)."""
    subtype = image.media_type.partition("/")[2]
    extension = _EXTENSIONS.get(subtype, subtype)
    name = f"image-{number}.{extension}" if _EXTENSION.fullmatch(extension) else f"image-{number}"
    fields = (
        f"Content-Type: {image.media_type}\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-ID: <{image.cid}>\r\n"
        f'Content-Disposition: inline; filename="{name}"\r\n'
    )
    return Entity(fields.encode("ascii"), (base64_lines(image.data),))


def alternative(parts: Sequence[Entity], seed: Iterable[str]) -> Entity:
    """The same in several forms, the best one last (RFC 2046 section 5.1.4)."""
    return _multipart("multipart/alternative;", parts, seed)


def related(html: Entity, images: Sequence[Entity], seed: Iterable[str]) -> Entity:
    """A text with the images that it shows (RFC 2387)."""
    return _multipart('multipart/related; type="text/html";', (html, *images), seed)


def _multipart(media_type: str, parts: Sequence[Entity], seed: Iterable[str]) -> Entity:
    """Parts between boundaries, which for the same seed are always the same.

    Args:
        media_type: the type with its other parameters.
        parts: what is between the boundaries.
        seed: what tells this mail's texts from others.
    """
    digest = sha256("\0".join((media_type, *seed)).encode()).hexdigest()
    boundary = MARK + digest[:32].encode()
    content: list[bytes | Text] = []
    for part in parts:
        content.append(b"--%b\r\n%b" % (boundary, part.fields))
        if not isinstance(part.content[0], Text):
            content.append(b"\r\n")
        # The line end before a boundary is the boundary's: each part keeps its own.
        content += (*part.content, b"\r\n")
    content.append(b"--%b--\r\n" % boundary)
    fields = b'Content-Type: %b\r\n boundary="%b"\r\n' % (media_type.encode(), boundary)
    return Entity(fields, tuple(content))
