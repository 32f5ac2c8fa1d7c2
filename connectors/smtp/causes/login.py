"""What is said before, and instead of, a log-in, and by it."""

from __future__ import annotations

from connectors.smtp.causes.cause import LOGIN, MAIL, cause
from connectors.smtp.i18n import mark

__all__ = ["CAUSES"]

CAUSES = (
    # Before, and instead of, a log-in
    cause(
        "TLS needed first",
        f"ehlo {LOGIN} {MAIL}",
        r"must issue a starttls|starttls (?:command )?(?:is )?(?:first|required)|^538"
        r"|[45]\.7\.1[01]\b|encryption required|requires? (?:tls|ssl|encryption)\b"
        r"|(?:tls|ssl)(?:-connection)? (?:is )?required|uc_client_non_ssl",
        mark("the server wants TLS first: set requireTLS on port 587, or secure on port 465"),
        operator=True,
    ),
    cause(
        "too many connections",
        f"greeting ehlo {LOGIN} {MAIL}",
        r"(?:too many|maximum number of) (?:concurrent |simultaneous |open )?(?:smtp )?"
        r"(?:connections|sessions)|concurrent connections|connections? limit|\bhl:icc\b",
        mark("the server allows fewer connections at a time: lower maxConnections"),
    ),
    cause(
        "quota used up",
        f"{LOGIN} {MAIL}",
        r"maximum credits exceeded|(?:daily|monthly|hourly) .{0,30}(?:limit|quota)"
        r"|(?:sending|outgoing) (?:e-?mail )?(?:limits?|quota)|submissionquotaexceeded"
        r"|(?:message|e-?mail|recipient) limit (?:is )?(?:reached|exceeded)|5\.4\.5\b"
        r"|5\.7\.23[23]\b",
        mark(
            "the account has sent as many mails as its plan allows: wait for the next day, "
            "raise the plan, or enable a second connector"
        ),
        operator=True,
    ),
    cause(
        "account suspended",
        f"{LOGIN} sender content",
        r"(?:sending|account|service) (?:is |has been |was )?(?:suspended|deactivated|frozen)"
        r"|outgoing blocked|bad outbound sender"
        r"|not yet activated|activate your .{0,20}account|unusual sending activity|5\.7\.705\b"
        r"|isn't allowed to send",
        mark(
            "the provider has suspended the account, or not activated it: look into its "
            "console, and ask its support"
        ),
        operator=True,
    ),
    cause(
        "address of this machine not listed",
        f"{LOGIN} {MAIL}",
        r"unauthori[sz]ed ip|invalid credentials for relay|not in whitelist"
        r"|\bip (?:address )?(?:is )?not (?:allowed|authori[sz]ed|permitted|whitelisted)",
        mark("the account may only be used from certain addresses: add this machine's to its list"),
        operator=True,
    ),
    # Authentication
    cause(
        "app password needed",
        "auth",
        r"application-specific password|app(?:lication)? password",
        mark(
            "the account needs an app password: turn on two-step verification, create an app "
            "password and put it into auth.pass"
        ),
    ),
    cause(
        "log-in held back",
        "auth",
        r"5\.7\.14\b|log in (?:via|with|through) your web browser",
        mark(
            "the provider takes this log-in for suspicious: log in with a browser from here "
            "and confirm it, or use an app password"
        ),
    ),
    cause(
        "SMTP not turned on for the mailbox",
        LOGIN,
        r"authori[sz]ation code|service is not open|user has no permission"
        r"|does not have access rights|login_source_not_allowed",
        mark(
            "turn on SMTP in the mailbox's settings, and put the authorisation code that it "
            "gives there into auth.pass"
        ),
    ),
    cause(
        "SMTP AUTH off for the tenant",
        LOGIN,
        r"smtpclientauthentication is disabled",
        # Without it a token is refused as well, so OAuth2 is no way round.
        mark(
            "SMTP AUTH is turned off for the organisation or the mailbox: let its "
            "administrator turn on Authenticated SMTP for this mailbox"
        ),
    ),
    cause(
        "log-in forbidden by a policy",
        LOGIN,
        r"security defaults|conditional access|did not meet the criteria",
        mark(
            "a security policy of the organisation forbids this log-in: let its administrator "
            "exempt this account, or use OAuth2 if that is what the policy asks for"
        ),
    ),
    cause(
        "basic authentication disabled",
        "auth",
        r"5\.7\.139\b|basic auth(?:entication)? is (?:disabled|not supported)",
        mark(
            "the account does not allow passwords for SMTP: use OAuth2, or let its "
            "administrator allow basic authentication"
        ),
    ),
    cause(
        "too many log-ins",
        LOGIN,
        r"too many (?:bad |failed |invalid |unsuccessful )?(?:auth|log|attempt|password)"
        r"|temporarily locked|too much fail authentication|^526 .{0,40}\[1\]",
        mark(
            "the server has locked the account for a while after failed log-ins: correct auth, "
            "then wait before the next try"
        ),
    ),
    cause(
        "mechanism not taken",
        LOGIN,
        r"^5[03]4\b|mechanism (?:is )?(?:too weak|not supported)",
        mark(
            "the server does not take this mechanism: set authMethod to another one that it offers"
        ),
    ),
    cause(
        "authentication for a moment impossible",
        LOGIN,
        r"^4",
        mark("the server could not check the credentials just now: try again later"),
    ),
    cause(
        "token refused",
        "token",
        r"^5",
        mark(
            "the server refused the access token: it may have expired or been revoked, lack "
            "the scope for SMTP, or belong to another user than auth.user; get a new one"
        ),
    ),
    cause(
        "SendGrid's API key needed",
        "auth",
        r"bad username / password|authori[sz]ation grant is invalid",
        mark(
            "with SendGrid auth.user is the word apikey, and auth.pass an API key that may "
            "send mail"
        ),
    ),
    cause(
        "credentials refused",
        "auth",
        r"^5",
        mark(
            "check auth.user and auth.pass; many providers want an app password, an API key or "
            "credentials made for SMTP there, not the password of the account"
        ),
    ),
)
