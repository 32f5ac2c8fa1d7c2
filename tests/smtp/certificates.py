"""Certificates for a peer, right and wrong in one way each, made once a process."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from functools import cache

import trustme

NAME = "127.0.0.1"


@cache
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Example CA")


def authority_pem() -> str:
    return authority().cert_pem.bytes().decode()


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@cache
def valid() -> ssl.SSLContext:
    return _context(authority().issue_cert(NAME, "localhost"))


@cache
def expired() -> ssl.SSLContext:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return _context(authority().issue_cert(NAME, not_after=yesterday))


@cache
def other_name() -> ssl.SSLContext:
    return _context(authority().issue_cert("mail.example.org"))


@cache
def unknown_authority() -> ssl.SSLContext:
    return _context(trustme.CA().issue_cert(NAME))


@cache
def missing_intermediate() -> ssl.SSLContext:
    """The server sends its own certificate alone, issued by an intermediate authority."""
    certificate = authority().create_child_ca().issue_cert(NAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with (
        certificate.private_key_pem.tempfile() as key,
        certificate.cert_chain_pems[0].tempfile() as chain,
    ):
        context.load_cert_chain(chain, key)
    return context


@cache
def self_signed() -> ssl.SSLContext:
    """The certificate of an authority nobody knows, shown by the server itself."""
    unknown = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with unknown.private_key_pem.tempfile() as key, unknown.cert_pem.tempfile() as chain:
        context.load_cert_chain(chain, key)
    return context
