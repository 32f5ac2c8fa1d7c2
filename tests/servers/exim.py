"""Exim, run from the unpacked package, out of one folder, for one test; it needs no root.

Every recipient of every domain gets a copy in one Maildir, save two local parts: `refused` is
answered with 550 5.1.1 and `greylisted` with 450 4.7.1.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.maildir import MaildirServer
from tests.servers.ports import HOST, reserved_ports
from tests.servers.postfix import greets
from tests.servers.process import START_SECONDS, new_folder, running
from tests.servers.require import require_server, servers_dir
from tests.servers.tls import ServerTls

HOSTNAME = "exim.test"
# the account that Debian's build looks up by name before it reads any configuration
ACCOUNT = "Debian-exim"
# what root becomes: any id will do, as it is one of a namespace of the server's own
NAMESPACE_ID = 8
MAIN = """\
primary_hostname = {hostname}
exim_path = {program}
# Exim starts itself anew for each delivery, and clears the environment before
keep_environment = LD_LIBRARY_PATH : LD_PRELOAD : ^NSS_WRAPPER_
spool_directory = {home}/spool
log_file_path = {home}/%s.log
local_interfaces = {host}
daemon_smtp_ports = {ports}
tls_on_connect_ports = {tls_ports}
tls_advertise_hosts = {tls_hosts}
tls_certificate = {home}/cert.pem
tls_privatekey = {home}/key.pem
chunking_advertise_hosts = *
dsn_advertise_hosts = *
pipelining_advertise_hosts = *
smtputf8_advertise_hosts = *
message_size_limit = {size}
# no delays, no questions to anybody, and every mail is delivered as soon as it is here
rfc1413_hosts =
host_lookup =
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
check_spool_space = 0
check_spool_inodes = 0
log_selector = +smtp_connection
acl_smtp_rcpt = recipients

begin acl
recipients:
  deny local_parts = refused
       message = 5.1.1 Mailbox unavailable
  defer local_parts = greylisted
       message = 450 4.7.1 Try again later
  accept

begin routers
all:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  user = {account}
  directory = {home}/maildir
  maildir_format
  return_path_add
  envelope_to_add
"""
# the passwords stand in base64 in their file, so that any character may be in them
AUTHENTICATORS = """
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${lookup{$auth2}lsearch{USERS}\
    {${if eq{${base64d:$value}}{$auth3}{true}{false}}}{false}}
  server_set_id = $auth2
  server_advertise_condition = ${if def:tls_in_cipher}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${lookup{$auth1}lsearch{USERS}\
    {${if eq{${base64d:$value}}{$auth2}{true}{false}}}{false}}
  server_set_id = $auth1
  server_advertise_condition = ${if def:tls_in_cipher}
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${lookup{$auth1}lsearch{USERS}{${base64d:$value}}fail}
  server_set_id = $auth1
  server_advertise_condition = ${if def:tls_in_cipher}
"""


@dataclass(frozen=True)
class Exim(MaildirServer):
    """A running Exim.

    As it files mails, lines end in LF, and Return-path, Envelope-to and Received stand before what
    the client sent.
    """

    host: str
    port: int
    smtps_port: int | None


@contextmanager
def start_exim(
    folder: Path,
    *,
    tls: ServerTls | None = None,
    users: Mapping[str, str] | None = None,
    message_size_limit: int = 10_240_000,
) -> Iterator[Exim]:
    """Run an Exim of its own in `folder/exim…` until the block ends.

    With `tls` it offers STARTTLS on `port` and listens for implicit TLS on `smtps_port`. With
    `users` (their passwords) it offers AUTH by PLAIN, LOGIN and CRAM-MD5 under TLS, and asks
    nobody for it.
    """
    if users and tls is None:
        raise ValueError("users= needs tls=")
    tree = servers_dir() / "debian" / "exim"
    program = tree / "usr/sbin/exim4"
    if not program.exists():
        require_server("Exim is not there: run make servers")
    become, account = own_account()
    home = new_folder(folder, "exim")
    (home / "spool").mkdir()
    # a copy, for the package's own is set-user-ID, and then the linker would take no wrapper
    own_program = home / "exim4"
    shutil.copyfile(program, own_program)
    own_program.chmod(0o755)
    with reserved_ports(2 if tls else 1) as ports:
        smtps_port = ports[1] if tls else None
        config = MAIN.format(
            hostname=HOSTNAME,
            program=own_program,
            home=home,
            host=HOST,
            ports=" : ".join(map(str, ports)),
            tls_ports=smtps_port or "",
            tls_hosts="*" if tls else "",
            size=message_size_limit,
            account=ACCOUNT,
        )
        if tls:
            write_secret(home / "cert.pem", tls.cert_pem)
            write_secret(home / "key.pem", tls.key_pem)
        if users:
            write_secret(home / "users", users_file(users))
            config += AUTHENTICATORS.replace("USERS", str(home / "users"))
        (home / "exim.conf").write_text(config, encoding="utf-8")
        (home / "passwd").write_text(f"{ACCOUNT}:x:{account}:{account}::/:/bin/false\n")
        (home / "group").write_text(f"{ACCOUNT}:x:{account}:\n")
        with running(
            "Exim",
            # -bdf: a daemon that stays in the foreground
            [*become, own_program, "-C", home / "exim.conf", "-bdf"],
            cwd=home,
            env=environment(tree, home),
            console=home / "console.log",
            logs=[home / "main.log", home / "reject.log", home / "panic.log"],
        ) as process:
            # it listens on all of its ports before it serves the first
            process.wait_until(lambda: greets(ports[0]), START_SECONDS, "a greeting with 220")
            yield Exim(process, home / "maildir", HOST, ports[0], smtps_port)


def own_account() -> tuple[list[str], int]:
    """What to put before the program, and the id it then runs as.

    Exim never runs as root for long, and any other account could not enter a folder of root's.
    So root is renamed in a user namespace: the same owner of all files, under another number.
    """
    if os.geteuid() != 0:
        return [], os.geteuid()
    become = ["unshare", "--user", f"--map-user={NAMESPACE_ID}", f"--map-group={NAMESPACE_ID}"]
    try:
        subprocess.run([*become, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        require_server("Exim needs a user namespace to run under root, and there is none here")
    return become, NAMESPACE_ID


def environment(tree: Path, home: Path) -> dict[str, str]:
    (wrapper,) = tree.glob("usr/lib/*-linux-*/libnss_wrapper.so")
    return {
        # the libraries that were unpacked beside it; some lie one folder up
        "LD_LIBRARY_PATH": f"{wrapper.parent}:{tree / 'usr/lib'}",
        "LD_PRELOAD": str(wrapper),
        "NSS_WRAPPER_PASSWD": str(home / "passwd"),
        "NSS_WRAPPER_GROUP": str(home / "group"),
    }


def users_file(users: Mapping[str, str]) -> bytes:
    lines = (
        f"{user}: {base64.b64encode(password.encode()).decode()}\n"
        for user, password in users.items()
    )
    return "".join(lines).encode()


def write_secret(file: Path, content: bytes) -> None:
    file.touch(0o600)
    file.write_bytes(content)
