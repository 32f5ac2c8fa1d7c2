"""The body of a template's mails, prepared: constants, and between them the values.

What is around the texts, and what of them never changes, is joined once for each way in which the
texts may be encoded; a mail then is one join of that with its values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from connectors.smtp.compose.digest import PreparedDigest, body_digest
from connectors.smtp.compose.encodings import Encoding
from connectors.smtp.compose.parts import Entity, transfer_encoding
from connectors.smtp.compose.text import Text

__all__ = ["Body", "FilledBody"]

_MAX_LAYOUTS = 256  # that one template keeps
# Stands as it is in HTML, in 7bit and in quoted-printable, whatever is beside it: printable ASCII
# without " & ' < = >, single spaces inside, no _ at the beginning, which an = could precede.
_PLAIN = re.compile(r"(?!_)[!#-%(-;?-~]++(?: [!#-%(-;?-~]++)*+")
_MIME_VERSION = b"MIME-Version: 1.0\r\n"


class _Frame:
    """What bodies whose texts are encoded alike have in common.

    Attributes:
        fields: the header fields that say how to read the body.
        pieces: the body in pieces, with nothing at every second place, where a value goes.
    """

    def __init__(self, entity: Entity, encodings: Iterable[Encoding]) -> None:
        alone = len(entity.content) == 1
        fields, constants = [_MIME_VERSION, entity.fields], [b""]
        encoding = iter(encodings)
        for piece in entity.content:
            if isinstance(piece, bytes):
                constants[-1] += piece
                continue
            carrier = next(encoding)
            if alone:
                fields.append(transfer_encoding(carrier))
            else:
                constants[-1] += transfer_encoding(carrier) + b"\r\n"
            first, *others = piece.literals(carrier)
            constants[-1] += first
            constants += others
        self.fields = tuple(fields)
        self.pieces = [b""] * (2 * len(constants) - 1)
        self.pieces[::2] = constants

    @cached_property
    def digest(self) -> PreparedDigest:
        """The digest of such bodies, if all values are plain."""
        return PreparedDigest(self.pieces[::2])


class FilledBody(NamedTuple):
    """A body with its values.

    Attributes:
        frame: what it has in common with others.
        written: what goes between the frame's constants.
        plain: whether that are plain values as they are.
    """

    frame: _Frame
    written: list[bytes]
    plain: bool = False

    @property
    def pieces(self) -> list[bytes]:
        """The body, to be joined."""
        pieces = self.frame.pieces.copy()
        pieces[1::2] = self.written
        return pieces

    @property
    def digest(self) -> bytes:
        """The digest for DKIM (RFC 6376 section 3.7)."""
        if self.plain:
            return self.frame.digest.of(self.written)
        return body_digest(b"".join(self.pieces))


class Body:
    """The body of one template's mails."""

    def __init__(self, entity: Entity) -> None:
        self._entity = entity
        self._texts = [piece for piece in entity.content if isinstance(piece, Text)]
        places = [place for text in self._texts for place in text.places]
        self._used = list(dict.fromkeys(places))
        order = {place: number for number, place in enumerate(self._used)}
        self._gaps = [order[place] for place in places]  # which of those used goes into each
        self._frames: dict[tuple[Encoding, ...], _Frame] = {}
        self._layouts: dict[tuple[int, ...], _Frame] = {}

    def fill(self, values: Sequence[str | None]) -> FilledBody:
        """The body with these values; see `Text.fill`.

        Plain values are everywhere written as they are, and how long they are decides what carries
        the texts. So for the same lengths a body is always laid out alike.

        Raises:
            MessageError: a value holds what no mail can, or a text is too large.
        """
        plain = []
        for place in self._used:
            value = values[place]
            if value is None or not _PLAIN.fullmatch(value):
                return self._filled(values)
            plain.append(value.encode())
        lengths = tuple(map(len, plain))
        written = [plain[place] for place in self._gaps]
        if frame := self._layouts.get(lengths):
            return FilledBody(frame, written, plain=True)
        body = self._filled(values)
        if body.written != written:
            return body  # base64, or a value is too long for the line on which it begins
        if len(self._layouts) >= _MAX_LAYOUTS:
            self._layouts.clear()
        self._layouts[lengths] = body.frame
        return body._replace(plain=True)

    def _filled(self, values: Sequence[str | None]) -> FilledBody:
        texts = [text.fill(values) for text in self._texts]
        encodings = tuple([text.encoding for text in texts])
        if encodings not in self._frames:
            self._frames[encodings] = _Frame(self._entity, encodings)
        written = [piece for text in texts for piece in text.written]
        return FilledBody(self._frames[encodings], written)
