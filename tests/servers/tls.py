"""The certificate a server shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import trustme


@dataclass(frozen=True)
class ServerTls:
    """A certificate chain, the server's own certificate first, and its private key, as PEM."""

    cert_pem: bytes
    key_pem: bytes = field(repr=False)

    @classmethod
    def from_trustme(cls, cert: trustme.LeafCert) -> Self:
        chain = b"".join(pem.bytes() for pem in cert.cert_chain_pems)
        return cls(chain, cert.private_key_pem.bytes())
