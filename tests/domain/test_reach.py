"""Which addresses may be connected to, however they are written."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reach import GROUPS, LINK_LOCAL, METADATA, Reach, allowed, denied

METADATA_REASON = "cloud metadata address"


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",  # AWS, Azure, Google …
        "169.254.169.253",
        "169.254.170.2",  # ECS
        "169.254.170.23",  # EKS
        "169.254.42.42",  # Scaleway
        "169.254.0.23",  # Tencent
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's wire server
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fe80::a9fe:a9fe%eth0",  # OpenStack
        "::ffff:169.254.169.254",  # mapped
        "::ffff:a9fe:a9fe",
        "::169.254.169.254",  # compatible
        "::ffff:0:169.254.169.254",  # translated
        "64:ff9b::169.254.169.254",  # NAT64
        "64:ff9b:1::a9fe:a9fe",  # NAT64 of a local prefix of 96 bits
        "64:ff9b:1:a9fe:a9:fe00::",  # and of 48 bits
        "2002:a9fe:a9fe::1",  # 6to4
        "2001:0:c000:201::5601:5601",  # Teredo: the client's address, inverted
        "fe80::5efe:169.254.169.254",  # ISATAP
        "2001:db8::200:5efe:169.254.169.254",
        "::ffff:100.100.100.200",
        "2002:6464:64c8::",
    ],
)
def test_a_metadata_address_is_refused_in_every_form_and_never_allowed(address: str) -> None:
    plain = Reach()
    open_wide = Reach(allow=("link-local", "private", "0.0.0.0/0", "::/0", "169.254.0.0/16"))

    assert plain.reason(address) == METADATA_REASON
    assert open_wide.reason(address) == METADATA_REASON


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "::1",
        "fd00::1",
        "8.8.8.8",
        "2001:db8::1",
    ],
)
def test_all_else_is_allowed_by_default_also_inside(address: str) -> None:
    assert Reach().reason(address) is None


@pytest.mark.parametrize(
    "address", ["169.254.20.10", "fe80::1", "fe80::1%eth0", "::ffff:169.254.9.9"]
)
def test_a_link_local_address_is_refused_unless_it_is_allowed(address: str) -> None:
    assert Reach().reason(address) == "link-local address"
    assert Reach(allow=("link-local",)).reason(address) is None


@pytest.mark.parametrize(
    ("deny", "address", "refused"),
    [
        ("private", "10.1.2.3", True),
        ("private", "172.31.255.255", True),
        ("private", "172.32.0.1", False),
        ("private", "100.64.0.1", True),
        ("private", "fd12::1", True),
        ("private", "::ffff:192.168.0.1", True),
        ("private", "64:ff9b::10.0.0.1", True),
        ("private", "2002:a00:1::", True),
        ("private", "127.0.0.1", False),
        ("loopback", "127.9.9.9", True),
        ("loopback", "0.0.0.0", True),
        ("loopback", "::", True),
        ("loopback", "::1", True),
        ("loopback", "::ffff:127.0.0.1", True),
        ("multicast", "224.0.0.1", True),
        ("203.0.113.0/24", "203.0.113.9", True),
        ("203.0.113.0/24", "203.0.114.9", False),
        ("2001:db8::/32", "2001:db8:1::1", True),
        ("203.0.113.9", "203.0.113.9", True),
    ],
)
def test_what_is_denied_is_refused_with_the_entry_that_says_so(
    deny: str, address: str, refused: bool
) -> None:
    expected = f'[network] deny has "{deny}"' if refused else None

    assert Reach(deny=(deny,)).reason(address) == expected


def test_what_is_allowed_is_an_exception_from_what_is_denied() -> None:
    reach = Reach(deny=("0.0.0.0/0", "::/0"), allow=("10.1.0.0/16", "2001:db8::5"))

    assert reach.reason("10.1.2.3") is None
    assert reach.reason("::ffff:10.1.2.3") is None
    assert reach.reason("2001:db8::5") is None
    assert reach.reason("10.2.0.1") is not None
    assert reach.reason("2001:db8::6") is not None


@pytest.mark.parametrize(
    "text", ["", "metadata.google.internal", "2852039166", "0xa9fea9fe", "1.2.3"]
)
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    assert Reach().reason(text) == "not an address"


@given(st.ip_addresses())
def test_every_address_is_judged_and_metadata_never_passes(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    reason = Reach(allow=("link-local",)).reason(str(address))

    if any(address in network for network in METADATA):
        assert reason == METADATA_REASON


@given(st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_no_link_local_address_passes_inside_another(address: ipaddress.IPv4Address) -> None:
    forms = [f"::ffff:{address}", f"::{address}", f"64:ff9b::{address}", f"64:ff9b:1::{address}"]

    assert all(Reach().reason(form) for form in forms)


def test_entries_are_groups_networks_and_addresses() -> None:
    entries = (*GROUPS, "10.0.0.0/8", "10.0.0.1", "2001:db8::/32")

    assert denied(entries) == allowed(entries) == entries
    assert GROUPS["link-local"] == LINK_LOCAL


@pytest.mark.parametrize("entry", ["", "host.example", "10.0.0.0/33", "10.0.0.256", "all"])
def test_an_entry_that_means_nothing_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="is none of"):
        denied((entry,))
