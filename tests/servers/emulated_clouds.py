"""Microsoft 365 and Amazon SES, emulated like the providers of `tests/servers/emulated.py`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.servers.emulated import Emulated, running_as

__all__ = ["Microsoft365", "Ses", "microsoft365", "ses"]


class Microsoft365(Emulated):
    """STARTTLS, and AUTH only behind it; access tokens alone; nobody sends as another.

    Source: dialogues and replies of smtp.office365.com that its clients recorded (codeigniter and
    Net::SMTP logs of 2025; learn.microsoft.com on non-delivery reports for 5.7.139 and 5.2.252).
    """

    provider = "outlook"
    host = "smtp.office365.com"
    user = "no-reply@example.com"
    password = ""
    access_token = "eyJ0eXAiOiJKV1QiLCJub25jZSI6-emulated"
    starttls = True
    greeting = (
        "220 AM0PR01CA0099.outlook.office365.com Microsoft ESMTP MAIL Service ready at "
        "Sun, 22 Nov 2026 11:12:20 +0000 [08DE2A6028D26C22]"
    )
    extensions = (
        "SIZE 157286400",
        "PIPELINING",
        "DSN",
        "ENHANCEDSTATUSCODES",
        "8BITMIME",
        "BINARYMIME",
        "CHUNKING",
        "SMTPUTF8",
    )
    welcome = "235 2.7.0 Authentication successful"
    queued = (
        "250 2.0.0 OK <c7d1f0f2@example.com> [Hostname=AM0PR01MB6099.eurprd01.prod.outlook.com]"
    )

    def offered(self, *, encrypted: bool) -> list[str]:
        return [*self.extensions, "AUTH LOGIN XOAUTH2" if encrypted else "STARTTLS"]

    def refusal(self, user: str, password: str) -> str:
        return (
            "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. "
            "[AM0PR01CA0099.eurprd01.prod.outlook.com]"
        )

    def of_token(self) -> tuple[str, str]:
        place = "AM0PR01CA0099.eurprd01.prod.outlook.com"
        return "", f"535 5.7.3 Authentication unsuccessful [{place}]"

    def of_author(self, address: str) -> str:
        if address == self.user:
            return ""
        return (
            f"554 5.2.252 SendAsDenied; {self.user} not allowed to send as {address}; "
            "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied"
        )


class Ses(Emulated):
    """TLS from the first byte; SMTP credentials of one region; From must be verified there.

    Source: docs.aws.amazon.com/ses, SMTP response codes and "Testing your connection".
    """

    provider = "ses"
    host = "email-smtp.eu-west-1.amazonaws.com"
    user = "AKIAIOSFODNN7EXAMPLE"
    password = "BExampleSmtpPassword"
    verified_domain = "example.com"
    starttls = False
    greeting = (
        "220 email-smtp.amazonaws.com ESMTP SimpleEmailService-d-GI38EMLB2 hkD7YwduxMJw9KrXpof7"
    )
    extensions = ("8BITMIME", "SIZE 10485760", "AUTH PLAIN LOGIN", "Ok")
    welcome = "235 Authentication successful."
    queued = "250 Ok 0102019a8f0c2b7e-6b1d9c0e-3f5a-4c6b-9d0e-2f4a6c8e0b1d-000000"

    def refusal(self, user: str, password: str) -> str:
        return "535 Authentication Credentials Invalid"

    def of_author(self, address: str) -> str:
        if address.endswith(f"@{self.verified_domain}"):
            return ""
        return (
            "554 Message rejected: Email address is not verified. The following identities failed "
            f"the check in region EU-WEST-1: {address}"
        )


@contextmanager
def microsoft365() -> Iterator[Microsoft365]:
    """Microsoft 365, as long as the block runs; `emulated_tokens` has where its tokens are."""
    with running_as(server := Microsoft365()):
        yield server


@contextmanager
def ses() -> Iterator[Ses]:
    """Amazon SES in Ireland, as long as the block runs."""
    with running_as(server := Ses()):
        yield server
