"""Replies that nobody asked for, and ends that nobody has noticed, right before a message."""

from __future__ import annotations

import asyncio
import errno
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from connector_core import (
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    UncertainDeliveryError,
)
from connector_core.network import dial
from connectors.smtp import pool, upkeep
from connectors.smtp.upkeep import Upkeep
from tests.smtp import certificates
from tests.smtp.helpers import AUTH, Outcome, config, hosting, new_host, send, shown, within
from tests.smtp.peer import EXTENSIONS, Connection, Peer
from tests.smtp.proxies import ScriptedProxy
from tests.smtp.test_tokens import oauth2, taking, tokens_tried
from tests.smtp.token_server import TokenServer

BOTH_LOOPS = True

CHUNKING = (*EXTENSIONS, "CHUNKING")


# -- one reply too many before a flight, after which every reply stands for another --------------


async def test_a_reply_too_many_to_ehlo_makes_no_refusal_a_success() -> None:
    async def twice(connection: Connection) -> bool:
        hello = ("250-peer.test", "250-PIPELINING", "250 CHUNKING")
        await connection.reply(*hello, *hello)
        return True

    async with (
        Peer(extensions=CHUNKING, EHLO=[None, twice], content=[None, "554 5.6.0 no"]) as peer,
        hosting(peer, maxMessages=1) as host,
    ):
        await send(host)
        with pytest.raises(DeliveryError):
            await send(host)
        assert len(peer.mails) == 1


async def test_a_reply_too_many_to_noop_ends_a_kept_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def twice(connection: Connection) -> bool:
        await connection.reply("250 ok", "250 ok")
        return True

    monkeypatch.setattr(pool, "NOOP_AFTER", -1.0)
    async with Peer(extensions=CHUNKING, NOOP=twice) as peer, hosting(peer) as host:
        for _ in range(3):
            await send(host)
        assert len(peer.mails) == 3
        assert len(peer.connections) == 3


async def test_a_refusal_that_crossed_the_flight_is_no_refusal() -> None:
    """451 was on its way when the message left; the server then takes the message."""

    async def crossed(connection: Connection) -> bool:
        await connection.reply("451 4.4.2 idle", "250 2.1.0 ok")
        return True

    async with (
        Peer(extensions=CHUNKING, MAIL=[None, crossed]) as peer,
        hosting(peer) as host,
    ):
        await send(host)
        with pytest.raises(UncertainDeliveryError):
            await send(host)
        await send(host)


# -- what the kernel knows, and the event loop does not yet ---------------------------------------


class _Handler(socketserver.StreamRequestHandler):
    """A server that ends its first connection after a message, in one of several ways."""

    server: Any

    def handle(self) -> None:
        self.wfile.write(b"220 peer.test\r\n")
        recipients = False
        while line := self.rfile.readline():
            verb = line.split(b" ")[0].strip().upper()
            if verb == b"EHLO":
                extensions = b"250-CHUNKING\r\n" if self.server.chunking else b""
                self.wfile.write(b"250-peer.test\r\n" + extensions + b"250 PIPELINING\r\n")
            elif verb == b"RCPT":
                recipients = True
                self.wfile.write(b"250 ok\r\n")
            elif verb == b"BDAT":
                self.rfile.read(int(line.split(b" ")[1]))
                self._taken(recipients)
            elif verb == b"DATA":
                self.wfile.write(b"354 go\r\n")
                while self.rfile.readline() != b".\r\n":
                    pass
                self._taken(recipients)
            else:
                self.wfile.write(b"250 ok\r\n")

    def _taken(self, recipients: bool) -> None:
        assert recipients
        self.server.mails += 1
        self.wfile.write(b"250 taken\r\n")
        if self.server.mails == self.server.ends_after:
            assert self.server.asked.wait(30)
            if self.server.ending:
                self.wfile.write(self.server.ending)
            if self.server.resets:
                linger = b"\1\0\0\0\0\0\0\0"
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.shutdown(socket.SHUT_WR) if not self.server.resets else None
            self.connection.close()
            self.server.ended.set()


