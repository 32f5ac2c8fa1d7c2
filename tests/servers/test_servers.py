"""The helpers start what they say, and leave nothing behind."""

from __future__ import annotations

import itertools
import os
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.servers import (
    ServerError,
    ServerTls,
    require_server,
    start_exim,
    start_opensmtpd,
    start_postfix,
    start_smtp_server,
)
from tests.servers.ports import HOST, reserved_ports
from tests.servers.process import SUPERVISE

MAIL = "Subject: Your code\r\n\r\n123456\r\n"
SENDER = "noreply@example.com"
USERS = {"ann": ' p: {1}, "$x\\', "bob@example.com": "x" * 300}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ServerTls:
    return ServerTls.from_trustme(authority.issue_cert("127.0.0.1"))


@pytest.fixture(scope="module")
def context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """`tests/servers/install letter`, with an apt-get that has a package of one file."""
    if shutil.which("dpkg-deb") is None:
        require_server("Debian's packages need dpkg-deb, and this machine has none")
    package = tmp_path / "letter"
    (package / "DEBIAN").mkdir(parents=True)
    (package / "DEBIAN/control").write_text(
        "Package: letter\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.com>\n"
        "Description: one file\n"
    )
    (package / "text").write_text("new")
    subprocess.run(["dpkg-deb", "--build", package], check=True, capture_output=True)
    (tmp_path / "bin").mkdir()
    apt_get = tmp_path / "bin/apt-get"
    # it writes into the directory it is run in, as the real one does
    apt_get.write_text(f"#!/bin/sh\nexec cp '{package}.deb' letter_1_all.deb\n")
    apt_get.chmod(0o755)
    monkeypatch.setenv("PATH", f"{apt_get.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SERVERS_DIR", str(tmp_path / "servers"))

    def run() -> str:
        argv = [sys.executable, str(Path(__file__).with_name("install")), "letter"]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    return run


def test_install_leaves_alone_what_is_there(install: Callable[[], str], tmp_path: Path) -> None:
    assert install() == "letter: unpacked letter_1_all.deb\n"
    text = tmp_path / "servers/debian/letter/text"
    assert text.read_text() == "new"
    text.write_text("mine")
    assert install() == "letter: already unpacked\n"
    assert text.read_text() == "mine"


@pytest.mark.parametrize("note", ["letter/old-backports", None])
def test_install_replaces_what_other_packages_left(
    install: Callable[[], str], tmp_path: Path, note: str | None
) -> None:
    tree = tmp_path / "servers/debian/letter"
    tree.mkdir(parents=True)
    (tree / "text").write_text("old")
    (tree / "more").write_text("old")
    if note:
        (tree / ".unpacked").write_text(note)
    assert install() == "letter: unpacked letter_1_all.deb\n"
    assert (tree / "text").read_text() == "new"
    assert not (tree / "more").exists()
    assert [path.name for path in tree.parent.iterdir()] == ["letter"]


def descendants(pid: int) -> Iterator[int]:
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from descendants(int(child))


def test_postfix_delivers_every_domain_to_one_maildir(tmp_path: Path) -> None:
    with start_postfix(tmp_path) as postfix:
        with smtplib.SMTP(postfix.host, postfix.port, timeout=10) as client:
            client.sendmail(SENDER, ["ann@example.org", "bob@elsewhere.test"], MAIL)
        mails = postfix.wait_for_messages(2)
        recipients = {
            line for mail in mails for line in mail.splitlines() if b"Delivered-To" in line
        }
        assert recipients == {
            b"Delivered-To: ann@example.org",
            b"Delivered-To: bob@elsewhere.test",
        }
        assert all(mail.endswith(b"Subject: Your code\n\n123456\n") for mail in mails)


