"""Diagnosis: what servers really say is told by its cause, and each cause has a remedy."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from connector_core import DeliveryError, PermanentDeliveryError, TemporaryDeliveryError
from connectors.smtp import diagnose
from connectors.smtp import login as login_module
from connectors.smtp.causes.cause import Cause
from connectors.smtp.causes.known import CAUSES, find
from connectors.smtp.config import SmtpConfig
from connectors.smtp.endpoint import Endpoint
from connectors.smtp.protocol import Reply, ReplyParser
from tests.smtp import certificates
from tests.smtp.helpers import AUTH, config, hosting, send, short, within
from tests.smtp.peer import Connection, Peer

BOTH_LOOPS = True

# Cause, stage, reply; where a token was refused, the stage is `token`. Sources, by number:
# [1] Gmail SMTP errors and codes, support.google.com/a/answer/3726730
# [2] learn.microsoft.com: non-delivery reports, SMTP AUTH, smtp-submission-improvements
# [3] docs.aws.amazon.com/ses: SMTP response codes, troubleshoot-error-messages
# [4] twilio.com/docs/sendgrid: SMTP errors and troubleshooting
# [5] Alibaba Mail and Direct Mail: help.aliyun.com, github.com/outline/outline/issues/7929
# [6] QQ: yapi 2219, node-solid-server 1281; 163 (NetEase): the list of its codes
# [7] Mailgun: github.com/zonque/AlRide/issues/7, swapmyvote 887 and 891, rebutify 162
# [8] Mailtrap: izmjs 26, overleaf 1290; Postmark: feedadoc 110; Brevo: supabase/agent-skills 133
# [9] Yandex: dokuwiki-plugin-smtp 38; Zoho: grav-plugin-email 77, cachet 3052
# [10] github.com/ActiveCampaign/smtp-field-manual
# [11] the sources of Postfix, Exim, Sendmail, hMailServer, Dovecot
REPLIES = [
    # Before a log-in
    ("TLS needed first", "auth", "530-5.7.0 Must issue a STARTTLS command first."),  # [1]
    ("TLS needed first", "sender", "530 Must issue a STARTTLS command first"),  # [3]
    ("TLS needed first", "sender", "451 5.7.3 STARTTLS is required to send mail"),  # [2]
    ("TLS needed first", "recipient", "421 4.7.0 TLS required for RCPT domain, closing."),  # [1]
    (
        "TLS needed first",
        "auth",
        "538 5.7.11 Encryption required for requested authentication mechanism",
    ),  # [11] Postfix
    (
        "TLS needed first",
        "auth",
        "530 A SSL/TLS-connection is required for authentication.",
    ),  # [11]
    ("too many connections", "greeting", "421 Too many concurrent SMTP connections"),  # [3]
    ("too many connections", "greeting", "421 4.7.0 mx Error: too many connections from [::1]"),
    (
        "too many connections",
        "content",
        "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending "
        "for more information. [Hostname=OS0PR01MB6099.jpnprd01.prod.outlook.com]",
    ),  # [2]
    (
        "too many connections",
        "ehlo",
        "421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing "
        "transmission channel",
    ),  # [2]
    ("quota used up", "auth", "451 Authentication failed: Maximum credits exceeded"),  # [4]
    (
        "quota used up",
        "content",
        "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\r\n"
        "550-5.4.5 sending limits go to\r\n550 5.4.5  https://support.google.com/a/answer/166852 "
        "v9sm1396104paz.6 - gsmtp",
    ),  # [1]
    ("quota used up", "content", "454 Throttling failure: Daily message quota exceeded."),  # [3]
    (
        "quota used up",
        "content",
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed",
    ),  # [2]
    (
        "quota used up",
        "content",
        "421 Domain mail.example.org is not allowed to send: message limit reached",
    ),  # [7]
    (
        "quota used up",
        "recipient",
        "421 Domain example.org is not allowed to send: recipient limit exceeded, try again after",
    ),  # [7]
    ("quota used up", "content", "554 5.7.1 Reached address outgoing limits for a@example.org"),
    ("account suspended", "content", "554 Message rejected: Sending suspended for this account"),
    (
        "account suspended",
        "content",
        "550 5.4.6 Unusual sending activity detected. <a href=https://www.zoho.com/mail/help/"
        "usage-policy.html target=_blank>Learn more.</a>",
    ),  # [9]
    ("account suspended", "content", "554 5.1.8 Email Outgoing Blocked"),  # [9] Zoho
    ("account suspended", "content", "550 5.1.8 Access denied, bad outbound sender"),  # [2]
    ("account suspended", "sender", "502 5.7.0 Your SMTP account is not yet activated."),  # [8]
    ("account suspended", "sender", "541 This account isn't allowed to send email"),  # [5]
    (
        "account suspended",
        "content",
        "421 Domain sandbox1.mailgun.org is not allowed to send: Please activate your Mailgun "
        "account. Check your inbox or log in to your control panel",
    ),  # [7]
    (
        "address of this machine not listed",
        "auth",
        "525 5.7.1 Unauthorized IP address",
    ),  # [8] Brevo
    (
        "address of this machine not listed",
        "sender",
        "550-5.7.1 Invalid credentials for relay [192.0.2.1]. The IP address you've registered\r\n"
        "550 5.7.1 in your Workspace SMTP Relay service doesn't match the domain of the account",
    ),  # [1]
    ("address of this machine not listed", "sender", "550 that IP address is not allowed to send"),
    # Authentication
    (
        "app password needed",
        "auth",
        "534-5.7.9 Application-specific password required. For more information, go to\r\n"
        "534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor c7sm19.164 - gsmtp",
    ),  # [1]
    (
        "log-in held back",
        "auth",
        "534-5.7.14 <https://accounts.google.com/signin/continue?sarp=1>\r\n"
        "534-5.7.14 Please log in via your web browser and then try again.\r\n"
        "534 5.7.14  Learn more at https://support.google.com/mail/answer/78754",
    ),  # [1]
    (
        "SMTP not turned on for the mailbox",
        "auth",
        "535 Login Fail. Please enter your authorization code to login. More information in "
        "http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=28&&no=1001256",
    ),  # [6]
    (
        "SMTP not turned on for the mailbox",
        "auth",
        "535 Login fail. Account is abnormal, service is not open, password is incorrect, login "
        "frequency limited, or system is busy.",
    ),  # [6] QQ
    ("SMTP not turned on for the mailbox", "auth", "550 User has no permission"),  # [6] 163
    (
        "SMTP not turned on for the mailbox",
        "auth",
        "535 5.7.8 Error: authentication failed: This user does not have access rights to this "
        "service",
    ),  # [9] Yandex
    (
        "SMTP not turned on for the mailbox",
        "auth",
        "526 Authentication failure[0]: UC_LOGIN_SOURCE_NOT_ALLOWED",
    ),  # [5]
    *[
        (
            "SMTP AUTH off for the tenant",
            stage,
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
            "Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
        )
        for stage in ("auth", "token")
    ],  # [2]
    (
        "log-in forbidden by a policy",
        "auth",
        "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security "
        "defaults policy. Contact your administrator. [AM0PR01CA0099.eurprd01.prod.outlook.com]",
    ),  # [2]
    (
        "log-in forbidden by a policy",
        "auth",
        "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be "
        "authenticated successfully. Contact your administrator.",
    ),  # [2]
    (
        "basic authentication disabled",
        "auth",
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [LO4P265CA]",
    ),  # [2]
    (
        "basic authentication disabled",
        "auth",
        "550 5.7.30 Basic authentication is not supported for Client Submission.",
    ),  # [2]
    (
        "too many log-ins",
        "auth",
        "454 4.7.0 Too many login attempts, please try again later.",
    ),  # [1]
    ("too many log-ins", "auth", "526 Authentication failure[1]"),  # [5]
    (
        "too many log-ins",
        "auth",
        "451 Requested mail action not taken: too much fail authentication",
    ),  # [6] 163
    ("too many log-ins", "auth", "535 Authentication failed. Too many invalid logon attempts."),
    (
        "mechanism not taken",
        "auth",
        "504 5.7.4 Unrecognized authentication type [x.exchange]",
    ),  # [2]
    ("mechanism not taken", "token", "504 5.5.4 XOAUTH2 authentication mechanism not supported"),
    ("mechanism not taken", "auth", "534 5.7.9 Authentication mechanism is too weak"),  # RFC 4954
    (
        "mechanism not taken",
        "auth",
        "504 5.3.3 AUTH mechanism LOGIN not available",
    ),  # [11] Sendmail
    (
        "authentication for a moment impossible",
        "auth",
        "454 Temporary authentication failure",
    ),  # [3]
    (
        "authentication for a moment impossible",
        "auth",
        "454 4.7.0 Cannot authenticate due to temporary system problem. Try again later.",
    ),  # [1]
    (
        "authentication for a moment impossible",
        "token",
        "454 4.7.0 Temporary authentication failure: Connection lost to authentication server",
    ),  # [11] Postfix
    (
        "token refused",
        "token",
        "535-5.7.8 Username and Password not accepted. For more information, go to\r\n"
        "535 5.7.8  https://support.google.com/mail/?p=BadCredentials b3sm2891515lff.190 - gsmtp",
    ),  # [1]
    ("token refused", "token", "535 5.7.3 Authentication unsuccessful [BN0PR03CA0026.namprd03]"),
    (
        "SendGrid's API key needed",
        "auth",
        "535 Authentication failed: Bad username / password",
    ),  # [4]
    (
        "SendGrid's API key needed",
        "auth",
        "535 Authentication failed: The provided authorization grant is invalid, expired, or "
        "revoked",
    ),  # [4]
    ("credentials refused", "auth", "535 Authentication Credentials Invalid"),  # [3]
    (
        "credentials refused",
        "auth",
        "535-5.7.8 Username and Password not accepted. Learn more at\r\n535 5.7.8 "
        "https://support.google.com/mail/?p=BadCredentials s68sm6561971pjb.38 - gsmtp",
    ),  # [1]
    ("credentials refused", "auth", "535 5.7.3 Authentication unsuccessful"),  # [2]
    ("credentials refused", "auth", "535 5.7.0 Invalid login or password"),  # [8] Brevo
    ("credentials refused", "auth", "535 5.7.0 Invalid credentials"),  # [8] Mailtrap
    (
        "credentials refused",
        "auth",
        "535 5.7.0 Mailgun is not loving your login or password",
    ),  # [7]
    (
        "credentials refused",
        "auth",
        "535 5.7.8 Error: authentication failed: Invalid user or password! 1682970604-3oSev2iDY8c0",
    ),  # [9] Yandex
    ("credentials refused", "auth", "535 Error: authentication failed"),  # [6] 163
    ("credentials refused", "auth", "526 Authentication failure[0]"),  # [5]
    ("credentials refused", "auth", "535 Authentication Failed"),  # [9] Zoho
    ("credentials refused", "auth", "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6"),  # [11]
    ("credentials refused", "auth", "535 Incorrect authentication data"),  # [11] Exim
    # TLS
    (
        "TLS for a moment impossible",
        "tls",
        "454 4.7.0 TLS not available due to local problem",
    ),  # [11]
    ("STARTTLS refused", "tls", "502 5.5.1 Error: command not implemented"),  # [11]
    # Connection
    (
        "dangerous content",
        "content",
        "552-5.7.0 This message was blocked because its content presents a potential\r\n552 5.7.0 "
        "security issue. Please visit https://support.google.com/mail/?p=BlockedMessage",
    ),  # [1]
    ("dangerous content", "content", "551 virus infected mail rejected"),  # [5]
    (
        "address on a block list",
        "recipient",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; "
        "https://www.spamhaus.org/query/ip/192.0.2.1",
    ),  # [11] Postfix
    (
        "address on a block list",
        "recipient",
        "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. To request removal from this "
        "list please visit https://sender.office.com/",
    ),  # [2]
    (
        "address on a block list",
        "sender",
        "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using prs.proofpoint.com",
    ),  # [10]
    (
        "no reverse DNS",
        "greeting",
        "554 5.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]",
    ),  # [11] Postfix
    (
        "no reverse DNS",
        "content",
        "550-5.7.25 [192.0.2.1] The IP address sending this message does not have a\r\n"
        "550 5.7.25 PTR record setup, or the corresponding forward DNS entry does not match",
    ),  # [1]
    (
        "not taken directly",
        "content",
        "550-5.7.1 [192.0.2.1] The IP you're using to send mail is not authorized to\r\n"
        "550-5.7.1 send email directly to our servers. Please use the SMTP relay at your\r\n"
        "550-5.7.1 service provider instead. For more information, go to\r\n"
        "550 5.7.1  https://support.google.com/mail/?p=NotAuthorizedError - gsmtp",
    ),  # [1]
    ("client not served", "greeting", "554 5.7.1 mx.example.org: no SMTP service here"),  # RFC 5321
    (
        "EHLO name refused",
        "recipient",
        "504 5.5.2 <app>: Helo command rejected: need fully-qualified hostname",
    ),  # [11] Postfix
    ("EHLO name refused", "ehlo", "501 Syntactically invalid EHLO argument(s)"),  # [11] Exim
    ("EHLO name refused", "ehlo", "501 5.5.4 Invalid domain name"),  # [2]
    ("EHLO name refused", "ehlo", "421-4.7.0 Try again later, closing connection. (EHLO)"),  # [1]
    ("EHLO refused", "ehlo", "500 5.5.1 Command unrecognized"),  # LMTP servers: RFC 2033
    # Sender
    (
        "sandbox account",
        "content",
        "554 Message rejected: Email address is not verified. The following identities failed the "
        "check in region US-EAST-1: a@example.org",
    ),  # [3]
    (
        "sandbox account",
        "content",
        "554 Sandbox subdomains are for test purposes only. Please add your own domain or add the "
        "address to authorized recipients in domain settings.",
    ),  # [7]
    (
        "sandbox account",
        "content",
        "421 Domain app79.mailgun.org is not allowed to send: Sandbox subdomains are for test "
        "purposes only. Please add your own domain",
    ),  # [7]
    (
        "sandbox account",
        "content",
        "554 5.7.1 Demo domains can only be used to send emails to account owners",
    ),  # [8] Mailtrap
    (
        "sandbox account",
        "content",
        "550 You can only send testing emails to your own email address (a@example.org). To send "
        "emails to other recipients, please verify a domain at resend.com/domains",
    ),  # Resend
    (
        "sender not verified",
        "content",
        "550 The from address does not match a verified Sender Identity. Mail cannot be sent until "
        "this error is resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/",
    ),  # [4]
    (
        "sender not verified",
        "content",
        "550 5.7.1 The 'From' address you supplied (a@example.org) is not a Sender Signature on "
        "your account. Please add and confirm this address",
    ),  # [8] Postmark
    ("sender not verified", "sender", "550 5.7.1 Sending from domain example.org is not allowed"),
    ("sender not verified", "content", "530 From/Sender name is not valid"),  # postal 1917
    (
        "sender not verified",
        "content",
        "550 The example.org domain is not verified. Please, add and verify your domain on "
        "https://resend.com/domains",
    ),  # Resend
    (
        "sender is not the account",
        "sender",
        "440 mail from account doesn't conform with authentication (Auth Account:admin@example.org"
        "|Mail Account:noreply-Kgwp@example.org)",
    ),  # [5]
    (
        "sender is not the account",
        "sender",
        '436 "MAIL FROM" doesn\'t conform with authentication [@sm060104]',
    ),  # [5] PHPMailer 885
    (
        "sender is not the account",
        "sender",
        "501 mail from address must be same as authorization user",
    ),  # [6] QQ
    ("sender is not the account", "sender", "553 Mail from must equal authorized user"),  # [6] 163
    ("sender is not the account", "sender", '501 "MAIL FROM" is non-local account'),  # [5]
    (
        "sender not owned",
        "content",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender [AM0PR0.eurprd]",
    ),  # [2]
    (
        "sender not owned",
        "content",
        "554 5.2.252 SendAsDenied; a@example.org not allowed to send as b@example.org; "
        "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed",
    ),  # [2]
    (
        "sender not owned",
        "content",
        "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; "
        "Failed to process message due to a permanent exception with message Cannot submit.",
    ),  # [2]
    ("sender not owned", "sender", "553 5.7.1 Sender address rejected: not owned by auth user."),
    (
        "sender not owned",
        "sender",
        "553 5.7.1 <b@example.org>: Sender address rejected: not owned by user a@example.org",
    ),  # [11] Postfix
    ("sender not owned", "content", "553 Relaying disallowed as test@example.org"),  # [9] Zoho
    (
        "sender not owned",
        "content",
        "554 Access denied: User `arn:aws:iam::123456789012:user/a' is not authorized to perform "
        "`ses:SendRawEmail' on resource `arn:aws:ses:eu-west-2:123456789012:identity/a@b.test'",
    ),  # [3]
    ("sender does not exist", "recipient", "550 Sender verify failed"),  # [11] Exim
    (
        "sender does not exist",
        "recipient",
        "550 5.1.0 <a@example.org>: Sender address rejected: undeliverable address: host said: 550",
    ),  # [11] Postfix
    (
        "sender's domain does not exist",
        "recipient",
        "450 4.1.8 <a@example.org>: Sender address rejected: Domain not found",
    ),  # [11] Postfix
    (
        "sender's domain does not exist",
        "sender",
        "553 5.1.8 <a@example.org>... Domain of sender address a@example.org does not exist",
    ),  # [11] Sendmail
    (
        "DMARC, SPF or DKIM",
        "content",
        "550-5.7.26 This mail has been blocked because the sender is unauthenticated.\r\n"
        "550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.\r\n"
        "550 5.7.26  Authentication results:",
    ),  # [1]
    (
        "DMARC, SPF or DKIM",
        "content",
        "550 5.7.515 Access denied, sending domain EXAMPLE.ORG doesn't meet the required "
        "authentication level.",
    ),  # [2]
    (
        "DMARC, SPF or DKIM",
        "content",
        "550 5.7.509 Access denied, sending domain example.org does not pass DMARC verification",
    ),  # [2]
    # Recipient
    (
        "relay denied",
        "recipient",
        "554 5.7.1 <ann@example.org>: Relay access denied",
    ),  # [11] Postfix
    ("relay denied", "recipient", "550 relay not permitted"),  # [11] Exim
    (
        "relay denied",
        "recipient",
        "550 5.7.1 <ann@example.org>... Relaying denied. Proper authentication required.",
    ),  # [11] Sendmail
    (
        "relay denied",
        "recipient",
        "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
    ),  # [2] Exchange
    (
        "relay denied",
        "recipient",
        "550 Delivery is not allowed to this address.",
    ),  # [11] hMailServer
    (
        "authentication needed",
        "sender",
        "530 5.7.57 Client not authenticated to send mail. [x]",
    ),  # [2]
    ("authentication needed", "sender", "530-5.7.0 Authentication Required."),  # [1]
    ("authentication needed", "sender", "530 SMTP authentication is required."),  # [11] hMailServer
    ("authentication needed", "sender", "550 Unauthenticated senders not allowed"),  # [4]
    ("authentication needed", "sender", "502 5.7.0 Please authenticate first"),  # [8] Brevo
    ("authentication needed", "sender", "503 5.5.4 Error: send AUTH command first."),  # [9] Yandex
    ("authentication needed", "sender", "503 Error: need EHLO and AUTH first !"),  # [6] QQ
    ("authentication needed", "sender", "553 authentication is required"),  # [6] 163
    (
        "sending too fast",
        "recipient",
        "450-4.2.1 The user you are trying to contact is receiving mail too quickly.",
    ),  # [1]
    (
        "sending too fast",
        "content",
        "454 Throttling failure: Maximum sending rate exceeded.",
    ),  # [3]
    (
        "sending too fast",
        "content",
        "550 5.7.0 Requested action not taken: too many emails per second",
    ),
    (
        "sending too fast",
        "content",
        "421-4.7.28 Our system has detected an unusual rate of unsolicited mail originating\r\n"
        "421 4.7.28 from your IP address. To protect our users from spam, it was rate limited",
    ),  # [1]
    (
        "sending too fast",
        "sender",
        "451 4.7.500 Server busy. Please try again later from [::1].",
    ),  # [2]
    (
        "sending too fast",
        "recipient",
        "504 the number of RCPT attempts is achieved the maximum threshold",
    ),  # [5]
    ("sending too fast", "greeting", "421 HL:IFC 0,2,CgA"),  # [6] 163
    (
        "greylisting",
        "recipient",
        "450 4.2.0 <ann@example.org>: Recipient address rejected: Greylisted, see "
        "http://postgrey.schweikert.ch/help/example.org.html",
    ),  # [11] Postgrey
    ("greylisting", "recipient", "451 4.7.1 Greylisting in action, please come back later"),
    (
        "mailbox full",
        "recipient",
        "452-4.2.2 The recipient's inbox is out of storage space. Please direct the recipient to",
    ),  # [1]
    ("mailbox full", "recipient", "552 mailbox is full"),  # [5]
    ("mailbox full", "recipient", "552 5.2.2 Mailbox size limit exceeded"),  # [9] Yandex
    ("mailbox full", "content", "552 5.2.2 <a@b.test> Quota exceeded (mailbox for user is full)"),
    ("mailbox full", "recipient", "452 4.1.1 <ann@example.org> user over quota"),  # [10]
    (
        "mailbox disabled",
        "recipient",
        "550-5.2.1 The email account that you tried to reach is disabled.",
    ),  # [1]
    ("mailbox disabled", "recipient", "542 This account isn't allowed to receive email"),  # [5]
    (
        "recipient's domain does not exist",
        "recipient",
        "550 5.1.2 <ann@example.invalid>: Recipient address rejected: Domain not found",
    ),  # [11] Postfix
    ("recipient's domain does not exist", "recipient", "550 5.1.2 <ann@x.invalid>... Host unknown"),
    (
        "recipient refuses this sender",
        "recipient",
        "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; "
        "Delivery restriction check failed because the sender was not authenticated",
    ),  # [2]
    (
        "recipient refuses this sender",
        "content",
        "550 You tried to send to a recipient that has been marked as inactive.",
    ),  # [8] Postmark
    (
        "recipient unknown",
        "recipient",
        "550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n"
        "550-5.1.1 double-checking the recipient's email address for typos",
    ),  # [1]
    (
        "recipient unknown",
        "recipient",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    ),  # [2]
    (
        "recipient unknown",
        "recipient",
        "550 5.4.1 Recipient address rejected: Access denied. [AM7EUR03FT0.eop-EUR03.prod]",
    ),  # [2]
    (
        "recipient unknown",
        "recipient",
        "550 5.1.1 <ann@b.test>: Recipient address rejected: User unknown in local recipient table",
    ),  # [11] Postfix
    ("recipient unknown", "recipient", "550 Unrouteable address"),  # [11] Exim
    ("recipient unknown", "recipient", "550 Unknown user"),  # [11] hMailServer
    ("recipient unknown", "recipient", "554 RCPT (ann@example.org) dosn't exist"),  # [5]
    (
        "recipient unknown",
        "recipient",
        "550 Mailbox not found. http://service.exmail.qq.com/x",
    ),  # [10]
    (
        "recipient unknown",
        "recipient",
        "554 delivery error: dd This user doesn't have a yahoo.com account (a@yahoo.com) [-9]",
    ),  # [10]
    # Message
    ("message too big", "sender", "552 5.3.4 Message size exceeds fixed limit"),  # [11] Postfix
    ("message too big", "content", "552 Message is too long."),  # [3]
    (
        "message too big",
        "content",
        "552-5.2.3 Your message exceeded Google's message size limits. Please visit",
    ),  # [1]
    (
        "message too big",
        "content",
        "510 The length of DATA content is achieved the maximum threshold",
    ),  # [5]
    (
        "header not taken",
        "content",
        '550 The "From" header is missing or invalid. Please follow RFC5322, RFC2047, RFC822',
    ),  # [6] QQ
    (
        "header not taken",
        "content",
        "550-5.7.1 [192.0.2.1] Messages missing a valid address in From: header, or having no\r\n"
        "550 5.7.1 From: header, are not accepted. - gsmtp",
    ),  # [1]
    ("parameter not taken", "recipient", "555 5.5.4 Unsupported option: NOTIFY=FAILURE"),  # [11]
    (
        "parameter not taken",
        "sender",
        "501 Parameter ENVID is not recognised: parameter not recognised",
    ),  # smtp4dev 565
    (
        "spam",
        "content",
        "554 5.7.1 Message rejected under suspicion of SPAM; https://ya.cc/1IrBc 1631900360-h4Aj",
    ),  # [9]
    ("spam", "content", "451 DT:SPM, please try again"),  # [6] 163
    ("spam", "content", "554 Reject by content spam"),  # [5]
    (
        "spam",
        "content",
        "550-5.7.1 [192.0.2.1] Our system has detected that this message is likely\r\n"
        "550 5.7.1 suspicious due to the very low reputation of the sending domain.",
    ),  # [10]
    # More of what was seen
    ("too many connections", "greeting", "421 HL:ICC 0,2,CgA"),  # [6] 163
    (
        "account suspended",
        "content",
        "550 5.7.705 Access denied, tenant has exceeded threshold",
    ),  # [2]
    (
        "address of this machine not listed",
        "recipient",
        "421 4.7.0 IP not in whitelist for RCPT domain, closing connection.",
    ),  # [1]
    (
        "dangerous content",
        "content",
        "552-5.7.0 Our system detected an illegal attachment on your message.",
    ),  # [10]
    ("address on a block list", "recipient", "550 <a@b.test>: IP address is block listed"),  # [10]
    ("address on a block list", "sender", "554 rbl deny."),  # [6] Chinese providers
    ("address on a block list", "sender", "550 black ip."),  # [6]
    (
        "no reverse DNS",
        "recipient",
        "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]",
    ),  # [11] Postfix
    (
        "sender not verified",
        "content",
        "421 Domain example.org is not allowed to send: The domain is unverified and requires DNS "
        "configuration.",
    ),  # [7]
    ("sender is not the account", "sender", "550 not local sender over smtp"),  # Mail.ru
    (
        "relay denied",
        "recipient",
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    ),  # qmail
    (
        "relay denied",
        "recipient",
        "553 you are trying to use me [server-1.tower.messagelabs.com] as a relay, but I have not "
        "been configured to let you",
    ),  # [10]
    (
        "message too big",
        "content",
        "550 5.2.3 RESOLVER.RST.SendSizeLimit.Org; message too large for this organization",
    ),  # [2]
    ("sending too fast", "content", "550 Sender frequency limited. http://service.exmail.qq.com"),
    (
        "sending too fast",
        "content",
        "421 4.7.1 Messages to a@icloud.com deferred due to excessive volume. Try again later",
    ),  # [10]
    (
        "sending too fast",
        "sender",
        "450 too frequent connects from 192.0.2.1, please try again later",
    ),
    (
        "sending too fast",
        "content",
        "554 5.2.122 The recipient has exceeded their limit for the number of messages they can "
        "receive per hour.",
    ),  # [10]
    (
        "mailbox disabled",
        "recipient",
        "550 Local mailbox a@mail.ru is unavailable: account is disabled",
    ),
    ("header not taken", "content", "554 Message not allowed - Headers are not RFC compliant[291]"),
    (
        "spam",
        "content",
        "550 Mail content denied. http://service.exmail.qq.com/cgi-bin/help",
    ),  # [10]
    ("spam", "content", "552 message rejected by anti-spam engine."),  # [6]
    ("spam", "content", "550-5.7.1 Our system has detected that this is likely unsolicited mail."),
    ("server short of room", "sender", "450 out of memory."),  # [6]
    # Anywhere
    ("server short of room", "sender", "452 4.3.1 Insufficient system storage"),  # [11] Postfix
    ("server short of room", "content", "452 4.3.1 Insufficient system resources (TSTE)"),  # [2]
    ("server closing", "sender", "421 4.3.2 Service not available, closing transmission channel"),
    (
        "server closing",
        "content",
        "451 4.3.2 Temporary server error. Please try again later ATTR17",
    ),
    (
        "refused by a policy",
        "content",
        "550 5.7.1 This message violates example.com email policy. - gcdp c7sm19 - gsmtp",
    ),  # [1]
    ("refused by a policy", "recipient", "550 5.7.1 Policy rejection on the target address"),  # [9]
    ("for a moment impossible", "content", "451 Temporary service failure"),  # [3]
    (
        "for a moment impossible",
        "recipient",
        "450 4.1.1 <ann@example.org>: Recipient address rejected: unverified address: Address "
        "verification in progress",
    ),  # [11] Postfix
    (
        "for a moment impossible",
        "recipient",
        "450 4.2.0 <ann@b.test> Recipient temporarily unavailable",
    ),
    ("not known", "content", "554 Transaction failed"),  # RFC 5321
    ("not known", "sender", "501 Syntax error in parameters or arguments"),  # RFC 5321
]
NAMED = {cause.name: cause for cause in CAUSES}
# Each word of them stands in the pattern of some cause.
MISLEADING = (
    "<spam-report@relay.example.com>",
    "(quota-exceeded@too-many-connections.test)",
    "[greylist.virus.blacklist.example]",
    "RELAY.SANDBOX-DOMAIN.EXAMPLE.COM",
    "https://spf.example.com/dmarc?mailbox-full=unknown-user#junk",
    "user=spam.header.invalid-helo@example.org;",
)


def reply_of(lines: str) -> Reply:
    """The reply as it comes over the wire; where all its lines have -, the last one is cut off."""
    *first, last = lines.split("\r\n")
    parser = ReplyParser()
    parser.feed("\r\n".join([*first, last[:3] + " " + last[4:], ""]).encode())
    (reply,) = parser.replies
    parser.replies.clear()
    assert not parser.pending
    return reply


def found(stage: str, text: str) -> Cause:
    cause = find("auth", text, by_token=True) if stage == "token" else find(stage, text)
    assert cause is not None
    return cause


def refusal(stage: str, reply: Reply) -> DeliveryError:
    by_token = stage == "token"
    place = "auth" if by_token else stage
    return diagnose.refused(place, "VERB", "it", reply, str(reply), by_token=by_token)


@pytest.mark.parametrize(("name", "stage", "lines"), REPLIES)
def test_what_a_server_really_says(name: str, stage: str, lines: str) -> None:
    reply = reply_of(lines)
    assert found(stage, str(reply)).name == name
    assert refusal(stage, reply).hint == NAMED[name].hint


@pytest.mark.parametrize(("name", "stage", "lines"), REPLIES)
def test_names_of_others_are_no_part_of_the_cause(name: str, stage: str, lines: str) -> None:
    text = str(reply_of(lines))
    start = re.match(r"\d{3}(?: [45]\.\d+\.\d+)? ", text)
    assert start is not None
    for other in MISLEADING:
        assert found(stage, f"{text} {other}").name == name
        assert found(stage, f"{start[0]}{other} {text[start.end() :]}").name == name


@pytest.mark.parametrize("stage", ["sender", "recipient", "content"])
@pytest.mark.parametrize("other", MISLEADING)
def test_names_alone_tell_nothing(stage: str, other: str) -> None:
    assert found(stage, f"550 {other}").name == "not known"
    assert found(stage, f"450 {other}").name == "for a moment impossible"


@pytest.mark.parametrize(
    "text",
    [
        "550 Bulky goods are junked by the header of the relay team",
        "550 Access denied",
        "550 The limit does not exist",
        "550 Blocked",
        "550 Hello, sandbox",
        "550 restricted",
    ],
)
def test_a_word_alone_is_no_cause(text: str) -> None:
    for stage in ("sender", "recipient", "content"):
        assert found(stage, text).name == "not known"


def test_a_code_that_stands_in_each_line_does_not_part_a_sentence() -> None:
    reply = reply_of("550-5.7.1 it may not\r\n550-5.7.1 relay not\r\n550 5.7.1 permitted")
    assert found("recipient", str(reply)).name == "relay denied"


def test_a_full_stop_without_a_space_makes_no_host_of_two_words() -> None:
    assert found("auth", "535 Login Fail.Please enter your authorization code").name.startswith(
        "SMTP not turned on"
    )


def test_every_cause_is_met_and_has_a_hint_of_its_own() -> None:
    assert {name for name, _, _ in REPLIES} == set(NAMED)
    assert len(NAMED) == len(CAUSES) >= 25
    assert len({cause.hint for cause in CAUSES}) == len(CAUSES)


@pytest.mark.parametrize("cause", CAUSES, ids=list(NAMED))
def test_a_hint_says_what_to_do(cause: Cause) -> None:
    assert re.search(
        r"\b(?:add|ask|check|correct|create|get|have|is the word|leave out|let|log in|look|lower|"
        r"make|must be|publish|put|raise|send|set|try again|turn on|use|verify|wait)\b"
        r"|made in its console",
        cause.hint,
    )
    assert not cause.hint.endswith((".", " "))
    assert len(cause.hint) < 200


@pytest.mark.parametrize(("name", "stage", "lines"), REPLIES)
def test_a_cause_leaves_a_refusal_what_it_is(name: str, stage: str, lines: str) -> None:
    reply = reply_of(lines)
    error = refusal(stage, reply)
    permanent = reply.code >= 500 or NAMED[name].permanent
    assert type(error) is (PermanentDeliveryError if permanent else TemporaryDeliveryError)
    assert error.code == reply.code
    if error.operator:
        # Another connector has another account: it may do better, save with a mail too big.
        assert error.failover or reply.code == 552
    if stage in ("auth", "token", "greeting", "ehlo", "tls"):
        assert error.failover
        assert error.operator or reply.code < 500


def test_a_token_that_was_refused_is_no_wrong_password() -> None:
    text = "535 5.7.8 Username and Password not accepted"
    by_password, by_token = found("auth", text).hint, found("token", text).hint
    assert "check auth.user and auth.pass" in by_password
    assert "token" not in by_password
    assert "auth.pass" not in by_token
    for word in ("token", "expired", "revoked", "scope", "auth.user"):
        assert word in by_token


SIZE = 64 * 1024
PIECES = ["a", " ", "5", "<", "a.", "a-", "@", "a@b.", "4.7.0 ", "too many ", "http://", "5.7."]


def assert_soon(work: Callable[[str], object], *pieces: str) -> None:
    """No text that a hostile server may send takes long; what is not linear takes minutes."""
    for piece in pieces:
        for code in ("450 ", "550 "):
            started = time.process_time()
            work((code + piece * SIZE)[:SIZE])
            assert time.process_time() - started < 5


@pytest.mark.parametrize("cause", CAUSES, ids=list(NAMED))
def test_no_pattern_is_slow_with_a_hostile_reply(cause: Cause) -> None:
    own = [str(reply_of(lines)) for name, _, lines in REPLIES if name == cause.name]
    assert_soon(cause.pattern.search, *PIECES, *own)


@pytest.mark.parametrize("stage", ["auth", "recipient", "content"])
def test_no_hostile_reply_takes_long(stage: str) -> None:
    assert_soon(lambda text: find(stage, text), *PIECES)


# Where there is no reply, or none that counts


async def error_of(peer: Peer, **changes: Any) -> DeliveryError:
    """The error of a send to the peer."""
    async with peer, hosting(peer, **changes) as host:
        with within(), pytest.raises(DeliveryError) as caught:
            await send(host)
    return caught.value


async def error_at_closed_port(**changes: Any) -> DeliveryError:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        peer, port = Peer(), closed.getsockname()[1]
        peer.port = port
        changes = {key: str(value).format(port=port) for key, value in changes.items()}
        async with hosting(peer, **changes) as host:
            with within(), pytest.raises(DeliveryError) as caught:
                await send(host)
    return caught.value


def saying(greeting: bytes) -> Peer:
    async def speak(connection: Connection) -> None:
        await connection.write(greeting)
        await connection.stall()

    return Peer(script=speak)


def alerting(alert: int) -> Peer:
    """As a server answers whose TLS does not suit: RFC 8446 section 6.2."""

    async def refuse(connection: Connection) -> None:
        await connection.anything()
        await connection.write(bytes([21, 3, 1, 0, 2, 2, alert]))
        await connection.stall()

    return Peer(script=refuse)


@cache
def not_yet_valid() -> ssl.SSLContext:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    return certificates._context(
        certificates.authority().issue_cert(
            certificates.NAME, not_before=tomorrow, not_after=tomorrow + timedelta(days=1)
        )
    )


@cache
def weak() -> ssl.SSLContext:
    """A key of 1024 bits."""
    authority = certificates.authority()
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    signing = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
        .sign(signing, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    pem = trustme.Blob(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    with pem.tempfile() as path:
        context.load_cert_chain(path)
    return context


@cache
def wanting_a_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.authority().issue_cert(certificates.NAME).configure_cert(context)
    context.load_verify_locations(cadata=certificates.authority_pem())
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def implicit(
    make: Callable[[], ssl.SSLContext], **tls: str
) -> Callable[[], Awaitable[DeliveryError]]:
    """Over TLS from the first byte, with a server's context."""

    async def provoke() -> DeliveryError:
        options = {"ca": certificates.authority_pem(), **tls}
        return await error_of(Peer(implicit_tls=make()), secure=True, tls=options)

    return provoke


