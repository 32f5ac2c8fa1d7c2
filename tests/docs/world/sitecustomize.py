"""The network of a story: names lead to servers on loopback, and 127.0.0.1 is the story's own.

Python imports this as it starts, in each process of a story. `STORY_NETWORK` names a JSON file:

    {"loopback": "127.128.1.2",                        # stands in for 127.0.0.1
     "names": {"mail.example.com": "192.0.2.25"},      # what a name resolves to
     "servers": {"192.0.2.25:587": 40123}}             # the port on 127.0.0.1 that serves it

All else is refused, so that no story reaches beyond this machine; and since each has a loopback
address of its own, stories that open the same port run beside each other.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

_LOOPBACK = "127.0.0.1"
_NETWORK = json.loads(Path(os.environ["STORY_NETWORK"]).read_text("utf-8"))
_OWN: str = _NETWORK["loopback"]
_NAMES: dict[str, str] = {**_NETWORK["names"], "localhost": _LOOPBACK, _LOOPBACK: _LOOPBACK}
_SERVERS: dict[tuple[str, int], int] = {
    (address.rpartition(":")[0], int(address.rpartition(":")[2])): port
    for address, port in _NETWORK["servers"].items()
}
_SHOWN = {(_LOOPBACK, port): address for address, port in _SERVERS.items()}
_ANY = ("", "0.0.0.0", _LOOPBACK, "localhost")

_getaddrinfo = socket.getaddrinfo
_bind, _connect, _connect_ex = socket.socket.bind, socket.socket.connect, socket.socket.connect_ex
_getsockname, _getpeername = socket.socket.getsockname, socket.socket.getpeername


def _look_up(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
    """As `socket.getaddrinfo`, of the names that there are."""
    name = host.decode() if isinstance(host, bytes) else host
    if name is None:
        return _getaddrinfo(_LOOPBACK, port, *arguments, **options)
    address = _NAMES.get(name.rstrip(".").lower())
    if address is None and name not in _NAMES.values():
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _getaddrinfo(address or name, port, *arguments, **options)


def _place(address: Any) -> Any:
    """Where an address of the story's network really is."""
    host, port, *_more = address
    if host in _ANY:
        return (_OWN, port)
    if (host, port) in _SERVERS:
        return (_LOOPBACK, _SERVERS[host, port])
    raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


def _shown(address: Any) -> Any:
    """What a real address is in the story's network."""
    if isinstance(address, tuple) and address[0] == _OWN:
        return (_LOOPBACK, address[1])
    return _SHOWN.get(address, address) if isinstance(address, tuple) else address


def _is_internet(opened: socket.socket) -> bool:
    return opened.family in (socket.AF_INET, socket.AF_INET6)


def _own_bind(self: socket.socket, address: Any) -> None:
    if not _is_internet(self):
        return _bind(self, address)
    if self.family == socket.AF_INET6 or address[0] not in _ANY:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    return _bind(self, (_OWN, address[1]))


def _own_connect(self: socket.socket, address: Any) -> None:
    return _connect(self, _place(address) if _is_internet(self) else address)


def _own_connect_ex(self: socket.socket, address: Any) -> int:
    return _connect_ex(self, _place(address) if _is_internet(self) else address)


socket.getaddrinfo = _look_up
for _name, _own in {
    "bind": _own_bind,
    "connect": _own_connect,
    "connect_ex": _own_connect_ex,
    "getsockname": lambda self: _shown(_getsockname(self)),
    "getpeername": lambda self: _shown(_getpeername(self)),
}.items():
    setattr(socket.socket, _name, _own)
# It resolves names and opens sockets by itself.
sys.modules["uvloop"] = None  # type: ignore[assignment]
