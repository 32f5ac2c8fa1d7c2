"""A connection through a SOCKS proxy, by python-socks: SOCKS4a, and SOCKS5 (RFC 1928, 1929)."""

from __future__ import annotations

import socket
from typing import Any

from connectors.smtp.proxy import faults

__all__ = ["negotiate"]

_NEVER = 86_400.0  # seconds; the library's own limit is a minute, and the caller's counts
# The library has no codes for these, and no other word for them than its message.
_LOGIN_REFUSED = (
    "No acceptable authentication methods",
    "Unexpected SOCKS authentication method",
    "Username and password authentication failure",
)


async def negotiate(
    sock: socket.socket,
    host: str,
    port: int,
    *,
    version: int,
    login: tuple[str, str] | None,
) -> None:
    """Let a proxy connect the socket to the host; its next byte is then the host's.

    Args:
        sock: connected to the proxy; the caller closes it if this fails.
        host: a name, which the proxy looks up, or an address.
        port: its port.
        version: of SOCKS, 4 or 5.
        login: user and password.

    Raises:
        ProxyError: the proxy refuses, or its answer is none.
    """
    import python_socks
    from python_socks.async_.asyncio import Proxy

    class Connected(Proxy):
        """In place of the library's own connecting, which tries one address only."""

        async def connect(
            self, dest_host: str, dest_port: int, timeout: float | None = None, **more: Any
        ) -> socket.socket:
            return sock

    kind = python_socks.ProxyType.SOCKS4 if version == 4 else python_socks.ProxyType.SOCKS5
    user, password = login or ("", "")
    client = Proxy(kind, "", 0, user, password, rdns=True, forward=Connected(kind, "", 0))
    try:
        await client.connect(host, port, timeout=_NEVER)
    except python_socks.ProxyError as error:
        if error.error_code is not None:
            raise faults.socks_refused(int(error.error_code)) from None
        if str(error).startswith(_LOGIN_REFUSED):
            raise faults.socks_login_refused(with_login=bool(user)) from None
        # The library says in no other way that the answer ended early.
        if str(error).startswith("Connection closed"):
            raise faults.lost() from None
        raise faults.garbage("SOCKS") from None
    except OSError:
        raise faults.lost() from None
    except ValueError:
        # An answer that the library takes apart without looking, such as a name that is no UTF-8.
        raise faults.garbage("SOCKS") from None
