"""What is said of the message, and anywhere."""

from __future__ import annotations

from connectors.smtp.causes.cause import ANY, MAIL, cause
from connectors.smtp.i18n import mark

__all__ = ["CAUSES"]

CAUSES = (
    # The message
    cause(
        "header not taken",
        "content",
        r"5\.6\.[0-7]\b|\brfc ?(?:822|2822|5322)|multiple .{0,20}headers?\b"
        r"|(?:missing|invalid|malformed|duplicate|valid) .{0,40}header\b"
        r"|\bheader (?:is |field )?(?:missing|invalid|malformed)|not rfc compliant",
        mark("the server does not take a header: check customHeaders, fromEmail and replyTo"),
        operator=True,
    ),
    cause(
        "parameter not taken",
        "sender recipient",
        r"^555 5\.5\.4\b|unsupported option|parameter .{0,40}(?:not recogni[sz]ed|not implemented)",
        mark(
            "the server does not take a parameter of the envelope: leave out dsn and "
            "requireTLSExtensionEnabled"
        ),
        operator=True,
    ),
    cause(
        "spam",
        MAIL,
        r"\bspam\b|\bdt:spm\b|unsolicited|anti-?spam"
        r"|(?:very low|poor|bad) reputation|suspicious|content (?:was )?(?:rejected|denied)",
        mark(
            "the server takes the mail for spam: check SPF, DKIM and DMARC of the sender's "
            "domain, and the links in the template"
        ),
    ),
    # Anywhere
    cause(
        "server short of room",
        ANY,
        r"4\.3\.1\b|insufficient (?:system )?(?:storage|resources)|disk (?:is )?full"
        r"|out of memory|no space left",
        mark("the server is short of room: its operator must see to it; try again later"),
    ),
    cause(
        "server closing",
        ANY,
        r"^421|[45]\.3\.2\b|^4.{0,80}service (?:is )?(?:currently )?(?:not available|unavailable)"
        r"|shutting down",
        mark("the server is closing or overloaded: try again in a moment"),
    ),
    cause(
        "refused by a policy",
        MAIL,
        r"^5.{0,200}(?:5\.7\.[01]\b|polic(?:y|ies)\b)",
        mark(
            "a policy of the server stands against this mail: ask its operator what sender and "
            "content it allows"
        ),
    ),
    cause(
        "for a moment impossible",
        ANY,
        r"^4",
        mark("the server cannot do it just now: wait, then try again"),
    ),
    cause(
        "not known",
        MAIL,
        r"^5",
        mark("the server's reply is of no kind known here: read it, and ask the server's operator"),
    ),
)
