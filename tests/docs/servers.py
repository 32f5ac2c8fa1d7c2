"""The servers that a story's names lead to, and how a page asks for further ones.

`STANDING` are there for every page. A page that says `<!-- server: NAME -->` has those of `FURTHER`
as well; where both have a name and port, the further one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.servers import ServerTls, start_dovecot, start_postfix
from tests.servers.emulated import (
    Emulated,
    Example,
    aliyun,
    example,
    example_tls,
    gmail,
    sendgrid,
)
from tests.servers.emulated_clouds import microsoft365, ses
from tests.servers.emulated_tokens import Issuer, google_tokens, microsoft_tokens
from tests.smtp.certificates import authority

__all__ = ["FURTHER", "STANDING", "Reach", "serving"]


class Reach(NamedTuple):
    """Where a server is, in the story and on this machine.

    Attributes:
        name: the name that a config has.
        port: the port that it has there.
        real_port: its port on loopback.
    """

    name: str
    port: int
    real_port: int


Server = Callable[[], AbstractContextManager[list[Reach]]]


def _emulated(start: Callable[[], AbstractContextManager[Emulated]]) -> Server:
    @contextmanager
    def serve() -> Iterator[list[Reach]]:
        with start() as server:
            yield [Reach(server.host, 587 if server.starttls else 465, server.port)]

    return serve


def _issuing(start: Callable[[], AbstractContextManager[Issuer]]) -> Server:
    @contextmanager
    def serve() -> Iterator[list[Reach]]:
        with start() as server:
            yield [Reach(server.host, 443, server.port)]

    return serve


# In this order their names are given addresses: 192.0.2.25, 192.0.2.26, …
STANDING: Mapping[str, Server] = {
    "example": _emulated(example),
    "example-tls": _emulated(example_tls),
    "gmail": _emulated(gmail),
    "sendgrid": _emulated(sendgrid),
    "aliyun": _emulated(aliyun),
}


@contextmanager
def _postfix_auth() -> Iterator[list[Reach]]:
    """In the place of mail.example.com a real Postfix, with the same account."""
    certificate = ServerTls.from_trustme(authority().issue_cert(Example.host))
    users = {Example.user: Example.password}
    with TemporaryDirectory() as folder:
        # What Postfix runs as has to pass.
        Path(folder).chmod(0o711)
        with (
            start_dovecot(Path(folder), tls=certificate, users=users) as dovecot,
            start_postfix(Path(folder), tls=certificate, sasl_port=dovecot.sasl_port) as server,
        ):
            assert server.smtps_port is not None
            yield [
                Reach(Example.host, 587, server.port),
                Reach(Example.host, 465, server.smtps_port),
            ]


FURTHER: Mapping[str, Server] = {
    "google-tokens": _issuing(google_tokens),
    "microsoft365": _emulated(microsoft365),
    "microsoft-tokens": _issuing(microsoft_tokens),
    "postfix-auth": _postfix_auth,
    "ses": _emulated(ses),
}


@contextmanager
def serving(names: tuple[str, ...]) -> Iterator[list[Reach]]:
    """The standing servers and those named, until the block ends.

    Raises:
        LookupError: there is no such server; the text says which there are.
    """
    if unknown := [name for name in names if name not in FURTHER]:
        raise LookupError(f"there is no server {unknown[0]!r}, but {', '.join(FURTHER) or 'none'}")
    with ExitStack() as stack:
        found: dict[tuple[str, int], Reach] = {}
        for server in (*STANDING.values(), *(FURTHER[name] for name in names)):
            for reach in stack.enter_context(server()):
                found[reach.name, reach.port] = reach
        yield list(found.values())
