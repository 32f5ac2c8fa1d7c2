"""OAuth2 access tokens for SMTP: kept, renewed before they expire, and fetched over HTTPS.

A renewal is one task, whatever the number of senders that wait for it; each waits by its own
deadline, and none calls it off for the others. What is asked and answered stands in `grants`.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import importlib.util
import logging
import math
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from connector_core import (
    DeliveryError,
    HostClosedError,
    PermanentDeliveryError,
)
from connectors.smtp.config import OAuth2KeyAuth, OAuth2TokenAuth
from connectors.smtp.grants import (
    GOOGLE,
    INSTALL,
    MAX_ANSWER,
    NOT_INSTALLED,
    Answer,
    Grant,
    Granted,
    grant_of,
    later,
    problems,
    read_answer,
    unusable,
)

if TYPE_CHECKING:
    import httpx2

    from connectors.smtp.config import SmtpConfig

__all__ = ["TokenSource", "problems"]

REQUEST_TIMEOUT = 30.0  # for a whole token request, however slowly the answer drips
REFUSED_PAUSE = 30.0  # seconds without another request after the first refusal, doubling
REFUSED_PAUSE_MAX = 900.0
MARGIN = 60.0  # how long before its end a token is renewed
MARGIN_SHARE = 0.1  # but no larger part of its lifetime than this
EARLY_WAIT = 5.0  # how long a sender waits for a new token while the present one is still valid
EARLY_PAUSE = 10.0  # how long the present one is used on after that
DEFAULT_LIFETIME = 3600.0  # where the answer does not say (RFC 6749 section 5.1)
_CLOSE_GRACE = 5.0
_FOREVER = float("inf")
_LOG = logging.getLogger("connectors.smtp")
# The HTTP library logs header lines, in which an endpoint may echo what it was sent.
_LIBRARY_LOGS = ("httpx2", *(f"httpcore2.{n}" for n in ("connection", "http11", "proxy", "socks")))
_asking: contextvars.ContextVar[bool] = contextvars.ContextVar("asking", default=False)


@dataclass(frozen=True, slots=True)
class _Token:
    """An access token, when it ends and when to look for another, by the source's clock."""

    value: str = field(repr=False)
    ends: float
    renew_at: float

    @classmethod
    def until(cls, value: str, now: float, lifetime: float) -> _Token:
        return cls(value, now + lifetime, now + lifetime - min(MARGIN, lifetime * MARGIN_SHARE))


