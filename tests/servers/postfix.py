"""Postfix, run from the unpacked package, out of one folder, for one test.

Every recipient of every domain gets a copy in one Maildir, save two local parts: `refused` is
answered with 550 5.1.1 and `greylisted` with 450 4.7.1.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.maildir import MaildirServer
from tests.servers.ports import HOST, reserved_ports
from tests.servers.process import START_SECONDS, new_folder, running
from tests.servers.require import require_server, servers_dir
from tests.servers.tls import ServerTls

HOSTNAME = "postfix.test"
GREETING_SECONDS = 5
REFUSALS = (
    "{ refused@ = 550 5.1.1 Mailbox unavailable }, { greylisted@ = 450 4.7.1 Try again later }"
)
# what Postfix's own `post-install` makes; see its file postfix-files
QUEUES = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"),
    *("maildrop", "private", "public", "saved", "trace"),
)
# columns: service type private unprivileged chroot wakeup maxproc command
SERVICES = """\
cleanup   unix        n  -  n  -      0  cleanup
qmgr      unix        n  -  n  300    1  qmgr
tlsmgr    unix        -  -  n  1000?  1  tlsmgr
rewrite   unix        -  -  n  -      -  trivial-rewrite
bounce    unix        -  -  n  -      0  bounce
defer     unix        -  -  n  -      0  bounce
trace     unix        -  -  n  -      0  bounce
error     unix        -  -  n  -      -  error
retry     unix        -  -  n  -      -  error
anvil     unix        -  -  n  -      1  anvil
postlog   unix-dgram  n  -  n  -      1  postlogd
virtual   unix        -  n  y  -      -  virtual
"""


@dataclass(frozen=True)
class Accounts:
    """Accounts of the machine that Postfix runs as; it insists that they differ."""

    owner: pwd.struct_passwd
    setgid_group: str
    nobody: str


@dataclass(frozen=True)
class Postfix(MaildirServer):
    """A running Postfix.

    As it files mails, lines end in LF, and Return-Path, X-Original-To, Delivered-To and Received
    stand before what the client sent.
    """

    host: str
    port: int
    smtps_port: int | None


@contextmanager
def start_postfix(
    folder: Path,
    *,
    tls: ServerTls | None = None,
    sasl_port: int | None = None,
    message_size_limit: int = 10_240_000,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Postfix]:
    """Run a Postfix of its own in `folder/postfix…` until the block ends.

    With `tls` it offers STARTTLS on `port` and listens for implicit TLS on `smtps_port`.
    At `sasl_port` a Dovecot knows who may log in; AUTH is offered, and nobody has to.
    `settings` are parameters of main.cf that go before those chosen here.
    """
    tree = servers_dir() / "debian" / "postfix"
    master = tree / "usr/lib/postfix/sbin/master"
    if not master.exists():
        require_server("Postfix is not there: run make servers")
    if os.geteuid() != 0:
        require_server("Postfix's master daemon needs root, and these tests do not run as root")
    accounts = find_accounts()
    home = new_home(folder, accounts)
    with reserved_ports(2 if tls else 1) as ports:
        smtps_port = ports[1] if tls else None
        parameters = main_cf(home, tree, accounts, message_size_limit)
        if tls:
            chain = home / "etc/chain.pem"
            chain.touch(0o600)
            chain.write_bytes(tls.key_pem + tls.cert_pem)
            parameters |= {"smtpd_tls_security_level": "may", "smtpd_tls_chain_files": str(chain)}
        if sasl_port is not None:
            parameters |= {
                "smtpd_sasl_auth_enable": "yes",
                "smtpd_sasl_type": "dovecot",
                "smtpd_sasl_path": f"inet:{HOST}:{sasl_port}",
            }
        parameters |= settings or {}
        lines = "".join(f"{name} = {value}\n" for name, value in parameters.items())
        (home / "etc/main.cf").write_text(lines, encoding="utf-8")
        # Postfix takes a main.cf of the last seconds for one being edited, and waits
        os.utime(home / "etc/main.cf", (0, 0))
        (home / "etc/master.cf").write_text(master_cf(ports[0], smtps_port), encoding="utf-8")
        # -d: stay in the foreground; -s: keep standard output
        with running(
            "Postfix",
            [master, "-d", "-s", "-c", home / "etc"],
            cwd=home / "queue",
            env={
                "LD_LIBRARY_PATH": library_path(tree),
                # without these two, what goes wrong before postlogd runs is told to syslog alone
                "POSTLOG_SERVICE": "public/postlog",
                "POSTLOG_HOSTNAME": HOSTNAME,
            },
            console=home / "console.log",
            logs=[home / "mail.log"],
        ) as process:
            # master listens on all of its ports before it serves the first
            process.wait_until(lambda: greets(ports[0]), START_SECONDS, "a greeting with 220")
            yield Postfix(process, home / "queue/maildir/all", HOST, ports[0], smtps_port)


def greets(port: int) -> bool:
    """Whether an SMTP server answers there with 220."""
    try:
        with (
            socket.create_connection((HOST, port), GREETING_SECONDS) as connection,
            connection.makefile("rwb") as stream,
        ):
            if not stream.readline().startswith(b"220 "):
                return False
            # a polite end, so that its log begins without a lost connection
            stream.write(b"QUIT\r\n")
            stream.flush()
            return stream.readline().startswith(b"221 ")
    except OSError:
        return False


def find_accounts() -> Accounts:
    """Postfix's accounts where the machine has them, else others of Debian's that do no work."""
    owner = next((name for name in ("postfix", "mail", "daemon") if has_user(name)), None)
    group = next((name for name in ("postdrop", "operator", "games") if has_group(name)), None)
    if owner is None or group is None or not has_user("nobody"):
        require_server("Postfix needs accounts that a Debian has, such as mail and nobody")
    return Accounts(pwd.getpwnam(owner), group, "nobody")


def has_user(name: str) -> bool:
    return any(user.pw_name == name for user in pwd.getpwall())


def has_group(name: str) -> bool:
    return any(group.gr_name == name for group in grp.getgrall())


def new_home(folder: Path, accounts: Accounts) -> Path:
    """A folder of this instance's own, laid out as Postfix's `post-install` would."""
    home = new_folder(folder, "postfix")
    owner = accounts.owner.pw_uid
    for name, mode in (("etc", 0o755), ("queue", 0o755), ("queue/pid", 0o755), ("data", 0o700)):
        (home / name).mkdir()
        (home / name).chmod(mode)
    # daemons that are no longer root reach ../data from the queue, whatever is above `home`
    home.chmod(0o711)
    os.chown(home / "data", owner, -1)
    for name in (*(f"queue/{queue}" for queue in QUEUES), "queue/maildir"):
        (home / name).mkdir()
        (home / name).chmod(0o700)
        os.chown(home / name, owner, -1)
    for name, mode in (("queue/public", 0o710), ("queue/maildrop", 0o730)):
        shutil.chown(home / name, group=accounts.setgid_group)
        (home / name).chmod(mode)
    return home


def library_path(tree: Path) -> str:
    """The unpacked package's libraries and those that were unpacked beside it."""
    folders = [
        tree / "usr/lib/postfix",
        *tree.glob("usr/lib/*-linux-*"),
        *tree.glob("lib/*-linux-*"),
    ]
    return ":".join(map(str, folders))