async def tls_where_none_was_expected() -> DeliveryError:
    peer = Peer(implicit_tls=certificates.valid())
    return await error_of(peer, **short("greetingTimeout"))


async def tls_found_by_a_test() -> DeliveryError:
    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read()
        writer.transport.abort()

    # Not a Peer, which turns to TLS only after the connection: the probe does not wait for that.
    server = await asyncio.start_server(stay, certificates.NAME, 0, ssl=certificates.valid())
    peer = Peer()
    peer.port = server.sockets[0].getsockname()[1]
    try:
        async with hosting(peer, **short("greetingTimeout", 1000)) as host:
            report = await host.configured["smtp"].verify()
    finally:
        server.close()
    error = report.stages[-1].error
    assert isinstance(error, DeliveryError)
    return error


async def injected() -> DeliveryError:
    async def inject(connection: Connection) -> None:
        await connection.reply("220 go ahead", "250 AUTH PLAIN")
        await connection.stall()

    return await error_of(
        Peer(starttls=certificates.valid(), STARTTLS=inject), requireTLS=True, auth=AUTH
    )


async def credentials_in_the_clear() -> DeliveryError:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(login_module, "is_loopback", lambda _address: False)
        return await error_of(Peer(mechanisms="PLAIN"), auth=AUTH)


