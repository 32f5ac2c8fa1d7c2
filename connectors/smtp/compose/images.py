"""Images that stand in an HTML template as data URIs (RFC 2397), taken out as parts of the mail.

Much webmail shows no data URIs, but the images of the mail itself, which HTML names by `cid:`
(RFC 2392).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from connectors.smtp.compose.markup import attribute, tags

__all__ = ["Extracted", "InlineImage", "extract"]

# The subtype is so short that its header field needs no folding.
_DATA_URI = re.compile(
    r"data:(image/[a-z0-9][a-z0-9!#$&^_.+-]{0,50})(?:;[^;,]*+)*?(;\ *base64)?,(.*)",
    re.IGNORECASE | re.ASCII | re.DOTALL | re.VERBOSE,
)
_NOT_IN_URL = re.compile(r"[\t\n\r]")  # browsers leave these out, wherever they stand
_SPACES = re.compile(rb"[\t\n\f\r ]+")
_DOMAIN = "inline"  # a msg-id has a right side; the digest on the left is unique by itself


@dataclass(frozen=True, slots=True)
class InlineImage:
    """An image that HTML shows as `cid:…`.

    Attributes:
        cid: its Content-ID without angle brackets; the same for the same image.
        media_type: such as `image/png`, in lower case.
        data: the image itself.
    """

    cid: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Extracted:
    """A template and the images taken out of it, each once, in order of appearance."""

    html: str
    images: tuple[InlineImage, ...]


def extract(html: str) -> Extracted:
    """Take the images out of the `src` of `<img>` elements.

    All other characters of the template stay as they are, and so do images elsewhere: in `srcset`,
    in other elements, in CSS. So does a data URI that is broken or holds a variable. Never raises;
    takes time linear in the template.
    """
    images: dict[str, InlineImage] = {}
    pieces: list[str] = []
    position = 0
    for tag in tags(html):
        if tag.name != "img" or tag.closing or not (source := attribute(html, tag, "src")):
            continue
        if image := _image(source.value):
            images[image.cid] = image
            quote = html[source.start] if html[source.start] in "\"'" else ""
            pieces += [html[position : source.start], quote, "cid:", image.cid, quote]
            position = source.end
    return Extracted("".join([*pieces, html[position:]]), tuple(images.values()))


def _image(uri: str) -> InlineImage | None:
    """The image that a data URI holds; None if it holds none, or one that is not whole."""
    found = _DATA_URI.fullmatch(_NOT_IN_URL.sub("", uri.strip("\t\n\f\r ")))
    # A `{{` may begin a variable; a `#` would end the image (RFC 3986 section 3.5).
    if not found or "{{" in uri or "#" in found[3]:
        return None
    data = _decoded(found[3], is_base64=bool(found[2]))
    if not data:
        return None
    media_type = found[1].lower()
    digest = hashlib.sha256(f"{media_type},".encode() + data).hexdigest()
    return InlineImage(f"{digest[:32]}@{_DOMAIN}", media_type, data)


def _decoded(text: str, *, is_base64: bool) -> bytes:
    """The octets that stand in a data URI, base64 padded or not; empty if there are none."""
    try:
        data = unquote_to_bytes(text)
        if not is_base64:
            return data
        data = _SPACES.sub(b"", data)
        if not data.endswith(b"="):
            data += b"=" * (-len(data) % 4)
        return base64.b64decode(data, validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""
