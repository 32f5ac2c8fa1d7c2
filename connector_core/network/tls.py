"""TLS that verifies: contexts with further authorities, why certificates fail, what they say."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import Any

from connector_core.i18n import gettext as _
from connector_core.i18n import mark

__all__ = ["certificate_reason", "joined_pem", "tls_detail", "tls_facts", "trusting_context"]

# What OpenSSL commonly says; what it says besides stays in English.
_VERIFICATION = (
    mark("certificate has expired"),
    mark("certificate is not yet valid"),
    mark("certificate revoked"),
    mark("self-signed certificate"),
    mark("self-signed certificate in certificate chain"),
    mark("unable to get local issuer certificate"),
    mark("unsuitable certificate purpose"),
)


def joined_pem(ca: str | list[str] | None) -> str:
    """Certificates as one text; bundles carry comments in any language, and ASCII counts."""
    return "\n".join([ca] if isinstance(ca, str) else ca or []).encode("ascii", "replace").decode()


def trusting_context(ca: str | list[str] | None) -> ssl.SSLContext:
    """A client context that always verifies: the system's authorities, and those of `ca`.

    To make one reads the system's certificates, which takes some milliseconds.

    Raises:
        ssl.SSLError, ValueError: `ca` is no certificates.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authorities := joined_pem(ca):
        context.load_verify_locations(cadata=authorities)
    return context


def certificate_reason(error: ssl.SSLCertVerificationError) -> str:
    """Why a certificate was refused, in OpenSSL's words."""
    return _(error.verify_message or mark("the certificate is not valid"))


def tls_facts(connection: ssl.SSLObject) -> dict[str, str]:
    """`version`, `issuer` and `expires` (ISO 8601); of a certificate nobody verified, no more.

    OpenSSL gives the fields of verified certificates alone.
    """
    certificate: dict[str, Any] = connection.getpeercert() or {}
    facts = {"version": connection.version() or ""}
    names = {key: value for item in certificate.get("issuer", ()) for key, value in item}
    if issuer := names.get("organizationName") or names.get("commonName"):
        facts["issuer"] = issuer
    if until := certificate.get("notAfter"):
        expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC)
        facts["expires"] = expires.isoformat().replace("+00:00", "Z")
    return facts


def tls_detail(facts: dict[str, str]) -> str:
    """The facts in a line for people."""
    told = [facts["version"]]
    if "issuer" in facts:
        told.append(_("certificate by {issuer}").format(issuer=facts["issuer"]))
    if "expires" in facts:
        date, _at, _time = facts["expires"].partition("T")
        told.append(_("valid until {date}").format(date=date))
    return ", ".join(told)
