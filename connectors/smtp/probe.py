"""Whether a port that keeps silent expects TLS from the first byte: asked by a test, not a send."""

from __future__ import annotations

import asyncio
import ssl

from connectors.smtp.endpoint import Endpoint

__all__ = ["PROBE_AFTER", "speaks_tls"]

PROBE_AFTER = 3.0  # seconds of silence in place of a greeting; most servers greet within one
_PROBE_TIMEOUT = 5.0  # seconds


async def speaks_tls(endpoint: Endpoint, address: str) -> bool:
    """Whether a server answers a TLS handshake at the endpoint's port of this address.

    Nothing is sent but the handshake, so its certificate need not be verified.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = endpoint.server_name
    local = (endpoint.local_address, 0) if endpoint.local_address else None
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT):
            _, writer = await asyncio.open_connection(
                address, endpoint.port, ssl=context, server_hostname=name, local_addr=local
            )
    except ssl.SSLError as error:
        # Whoever sends an alert speaks TLS as well, if another version of it.
        return "ALERT" in (error.reason or "")
    except (OSError, ValueError):
        return False
    writer.transport.abort()
    return True
