"""A TLS handshake between two contexts, in memory."""

from __future__ import annotations

import ssl


def handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> tuple[bytes | None, str | None]:
    """The client's certificate as the server sees it, and the protocol agreed on by ALPN."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="mail.example.com"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    waiting = list(ends)
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)
    assert waiting == []
    # with TLS 1.3 the server reads the client's certificate after the client is done
    return ends[1].getpeercert(binary_form=True), ends[1].selected_alpn_protocol()
