"""OpenSMTPD, run from the unpacked package, out of one folder, for one test.

Its paths and accounts are compiled in, so it runs in a root directory of its own, made of a few
files and of the machine's /usr; that, and its separated processes, need root.

Every recipient of every domain gets a copy in one Maildir, save two local parts: `refused` is
answered with 550 5.1.1 and `greylisted` with 450 4.7.1.
"""

from __future__ import annotations

import ctypes
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.maildir import MaildirServer
from tests.servers.ports import HOST, reserved_ports
from tests.servers.postfix import GREETING_SECONDS, greets
from tests.servers.process import START_SECONDS, new_folder, running
from tests.servers.require import require_server, servers_dir
from tests.servers.tls import ServerTls

HOSTNAME = "opensmtpd.test"
MAILDIR_OWNER = 65534
# SHA-256, as few rounds as there may be, and a salt
CHEAP = b"$5$rounds=1000$opensmtpd"
# compiled in
AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
PASSWD = f"""\
root:x:0:0::/:/bin/sh
opensmtpd:x:8:8::/var/lib/opensmtpd/empty:/bin/false
opensmtpq:x:9:9::/var/lib/opensmtpd/empty:/bin/false
vmail:x:{MAILDIR_OWNER}:{MAILDIR_OWNER}::/var/mail:/bin/sh
"""
GROUP = f"root:x:0:\nopensmtpd:x:8:\nopensmtpq:x:9:\nvmail:x:{MAILDIR_OWNER}:\n"
CONFIG = """\
table everyone { "@" = "vmail" }
filter refused phase rcpt-to match rcpt-to regex { "^refused@" } \\
    reject "550 5.1.1 Mailbox unavailable"
filter greylisted phase rcpt-to match rcpt-to regex { "^greylisted@" } \\
    reject "450 4.7.1 Try again later"
filter refusals chain { refused, greylisted }
action deliver maildir "/var/mail/all" virtual <everyone>
match from any for any action deliver
"""
# $1: the root; $2: the unpacked package. What is mounted goes when the last process ends.
ENTER = """\
set -e
mount --rbind /usr "$1/usr"
mount --rbind /dev "$1/dev"
mount --bind "$2" "$1/opt"
mount --bind "$2/usr/libexec" "$1/usr/libexec"
# its helpers get no environment that could name the libraries that were unpacked beside it
test ! -e "$1/etc/ld.so.conf" || chroot "$1" /sbin/ldconfig
exec chroot "$1" /opt/usr/sbin/smtpd -d -v
"""


@dataclass(frozen=True)
class OpenSmtpd(MaildirServer):
    """A running OpenSMTPD.

    As it files mails, lines end in LF, and Return-Path, Delivered-To and Received stand before what
    the client sent.
    """

    host: str
    port: int
    smtps_port: int | None


@contextmanager
def start_opensmtpd(
    folder: Path,
    *,
    tls: ServerTls | None = None,
    users: Mapping[str, str] | None = None,
    message_size_limit: int = 10_240_000,
) -> Iterator[OpenSmtpd]:
    """Run an OpenSMTPD of its own in `folder/opensmtpd…` until the block ends.

    With `tls` it offers STARTTLS on `port` and listens for implicit TLS on `smtps_port`; there are
    builds that cannot (see `require_tls`). With `users` (their passwords) it offers AUTH by PLAIN
    and LOGIN under TLS, and asks nobody for it.
    """
    if users and tls is None:
        raise ValueError("users= needs tls=")
    tree = servers_dir() / "debian" / "opensmtpd"
    if not (tree / "usr/sbin/smtpd").exists():
        require_server("OpenSMTPD is not there: run make servers")
    require_namespace()
    home = new_folder(folder, "opensmtpd")
    root = new_root(home)
    if libraries := library_folders(tree):
        conf = "".join(f"/opt/{folder.relative_to(tree)}\n" for folder in libraries)
        (root / "etc/ld.so.conf").write_text(conf)
    with reserved_ports(2 if tls else 1) as ports:
        smtps_port = ports[1] if tls else None
        auth = ""
        if tls:
            write_secret(root / "etc/cert.pem", tls.cert_pem)
            write_secret(root / "etc/key.pem", tls.key_pem)
            # it insists on having authorities, though it asks no client for a certificate
            (root / AUTHORITIES).write_bytes(tls.cert_pem)
        if users:
            (root / "etc/users").write_text(users_file(users), encoding="utf-8")
            auth = "auth-optional <users>"
        config = smtpd_conf(ports[0], smtps_port, auth, message_size_limit)
        write_secret(root / "etc/smtpd.conf", config.encode())
        with running(
            "OpenSMTPD",
            ["unshare", "--mount", "sh", "-c", ENTER, "sh", root, tree],
            cwd=root,
            env={},
            console=home / "console.log",
        ) as process:
            # it listens on all of its ports before it serves the first
            process.wait_until(lambda: greets(ports[0]), START_SECONDS, "a greeting with 220")
            server = OpenSmtpd(process, root / "var/mail/all", HOST, ports[0], smtps_port)
            if smtps_port is not None:
                require_tls(server, smtps_port)
            yield server


