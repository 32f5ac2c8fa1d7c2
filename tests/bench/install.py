"""Peers and tools, put into `.bench/` at the root of the repository; nothing system-wide.

What `peers/package.json` and `peers/requirements.txt` name comes from npm and PyPI; smtp-sink and
the server that speaks TLS come from Debian, unpacked as the tests' servers are.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distributions, version
from pathlib import Path

from tests.bench.rounds import NotMeasuredError
from tests.servers.require import servers_dir

__all__ = ["FOLDER", "ROOT", "Installed", "install"]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".bench"
_PEERS = Path(__file__).with_name("peers")
_SERVERS = ROOT / "tests/servers/install"


@dataclass
class Installed:
    """What there is to measure with, and why the rest is not.

    Attributes:
        folder: where it is.
        missing: by name (`node`, `python`, `postfix`, `haproxy`) why it cannot be had.
        versions: what was found, by name.
    """

    folder: Path = FOLDER
    missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def node_modules(self) -> Path:
        """The packages from npm."""
        return self.folder / "node/node_modules"

    @property
    def python(self) -> Path:
        """The packages from PyPI, to go on PYTHONPATH."""
        return self.folder / "python"

    @property
    def postfix(self) -> Path:
        """Debian's package, unpacked."""
        return servers_dir() / "debian/postfix"

    @property
    def haproxy(self) -> Path:
        """Debian's package, unpacked."""
        return self.folder / "debian/haproxy"


def install(say: Callable[[str], None]) -> Installed:
    """Install what is not there yet, and look at what is there; `say` is told each step."""
    found = Installed()
    found.folder.mkdir(exist_ok=True)
    steps: dict[str, Callable[[Installed], Mapping[str, str]]] = {
        "postfix": _postfix,
        "haproxy": _haproxy,
        "node": _node,
        "python": _python,
    }
    for name, step in steps.items():
        say(f"{name} …")
        try:
            found.versions |= step(found)
        except NotMeasuredError as error:
            found.missing[name] = str(error)
            say(f"{name}: {error}")
    for name in ("connector-core", "uvloop"):
        found.versions[name] = version(name)
    return found


def _postfix(found: Installed) -> Mapping[str, str]:
    if not (found.postfix / "usr/sbin/smtp-sink").exists():
        _run([sys.executable, _SERVERS, "postfix"])
    return {"Postfix (smtp-sink)": _debian_version(found.postfix, "postfix")}


def _haproxy(found: Installed) -> Mapping[str, str]:
    _run([sys.executable, _SERVERS, "haproxy"], SERVERS_DIR=str(found.folder))
    return {"HAProxy": _debian_version(found.haproxy, "haproxy")}


def _debian_version(tree: Path, package: str) -> str:
    """The version that stands first in the package's changelog."""
    file = tree / "usr/share/doc" / package / "changelog.Debian.gz"
    if not file.exists():
        raise NotMeasuredError(f"{package} was not unpacked whole")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        # postfix (3.7.11-0+deb12u1) bookworm; urgency=medium
        return lines.readline().partition("(")[2].partition(")")[0]


def _node(found: Installed) -> Mapping[str, str]:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NotMeasuredError(f"{program} is not on this machine")
    home = found.node_modules.parent
    if _renew(_PEERS / "package.json", home / "package.json", found.node_modules):
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        _run(["npm", "install", "--prefix", home, *quiet])
    wanted = json.loads((home / "package.json").read_text("utf-8"))["dependencies"]
    versions = {name: _npm_version(found.node_modules, name) for name in wanted}
    inner = found.node_modules / "@logto/connector-smtp/node_modules"
    if (inner / "nodemailer").exists():
        versions["@logto/connector-smtp"] += f" (on nodemailer {_npm_version(inner, 'nodemailer')})"
    return {"Node": _run(["node", "--version"]).strip().removeprefix("v"), **versions}


def _npm_version(modules: Path, name: str) -> str:
    found: str = json.loads((modules / name / "package.json").read_text("utf-8"))["version"]
    return found


def _python(found: Installed) -> Mapping[str, str]:
    home = found.python
    if _renew(_PEERS / "requirements.txt", home / "requirements.txt", home / "bin"):
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade"]
        _run([*pip, "--target", home, "--requirement", home / "requirements.txt"])
    return {item.name: item.version for item in distributions(path=[str(home)])}


def _renew(wanted: Path, copy: Path, made: Path) -> bool:
    """Whether to install: nothing was made yet, or of another list than is wanted now."""
    if made.exists() and copy.exists() and copy.read_bytes() == wanted.read_bytes():
        return False
    shutil.rmtree(copy.parent, ignore_errors=True)
    copy.parent.mkdir(parents=True)
    shutil.copyfile(wanted, copy)
    return True


def _run(argv: Sequence[str | Path], **env: str) -> str:
    """What the command prints; NotMeasuredError with the end of its complaint when it fails."""
    done = subprocess.run(
        argv,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        complaint = " / ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
        raise NotMeasuredError(f"`{Path(argv[0]).name} {argv[1]}` failed: {complaint}")
    return done.stdout