def endpoint() -> Endpoint:
    return Endpoint.of(SmtpConfig.model_validate(config()))


async def no_such_host() -> DeliveryError:
    return diagnose.unresolved(endpoint(), socket.gaierror(socket.EAI_NONAME, "not known"))


async def name_servers_down() -> DeliveryError:
    return diagnose.unresolved(endpoint(), socket.gaierror(socket.EAI_AGAIN, "try again"))


async def packets_dropped() -> DeliveryError:
    return diagnose.timed_out("connect", endpoint())


async def no_way_there() -> DeliveryError:
    return diagnose.unreachable(endpoint(), [OSError(errno.ENETUNREACH, "Network is unreachable")])


# By what happened: how it is brought about, and what only its hint says. Names that are looked up
# and packets that are dropped are told the loop's own way in test_dns and test_faults.
FAULTS: dict[str, tuple[Callable[[], Awaitable[DeliveryError]], str]] = {
    "no TLS where it was expected": (
        lambda: error_of(Peer(), secure=True),
        "set secure to false, and requireTLS to true",
    ),
    "TLS where none was expected": (tls_where_none_was_expected, "stays silent, too"),
    "TLS found by a test": (tls_found_by_a_test, "the port wants TLS at once: set secure to true"),
    "no STARTTLS": (lambda: error_of(Peer(), requireTLS=True), "may take it out"),
    "bytes before TLS": (injected, "nothing comes before TLS"),
    "IMAP": (
        lambda: error_of(saying(b"* OK [CAPABILITY IMAP4rev1] Dovecot\r\n")),
        "an IMAP server",
    ),
    "POP3": (lambda: error_of(saying(b"+OK Dovecot ready.\r\n")), "a POP3 server"),
    "HTTP": (lambda: error_of(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")), "a web server"),
    "SSH": (lambda: error_of(saying(b"SSH-2.0-OpenSSH_9.6\r\n")), "an SSH server"),
    "another protocol": (lambda: error_of(saying(b"what?\r\n")), "host and port are those of"),
    "refused": (error_at_closed_port, "no mail server listens"),
    "packets dropped": (packets_dropped, "many networks block port 25"),
    "no way there": (no_way_there, "check host, port and firewall"),
    "no such host": (no_such_host, "check the spelling of host"),
    "name servers down": (name_servers_down, "check this machine's name servers"),
    "certificate expired": (implicit(certificates.expired), "has expired: let its operator renew"),
    "certificate not yet valid": (implicit(not_yet_valid), "check this machine's clock"),
    "certificate of another": (implicit(certificates.other_name), "to the name in the certificate"),
    "certificate self-signed": (implicit(certificates.self_signed), "made its certificate itself"),
    "private authority": (implicit(certificates.unknown_authority), "an authority of your own"),
    "certificate weak": (implicit(weak), "certificate is too weak"),
    "old TLS": (lambda: error_of(alerting(70), secure=True), "no TLS of version 1.2"),
    "no common cipher": (lambda: error_of(alerting(40), secure=True), "no common cipher"),
    "another alert": (lambda: error_of(alerting(80), secure=True), "whether its TLS is sound"),
    "client certificate wanted": (implicit(wanting_a_certificate), "want a client certificate"),
    "name unknown to TLS": (
        lambda: error_of(alerting(112), secure=True),
        "does not know this name",
    ),
    "proxy down": (
        lambda: error_at_closed_port(proxy="http://127.0.0.1:{port}"),
        "host and port in `proxy`, and whether it runs",
    ),
    "no common mechanism": (
        lambda: error_of(Peer(mechanisms="GSSAPI"), auth=AUTH),
        "the server wants OAuth2 in auth",
    ),
    "AUTH not offered": (
        lambda: error_of(Peer(), auth=AUTH),
        "leave out auth if the server allows",
    ),
    "no TLS for credentials": (credentials_in_the_clear, "ignoreTLS allows it"),
}


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_a_fault_of_the_connection_has_a_hint_of_its_own(fault: str) -> None:
    provoke, gist = FAULTS[fault]
    error = await provoke()
    said = f"{error}; {error.hint}"
    assert [other for _, other in FAULTS.values() if other in said] == [gist]
    assert error.hint not in {cause.hint for cause in CAUSES}
    assert error.failover
