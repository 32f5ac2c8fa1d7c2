"""The signer of one config: it writes the `DKIM-Signature` fields of each mail (RFC 6376)."""

from __future__ import annotations

import logging
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from connector_core import ConfigError
from connector_core.mail.addresses import ascii_domain
from connectors.smtp.config import DkimKey, DkimOptions
from connectors.smtp.dkim.canonical import relaxed_field
from connectors.smtp.dkim.coverage import DEFAULT, Coverage, names_in
from connectors.smtp.dkim.keys import SigningKey, missing, read_key
from connectors.smtp.pem import KeyFault

__all__ = ["Signer"]

_LOG = logging.getLogger("connectors.smtp")

_MAX_LINE = 76
_MAX_BASE64 = 72  # of a line, which leaves room for ` b=` before it
_MAX_LAYOUTS = 64  # the mails of a config have few different sets of headers


class _Start(NamedTuple):
    """A signature's field up to the tags that differ from mail to mail.

    Attributes:
        written: as it leaves, without a line end behind it.
        signed: its canonical form.
    """

    written: bytes
    signed: bytes


class _Layout(NamedTuple):
    """What all mails with the same header names have in common.

    Attributes:
        places: the fields to sign, in the order of `h=`.
        starts: how each signature begins.
    """

    places: tuple[int, ...]
    starts: tuple[_Start, ...]


@dataclass(frozen=True, slots=True)
class _Signatory:
    """A key, and where its public half is found."""

    domain: str
    selector: str
    key: SigningKey = field(repr=False)

    def __str__(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    def start(self, listed: Sequence[str]) -> _Start:
        """How its signature of these header fields begins."""
        names = [*(f"{name}:" for name in listed[:-1]), f"{listed[-1]};"]
        tags = (
            "v=1;",
            f"a={self.key.algorithm};",
            "c=relaxed/relaxed;",
            f"d={self.domain};",
            f"s={self.selector};",
            f"h={names[0]}",
        )
        written = _folded(["DKIM-Signature:", *(f" {tag}" for tag in tags), *names[1:]])
        return _Start(written, relaxed_field(written).removesuffix(b"\r\n"))


class Signer:
    """Signs mails with each key of a config.

    Signing takes about half a millisecond a mail with RSA of 2048 bits, and less than a tenth of
    one with Ed25519, in which nothing else runs on the event loop.
    """

    def __init__(
        self,
        signatories: Sequence[_Signatory],
        wanted: Sequence[str],
        clock: Callable[[], float],
    ) -> None:
        self._signatories = tuple(signatories)
        self._wanted = tuple(wanted)
        self._clock = clock
        self._layout = lru_cache(_MAX_LAYOUTS)(self._lay_out)

    @classmethod
    def of(cls, options: DkimOptions, clock: Callable[[], float] = time.time) -> Signer:
        """The signer that a config describes; the rules found nothing wrong with it.

        Args:
            options: the config's `dkim`.
            clock: the seconds since 1970, for `t=`.

        Raises:
            ConfigError: a key cannot be used, or what it takes to sign is not installed.
        """
        if problem := missing():
            raise ConfigError([problem])
        signatories = (
            [_signatory(f"$.dkim.keys[{index}]", key) for index, key in enumerate(options.keys)]
            if options.keys
            else [_signatory("$.dkim", options)]
        )
        skipped = names_in(options.skip_fields or "")
        names = names_in(options.header_field_names) if options.header_field_names else DEFAULT
        return cls(signatories, [name for name in names if name not in skipped], clock)

    def __repr__(self) -> str:
        return f"Signer({', '.join(map(str, self._signatories))})"

    def sign(self, fields: Sequence[bytes], body_digest: bytes) -> bytes:
        """The `DKIM-Signature` fields of a mail, to stand before all others.

        Args:
            fields: every header field in its order, as it leaves, with its CRLF.
            body_digest: SHA-256 of the body in its canonical form.

        Returns:
            One field a key, in the order of the config, each with its CRLF.
        """
        layout = self._layout(tuple([field[: field.index(b":")] for field in fields]))
        covered = b"".join([relaxed_field(fields[place]) for place in layout.places])
        rest = b" t=%d; bh=%b;" % (int(self._clock()), b64encode(body_digest))
        written = []
        for signatory, start in zip(self._signatories, layout.starts, strict=True):
            # What is signed last is the field itself, with nothing in `b=` and no CRLF behind it
            # (RFC 6376 section 3.7).
            signature = signatory.key.sign(b"%b%b%b b=" % (covered, start.signed, rest))
            written.append(b"%b\r\n%b\r\n b=%b\r\n" % (start.written, rest, _base64(signature)))
        return b"".join(written)

    def _lay_out(self, present: tuple[bytes, ...]) -> _Layout:
        names = [name.decode("ascii").rstrip(" \t").lower() for name in present]
        coverage = Coverage.of(names, self._wanted)
        starts = tuple(signatory.start(coverage.listed) for signatory in self._signatories)
        return _Layout(coverage.places, starts)


def _signatory(path: str, item: DkimKey | DkimOptions) -> _Signatory:
    given = item.private_key or ""
    pem, passphrase = (given, None) if isinstance(given, str) else (given.key, given.passphrase)
    key = read_key(pem, passphrase)
    if isinstance(key, KeyFault):
        raise ConfigError([key.at(f"{path}.privateKey")])
    domain = ascii_domain(item.domain_name or "").lower()
    signatory = _Signatory(domain, item.key_selector or "", key)
    if key.weakness:
        _LOG.warning("the DKIM key of %s %s", signatory, key.weakness)
    return signatory


def _folded(pieces: Iterable[str]) -> bytes:
    """The pieces one behind the other, on lines that end before a piece that would be too much."""
    lines = [""]
    for piece in pieces:
        if len(lines[-1]) + len(piece) > _MAX_LINE:
            lines.append(f" {piece.lstrip(' ')}")
        else:
            lines[-1] += piece
    return "\r\n".join(lines).encode("ascii")


def _base64(data: bytes) -> bytes:
    text = b64encode(data)
    lines = [text[start : start + _MAX_BASE64] for start in range(0, len(text), _MAX_BASE64)]
    return b"\r\n ".join(lines)