def test_postfix_announces_its_features(tmp_path: Path) -> None:
    with (
        start_postfix(tmp_path, message_size_limit=4321) as postfix,
        smtplib.SMTP(postfix.host, postfix.port, timeout=10) as client,
    ):
        client.ehlo()
        features = client.esmtp_features
    assert features["size"] == "4321"
    assert {"pipelining", "8bitmime", "smtputf8", "chunking"} <= set(features)
    assert "starttls" not in features


def test_postfix_takes_addresses_beyond_ascii(tmp_path: Path) -> None:
    with start_postfix(tmp_path) as postfix:
        with smtplib.SMTP(postfix.host, postfix.port, timeout=10) as client:
            client.sendmail(SENDER, ["jörg@exämple.org"], MAIL, ["SMTPUTF8"])
        (mail,) = postfix.wait_for_messages(1)
    assert "Delivered-To: jörg@exämple.org".encode() in mail


@pytest.mark.parametrize(
    ("local", "code", "start"), [("refused", 550, b"5.1.1 "), ("greylisted", 450, b"4.7.1 ")]
)
def test_postfix_refuses_two_local_parts(
    tmp_path: Path, local: str, code: int, start: bytes
) -> None:
    address = f"{local}@example.org"
    with (
        start_postfix(tmp_path) as postfix,
        smtplib.SMTP(postfix.host, postfix.port, timeout=10) as client,
    ):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail(SENDER, [address], MAIL)
        assert refused.value.recipients[address][0] == code
        assert refused.value.recipients[address][1].startswith(start)
        assert postfix.messages() == []


def test_postfix_starttls_and_implicit_tls(
    tmp_path: Path, server_tls: ServerTls, context: ssl.SSLContext
) -> None:
    with start_postfix(tmp_path, tls=server_tls) as postfix:
        assert postfix.smtps_port is not None
        with smtplib.SMTP(postfix.host, postfix.port, timeout=10) as client:
            client.starttls(context=context)
            client.sendmail(SENDER, ["starttls@example.org"], MAIL)
        with smtplib.SMTP_SSL(
            postfix.host, postfix.smtps_port, timeout=10, context=context
        ) as client:
            client.sendmail(SENDER, ["implicit@example.org"], MAIL)
        assert len(postfix.wait_for_messages(2)) == 2


def test_two_postfixes_at_once_are_apart(tmp_path: Path) -> None:
    with start_postfix(tmp_path) as one, start_postfix(tmp_path) as two:
        assert one.port != two.port
        for postfix, name in ((one, "one"), (two, "two")):
            with smtplib.SMTP(postfix.host, postfix.port, timeout=10) as client:
                client.sendmail(SENDER, [f"{name}@example.org"], MAIL)
        for postfix, name in ((one, "one"), (two, "two")):
            (mail,) = postfix.wait_for_messages(1)
            assert f"Delivered-To: {name}@example.org".encode() in mail


def test_postfix_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerError, match="bad numerical configuration"),
        start_postfix(tmp_path, settings={"message_size_limit": "large"}),
    ):
        pytest.fail("it started")


