"""Which addresses may be connected to: metadata services never, the rest as `[network]` says.

An address may stand inside another one (IPv4-mapped IPv6, NAT64, 6to4 …); each that it carries is
judged, since a gateway on the way would unwrap it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.mistakes import closest, shown

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Net = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[Net, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# Where clouds hand out the credentials of machines. No `allow` opens these.
METADATA = _networks(
    "169.254.169.0/24",  # AWS, Azure, Google, OpenStack, Oracle and most others: .254; DNS, time
    "169.254.170.0/24",  # AWS ECS (.2) and EKS pod identity (.23)
    "169.254.0.23/32",  # Tencent
    "169.254.42.42/32",  # Scaleway
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure's wire server
    "192.0.0.192/32",  # Oracle
    "fd00:ec2::/32",  # AWS: ::254 metadata, ::23 pod identity
    "fd20:ce::254/128",  # Google
    "fd00:42::42/128",  # Scaleway
    "fe80::a9fe:a9fe/128",  # OpenStack
)
# Refused unless allowed: nothing but a neighbour answers there, and clouds keep adding services.
LINK_LOCAL = _networks("169.254.0.0/16", "fe80::/10")
GROUPS: Mapping[str, tuple[Net, ...]] = {
    # A connection to 0.0.0.0 or :: reaches this machine itself.
    "loopback": _networks("127.0.0.0/8", "0.0.0.0/8", "::1/128", "::/128"),
    "private": _networks(
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10"
    ),
    "link-local": LINK_LOCAL,
    "multicast": _networks("224.0.0.0/4", "ff00::/8"),
}
COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291, 2.5.5.1
TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")  # RFC 2765, 2.1
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052, 2.1
LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215
ISATAP = (0x00005EFE, 0x02005EFE)  # RFC 5214, 6.1


@dataclass(frozen=True, slots=True)
class Reach:
    """What `[network]` says: groups and networks to refuse, and exceptions from them."""

    deny: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()

    def reason(self, address: str) -> str | None:
        """Why this address may not be connected to; None when it may."""
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return "not an address"
        meant = list(meanings(found))
        if any(_within(each, METADATA) for each in meant):
            return "cloud metadata address"
        return next((reason for each in meant if (reason := self._reason(each))), None)

    def _reason(self, address: Address) -> str | None:
        if any(_within(address, networks_of(entry)) for entry in self.allow):
            return None
        if _within(address, LINK_LOCAL):
            return "link-local address"
        for entry in self.deny:
            if _within(address, networks_of(entry)):
                return f'[network] deny has "{entry}"'
        return None


def meanings(address: Address) -> Iterator[Address]:
    """The address, and each IPv4 address that it may stand for. A mapped one is only that."""
    if not isinstance(address, ipaddress.IPv6Address):
        yield address
        return
    if address.ipv4_mapped is not None:  # RFC 4291, 2.5.5.2: the kernel connects to it by IPv4
        yield address.ipv4_mapped
        return
    yield address
    number = int(address)
    if _carries_at_the_end(address, number):
        yield ipaddress.IPv4Address(number & 0xFFFFFFFF)
    if address in LOCAL_NAT64:  # RFC 6052, 2.2: around the octet of bits 64 to 71
        yield ipaddress.IPv4Address((number >> 48 & 0xFFFF0000) | (number >> 40 & 0xFFFF))
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo


def _carries_at_the_end(address: ipaddress.IPv6Address, number: int) -> bool:
    if any(address in network for network in (TRANSLATED, NAT64, LOCAL_NAT64)):
        return True
    if address in COMPATIBLE:
        return number > 1  # :: and ::1 are no IPv4 addresses
    return (number >> 32 & 0xFFFFFFFF) in ISATAP


def networks_of(entry: str) -> tuple[Net, ...]:
    """The networks that an entry of `deny` or `allow` means. Raises ValueError with the reason."""
    if entry in GROUPS:
        return GROUPS[entry]
    try:
        return (ipaddress.ip_network(entry),)
    except ValueError:
        raise ValueError(_why_no_network(entry)) from None


def denied(entries: tuple[str, ...]) -> tuple[str, ...]:
    """The entries of `deny` when each means something. Raises ValueError naming the first other."""
    for entry in entries:
        networks_of(entry)
    return entries


def allowed(entries: tuple[str, ...]) -> tuple[str, ...]:
    """The entries of `allow`, as above; one that only means metadata addresses is refused too."""
    for entry in entries:
        if all(_covered(network, METADATA) for network in networks_of(entry)):
            raise ValueError(f"{shown(entry)} is a cloud metadata address: those are never allowed")
    return entries


def _why_no_network(entry: str) -> str:
    meant = closest(entry, GROUPS)
    hint = f', did you mean "{meant}"?' if meant else ""
    try:
        right = ipaddress.ip_network(entry, strict=False)
    except ValueError:
        names = ", ".join(f'"{name}"' for name in GROUPS)
        return f'{shown(entry)} is none of {names} and no network like "10.0.0.0/8"{hint}'
    return f'{shown(entry)} has bits beyond its length: write "{right}"'


def _within(address: Address, networks: Iterable[Net]) -> bool:
    return any(address in network for network in networks)


def _covered(network: Net, by: Sequence[Net]) -> bool:
    return any(network.network_address in each and network.broadcast_address in each for each in by)
