"""The token endpoint: one HTTPS request a token."""

from __future__ import annotations

import asyncio
import importlib.util
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connector_core import DeliveryError
from connector_core.network.httpfaults import (
    Fault,
    Progress,
    failure_of,
    first_octets,
    unlogged,
)
from connector_core.network.tls import trusting_context
from connectors.smtp.config import OAuth2KeyAuth, OAuth2TokenAuth
from connectors.smtp.i18n import _
from connectors.smtp.oauth2.answers import MAX_ANSWER, Answer
from connectors.smtp.oauth2.faults import INSTALL, NOT_INSTALLED, later, unusable
from connectors.smtp.oauth2.grants import GOOGLE
from connectors.smtp.proxy.url import Proxy

if TYPE_CHECKING:
    import httpx2

    from connectors.smtp.config import SmtpConfig

__all__ = ["TokenEndpoint"]

REQUEST_TIMEOUT = 30.0  # for a whole token request, however slowly the answer drips


@dataclass(slots=True)
class TokenEndpoint:
    """Where tokens come from. Each request has a connection of its own, for they are rare.

    Attributes:
        url: the endpoint's.
        headers: further headers of the request.
        params: further parameters of the request.
        ca: certificates to trust beside the system's, as PEM text.
        proxy: the URL of a proxy, if one is to be used.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    params: Mapping[str, str] = field(repr=False)
    ca: str | list[str] | None = field(repr=False)
    proxy: str | None = field(repr=False)
    _context: ssl.SSLContext | None = field(default=None, init=False, repr=False)

    @classmethod
    def of(cls, config: SmtpConfig, auth: OAuth2KeyAuth | OAuth2TokenAuth) -> TokenEndpoint:
        """The endpoint that a config describes; Google's where it says nothing."""
        return cls(
            auth.access_url or GOOGLE,
            auth.custom_headers or {},
            auth.custom_params or {},
            config.tls.ca if config.tls else None,
            config.proxy or None,
        )

    @property
    def name(self) -> str:
        """What to call it: no path or query, which may hold a key."""
        return _("the token endpoint {place}").format(place=_place(self.url) or "").rstrip()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What may be a secret, and must not be shown."""
        before, _, query = self.url.partition("?")
        return (
            *(value for _, value in urllib.parse.parse_qsl(query)),
            urllib.parse.unquote(before.rpartition("@")[0].rpartition(":")[2]),
            *self.headers.values(),
            *(value.partition(" ")[2] for value in self.headers.values()),
            *(value for name, value in self.params.items() if name not in ("scope", "grant_type")),
        )

    async def ask(self, form: Mapping[str, str]) -> Answer:
        """Post a form, and return the answer, whatever its status.

        Raises:
            DeliveryError: there was none.
        """
        try:
            with unlogged():
                async with asyncio.timeout(REQUEST_TIMEOUT):
                    if self._context is None:
                        # In a thread: to import the library and to read the certificates is slow.
                        self._context = await asyncio.to_thread(_prepare, self.ca)
                    return await self._exchange(form, self._context)
        except DeliveryError:
            raise
        except Exception as error:  # noqa: BLE001 - any of the library's may show the request
            failure = self._failure(error)
        raise failure  # only here: the library's error must not be its context

    async def _exchange(self, form: Mapping[str, str], context: ssl.SSLContext) -> Answer:
        progress = Progress()
        try:
            async with self._client(context) as client:
                return await self._post(client, {**form, **self.params}, progress)
        finally:
            await progress.let_go()

    async def _post(
        self, client: httpx2.AsyncClient, form: Mapping[str, str], progress: Progress
    ) -> Answer:
        request = client.stream("POST", self.url, data=form, extensions={"trace": progress})
        async with request as response:
            body = await first_octets(response.aiter_raw(16 * 1024), MAX_ANSWER + 1)
        return Answer(response.status_code, body if len(body) <= MAX_ANSWER else None)

    def _client(self, context: ssl.SSLContext) -> httpx2.AsyncClient:
        import httpx2

        if not (self.url.startswith("https://") and _place(self.url)):
            raise unusable(_("auth.accessUrl is no https:// URL"), _("correct auth.accessUrl"))
        proxy = _http_proxy(self.proxy, context) if self.proxy else None
        transport = httpx2.AsyncHTTPTransport(verify=context, trust_env=False, proxy=proxy)
        headers = httpx2.Headers(
            {
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "connector-core",
            }
        )
        headers.update(self.headers)
        return httpx2.AsyncClient(
            transport=transport,
            headers=headers,
            timeout=None,  # `ask` bounds the whole
            follow_redirects=False,
            trust_env=False,
        )

    def _failure(self, error: Exception) -> DeliveryError:
        """What an error of the HTTP library comes to; none of its text is shown."""
        import httpx2

        place = self.name
        if self.proxy:
            place = _("{name}, through the proxy,").format(name=place)
        if isinstance(error, httpx2.ProxyError):
            return _proxy_refused(str(error)[:3])
        if isinstance(error, httpx2.InvalidURL):
            error = ValueError()
        failure = failure_of(error, place)
        if failure.fault is Fault.CERTIFICATE:
            return unusable(
                failure.reason,
                _(
                    "if it has an authority of your own, put its certificate into tls.ca as PEM "
                    "text"
                ),
            )
        if failure.fault is Fault.REQUEST:
            return unusable(
                failure.reason,
                _("check auth.accessUrl, auth.customHeaders, auth.customParams and proxy"),
            )
        if failure.fault is Fault.TIME:
            return later(failure.reason, _("check auth.accessUrl and firewall"))
        if failure.fault is Fault.ANSWER:
            return later(failure.reason, _("check auth.accessUrl"))
        return later(
            failure.reason,
            _("check auth.accessUrl, and whether a firewall or proxy is on the way"),
        )


def _prepare(ca: str | list[str] | None) -> ssl.SSLContext:
    """A context that always verifies, whatever `tls` says of the mail server."""
    try:
        import httpx2  # noqa: F401 - only here: it takes long, and few configs need it
    except ImportError:
        raise unusable(_(NOT_INSTALLED), INSTALL) from None
    try:
        return trusting_context(ca)
    except (ssl.SSLError, ValueError):
        raise unusable(_("tls.ca is not PEM certificates"), _("correct tls.ca")) from None


def _place(url: str) -> str | None:
    """Host and port of a URL; None where there are none."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return f"{parts.hostname}:{port}" if port else parts.hostname