def test_postfix_is_gone_when_the_test_fails(tmp_path: Path) -> None:
    pids: list[int] = []

    def failing_test() -> None:
        with start_postfix(tmp_path) as postfix:
            supervisor = postfix.process.supervisor.pid
            pids.extend([supervisor, *descendants(supervisor)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing_test()
    # the supervisor, master, qmgr and smtpd at least
    assert len(pids) >= 4
    # an entry stays in /proc for a zombie too
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_waiting_in_vain_shows_the_log(tmp_path: Path) -> None:
    with start_postfix(tmp_path) as postfix:
        # postlogd writes when it comes to it, which can be after the greeting
        postfix.process.wait_until(lambda: "daemon started" in postfix.log(), 10, "its first line")
        with pytest.raises(ServerError, match=r"1 messages delivered(?s:.*)daemon started"):
            postfix.wait_for_messages(1, timeout=0.01)


def test_a_reserved_port_is_nobody_elses_until_a_server_listens() -> None:
    with reserved_ports(1) as (port,), socket.socket() as other, socket.socket() as server:
        with pytest.raises(OSError, match="in use"):
            other.bind((HOST, port))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((HOST, port))
        server.listen()
        with socket.create_connection((HOST, port), 5):
            pass


def test_supervisor_ends_what_a_server_leaves_behind() -> None:
    # a server whose child leaves its session and ignores what master-like servers send
    script = "setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 100; done' & wait"
    with subprocess.Popen(
        [sys.executable, SUPERVISE, "sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as supervisor:
        assert supervisor.stdin is not None
        assert supervisor.stdout is not None
        left_behind = int(supervisor.stdout.readline())
        os.kill(left_behind, 0)
        supervisor.stdin.close()
        supervisor.wait(10)
        assert not Path(f"/proc/{left_behind}").exists()


def test_smtp_server_keeps_what_came(tmp_path: Path) -> None:
    with start_smtp_server(tmp_path) as server:
        with smtplib.SMTP(server.host, server.port, "client.test", timeout=10) as client:
            client.sendmail(SENDER, ["ann@example.org"], MAIL, ["BODY=8BITMIME"], ["NOTIFY=NEVER"])
        # no waiting: it is there before the client is told so
        (mail,) = server.messages()
    assert (mail.mail_from, mail.rcpt_to) == (SENDER, ["ann@example.org"])
    assert mail.args["BODY"] == "8BITMIME"
    assert mail.rcpt_args == [{"NOTIFY": "NEVER"}]
    assert mail.raw == MAIL.encode()
    assert (mail.user, mail.secure, mail.client_name) == (None, False, "client.test")


@pytest.mark.parametrize(("local", "code"), [("refused", 550), ("greylisted", 450)])
def test_smtp_server_refuses_two_local_parts(tmp_path: Path, local: str, code: int) -> None:
    address = f"{local}@example.org"
    with (
        start_smtp_server(tmp_path) as server,
        smtplib.SMTP(server.host, server.port, timeout=10) as client,
    ):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail(SENDER, [address], MAIL)
        assert refused.value.recipients[address][0] == code


@pytest.mark.parametrize("method", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_smtp_server_auth(
    tmp_path: Path, server_tls: ServerTls, context: ssl.SSLContext, method: str
) -> None:
    with start_smtp_server(
        tmp_path,
        tls=server_tls,
        users={"ann": "right"},
        auth_methods=["PLAIN", "LOGIN", "CRAM-MD5"],
    ) as server:
        with smtplib.SMTP(server.host, server.port, timeout=10) as client:
            client.starttls(context=context)
            client.ehlo()
            client.user, client.password = "ann", "wrong"
            authobject = getattr(client, f"auth_{method.lower().replace('-', '_')}")
            with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
                client.auth(method, authobject)
            assert refused.value.smtp_code == 535
            with pytest.raises(smtplib.SMTPSenderRefused):
                client.sendmail(SENDER, ["ann@example.org"], MAIL)
            client.password = "right"
            assert client.auth(method, authobject)[0] == 235
            client.sendmail(SENDER, ["ann@example.org"], MAIL)
        (mail,) = server.wait_for_messages(1)
    assert (mail.user, mail.auth_method, mail.secure) == ("ann", method, True)


@pytest.mark.parametrize(("token", "code"), [("right", 235), ("wrong", 535)])
def test_smtp_server_xoauth2(
    tmp_path: Path, server_tls: ServerTls, context: ssl.SSLContext, token: str, code: int
) -> None:
    def answer(challenge: bytes | None = None) -> str:
        return "" if challenge else f"user=ann\1auth=Bearer {token}\1\1"

    with (
        start_smtp_server(
            tmp_path, secure=True, tls=server_tls, tokens={"ann": "right"}, auth_methods=["XOAUTH2"]
        ) as server,
        smtplib.SMTP_SSL(server.host, server.port, timeout=10, context=context) as client,
    ):
        client.ehlo()
        try:
            replied = client.auth("XOAUTH2", answer)[0]
        except smtplib.SMTPAuthenticationError as refused:
            replied = refused.smtp_code
    assert replied == code


def test_smtp_server_hides_features(tmp_path: Path, server_tls: ServerTls) -> None:
    with (
        start_smtp_server(
            tmp_path, tls=server_tls, size=4321, hide=["STARTTLS", "PIPELINING", "SMTPUTF8"]
        ) as server,
        smtplib.SMTP(server.host, server.port, timeout=10) as client,
    ):
        client.ehlo()
        features = client.esmtp_features
    assert features["size"] == "4321"
    assert set(features) == {"size", "8bitmime", "enhancedstatuscodes", "dsn"}


def test_smtp_server_refuses_a_message_over_its_size(tmp_path: Path) -> None:
    with (
        start_smtp_server(tmp_path, size=100) as server,
        smtplib.SMTP(server.host, server.port, timeout=10) as client,
    ):
        client.ehlo()
        client.mail(SENDER)
        client.rcpt("ann@example.org")
        assert client.data(b"x" * 200)[0] == 552
        assert server.messages() == []


def test_smtp_server_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    broken = ServerTls(b"no certificate", b"no key")
    with (
        pytest.raises(ServerError, match="PEM"),
        start_smtp_server(tmp_path, secure=True, tls=broken),
    ):
        pytest.fail("it started")


def test_exim_delivers_every_domain_to_one_maildir(tmp_path: Path) -> None:
    with start_exim(tmp_path) as exim:
        with smtplib.SMTP(exim.host, exim.port, timeout=10) as client:
            client.sendmail(SENDER, ["ann@example.org", "jörg@exämple.org"], MAIL, ["SMTPUTF8"])
        mails = exim.wait_for_messages(2)
        recipients = {
            line.decode() for mail in mails for line in mail.splitlines() if b"Envelope-to" in line
        }
        assert recipients == {"Envelope-to: ann@example.org", "Envelope-to: jörg@exämple.org"}
        assert all(mail.endswith(b"Subject: Your code\n\n123456\n") for mail in mails)
        assert f"<= {SENDER}" in exim.log()


def test_exim_announces_its_features(tmp_path: Path) -> None:
    with (
        start_exim(tmp_path, message_size_limit=54321) as exim,
        smtplib.SMTP(exim.host, exim.port, timeout=10) as client,
    ):
        client.ehlo()
        features = client.esmtp_features
    assert features["size"] == "54321"
    assert {"pipelining", "8bitmime", "smtputf8", "chunking", "dsn"} <= set(features)
    assert not {"starttls", "auth"} & set(features)


@pytest.mark.parametrize("start", [start_exim, start_opensmtpd])
@pytest.mark.parametrize(
    ("local", "code", "text"), [("refused", 550, b"5.1.1 "), ("greylisted", 450, b"4.7.1 ")]
)
def test_exim_and_opensmtpd_refuse_two_local_parts(
    tmp_path: Path, start: Any, local: str, code: int, text: bytes
) -> None:
    address = f"{local}@example.org"
    with (
        start(tmp_path) as server,
        smtplib.SMTP(server.host, server.port, timeout=10) as client,
    ):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail(SENDER, [address], MAIL)
        assert refused.value.recipients[address][0] == code
        assert refused.value.recipients[address][1].startswith(text)
        assert server.messages() == []


@pytest.mark.parametrize(
    ("start", "methods"),
    [(start_exim, ["PLAIN", "LOGIN", "CRAM-MD5"]), (start_opensmtpd, ["PLAIN", "LOGIN"])],
)
def test_exim_and_opensmtpd_offer_auth_under_tls_alone(
    tmp_path: Path, server_tls: ServerTls, context: ssl.SSLContext, start: Any, methods: list[str]
) -> None:
    tries = itertools.product((False, True), methods, USERS.items())
    with start(tmp_path, tls=server_tls, users=USERS) as server:
        for secure, method, (user, password) in tries:
            with connected(server, context, secure=secure) as client:
                assert client.esmtp_features["auth"].split() == methods
                authobject = getattr(client, f"auth_{method.lower().replace('-', '_')}")
                client.user, client.password = user, "wrong"
                with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
                    client.auth(method, authobject)
                assert refused.value.smtp_code == 535
                client.password = password
                assert client.auth(method, authobject)[0] == 235


@contextmanager
def connected(server: Any, context: ssl.SSLContext, *, secure: bool) -> Iterator[smtplib.SMTP]:
    """With TLS from the first byte, or by STARTTLS, before which no AUTH is offered."""
    if secure:
        with smtplib.SMTP_SSL(
            server.host, server.smtps_port, timeout=10, context=context
        ) as client:
            client.ehlo()
            yield client
    else:
        with smtplib.SMTP(server.host, server.port, timeout=10) as client:
            client.ehlo()
            assert "auth" not in client.esmtp_features
            client.starttls(context=context)
            client.ehlo()
            yield client


def test_opensmtpd_delivers_every_domain_to_one_maildir(tmp_path: Path) -> None:
    with start_opensmtpd(tmp_path, message_size_limit=54321) as opensmtpd:
        with smtplib.SMTP(opensmtpd.host, opensmtpd.port, timeout=10) as client:
            client.sendmail(SENDER, ["ann@example.org", "bob@elsewhere.test"], MAIL)
            assert client.esmtp_features["size"] == "54321"
            assert not {"starttls", "auth"} & set(client.esmtp_features)
        mails = opensmtpd.wait_for_messages(2)
        recipients = {
            line for mail in mails for line in mail.splitlines() if b"Delivered-To" in line
        }
        assert recipients == {
            b"Delivered-To: ann@example.org",
            b"Delivered-To: bob@elsewhere.test",
        }
        # it adds the Date and Message-ID that this mail lacks
        assert all(mail.endswith(b"\n\n123456\n") for mail in mails)


@pytest.mark.parametrize("start", [start_exim, start_opensmtpd])
def test_exim_and_opensmtpd_stand_beside_their_like(tmp_path: Path, start: Any) -> None:
    with start(tmp_path) as one, start(tmp_path) as two:
        assert one.port != two.port
        for server, name in ((one, "one"), (two, "two")):
            with smtplib.SMTP(server.host, server.port, timeout=10) as client:
                client.sendmail(SENDER, [f"{name}@example.org"], MAIL)
        for server, name in ((one, "one"), (two, "two")):
            (mail,) = server.wait_for_messages(1)
            assert f"{name}@example.org\n".encode() in mail


@pytest.mark.parametrize("start", [start_exim, start_opensmtpd])
def test_exim_and_opensmtpd_leave_nothing_behind(tmp_path: Path, start: Any) -> None:
    mounts = Path("/proc/self/mounts").read_text()
    with start(tmp_path) as server:
        supervisor = server.process.supervisor.pid
        pids = [supervisor, *descendants(supervisor)]
        assert len(pids) >= 2
        assert Path("/proc/self/mounts").read_text() == mounts
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_exim_that_cannot_start_shows_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.servers.exim.MAIN", "no_such_option = 1\n")
    with pytest.raises(ServerError, match="no_such_option"), start_exim(tmp_path):
        pytest.fail("it started")


def test_opensmtpd_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerError, match="invalid size"),
        start_opensmtpd(tmp_path, message_size_limit=-1),
    ):
        pytest.fail("it started")


@pytest.mark.parametrize(
    ("required", "outcome"), [("1", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_a_missing_server_skips_or_fails(
    monkeypatch: pytest.MonkeyPatch, required: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("REQUIRE_SERVERS", required)
    with pytest.raises(outcome, match="no such server"):
        require_server("no such server")
