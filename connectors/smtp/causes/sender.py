"""What is said of the sender."""

from __future__ import annotations

from connectors.smtp.causes.cause import MAIL, cause
from connectors.smtp.i18n import mark

__all__ = ["CAUSES"]

CAUSES = (
    # Sender
    cause(
        "sandbox account",
        MAIL,
        r"sandbox (?:sub)?domain|failed the check in region|address is not verified"
        r"|for test purposes only|account is pending approval|demo domains? can only"
        r"|only send testing e-?mails",
        mark(
            "the account is in its provider's sandbox, or fromEmail is not verified in this "
            "region: verify fromEmail, ask the provider for production access, or send to a "
            "verified address"
        ),
        operator=True,
    ),
    cause(
        "sender not verified",
        MAIL,
        r"verified sender identity|domain is (?:not verified|unverified)|not a sender signature"
        r"|sending from (?:the )?domain .{0,20}not allowed|from/sender name is not valid"
        r"|sender domain .{0,20}not verified",
        mark(
            "the provider does not know this sender: verify fromEmail, or its domain, in the "
            "provider's console"
        ),
        operator=True,
    ),
    cause(
        "sender is not the account",
        MAIL,
        r"^(?:440|436)\b|conform with authentication|must (?:be )?(?:the )?(?:same as|equal)"
        r"|is non-local account|not local sender",
        mark("fromEmail must be the address of the account: make it the same as auth.user"),
        operator=True,
        permanent=True,
    ),
    cause(
        "sender not owned",
        MAIL,
        r"5\.7\.60\b|send ?as ?denied|send as this sender|not owned by|relaying disallowed as"
        r"|sender is not allowed to relay|sender address is not allowed|ses:send"
        r"|not (?:allowed|permitted|authori[sz]ed) to send (?:as|from)",
        mark(
            "the server does not let this account send as fromEmail: use an address that "
            "belongs to the account, or let its administrator grant the right to send as that "
            "address"
        ),
        operator=True,
    ),
    cause(
        "sender does not exist",
        MAIL,
        r"sender verify failed|sender address rejected: (?:unverified|undeliverable|user unknown)"
        r"|\b5\.1\.7\b",
        mark(
            "the server cannot find a mailbox for fromEmail: make fromEmail an address that "
            "receives mail"
        ),
        operator=True,
    ),
    cause(
        "sender's domain does not exist",
        MAIL,
        r"[45]\.1\.8\b|domain of sender address|sender address rejected: (?:domain|need)",
        mark("the domain of fromEmail has no DNS records: correct fromEmail, or set up the domain"),
        operator=True,
    ),
    cause(
        "DMARC, SPF or DKIM",
        MAIL,
        r"\b(?:dmarc|spf|dkim)\b|[45]\.7\.(?:2[0-46]|27|3[012]|40)\b|5\.7\.5(?:09|15)\b",
        mark(
            "the sender's domain does not vouch for this server: publish SPF and DKIM records "
            "for the domain of fromEmail as the provider describes"
        ),
        operator=True,
    ),
)
