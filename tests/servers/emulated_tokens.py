"""The token endpoints of Google and Microsoft, emulated on loopback over HTTPS.

    with gmail() as server, google_tokens() as tokens:
        ...  # auth.accessUrl is tokens.url

Each grants the access token of the emulated mail server to one client, and refuses all others in
the provider's own words (developers.google.com/identity/protocols/oauth2; learn.microsoft.com,
Microsoft Entra authentication and authorization error codes).
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from tests.servers.emulated import Gmail, running
from tests.servers.emulated_clouds import Microsoft365
from tests.servers.ports import HOST
from tests.smtp.certificates import authority
from tests.smtp.token_server import Exchange, TokenServer, answer, granting

__all__ = ["GoogleTokens", "Issuer", "MicrosoftTokens", "google_tokens", "microsoft_tokens"]


class Issuer(TokenServer):
    """A token endpoint.

    Attributes:
        host: its name, for which its certificate is valid, as for loopback.
        path: its path.
        access_token: what it grants.
    """

    host: ClassVar[str]
    path: ClassVar[str]
    access_token: ClassVar[str]

    def __init__(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority().issue_cert(self.host, HOST, "localhost").configure_cert(context)
        super().__init__(tls=context)

    @property
    def url(self) -> str:
        """Its URL on loopback."""
        return f"https://{HOST}:{self.port}{self.path}"

    @abstractmethod
    def refusal(self, form: Mapping[str, str]) -> tuple[int, dict[str, str]] | None:
        """Status and body of the refusal of a request; None where it is granted."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await self._read(reader)
        refused = self.refusal(request.form)
        if request.line != f"POST {self.path} HTTP/1.1":
            refused = 404, {"error": "not_found"}
        granted = granting(self.access_token, expires_in=3599)
        await (answer(*refused) if refused else granted)(Exchange(request, reader, writer))


class GoogleTokens(Issuer):
    """Grants for a refresh token, and for an assertion of a service account (RFC 7523)."""

    host = "oauth2.googleapis.com"
    path = "/token"
    access_token = Gmail.access_token
    client_id = "1234567890-abcdef.apps.googleusercontent.com"
    client_secret = "GOCSPX-example-secret"
    refresh_token = "1//0g-example-refresh-token"
    service_client = "mailer@example-project.iam.gserviceaccount.com"
    scope = "https://mail.google.com/"

    def refusal(self, form: Mapping[str, str]) -> tuple[int, dict[str, str]] | None:
        if form["grant_type"] == "refresh_token":
            if (form["client_id"], form["client_secret"]) != (self.client_id, self.client_secret):
                return 401, {"error": "invalid_client", "error_description": "Unauthorized"}
            if form["refresh_token"] != self.refresh_token:
                told = "Token has been expired or revoked."
                return 400, {"error": "invalid_grant", "error_description": told}
            return None
        claims = _claims(form["assertion"])
        if claims["iss"] != self.service_client:
            return 400, {
                "error": "invalid_grant",
                "error_description": "Invalid grant: account not found",
            }
        if (claims["sub"], claims["scope"]) != (Gmail.user, self.scope):
            told = (
                "Client is unauthorized to retrieve access tokens using this method, or client not "
                "authorized for any of the scopes requested."
            )
            return 401, {"error": "unauthorized_client", "error_description": told}
        return None


class MicrosoftTokens(Issuer):
    """Grants for the client's own credentials (RFC 6749 section 4.4), in one tenant."""

    host = "login.microsoftonline.com"
    path = "/00000000-0000-0000-0000-000000000000/oauth2/v2.0/token"
    access_token = Microsoft365.access_token
    client_id = "11111111-1111-1111-1111-111111111111"
    client_secret = "abc8Q~the-value"
    scope = "https://outlook.office365.com/.default"

    def refusal(self, form: Mapping[str, str]) -> tuple[int, dict[str, str]] | None:
        if form["client_id"] != self.client_id:
            return 400, {
                "error": "unauthorized_client",
                "error_description": f"AADSTS700016: Application with identifier "
                f"'{form['client_id']}' was not found in the directory 'Example'.",
            }
        if form["client_secret"] != self.client_secret:
            return 401, {
                "error": "invalid_client",
                "error_description": "AADSTS7000215: Invalid client secret provided. Ensure the "
                "secret being sent in the request is the client secret value, not the client "
                f"secret ID, for a secret added to app '{self.client_id}'.",
            }
        if form.get("scope") != self.scope:
            return 400, {
                "error": "invalid_scope",
                "error_description": "AADSTS1002012: The provided value for scope is not valid. "
                "Client credential flows must have a scope value with /.default suffixed to the "
                "resource identifier (application ID URI).",
            }
        return None


@contextmanager
def google_tokens() -> Iterator[GoogleTokens]:
    """Google's token endpoint, as long as the block runs."""
    server = GoogleTokens()
    with running(server, "Google's tokens"):
        yield server


@contextmanager
def microsoft_tokens() -> Iterator[MicrosoftTokens]:
    """Microsoft's token endpoint, as long as the block runs."""
    server = MicrosoftTokens()
    with running(server, "Microsoft's tokens"):
        yield server


def _claims(assertion: str) -> dict[str, str]:
    """What a JWT says; its signature is not looked at, for Google alone knows its key."""
    body = assertion.split(".")[1]
    return {
        key: str(value) for key, value in json.loads(base64.urlsafe_b64decode(body + "==")).items()
    }