def _http_proxy(url: str, context: ssl.SSLContext) -> httpx2.Proxy:
    """The proxy as the HTTP library wants it.

    Raises:
        PermanentDeliveryError: the library knows no proxies of this kind.
    """
    import httpx2

    usable = _("use a proxy of http://, https:// or socks5://")
    try:
        proxy = Proxy.parse(url)
    except ValueError:
        raise unusable(
            _("access tokens cannot be fetched through a proxy of this kind"), usable
        ) from None
    if proxy.scheme == "socks4":
        raise unusable(
            _("access tokens cannot be fetched through a proxy of socks4 or socks4a"), usable
        )
    if proxy.scheme == "socks5" and importlib.util.find_spec("socksio") is None:
        raise unusable(
            _("access tokens through a SOCKS proxy need a package that is not installed"),
            INSTALL,
        )
    secure = context if proxy.scheme == "https" else None
    return httpx2.Proxy(str(proxy), auth=proxy.login, ssl_context=secure)


def _proxy_refused(status: str) -> DeliveryError:
    if status in ("401", "403", "407"):
        return unusable(
            _("the proxy refused to reach the token endpoint: {status}").format(status=status),
            _("check user and password in proxy, and what the proxy allows"),
        )
    told = _("the proxy did not reach the token endpoint")
    if status.isdigit():
        told = _("{what}: {reason}").format(what=told, reason=status)
    return later(told, _("check proxy"))
