"""Which addresses a connection may lead to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector_core.network.addresses import is_allowed

PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
PRIVATE = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "100.64.0.1", "198.18.0.1"),
    *("::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
    *("64:ff9b:1::8.8.8.8", "::ffff:0:8.8.8.8", "192.0.0.8", "3fff::1", "5f00::1"),
]
NEVER = [
    *("0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.1.1", "224.0.0.1", "255.255.255.255"),
    *(
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
    ),
    *("fd00:ec2::254", "fd20:ce::254", "fec0::1", "::ffff:169.254.169.254", "::a9fe:a9fe"),
    *("64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
    *("64:ff9b:1::a9fe:a9fe", "64:ff9b:1:fffe::a9fe:a9fe", "::ffff:0:a9fe:a9fe"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(address, public_only=True)
    assert is_allowed(address, public_only=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_allowed_unless_public_ones_are_wanted(address: str) -> None:
    assert is_allowed(address, public_only=False)
    assert not is_allowed(address, public_only=True)


@pytest.mark.parametrize("address", NEVER)
def test_link_local_and_metadata_addresses_never_are(address: str) -> None:
    assert not is_allowed(address, public_only=False)
    assert not is_allowed(address, public_only=True)


@given(st.ip_addresses(v=4))
def test_an_address_within_another_counts_as_itself(address: IPv4Address) -> None:
    for number in (
        0xFFFF << 32,
        0xFFFF << 48,
        0x0064FF9B << 96,
        0x0064FF9B0001 << 80,
        0x2002 << 112,
    ):
        inner = int(address) << 80 if number >> 112 == 0x2002 else int(address)
        outer = str(IPv6Address(number | inner))
        for public_only in (True, False):
            if not is_allowed(str(address), public_only=public_only):
                assert not is_allowed(outer, public_only=public_only)


@given(st.ip_addresses())
def test_what_is_public_is_allowed_in_either_case(address: IPv4Address | IPv6Address) -> None:
    if is_allowed(str(address), public_only=True):
        assert is_allowed(str(address), public_only=False)
        assert address.is_global
