"""What is said of this client: of its address, its name and its TLS."""

from __future__ import annotations

from connectors.smtp.causes.cause import MAIL, cause
from connectors.smtp.i18n import mark

__all__ = ["CAUSES"]

CAUSES = (
    # TLS and connection
    cause(
        "TLS for a moment impossible",
        "tls",
        r"^4",
        mark("the server cannot start TLS just now: try again later"),
    ),
    cause(
        "STARTTLS refused",
        "tls",
        r"^5",
        mark("the server does not do STARTTLS on this port: use port 465 with secure"),
    ),
    cause(
        "dangerous content",
        "content",
        r"\bvirus(?:es)?\b|malware|infected|phishing|potential security issue|illegal attachment"
        r"|\b(?:sur|uri)bl\b|blacklisted (?:url|link)",
        mark("the server takes the mail for dangerous: check the links in the template"),
        operator=True,
    ),
    cause(
        "address on a block list",
        f"greeting ehlo {MAIL}",
        r"\bdnsbl\b|\brbl\b|block ?list|black-?list|\bblack ip\b|banned send"
        r"|client (?:host )?.{0,60}blocked|(?:poor|bad|low) (?:ip )?reputation of (?:the |your )?ip"
        r"|5\.7\.(?:511|606|708)\b|traffic not accepted from this ip",
        mark(
            "this machine's address is on a block list: send through a provider's submission "
            "port (587 or 465), or have the address taken off the list that the reply names"
        ),
        operator=True,
    ),
    cause(
        "no reverse DNS",
        f"greeting ehlo {MAIL}",
        r"reverse (?:dns|host ?name|lookup)|\bptr\b|cannot find your host ?name|[45]\.7\.25\b",
        mark(
            "the server wants this machine's address to have a name: set a PTR record for it, "
            "or use a provider's submission port"
        ),
        operator=True,
    ),
    cause(
        "not taken directly",
        f"greeting ehlo {MAIL}",
        r"send (?:e-?)?mail directly|\b(?:dynamic|dial-?up|residential) (?:ip|address|range|host)",
        mark(
            "the server takes no mail directly from addresses such as this machine's: send "
            "through your provider's submission port"
        ),
        operator=True,
    ),
    cause(
        "client not served",
        "greeting",
        r"^5",
        mark(
            "the server does not serve this machine: check host, and use the submission port "
            "(587 or 465)"
        ),
    ),
    cause(
        "EHLO name refused",
        "ehlo sender recipient",
        r"\b(?:helo|ehlo|lhlo)\b.{0,60}(?:reject|invalid|refus|not resolve|not match)"
        r"|invalid (?:helo|ehlo)\b|invalid .{0,20}ehlo argument|invalid domain name|\(ehlo\)"
        r"|fully.qualified (?:host|domain)",
        mark(
            "the server does not accept the name this client gives itself: set `name` to its "
            "full host name, such as app.example.com"
        ),
        operator=True,
    ),
    cause(
        "EHLO refused",
        "ehlo",
        r"^5",
        mark(
            "the server does not accept EHLO: for an LMTP server set lmtp to true; else check "
            "host and port, or set `name`"
        ),
    ),
)