class TokenSource:
    """The access tokens of one configured connector.

    All of it belongs to one event loop.
    """

    def __init__(
        self,
        grant: Grant | None,
        endpoint: TokenEndpoint,
        *,
        configured: _Token | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._grant = grant
        self._endpoint = endpoint
        self._current = configured
        self._clock = clock
        self._renewal: asyncio.Task[_Token | DeliveryError] | None = None
        self._pause = _Pause()
        self._closed = False

    @classmethod
    def of(
        cls, config: SmtpConfig, *, clock: Callable[[], float] = time.monotonic
    ) -> TokenSource | None:
        """The tokens for a config in which the rules found nothing wrong; None without OAuth2.

        Args:
            config: the config.
            clock: what the time of a deadline is, and by what tokens expire.
        """
        auth = config.auth
        if not isinstance(auth, OAuth2KeyAuth | OAuth2TokenAuth):
            return None
        token = None
        if auth.access_token:
            # Reckoned once: from here on, nobody can change this clock.
            left = auth.expires / 1000 - time.time() if auth.expires else _FOREVER
            token = _Token.until(auth.access_token, clock(), left)
        return cls(grant_of(auth), TokenEndpoint.of(config, auth), configured=token, clock=clock)

    def __repr__(self) -> str:
        return f"<TokenSource {self._endpoint.name}>"

    @property
    def renewable(self) -> bool:
        """Whether there is a grant to get a new token by."""
        return self._grant is not None

    async def token(self, deadline: float | None, *, patient: bool = True) -> str:
        """A token that is good for some time yet.

        Args:
            deadline: when to give up, in seconds of `time.monotonic()`.
            patient: keep the pause after a refusal; if not, ask the endpoint in any case.

        Raises:
            DeliveryError: none can be had, or not until then.
            HostClosedError: the source is closed.
        """
        self._require_open()
        current, now, grant = self._current, self._clock(), self._grant
        if current is not None and now < (current.renew_at if grant else current.ends):
            return current.value
        if grant is None:
            raise unusable(
                "the OAuth2 access token has expired"
                if current is not None
                else "there is no OAuth2 access token",
                "put a fresh accessToken into auth, or give a refreshToken with clientId and "
                "clientSecret, so that tokens are renewed",
            )
        if current is None or current.ends <= now:
            return (await self._obtain(grant, deadline, patient=patient)).value
        return await self._early(grant, deadline, patient=patient)

    async def renewed(
        self, refused: str, deadline: float | None, *, patient: bool = True
    ) -> str | None:
        """Another token in place of one that the mail server refused; None where there is none.

        If another sender has got a new one meanwhile, it is that one.

        Args:
            refused: the token that the mail server refused.
            deadline: when to give up, in seconds of `time.monotonic()`.
            patient: keep the pause after a refusal; if not, ask the endpoint in any case.

        Raises:
            DeliveryError: there is a grant, and no token came of it.
            HostClosedError: the source is closed.
        """
        self._require_open()
        current, grant = self._current, self._grant
        if grant is None:
            return None
        if current is not None and current.value == refused:
            self._current = None
        elif current is not None and self._clock() < current.ends:
            return current.value
        value = (await self._obtain(grant, deadline, patient=patient)).value
        # Some endpoints give the same one until it expires: to try it again would lock accounts.
        return value if value != refused else None

    async def close(self) -> None:
        """Call off a renewal that is under way; whoever waits for it gets HostClosedError."""
        self._closed = True
        self._current = None
        if self._renewal is not None and not self._renewal.done():
            self._renewal.cancel()
            await asyncio.wait({self._renewal}, timeout=_CLOSE_GRACE)

    def _require_open(self) -> None:
        if self._closed:
            raise HostClosedError

    async def _early(self, grant: Grant, deadline: float | None, *, patient: bool) -> str:
        """A new token, or, as long as it is valid, the present one if that does not come soon."""
        soon = self._clock() + EARLY_WAIT
        try:
            until = soon if deadline is None else min(soon, deadline)
            return (await self._obtain(grant, until, patient=patient)).value
        except DeliveryError:
            current, now = self._current, self._clock()
            if current is None or current.ends <= now:
                raise
        if current.renew_at <= now:
            self._current = replace(current, renew_at=now + EARLY_PAUSE)
        return current.value

    async def _obtain(self, grant: Grant, deadline: float | None, *, patient: bool) -> _Token:
        """What the renewal comes to that is under way, or of a new one."""
        if self._renewal is None or self._renewal.done():
            if patient:
                self._pause.require_over(self._clock())
            self._renewal = asyncio.get_running_loop().create_task(self._renew(grant))
        renewal = self._renewal
        timeout = None if deadline is None else max(deadline - self._clock(), 0)
        # Unlike wait_for, this leaves the task alone when the time is up or the sender is gone.
        await asyncio.wait({renewal}, timeout=timeout)
        if not renewal.done():
            reason = f"{self._endpoint.name} gave no access token until the time was up"
            raise later(reason, "")
        if renewal.cancelled():
            raise HostClosedError
        outcome = renewal.result()
        if isinstance(outcome, DeliveryError):
            raise copy.copy(outcome)  # a traceback for each sender
        return outcome

    async def _renew(self, grant: Grant) -> _Token | DeliveryError:
        """Ask for a token and keep it; an error is a result, for nobody may be waiting."""
        asked = self._clock()
        try:
            outcome = await self._ask(grant)
        except DeliveryError as error:
            outcome = error
        if isinstance(outcome, Granted):
            self._pause.end()
            if outcome.refresh_token:
                grant.rotate(outcome.refresh_token)
            self._current = _Token.until(outcome.value, asked, outcome.lifetime or DEFAULT_LIFETIME)
            return self._current
        if isinstance(outcome, PermanentDeliveryError):
            self._pause.begin(outcome, self._clock())
        if self._current is not None and self._clock() < self._current.ends:
            _LOG.warning("the OAuth2 access token will expire and was not renewed: %s", outcome)
        return outcome

    async def _ask(self, grant: Grant) -> Granted | DeliveryError:
        # In a thread: to open a key with a passphrase takes long by design.
        form = await asyncio.to_thread(grant.form)
        answer = await self._endpoint.ask(form)
        current = [] if self._current is None else [self._current.value]
        secrets = [*self._endpoint.secrets, *current, form.get("assertion", "")]
        return read_answer(answer, grant, self._endpoint.name, secrets)


class _Pause:
    """Keeps an endpoint that refused from being asked again and again."""

    def __init__(self) -> None:
        self._refusal: DeliveryError | None = None
        self._pause = REFUSED_PAUSE
        self._until = 0.0

    def require_over(self, now: float) -> None:
        """Raise the refusal again while the pause after it lasts."""
        if self._refusal is not None and now < self._until:
            error = copy.copy(self._refusal)
            error.reason += f"; not asked again for {math.ceil(self._until - now)} s"
            raise error

    def begin(self, refusal: DeliveryError, now: float) -> None:
        """The endpoint refused."""
        self._refusal, self._until = refusal, now + self._pause
        self._pause = min(self._pause * 2, REFUSED_PAUSE_MAX)

    def end(self) -> None:
        """The endpoint gave a token."""
        self._refusal, self._pause = None, REFUSED_PAUSE


@dataclass(slots=True)
class TokenEndpoint:
    """Where tokens come from. Each request has a connection of its own, for they are rare.

    Attributes:
        url: the endpoint's.
        headers: further headers of the request.
        params: further parameters of the request.
        authorities: certificates to trust beside the system's, as PEM text.
        proxy: the URL of a proxy, if one is to be used.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    params: Mapping[str, str] = field(repr=False)
    authorities: str = field(repr=False)
    proxy: str | None = field(repr=False)
    _context: ssl.SSLContext | None = field(default=None, init=False, repr=False)

    @classmethod
    def of(cls, config: SmtpConfig, auth: OAuth2KeyAuth | OAuth2TokenAuth) -> TokenEndpoint:
        """The endpoint that a config describes; Google's where it says nothing."""
        given = config.tls.ca if config.tls else None
        authorities = given if isinstance(given, str) else "\n".join(given or ())
        return cls(
            auth.access_url or GOOGLE,
            auth.custom_headers or {},
            auth.custom_params or {},
            authorities,
            config.proxy or None,
        )

    @property
    def name(self) -> str:
        """What to call it: no path or query, which may hold a key."""
        return f"the token endpoint {_place(self.url) or ''}".rstrip()

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
        _asking.set(True)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                if self._context is None:
                    # In a thread: to import the library and to read the certificates takes long.
                    self._context = await asyncio.to_thread(_prepare, self.authorities)
                return await self._exchange(form, self._context)
        except DeliveryError:
            raise
        except Exception as error:  # noqa: BLE001 - any of the library's may show the request
            failure = self._failure(error)
        raise failure  # only here: the library's error must not be its context

    async def _exchange(self, form: Mapping[str, str], context: ssl.SSLContext) -> Answer:
        opened: list[Any] = []

        async def note(event: str, info: Mapping[str, Any]) -> None:
            if event.endswith(".connect_tcp.complete"):
                opened.append(info["return_value"])

        try:
            async with self._client(context) as client:
                return await self._post(client, {**form, **self.params}, note)
        finally:
            # The library loses sight of a connection if it is called off within the handshake.
            for connection in opened:
                await connection.aclose()

    async def _post(
        self, client: httpx2.AsyncClient, form: Mapping[str, str], note: Callable[..., Any]
    ) -> Answer:
        body = bytearray()
        request = client.stream("POST", self.url, data=form, extensions={"trace": note})
        async with request as response, aclosing(response.aiter_raw(16 * 1024)) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > MAX_ANSWER:
                    return Answer(response.status_code, None)
        return Answer(response.status_code, bytes(body))

    def _client(self, context: ssl.SSLContext) -> httpx2.AsyncClient:
        import httpx2

        if not (self.url.startswith("https://") and _place(self.url)):
            raise unusable("auth.accessUrl is no https:// URL", "correct auth.accessUrl")
        proxy = None
        if self.proxy:
            url = _known_proxy(self.proxy)
            proxy = httpx2.Proxy(url, ssl_context=context if url.startswith("https:") else None)
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

        place = f"{self.name}, through the proxy," if self.proxy else self.name
        causes = list(_causes(error))
        certificate = next((e for e in causes if isinstance(e, ssl.SSLCertVerificationError)), None)
        if certificate is not None:
            return unusable(
                f"the certificate of {place} is not valid: {certificate.verify_message}",
                "if it has an authority of your own, put its certificate into tls.ca as PEM text",
            )
        if isinstance(error, TimeoutError | httpx2.TimeoutException):
            return later(f"{place} did not answer in time", "check auth.accessUrl and firewall")
        if isinstance(error, httpx2.ProxyError):
            return _proxy_refused(str(error)[:3])
        if isinstance(error, httpx2.LocalProtocolError | httpx2.InvalidURL | ValueError):
            return unusable(
                "the token request cannot be written",
                "check auth.accessUrl, auth.customHeaders, auth.customParams and proxy",
            )
        if isinstance(error, httpx2.RemoteProtocolError):
            return later(f"{place} gave no whole HTTP answer", "check auth.accessUrl")
        reasons = [e.strerror for e in causes if isinstance(e, OSError) and e.strerror]
        reason = f": {reasons[-1]}" if reasons else ""
        unreached = isinstance(error, httpx2.ConnectError)
        what = "could not be reached" if unreached else "closed the connection"
        return later(
            f"{place} {what}{reason}",
            "check auth.accessUrl, and whether a firewall or proxy is on the way",
        )


def _prepare(authorities: str) -> ssl.SSLContext:
    """A context that always verifies, whatever `tls` says of the mail server."""
    try:
        import httpx2  # noqa: F401 - only here: it takes long, and few configs need it
    except ImportError:
        raise unusable(NOT_INSTALLED, INSTALL) from None
    for name in _LIBRARY_LOGS:
        logging.getLogger(name).addFilter(_is_of_others)
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authorities:
        try:
            # Bundles carry comments in any language; what counts is ASCII.
            context.load_verify_locations(cadata=authorities.encode("ascii", "replace").decode())
        except (ssl.SSLError, ValueError):
            raise unusable("tls.ca is not PEM certificates", "correct tls.ca") from None
    return context


def _is_of_others(record: logging.LogRecord) -> bool:
    return not _asking.get()


def _place(url: str) -> str | None:
    """Host and port of a URL; None where there are none."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return f"{parts.hostname}:{port}" if port else parts.hostname


def _known_proxy(url: str) -> str:
    """The URL of a proxy as the HTTP library wants it.

    Raises:
        PermanentDeliveryError: the library knows no proxies of this kind.
    """
    scheme, _, rest = url.partition(":")
    scheme = scheme.lower()
    if scheme in ("http", "https"):
        return f"{scheme}:{rest}"
    if scheme not in ("socks", "socks5", "socks5h"):
        # Not shown as it stands: without a scheme, it may begin with a password.
        named = scheme if scheme in ("socks4", "socks4a") else "this kind"
        raise unusable(
            f"access tokens cannot be fetched through a proxy of {named}",
            "use a proxy of http://, https:// or socks5://",
        )
    if importlib.util.find_spec("socksio") is None:
        raise unusable(
            "access tokens through a SOCKS proxy need a package that is not installed",
            "pip install 'httpx2[socks]'",
        )
    return f"socks5:{rest}"


def _proxy_refused(status: str) -> DeliveryError:
    if status in ("401", "403", "407"):
        return unusable(
            f"the proxy refused to reach the token endpoint: {status}",
            "check user and password in proxy, and what the proxy allows",
        )
    shown = f": {status}" if status.isdigit() else ""
    return later(f"the proxy did not reach the token endpoint{shown}", "check proxy")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
