"""The composer once more, as plainly as can be: octet by octet, with nothing prepared.

It shares no code with the one that it is compared with. What is made of a template before it is
filled in (the text beside HTML, images) is given: that has tests of its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
ATEXT = LETTERS + DIGITS + "!#$%&'*+/=?^_`{|}~-"
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}


class RefusedError(Exception):
    """What the composer has to refuse; `where` is the part of the mail."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


@dataclass
class Image:
    cid: str
    media_type: str
    data: bytes


@dataclass
class Mail:
    """All that a mail is made of.

    Attributes:
        date: the header field, as it was found.
        sender: the display name and the address.
        reply_to: the same, if there is one.
        html: a template, if there is HTML.
        text: a template, if there is plain text.
        custom: header fields in their order.
    """

    subject: str
    payload: Mapping[str, Any]
    date: bytes
    message_id: str
    to: str
    sender: tuple[str, str]
    reply_to: tuple[str, str] | None = None
    html: str | None = None
    text: str | None = None
    images: Sequence[Image] = ()
    custom: Sequence[tuple[str, str]] = ()
    fields: Sequence[bytes] = field(default=())

    def written(self) -> bytes:
        subject = "".join(piece for piece, _ in filled(self.subject, self.payload))
        if any(is_control(character) for character in subject):
            raise RefusedError("subject")
        fields = [
            self.date,
            mailbox_field("From", *self.sender),
            f"To: {self.to}\r\n".encode(),
            *([mailbox_field("Reply-To", *self.reply_to)] if self.reply_to else []),
            unstructured("Subject", subject),
            f"Message-ID: {self.message_id}\r\n".encode(),
            *(unstructured(name, value.strip(" \t")) for name, value in self.custom),
        ]
        if "auto-submitted" not in [name.lower() for name, _ in self.custom]:
            fields.append(b"Auto-Submitted: auto-generated\r\n")
        content = self.content()
        return b"".join([*fields, *self.fields, b"MIME-Version: 1.0\r\n", content])

    def content(self) -> bytes:
        """The content's header fields, the empty line, and the content."""
        entities = []
        if self.text is not None:
            entities.append(text_entity("plain", self.text, self.payload))
        if self.html is not None:
            html = text_entity("html", self.html, self.payload)
            if self.images:
                images = [image_entity(image, 1 + at) for at, image in enumerate(self.images)]
                html = self.multipart('related; type="text/html"', [html, *images])
            entities.append(html)
        return entities[0] if len(entities) == 1 else self.multipart("alternative", entities)

    def multipart(self, kind: str, entities: Iterable[bytes]) -> bytes:
        seed = f"multipart/{kind};\0{self.html or ''}\0{self.text or ''}"
        boundary = f"=_{hashlib.sha256(seed.encode()).hexdigest()[:32]}".encode()
        whole = f'Content-Type: multipart/{kind};\r\n boundary="'.encode() + boundary + b'"\r\n\r\n'
        for entity in entities:
            whole += b"--" + boundary + b"\r\n" + entity + b"\r\n"
        return whole + b"--" + boundary + b"--\r\n"


# Variables


def split(template: str) -> list[tuple[str, str | None]]:
    """Literals and variables by turns; a variable with its path, a literal with None."""
    pieces: list[tuple[str, str | None]] = []
    literal, at = "", 0
    while at < len(template):
        end, path = variable_at(template, at)
        if path:
            pieces += [(literal, None), (template[at:end], path)]
            literal, at = "", end
        else:
            literal += template[at]
            at += 1
    return [*pieces, (literal, None)]


def variable_at(template: str, at: int) -> tuple[int, str]:
    """Where the variable that begins here ends, and its path; an empty one where none begins."""
    if template[at : at + 2] != "{{":
        return at, ""
    at += 2
    while template[at : at + 1].isspace():
        at += 1
    path = ""
    while at < len(template) and template[at] in LETTERS + DIGITS + "_.":
        path += template[at]
        at += 1
    while template[at : at + 1].isspace():
        at += 1
    if template[at : at + 2] != "}}":
        return at, ""
    return at + 2, path