def require_namespace() -> None:
    if os.geteuid() != 0:
        require_server("OpenSMTPD needs root, and these tests do not run as root")
    if not Path("/usr/libexec").is_dir():
        require_server("OpenSMTPD's helpers need the machine to have a /usr/libexec")
    try:
        subprocess.run(["unshare", "--mount", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        require_server("OpenSMTPD needs a mount namespace, and there is none here")


def require_tls(server: OpenSmtpd, smtps_port: int) -> None:
    """Do without the server where it is a build that cannot serve TLS at all.

    OpenSMTPD 6.8 keeps the key from the process that serves, in a way that OpenSSL 3 defeats
    (its issue 1171; mended upstream in 2023), and some releases have joined just these two. Where
    Debian has a newer one beside, `tests/servers/install` takes that.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((HOST, smtps_port), GREETING_SECONDS) as connection,
            context.wrap_socket(connection),
        ):
            pass
    except ssl.SSLError:
        server.process.wait_until(
            lambda: "missing private key" in server.log(), START_SECONDS, "why TLS fails"
        )
        require_server("this OpenSMTPD cannot serve TLS with OpenSSL 3: try make servers")


def new_root(home: Path) -> Path:
    """A root directory with what OpenSMTPD looks for, and where the rest is to be mounted."""
    root = home / "root"
    for name in ("dev", "opt", "tmp", "usr", "var/mail", "var/run", "var/spool/smtpd"):
        (root / name).mkdir(parents=True)
    (root / "var/lib/opensmtpd/empty").mkdir(parents=True)
    (root / AUTHORITIES).parent.mkdir(parents=True)
    for name in ("", "var", "var/lib", "var/lib/opensmtpd", "var/lib/opensmtpd/empty", "var/mail"):
        (root / name).chmod(0o755)
    # it insists on both modes
    (root / "var/spool/smtpd").chmod(0o711)
    (root / "tmp").chmod(0o1777)
    os.chown(root / "var/mail", MAILDIR_OWNER, MAILDIR_OWNER)
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        if (machine := Path("/", name)).is_symlink():
            (root / name).symlink_to(machine.readlink())
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    # who connects is looked up in the hosts file alone
    (root / "etc/resolv.conf").write_text("lookup file\n")
    (root / "etc/hosts").write_text(f"{HOST} localhost\n")
    return root


def smtpd_conf(port: int, smtps_port: int | None, auth: str, message_size_limit: int) -> str:
    lines = [f"smtp max-message-size {message_size_limit}"]
    if auth:
        lines.append("table users file:/etc/users")
    listen = f"listen on {HOST} hostname {HOSTNAME} filter refusals"
    if smtps_port is None:
        listeners = [f"{listen} port {port}"]
    else:
        lines += ['pki mail cert "/etc/cert.pem"', 'pki mail key "/etc/key.pem"']
        listeners = [
            f"{listen} port {port} tls pki mail {auth}",
            f"{listen} port {smtps_port} smtps pki mail {auth}",
        ]
    return "\n".join([*lines, CONFIG, *listeners, ""])


def users_file(users: Mapping[str, str]) -> str:
    """The users and their passwords as crypt(3) makes them.

    OpenSMTPD's own tool chooses what costs a log-in a third of a second of work.
    """
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    crypt.restype = ctypes.c_char_p
    hashes = {user: crypt(password.encode(), CHEAP) for user, password in users.items()}
    return "".join(f"{user} {made.decode()}\n" for user, made in hashes.items())


def library_folders(tree: Path) -> list[Path]:
    """Where libraries were unpacked beside it, if any."""
    folders = [tree / "usr/lib", *tree.glob("usr/lib/*-linux-*"), *tree.glob("lib/*-linux-*")]
    return [folder for folder in folders if any(folder.glob("*.so*"))]


def write_secret(file: Path, content: bytes) -> None:
    file.touch(0o600)
    file.write_bytes(content)
