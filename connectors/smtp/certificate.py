"""What a TLS connection and the server's certificate say of themselves."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import Any

from connectors.smtp.i18n import _

__all__ = ["tls_detail", "tls_facts"]


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