def main_cf(home: Path, tree: Path, accounts: Accounts, message_size_limit: int) -> dict[str, str]:
    owner = accounts.owner
    return {
        "compatibility_level": "3.6",
        "config_directory": str(home / "etc"),
        "meta_directory": str(home / "etc"),
        "queue_directory": str(home / "queue"),
        # relative to the queue, where every daemon runs: the folders above may be closed to them
        "data_directory": "../data",
        "daemon_directory": str(tree / "usr/lib/postfix/sbin"),
        "command_directory": str(tree / "usr/sbin"),
        "shlib_directory": str(tree / "usr/lib/postfix"),
        "maillog_file": str(home / "mail.log"),
        "maillog_file_prefixes": str(home),
        "import_environment": "MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH",
        "mail_owner": owner.pw_name,
        "setgid_group": accounts.setgid_group,
        "default_privs": accounts.nobody,
        "inet_protocols": "ipv4",
        "inet_interfaces": HOST,
        "mynetworks": "127.0.0.0/8",
        "myhostname": HOSTNAME,
        # nothing is local and nothing leaves: whatever the domain, virtual(8) delivers it
        "mydestination": "",
        "local_recipient_maps": "",
        "alias_maps": "",
        "alias_database": "",
        "local_transport": "virtual",
        "relay_transport": "virtual",
        "default_transport": "virtual",
        # virtual runs in the jail of the queue directory, for the same reason as data_directory
        "virtual_mailbox_base": "/maildir",
        "virtual_mailbox_maps": "static:all/",
        "virtual_mailbox_limit": "0",
        "virtual_uid_maps": f"static:{owner.pw_uid}",
        "virtual_gid_maps": f"static:{owner.pw_gid}",
        "virtual_minimum_uid": "1",
        "smtpd_recipient_restrictions": f"check_recipient_access inline:{{ {REFUSALS} }}",
        "message_size_limit": str(message_size_limit),
        "smtputf8_enable": "yes",
        # what clients send is kept as it is, as it would be for clients from elsewhere
        "local_header_rewrite_clients": "",
        # no delays, and no questions to a name server
        "in_flow_delay": "0",
        "smtpd_error_sleep_time": "0",
        "smtpd_peername_lookup": "no",
    }


def master_cf(port: int, smtps_port: int | None) -> str:
    services = f"{HOST}:{port} inet n - n - - smtpd\n"
    if smtps_port is not None:
        services += f"{HOST}:{smtps_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n"
    return services + SERVICES