@contextmanager
def server(**how: Any) -> Iterator[Any]:
    class Threaded(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # the client's resets

    with Threaded(("127.0.0.1", 0), _Handler) as threaded:
        state: Any = threaded
        state.mails, state.ends_after = 0, 2
        state.asked, state.ended = threading.Event(), threading.Event()
        state.chunking, state.ending, state.resets = True, b"", False
        for name, value in how.items():
            setattr(state, name, value)
        thread = threading.Thread(target=threaded.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield state
        finally:
            state.asked.set()
            threaded.shutdown()
            thread.join()


@pytest.mark.parametrize("chunking", [False, True])
@pytest.mark.parametrize(
    "how", [{}, {"resets": True}, {"ending": b"421 idle\r\n"}, {"ending": b"451 idle\r\n"}], ids=str
)
async def test_an_end_that_the_loop_has_not_seen_gets_a_fresh_try(
    how: dict[str, Any], chunking: bool
) -> None:
    with server(chunking=chunking, **how) as threaded:
        async with new_host() as host:
            host.configure("smtp", config(threaded.server_address[1], tls={}))
            for _ in range(2):
                await send(host)
            threaded.asked.set()
            # The event loop stands still until the kernel has the end.
            assert threaded.ended.wait(30)
            with within():
                await send(host)
        assert threaded.mails == 3


# -- faults of this machine ----------------------------------------------------------------------


async def test_a_look_up_that_this_machine_cannot_make(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_descriptor(*_arguments: Any) -> Any:
        raise socket.gaierror(socket.EAI_SYSTEM, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr("connectors.smtp.connect.look_up", no_descriptor)
        async with new_host() as host:
            host.configure("smtp", config(25, host="mail.test"))
            with pytest.raises(TemporaryDeliveryError) as caught:
                await send(host)
    Outcome("RF", "resolve").check(caught.value)


async def test_an_os_error_of_the_look_up_is_one_of_the_look_up() -> None:
    class Loop:
        async def getaddrinfo(self, *_arguments: Any, **_more: Any) -> Any:
            raise OSError(errno.EMFILE, "Too many open files")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dial.asyncio, "get_running_loop", Loop)  # type: ignore[attr-defined]
        with pytest.raises(socket.gaierror) as caught:
            await dial.look_up("mail.test", 25, None)
    assert caught.value.errno == socket.EAI_SYSTEM


async def test_a_job_that_breaks_is_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "FIRST_PAUSE", 0.0)
    done = asyncio.Event()
    tries = 0

    async def job() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise KeyError("a defect")
        done.set()

    kept = Upkeep(job, 60)
    kept.ask()
    await asyncio.wait_for(done.wait(), 30)
    await kept.close()


# -- secrets, parameters, certificates ------------------------------------------------------------


async def test_a_proxy_in_the_servers_place_shows_no_password() -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\n554 no, ann:proxy-pass-word\r\n"
    async with (
        Peer() as peer,
        ScriptedProxy("http", names={"localhost": peer.port}, connect=answer) as proxy,
        hosting(
            peer, host="localhost", proxy=f"http://ann:proxy-pass-word@127.0.0.1:{proxy.port}"
        ) as host,
    ):
        with pytest.raises(PermanentDeliveryError) as caught:
            await send(host)
    assert "proxy-pass-word" not in shown(caught.value)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (" NOTIFY=NEVER;x", "rfc822;NOTIFY+3DNEVER;x"),
        ("a=b/c;x", "rfc822;a+3Db/c;x"),
        ("x400;/C=US/", "x400;/C+3DUS/"),
        ("rfc822; ann@example.org", "rfc822;ann@example.org"),
        ("ann@example.org", "rfc822;ann@example.org"),
    ],
)
async def test_an_original_recipient_brings_no_parameter(given: str, sent: str) -> None:
    extensions = (*EXTENSIONS, "DSN")
    async with Peer(extensions=extensions) as peer, hosting(peer, dsn={"orcpt": given}) as host:
        await send(host)
        assert peer.commands[2] == f"RCPT TO:<ann@example.org> ORCPT={sent}"


async def test_connections_that_wait_for_their_turn_take_the_new_token() -> None:
    async with (
        TokenServer() as tokens,
        Peer(mechanisms="XOAUTH2", AUTH=taking("token-1")) as peer,
        hosting(peer, auth=oauth2(tokens, accessToken="revoked"), maxConnections=8) as host,
    ):
        await asyncio.gather(*(send(host) for _ in range(8)))
        assert tokens_tried(peer).count("revoked") == 1
        assert len(tokens.requests) == 1


async def test_a_test_without_what_it_asks_for_fails() -> None:
    async with (
        Peer(starttls=certificates.valid()) as peer,
        hosting(peer, requireTLSExtensionEnabled=True) as host,
    ):
        report = await host.configured["smtp"].verify()
    assert not report.ok
    assert report.stages[-1].error is not None


async def test_the_pause_tells_what_it_was_for() -> None:
    async with (
        Peer(mechanisms="PLAIN", AUTH="535 5.7.8 wrong") as peer,
        hosting(peer, auth=AUTH) as host,
    ):
        for _ in range(2):
            with pytest.raises(PermanentDeliveryError, match=r"535 5\.7\.8 wrong"):
                await send(host)
        assert peer.count("AUTH") == 1
