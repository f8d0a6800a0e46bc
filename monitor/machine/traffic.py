"""Network interfaces and disks: their counters, and which of them are shown and which summed up."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

import psutil

INTERFACES = 16
DISKS = 32
# They carry what another interface carries too: one end of a container's, of a bridge or a shaper.
VIRTUAL_INTERFACE = re.compile(
    r"lo\d*$|veth|docker|br-|virbr|vnet|tap|ifb|dummy|cni|flannel|cali|cilium|lxc|lxd|podman|"
    r"kube-|nodelocaldns|sit|gre|ip6|tunl|erspan|teql"
)
# Worth a look of their own, but what they carry passes an interface below them again.
STACKED_INTERFACE = re.compile(r"bond|team|wg|tun|tailscale|zt|ppp|br\d|.*[.@]")
VIRTUAL_DISK = re.compile(r"loop|ram|zram|dm-|sr\d|fd\d|nbd")
STACKED_DISK = re.compile(r"md\d|bcache")


def interface_counters() -> dict[str, float]:
    """Counters of each shown interface since boot, as `eth0 sent`; and of all as `sent`.

    They are `sent` and `received` in bytes, `errors` and `drops` in packets.
    """
    cards = psutil.net_io_counters(pernic=True, nowrap=False)
    used = [name for name, card in cards.items() if card.bytes_sent or card.bytes_recv]
    named = shown(used, VIRTUAL_INTERFACE) or [name for name in used if name != "lo"]
    each = {
        name: {
            "sent": float(card.bytes_sent),
            "received": float(card.bytes_recv),
            "errors": float(card.errin + card.errout),
            "drops": float(card.dropin + card.dropout),
        }
        for name, card in cards.items()
        if name in named
    }
    none = dict.fromkeys(("sent", "received", "errors", "drops"), 0.0)
    return summed_up(each, STACKED_INTERFACE, INTERFACES) or none


def disk_counters() -> dict[str, float]:
    """Counters of each shown disk since boot, as `sda read`; and of all as `read`.

    They are `read` and `written` in bytes, `requests` in pieces, `waited` and `busy` in ms. Empty
    where the system has no disks or tells nothing of them.
    """
    disks = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    whole = _whole_disks(disks)
    named = shown(whole, VIRTUAL_DISK) or whole
    each = {
        name: {
            "read": float(disk.read_bytes),
            "written": float(disk.write_bytes),
            "requests": float(disk.read_count + disk.write_count),
            "waited": float(disk.read_time + disk.write_time),
            "busy": float(getattr(disk, "busy_time", 0)),
        }
        for name, disk in disks.items()
        if name in named
    }
    return summed_up(each, STACKED_DISK, DISKS)


def shown(names: Iterable[str], virtual: re.Pattern[str]) -> list[str]:
    """The names that are not virtual, in the kernel's order."""
    return [name for name in names if not virtual.match(name)]


def parts(counters: Mapping[str, float]) -> list[str]:
    """The interfaces or disks that stand in such counters."""
    return list(dict.fromkeys(name.split(" ")[0] for name in counters if " " in name))


def summed_up(
    each: Mapping[str, Mapping[str, float]], stacked: re.Pattern[str], limit: int
) -> dict[str, float]:
    """The counters of the first `limit` by name, and the sums over all that lie on no other."""
    summed = shown(each, stacked) or list(each)
    found: dict[str, float] = {}
    for name in summed:
        for counter, value in each[name].items():
            found[counter] = found.get(counter, 0.0) + value
    for name in list(each)[:limit]:
        found |= {f"{name} {counter}": value for counter, value in each[name].items()}
    return found


def _whole_disks(names: Iterable[str]) -> list[str]:
    """The names without partitions, as far as the system tells them apart."""
    try:
        whole = set(os.listdir("/sys/block"))
    except OSError:
        return list(names)
    return [name for name in names if name in whole]
