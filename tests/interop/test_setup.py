"""`connector setup` on a terminal, with a Postfix that authenticates and a private authority."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector_core import Host
from tests.interop.conftest import Authority
from tests.servers import Postfix, start_dovecot, start_postfix
from tests.terminal import Terminal

USER = "bob@example.com"
SECRET = "canary-blue-7-horse"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Postfix]:
    """A Postfix that lets Bob alone send, and only as himself."""
    settings = {
        "smtpd_sender_login_maps": f"inline:{{{USER}={USER}, x@example.com=nobody}}",
        "smtpd_sender_restrictions": "reject_sender_login_mismatch",
        "smtpd_tls_auth_only": "yes",
    }
    folder = tmp_path_factory.mktemp("setup")
    with (
        start_dovecot(folder, tls=authority.server, users={USER: SECRET}) as dovecot,
        start_postfix(
            folder, tls=authority.server, sasl_port=dovecot.sasl_port, settings=settings
        ) as running,
    ):
        yield running


@pytest.fixture
def folder(tmp_path: Path, authority: Authority) -> Path:
    (tmp_path / "ca.pem").write_text(authority.pem, "utf-8")
    return tmp_path


def begin(folder: Path, port: int, *arguments: str, password: str = SECRET) -> Terminal:
    """As far as the test: another server, with Bob's account."""
    terminal = Terminal(folder, "setup", *arguments)
    terminal.answer("Which provider?", "another mail server")
    terminal.answer("A name of your own", "")
    terminal.answer("mail server (such as", "127.0.0.1")
    terminal.answer("? port", "another")
    terminal.answer("port (such as 465)", str(port))
    terminal.answer("user name (such as", USER)
    terminal.answer("password (not shown", password)
    terminal.answer("sender's address (such as", USER)
    return terminal


def finish(terminal: Terminal, folder: Path) -> None:
    """Keep the secret here, serve everything; what was saved sends."""
    terminal.expect("look whether it arrived")
    terminal.answer("Where shall the secrets be kept?")
    terminal.answer("What shall it serve?")
    terminal.expect("saved other in connectors.toml")
    assert terminal.end() == 0, terminal.text
    assert (folder / "connectors.toml").stat().st_mode & 0o777 == 0o600
    assert len(list((folder / "templates").iterdir())) == 9
    with Host.from_file(folder / "connectors.toml") as host:
        receipt = host.send_message("SignIn", to="ann@example.org", payload={"code": "1"})
        assert receipt.response.startswith("250")
    assert SECRET not in terminal.text


def test_the_whole_way_with_an_authority_known_beforehand(folder: Path, server: Postfix) -> None:
    terminal = begin(folder, server.port, "--set", "tls.ca=file:ca.pem")
    terminal.answer("Your own address", "you@example.org")
    terminal.expect("resolve", "connect", "greeting", "tls", "trustme", "auth", "envelope", "250")
    finish(terminal, folder)


def test_an_unknown_authority_is_put_in_and_the_test_goes_on(folder: Path, server: Postfix) -> None:
    terminal = begin(folder, server.port)
    terminal.answer("Your own address", "you@example.org")
    terminal.expect("what to do:", "put its certificate into tls.ca")
    terminal.answer("What now?", "change tls.ca")
    terminal.answer("tls.ca", "file:none.pem")
    terminal.expect("cannot be read")
    terminal.erase("file:none.pem")
    terminal.answer("", "file:ca.pem")
    terminal.expect("trustme")
    finish(terminal, folder)


def test_a_wrong_port_is_changed_and_the_test_goes_on(
    folder: Path, server: Postfix, unused_tcp_port: int
) -> None:
    terminal = begin(folder, unused_tcp_port, "--set", "tls.ca=file:ca.pem")
    terminal.answer("Your own address", "you@example.org")
    terminal.expect("what to do:", "port")
    terminal.answer("What now?", "change port")
    terminal.expect("port (such as 465)")
    terminal.erase(str(unused_tcp_port))
    terminal.answer("", str(server.port))
    finish(terminal, folder)


def test_a_wrong_password_is_changed_and_the_test_goes_on(folder: Path, server: Postfix) -> None:
    terminal = begin(
        folder, server.port, "--set", "tls.ca=file:ca.pem", password="canary-wrong-pass"
    )
    terminal.answer("Your own address", "you@example.org")
    terminal.expect("what to do:", "auth.pass")
    terminal.answer("What now?")  # the password is the first that is suspected
    terminal.answer("password (not shown", SECRET)
    finish(terminal, folder)
    assert "canary-wrong-pass" not in terminal.text


def test_a_sender_that_is_refused_is_changed_and_the_test_goes_on(
    folder: Path, server: Postfix
) -> None:
    terminal = Terminal(
        folder,
        *("setup", "--provider", "other", "--name", "other"),
        *("--set", "host=127.0.0.1", "--set", f"port={server.port}"),
        *("--set", "tls.ca=file:ca.pem", "--set", f"auth.user={USER}"),
        *("--set", f"auth.pass={SECRET}", "--set", "fromEmail=x@example.com"),
        *("--to", "you@example.org"),
    )
    terminal.expect("not owned by user", "what to do:")
    terminal.answer("What now?", "change sender's address")
    terminal.expect("sender's address (such as")
    terminal.erase("x@example.com")
    terminal.answer("", USER)
    finish(terminal, folder)


def test_greylisting_says_to_wait_and_another_address_goes_on(
    folder: Path, server: Postfix
) -> None:
    terminal = begin(folder, server.port, "--set", "tls.ca=file:ca.pem")
    terminal.answer("Your own address", "greylisted@example.org")
    terminal.expect("450", "what to do:")
    terminal.answer("What now?")  # to try again comes first
    terminal.expect("trying the connection", "450", "what to do:")
    terminal.answer("What now?", "another address")
    terminal.answer("Your own address", "you@example.org")
    finish(terminal, folder)