def filled(template: str, payload: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """The pieces of the text, and of each whether it is a value of the payload."""
    return [
        (text, False) if path is None else value_of(path, payload, text)
        for text, path in split(template)
    ]


def value_of(path: str, payload: Mapping[str, Any], source: str) -> tuple[str, bool]:
    root, *rest = path.split(".")
    if root not in payload:
        return source, False
    value = payload[root]
    for part in rest:
        value = value.get(part) if isinstance(value, Mapping) else None
    return "" if value is None else str(value), True


# Texts


def text_entity(kind: str, template: str, payload: Mapping[str, Any]) -> bytes:
    if template[-1:] not in ("\r", "\n"):
        template += "\n"
    pieces = []
    for text, is_value in filled(template, payload):
        if kind == "html" and is_value:
            text = "".join(ESCAPES.get(character, character) for character in text)
        if "\0" in text or any(0xD800 <= ord(character) <= 0xDFFF for character in text):
            raise RefusedError("content")
        pieces.append(lines_ended(text).encode())
    whole = b"".join(pieces)
    if seven_bit(whole):
        encoding, encoded = "7bit", whole
    elif quoted_is_shorter(whole):
        encoding, encoded = "quoted-printable", quoted(pieces)
    else:
        encoding, encoded = "base64", in_base64(whole)
    fields = (
        f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
    )
    return fields.encode() + b"\r\n" + encoded


def lines_ended(text: str) -> str:
    ended = ""
    for at, character in enumerate(text):
        if character == "\n" and text[at - 1 : at] == "\r":
            continue
        ended += "\r\n" if character in "\r\n" else character
    return ended


def seven_bit(whole: bytes) -> bool:
    for line in whole.split(b"\r\n"):
        if len(line) > 76 or not all(octet == 9 or 32 <= octet <= 126 for octet in line):
            return False
    return b"=_" not in whole


def quoted_is_shorter(whole: bytes) -> bool:
    size = len(whole)
    for octet in whole:
        if not bare(octet) and octet not in b"\r\n":
            size += 3
    return size <= (len(whole) + 2) // 3 * 4 * 77 // 76


def bare(octet: int) -> bool:
    return octet == 9 or (32 <= octet <= 126 and octet != ord("="))


def quoted(pieces: Sequence[bytes]) -> bytes:
    """Literals and values by turns, each literal from the first column of a line."""
    written = b""
    for at, piece in enumerate(pieces):
        is_literal = at % 2 == 0
        if is_literal and at and not piece.startswith(b"\r\n"):
            written += b"=\r\n"
        column = 0 if is_literal else len(written) - written.rfind(b"\n") - 1
        written += quoted_piece(piece, column)
    return written


def quoted_piece(piece: bytes, column: int) -> bytes:
    written, at = b"", 0
    while at < len(piece):
        if piece[at : at + 2] == b"\r\n":
            written, column, at = written + b"\r\n", 0, at + 2
            continue
        at_end = piece[at + 1 : at + 3] in (b"", b"\r\n")
        unit = piece[at : at + 1]
        if not bare(piece[at]) or (at_end and unit in b" \t"):
            unit = f"={piece[at]:02X}".encode()
        if column + len(unit) > 75:
            written, column = written + b"=\r\n", 0
        written, column, at = written + unit, column + len(unit), at + 1
    return written


def in_base64(data: bytes) -> bytes:
    written = base64.b64encode(data)
    lines = b""
    while written:
        lines += written[:76] + b"\r\n"
        written = written[76:]
    return lines


def image_entity(image: Image, number: int) -> bytes:
    extension = {"image/jpeg": ".jpg", "image/svg+xml": ".svg"}.get(image.media_type)
    if extension is None:
        extension = "." + image.media_type.removeprefix("image/")
    return (
        f"Content-Type: {image.media_type}\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-ID: <{image.cid}>\r\n"
        f'Content-Disposition: inline; filename="image-{number}{extension}"\r\n\r\n'
    ).encode() + in_base64(image.data)


# Header fields


def is_control(character: str) -> bool:
    code = ord(character)
    return character != "\t" and (
        code < 32 or 127 <= code <= 159 or code in (0x2028, 0x2029) or 0xD800 <= code <= 0xDFFF
    )


def unstructured(name: str, text: str) -> bytes:
    if stands_bare(text):
        return folded(name, text.split(" "))
    return folded(name, encoded_words(text, 76 - len(name) - 2))


def mailbox_field(name: str, display: str, address: str) -> bytes:
    if not display:
        return folded(name, [address])
    atoms = display.split(" ")
    if stands_bare(display) and all(atom and set(atom) <= set(ATEXT) for atom in atoms):
        return folded(name, [*atoms, f"<{address}>"])
    return folded(name, [*encoded_words(display, 76 - len(name) - 2), f"<{address}>"])


def stands_bare(text: str) -> bool:
    if not all(" " <= character <= "~" for character in text):
        return False
    words = text.split(" ")
    if len(words) > 1 and "" in words:
        return False
    return "=?" not in text and max(map(len, words)) <= 900


def folded(name: str, words: Sequence[str]) -> bytes:
    written, column = f"{name}:", len(name) + 1
    for at, word in enumerate(words):
        if at and column + 1 + len(word) > 76:
            written, column = written + "\r\n", 0
        written, column = written + f" {word}", column + 1 + len(word)
    return written.encode() + b"\r\n"


def encoded_words(text: str, first: int) -> list[str]:
    """The characters in as few words as they fit into, in the shorter encoding."""
    by_base64 = len(in_b(text)) < len(in_q(text))
    words, piece, room = [], "", max(min(first, 75), 40)
    for character in text:
        if piece and len(encoded_word(piece + character, by_base64)) > room:
            words.append(encoded_word(piece, by_base64))
            piece, room = "", 75
        piece += character
    return [*words, encoded_word(piece, by_base64)]


def encoded_word(text: str, by_base64: bool) -> str:
    return f"=?utf-8?b?{in_b(text)}?=" if by_base64 else f"=?utf-8?q?{in_q(text)}?="


def in_b(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def in_q(text: str) -> str:
    written = ""
    for octet in text.encode():
        character = chr(octet)
        if character == " ":
            written += "_"
        elif character in LETTERS + DIGITS + "!*+-/":
            written += character
        else:
            written += f"={octet:02X}"
    return written
