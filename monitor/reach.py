"""The network policy of this process: which addresses checks and channels may connect to.

It is one for the process, as the network is: set when a configuration is taken up, asked wherever a
name has been resolved. Error: OSError ← AddressRefused.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from functools import lru_cache

from domain.reach import Reach
from domain.settings import Network

_in_force = Reach()


class AddressRefused(OSError):
    """The host stands for an address that must not be connected to. The text says which and why."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address} may not be connected to: {reason}")


def adopt(network: Network) -> None:
    """From now on what these settings say holds for every new connection."""
    global _in_force
    _in_force = Reach(network.deny, network.allow)


def require(addresses: Iterable[str]) -> None:
    """Raises AddressRefused for the first that is refused: one bad address refuses the name."""
    for address in addresses:
        if reason := _reason(_in_force, address):
            raise AddressRefused(address, reason)


def require_written(host: str) -> None:
    """The same for a host that somebody else will resolve, a proxy, if it is written as an address."""
    if (address := _written(host)) is not None:
        require([address])


@lru_cache(maxsize=4096)
def _reason(policy: Reach, address: str) -> str | None:
    # The same addresses are asked about with each run.
    return policy.reason(address)


def _written(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:  # also decimal, octal, hexadecimal and shortened, as resolvers read them
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None
