"""Which addresses a connection may lead to, where a config or its author chooses the name.

What is checked is what a name was resolved to, and what is checked is what is connected to: a name
that leads elsewhere a moment later gains nothing by it.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

__all__ = ["ForbiddenAddressError", "is_allowed"]

# No server of one's own is there: this network, link-local, multicast, reserved, and where clouds
# hand out the credentials of a machine to whoever asks from it.
_NEVER = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "169.254.0.0/16",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "100.100.100.200/32",  # Alibaba Cloud
            "168.63.129.16/32",  # Azure
            "192.0.0.192/32",  # Oracle Cloud
            "::/128",
            "fe80::/10",
            "fec0::/10",
            "ff00::/8",
            "fd00:ec2::/32",  # Amazon EC2
            "fd20:ce::254/128",  # Google Cloud
        ),
    )
)
# Not public either (IANA's registries of special-purpose addresses), which not every Python knows.
_NOT_PUBLIC = tuple(
    map(ip_network, ("192.0.0.0/24", "::ffff:0:0:0/96", "64:ff9b:1::/48", "3fff::/20", "5f00::/16"))
)
# The last 32 bits are an IPv4 address: RFC 6052 section 2.1, RFC 8215, RFC 2765 section 2.1.
_TRANSLATED = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96")))


class ForbiddenAddressError(OSError):
    """A name leads only to addresses that must not be connected to."""


def is_allowed(address: str, *, public_only: bool) -> bool:
    """Whether to connect to an address: never to link-local ones and those of metadata services.

    Args:
        address: an IP address; IPv4 within IPv6 counts as what it leads to.
        public_only: nor to private and loopback ones.
    """
    found = ip_address(address)
    return all(_is_allowed(item, public_only=public_only) for item in (found, *_inside(found)))


def _is_allowed(address: IPv4Address | IPv6Address, *, public_only: bool) -> bool:
    if any(address in network for network in _NEVER):
        return False
    if not public_only:
        return True
    return address.is_global and not any(address in network for network in _NOT_PUBLIC)


def _inside(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address has in it."""
    if isinstance(address, IPv4Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    # The last 32 bits, also as "IPv4-compatible" (RFC 4291 section 2.5.5.1).
    if any(address in network for network in _TRANSLATED) or (
        int(address) >> 32 == 0 and int(address) > 1
    ):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(filter(None, found))
