"""TLS contexts from the config's inline PEM text; certificates are verified unless it says no."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from connector_core import ConfigError, ConfigProblem
from connector_core.network.tls import joined_pem
from connectors.smtp.i18n import _, mark

if TYPE_CHECKING:
    from connectors.smtp.config import TlsOptions

__all__ = ["TlsClient", "make_context", "tls_problems"]

_PASTE = mark(
    "give PEM text, from -----BEGIN to -----END, or file:PATH, which the connector command and "
    "resolve_secrets read"
)
RESUMED_FOR = 3600.0  # seconds after which the certificate is looked at again
_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def make_context(options: TlsOptions) -> ssl.SSLContext:
    """A client context for the options.

    Raises:
        ConfigError: what OpenSSL says is wrong with them.
    """
    context, problems = _try(options)
    if problems:
        raise ConfigError(problems)
    return context


def tls_problems(options: TlsOptions) -> list[ConfigProblem]:
    """What OpenSSL says is wrong with the options."""
    return _try(options)[1]


def _try(options: TlsOptions) -> tuple[ssl.SSLContext, list[ConfigProblem]]:
    problems: list[ConfigProblem] = []
    # As in Node: authorities of one's own stand in place of the system's, not beside them.
    try:
        context = ssl.create_default_context(cadata=joined_pem(options.ca) or None)
    except (ssl.SSLError, ValueError):
        problems.append(ConfigProblem("$.tls.ca", _("is not PEM certificates"), _(_PASTE)))
        context = ssl.create_default_context()
    # The least that is safe, whatever this build of OpenSSL would allow.
    context.minimum_version = _VERSIONS[options.min_version or "TLSv1.2"]
    if options.max_version:
        context.maximum_version = _VERSIONS[options.max_version]
    for key, message, apply in (
        ("ciphers", mark("is not a cipher list that OpenSSL knows"), _set_ciphers),
        ("cert", mark("is not a PEM certificate with its key in `key`"), _load_cert),
        ("ALPNProtocols", mark("is not a list of protocol names"), _set_alpn),
    ):
        attempt: Callable[[ssl.SSLContext, TlsOptions], None] = apply
        try:
            attempt(context, options)
        except (ssl.SSLError, ValueError, OSError) as error:
            # OpenSSL names the fault and never shows the material.
            reason = getattr(error, "reason", None)
            detail = _(message)
            if reason:
                detail = _("{what}: {reason}").format(what=detail, reason=reason)
            problems.append(
                ConfigProblem(f"$.tls.{key}", detail, _(_PASTE) if key == "cert" else "")
            )
    if options.reject_unauthorized is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context, problems


class TlsClient:
    """TLS with one server, whose handshakes after the first are shorter: sessions are resumed.

    Raises:
        ConfigError: OpenSSL says that something is wrong with the options.
    """

    def __init__(self, options: TlsOptions) -> None:
        self._options = options
        # Where there is nothing to be wrong, only when it is needed: it takes longer than all else.
        self._context = None if options == type(options)() else self._resuming()
        self._session: ssl.SSLSession | None = None
        self._kept_at = 0.0

    async def context(self) -> ssl.SSLContext:
        """The context for a connection that is used."""
        if self._context is None:
            made = await asyncio.to_thread(self._resuming)
            self._context = self._context or made  # another connection may have been first
        return self._context

    async def anew(self) -> ssl.SSLContext:
        """One for a connection that shows the certificate as it is now: nothing is resumed."""
        return await asyncio.to_thread(make_context, self._options)

    def _resuming(self) -> ssl.SSLContext:
        """A context that resumes the last session (RFC 8446 section 2.2)."""
        client = self

        class Resuming(ssl.SSLObject):
            _begun = False

            def do_handshake(self) -> None:
                if not self._begun:
                    self._begun = True
                    # It must be set before the handshake, and event loops offer no way to.
                    if (session := client._fresh()) is not None:
                        self.session = session
                super().do_handshake()

        context = make_context(self._options)
        context.sslobject_class = Resuming
        return context

    def keep(self, tls: ssl.SSLObject) -> None:
        """Take the session of a connection whose handshake is done, if it is of `context`."""
        session = tls.session
        if tls.context is not self._context or session is None or not session.has_ticket:
            return
        if not tls.session_reused:
            self._kept_at = time.monotonic()
        self._session = session

    def _fresh(self) -> ssl.SSLSession | None:
        # A resumed session does not show the certificate again: it may have expired meanwhile.
        if time.monotonic() - self._kept_at > RESUMED_FOR:
            self._session = None
        return self._session


def _set_ciphers(context: ssl.SSLContext, options: TlsOptions) -> None:
    if options.ciphers:
        # Without these, a list such as ALL would let servers in that show no certificate.
        context.set_ciphers(f"{options.ciphers}:!aNULL:!eNULL")


def _load_cert(context: ssl.SSLContext, options: TlsOptions) -> None:
    if options.cert and options.key:
        passphrase = options.passphrase or ""
        with _as_file(f"{options.key}\n{options.cert}\n") as path:
            # Given always, even empty: without it OpenSSL would ask on the terminal.
            context.load_cert_chain(path, password=lambda: passphrase)


def _set_alpn(context: ssl.SSLContext, options: TlsOptions) -> None:
    if options.alpn_protocols:
        context.set_alpn_protocols(options.alpn_protocols)


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """A path that OpenSSL can read the text from: in memory where the system can, else 0600."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("connector-core", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, text.encode())
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    descriptor, path = tempfile.mkstemp()  # created with mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        yield path
    finally:
        os.unlink(path)  # noqa: PTH108 - the path is text here
