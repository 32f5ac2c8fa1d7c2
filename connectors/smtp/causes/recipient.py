"""What is said of the recipient, or of the way to it."""

from __future__ import annotations

from connectors.smtp.causes.cause import ANY, MAIL, cause
from connectors.smtp.i18n import mark

__all__ = ["CAUSES"]

CAUSES = (
    # The recipient, or the way to it
    cause(
        "recipient refuses this sender",
        "recipient content",
        r"5\.7\.1(?:2[49]|3[346])\b|not accepting (?:mail|messages)|suppress(?:ed|ion)"
        r"|marked as inactive|inactive (?:recipient|address)",
        mark(
            "the recipient, or the provider's suppression list, refuses this sender: have the "
            "address taken off that list"
        ),
    ),
    cause(
        "relay denied",
        MAIL,
        r"relay(?:ing)? (?:access )?(?:denied|prohibited|disallowed|not (?:permitted|allowed))"
        r"|(?:unable to|not permitted to|cannot|(?:not|n't)(?: allow(?:ed)?)?) relay|5\.7\.54\b"
        r"|rcpthosts|as a relay|delivery is not allowed to this address",
        mark(
            "the server does not relay for this client: set auth, or let the server allow this "
            "machine's address"
        ),
        operator=True,
    ),
    cause(
        "authentication needed",
        MAIL,
        r"^530|authentication (?:is )?(?:required|needed)|auth(?: command)? first|5\.7\.57\b"
        r"|authenticate first|not (?:logged in|authenticated)|unauthenticated senders not allowed",
        mark("the server wants authentication first: set auth"),
        operator=True,
    ),
    cause(
        "message too big",
        MAIL,
        r"5\.3\.4\b|5\.2\.3\b|too (?:big|large|long)\b|exceed.{0,40}\bsize|sizelimit"
        r"|message size.{0,20}exceed|length of (?:data|attach)",
        mark("the mail is larger than the server allows: make the template smaller"),
    ),
    cause(
        "sending too fast",
        ANY,
        r"throttl|rate.?limit|\bhl:ifc\b|\bmi:sfq\b|frequency limited|maximum threshold"
        r"|sending rate|unusual rate|(?:too quickly|at a rate)|4\.7\.28\b|4\.7\.5\d\d\b"
        r"|too many (?:recent )?(?:e-?mails|messages)|too (?:much mail|fast|frequent)"
        r"|(?:unexpected|excessive) volume|limit for the number of messages",
        mark("the server takes fewer mails in that time: set rateLimit and rateDelta"),
    ),
    cause(
        "greylisting",
        MAIL,
        r"^4.{0,200}(?:gr[ea]y-?list|postgrey|come back later)",
        mark(
            "the server wants a second try after a few minutes (greylisting): try again then, "
            "through the same connector"
        ),
    ),
    cause(
        "mailbox full",
        "recipient content",
        r"[45]\.2\.2\b|(?:mailbox|inbox).{0,40}(?:full|quota|storage|exceeded)|over ?quota"
        r"|(?<!queue )quota exceeded",
        mark("the recipient's mailbox is full: it must be emptied first"),
    ),
    cause(
        "mailbox disabled",
        "recipient content",
        r"5\.2\.1\b|(?:mailbox|account|address|user) (?:is |has been )?(?:currently )?"
        r"(?:disabled|inactive|suspended|locked)|isn't allowed to receive|reach is disabled",
        mark("the recipient's mailbox is disabled: ask for another address"),
    ),
    cause(
        "recipient's domain does not exist",
        "recipient",
        r"[45]\.1\.2\b|5\.4\.4\b|recipient address rejected: domain|host unknown",
        mark("the domain of the address does not exist: look for a slip in it"),
    ),
    cause(
        "recipient unknown",
        "recipient content",
        r"5\.1\.(?:[0136]|10)\b|5\.4\.1\b.{0,60}access denied|unrouteable address"
        r"|^5.{0,200}(?:(?:no such|unknown|invalid|non-?existent) "
        r"(?:user|recipient|mailbox|account)"
        r"|(?:mailbox|recipient|user|account|rcpt|reach)\b.{0,40}"
        r"(?:unavailable|not found|unknown|does(?:n't| not) (?:exist|have)|dosn't exist))",
        mark("the address does not exist: look for a slip in it, or ask for another one"),
    ),
)
