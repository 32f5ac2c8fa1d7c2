"""Dovecot, run from the unpacked packages: its submission service and LMTP, for one test.

Its submission service authenticates by every mechanism it knows and hands what it is given to
another server, the relay, which decides about recipients and content. Its LMTP service files the
mails for all users in one Maildir, and refuses who is no user.
"""

from __future__ import annotations

import base64
import grp
import os
import pwd
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.maildir import MaildirServer
from tests.servers.ports import HOST, reserved_ports
from tests.servers.postfix import greets, has_user
from tests.servers.process import START_SECONDS, new_folder, running
from tests.servers.require import require_server, servers_dir
from tests.servers.tls import ServerTls

HOSTNAME = "dovecot.test"
PASSWORD_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
TOKEN_MECHANISMS = ("XOAUTH2", "OAUTHBEARER")
# Compiled into the library, and the only path of ours that no setting changes; what stands for it
# is `modules` of the working directory, in as many letters and with the same end, as the linker
# lets strings share their ends.
MODULES = b"/usr/lib/dovecot/modules\0"
OUR_MODULES = b".////////////////modules\0"

LOGGED_IN = re.compile(r"submission-login: Info: Login: user=<(.*?)>, method=(\S+?), .*")

CONFIG = """\
base_dir = {home}/run
state_dir = {home}/state
libexec_dir = {tree}/usr/lib/dovecot
mail_plugin_dir = {tree}/usr/lib/dovecot/modules
log_path = {log}
import_environment = TZ LD_LIBRARY_PATH
default_internal_user = {owner}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1

hostname = {hostname}
listen = {host}
protocols = submission lmtp
ssl = yes
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem

# any user name, and as it was given
auth_username_chars =
auth_username_format = %u
auth_mechanisms = {mechanisms}
# no delay for a client that was refused, nor for the next one from its address
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
mail_max_userip_connections = 0

passdb {{
  driver = passwd-file
  mechanisms = {password_mechanisms}
  args = username_format=%u {home}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {home}/users
}}
mail_location = maildir:~/all
# what is lost with the machine is not missed
mail_fsync = never

submission_relay_host = {host}
submission_relay_port = {relay_port}
service submission-login {{
  chroot =
  # one process for all connections, ready before the first
  service_count = 0
  process_min_avail = 1
  inet_listener submission {{
    port = {port}
  }}
  inet_listener submissions {{
    port = {submissions_port}
    ssl = yes
  }}
}}
service auth {{
  # for other servers, such as Postfix
  inet_listener sasl {{
    port = {sasl_port}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
"""
TOKENS = """\
passdb {{
  driver = oauth2
  mechanisms = {mechanisms}
  args = {home}/oauth2.conf
}}
"""
# the user is who the token says, and an expired one is refused
OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={home}/keys/
username_attribute = sub
"""


@dataclass(frozen=True)
class Accounts:
    """Accounts of the machine that Dovecot runs as; without root all are our own."""

    owner: pwd.struct_passwd
    group: str
    login: str


@dataclass(frozen=True)
class Dovecot(MaildirServer):
    """A running Dovecot; its mails are those that LMTP delivered.

    As it files mails, lines end in LF, and Return-Path, Delivered-To and Received stand before what
    the client sent. A mail is there before its 250 is sent.
    """

    host: str
    # submission with STARTTLS; submission with TLS from the first byte; LMTP; its auth service
    port: int
    submissions_port: int
    lmtp_port: int
    sasl_port: int

    def logins(self, user: str, *, n: int = 1, timeout: float = 10.0) -> list[str]:
        """The mechanisms this user was authenticated by, once there are n or more of them."""

        def found() -> list[str]:
            return [method for name, method in LOGGED_IN.findall(self.log()) if name == user]

        # written when the log process comes to it, which can be after the client is told
        self.process.wait_until(lambda: len(found()) >= n, timeout, f"{n} logins of {user}")
        return found()


@contextmanager
def start_dovecot(
    folder: Path,
    *,
    tls: ServerTls,
    users: Mapping[str, str],
    relay_port: int = 1,
    token_key: bytes | None = None,
    mechanisms: Sequence[str] = PASSWORD_MECHANISMS,
    settings: str = "",
) -> Iterator[Dovecot]:
    """Run a Dovecot of its own until the block ends; it logs to `folder/dovecot…`.

    `users` are their passwords. What is submitted goes on to the SMTP server at `relay_port`, to
    which Dovecot connects with the log-in. With `token_key`, XOAUTH2 and OAUTHBEARER are offered
    too: a token is a JWT with that key (HS256), the user's name in its claim `sub`. `settings`
    are lines of dovecot.conf that go before those chosen here.
    """
    tree = servers_dir() / "debian" / "dovecot"
    library = require_tree(tree)
    accounts = find_accounts()
    logs = new_folder(folder, "dovecot")
    with (
        # not in `folder`: processes that are no longer root must reach it, and the paths of
        # sockets have a limit
        tempfile.TemporaryDirectory(prefix="dovecot-", ignore_cleanup_errors=True) as made,
        reserved_ports(4) as ports,
    ):
        home = Path(made)
        lay_out(home, tree, accounts, library)
        write_private(home / "cert.pem", tls.cert_pem, accounts)
        write_private(home / "key.pem", tls.key_pem, accounts)
        write_private(home / "users", passwd_file(users, home / "mail", accounts.owner), accounts)
        config = CONFIG.format(
            **places(home, tree, accounts),
            log=logs / "dovecot.log",
            mechanisms=" ".join((*mechanisms, *(TOKEN_MECHANISMS if token_key else ()))),
            relay_port=relay_port,
            port=ports[0],
            submissions_port=ports[1],
            lmtp_port=ports[2],
            sasl_port=ports[3],
        )
        if token_key:
            config += TOKENS.format(home=home, mechanisms=" ".join(TOKEN_MECHANISMS))
            write_tokens(home, token_key, accounts)
        # of two settings with one name the later counts
        (home / "dovecot.conf").write_text(config + settings, encoding="utf-8")
        with running(
            "Dovecot",
            argv(tree, home / "dovecot.conf"),
            cwd=home,
            env={"LD_LIBRARY_PATH": library_path(tree, home)},
            console=logs / "console.log",
            logs=[logs / "dovecot.log"],
        ) as process:
            # the greeting is sent once the auth service is ready
            process.wait_until(lambda: greets(ports[0]), START_SECONDS, "a greeting with 220")
            yield Dovecot(process, home / "mail/all", HOST, *ports)


def require_tree(tree: Path) -> bytes:
    """Dovecot's library with our own path in it; skips the test where Dovecot is not there."""
    file = tree / "usr/lib/dovecot/libdovecot.so.0"
    if not file.exists():
        require_server("Dovecot is not there: run make servers")
    library = file.read_bytes()
    if library.count(MODULES) != 1:
        require_server("Dovecot's library has not the path that is known of it")
    shown = subprocess.run(
        [tree / "usr/sbin/dovecot", "--version"],
        env={**os.environ, "LD_LIBRARY_PATH": library_path(tree)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    if not shown.stdout.startswith("2.3."):
        require_server(f"these settings are for Dovecot 2.3, and this is {shown.stdout.strip()}")
    return library.replace(MODULES, OUR_MODULES)


def find_accounts() -> Accounts:
    """As root, accounts of Debian's that do no work; otherwise our own, which Dovecot allows."""
    if os.geteuid() != 0:
        own = pwd.getpwuid(os.geteuid())
        return Accounts(own, group_of(own), own.pw_name)
    if not has_user("nobody") or not has_user("mail"):
        require_server("Dovecot needs accounts that a Debian has: mail and nobody")
    # its log-in processes are to be less trusted than the rest
    owner = pwd.getpwnam("mail")
    return Accounts(owner, group_of(owner), "nobody")


def group_of(user: pwd.struct_passwd) -> str:
    return grp.getgrgid(user.pw_gid).gr_name


def lay_out(home: Path, tree: Path, accounts: Accounts, library: bytes) -> None:
    home.chmod(0o711)
    for name in ("run", "state", "mail", "lib", "keys"):
        (home / name).mkdir()
        (home / name).chmod(0o755)
    os.chown(home / "mail", accounts.owner.pw_uid, accounts.owner.pw_gid)
    (home / "lib/libdovecot.so.0").write_bytes(library)
    # its processes look for the module of TLS in their working directory: see OUR_MODULES
    (home / "run/modules").symlink_to(tree / "usr/lib/dovecot/modules")


def places(home: Path, tree: Path, accounts: Accounts) -> dict[str, object]:
    """What the config says of this machine, and what is the same for every Dovecot of ours."""
    return {
        "home": home,
        "tree": tree,
        "owner": accounts.owner.pw_name,
        "group": accounts.group,
        "login": accounts.login,
        "hostname": HOSTNAME,
        "host": HOST,
        "password_mechanisms": " ".join(PASSWORD_MECHANISMS),
    }


def write_private(file: Path, content: bytes, accounts: Accounts) -> None:
    file.touch(0o600)
    file.write_bytes(content)
    os.chown(file, accounts.owner.pw_uid, accounts.owner.pw_gid)


def passwd_file(users: Mapping[str, str], mail: Path, owner: pwd.struct_passwd) -> bytes:
    """Passwords in the clear, which the challenges need, in base64, as `:` ends them."""
    lines = (
        f"{user}:{{PLAIN.b64}}{base64.b64encode(password.encode()).decode()}"
        f":{owner.pw_uid}:{owner.pw_gid}::{mail}::\n"
        for user, password in users.items()
    )
    return "".join(lines).encode()


def write_tokens(home: Path, key: bytes, accounts: Accounts) -> None:
    (home / "oauth2.conf").write_text(OAUTH2.format(home=home), encoding="utf-8")
    # a key's path: who it was issued for, algorithm, name of the key
    folder = home / "keys/default/HS256"
    folder.mkdir(parents=True)
    write_private(folder / "default", base64.b64encode(key), accounts)


def library_path(tree: Path, home: Path | None = None) -> str:
    """Our library, the unpacked packages' own, and those that were unpacked beside them."""
    own = tree / "usr/lib/dovecot"
    folders = [own, own / "modules/old-stats", *tree.glob("usr/lib/*-linux-*")]
    folders += tree.glob("lib/*-linux-*")
    return ":".join(map(str, [home / "lib", *folders] if home else folders))


def argv(tree: Path, config: Path) -> list[str | Path]:
    """Dovecot in the foreground, its config read by `doveconf`, whose own path is compiled in."""
    dovecot: list[str | Path] = [tree / "usr/sbin/dovecot", "-F", "-c", config]
    return [tree / "usr/bin/doveconf", "-c", config, "-f", "service=master", "-e", *dovecot]
