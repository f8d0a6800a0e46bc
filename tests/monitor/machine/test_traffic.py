"""Which interfaces and disks are shown and summed up, and what this machine's counters hold."""

from __future__ import annotations

import pytest

from monitor.machine.cores import cpu_times
from monitor.machine.rates import Change, percent
from monitor.machine.traffic import (
    STACKED_DISK,
    STACKED_INTERFACE,
    VIRTUAL_DISK,
    VIRTUAL_INTERFACE,
    disk_counters,
    interface_counters,
    parts,
    shown,
    summed_up,
)


@pytest.mark.parametrize(
    "name",
    ["lo", "veth12ab", "docker0", "br-f00", "virbr0", "cali1", "ifb0", "tap3", "cilium_host"],
)
def test_a_virtual_interface_is_left_out(name: str) -> None:
    assert shown([name, "eth0"], VIRTUAL_INTERFACE) == ["eth0"]


@pytest.mark.parametrize(
    "name", ["eth0", "enp3s0", "wlan0", "ens18", "bond0", "wg0", "br0", "eth0.7"]
)
def test_an_interface_that_tells_something_is_shown(name: str) -> None:
    assert shown([name], VIRTUAL_INTERFACE) == [name]


@pytest.mark.parametrize("name", ["bond0", "team1", "wg0", "tun0", "br0", "eth0.7"])
def test_what_passes_a_lower_interface_again_is_not_summed_up_twice(name: str) -> None:
    counters = summed_up({"eth0": {"sent": 3.0}, name: {"sent": 2.0}}, STACKED_INTERFACE, 16)

    assert counters == {"sent": 3.0, "eth0 sent": 3.0, f"{name} sent": 2.0}


def test_where_there_is_nothing_lower_all_are_summed_up() -> None:
    counters = summed_up({"wg0": {"sent": 3.0}, "tun0": {"sent": 2.0}}, STACKED_INTERFACE, 16)

    assert counters["sent"] == 5.0


def test_so_many_disks_are_shown_but_all_are_summed_up() -> None:
    disks = {f"sd{number}": {"read": 1.0} for number in range(100)}

    counters = summed_up(disks, STACKED_DISK, 32)

    assert counters["read"] == 100.0
    assert len(parts(counters)) == 32


@pytest.mark.parametrize("name", ["loop0", "ram3", "zram0", "dm-1", "sr0"])
def test_a_virtual_disk_is_left_out(name: str) -> None:
    assert shown([name, "sda", "nvme0n1", "vda", "md0"], VIRTUAL_DISK) == [
        "sda",
        "nvme0n1",
        "vda",
        "md0",
    ]


def test_this_machines_counters_are_totals_and_parts() -> None:
    network, disks, cpu = interface_counters(), disk_counters(), cpu_times()

    assert {"sent", "received", "errors", "drops"} <= network.keys()
    assert not {"lo sent", "loop0 read"} & (network.keys() | disks.keys())
    assert cpu["total"] >= cpu["busy"] > 0
    assert "0" in parts(cpu)


def test_a_share_of_nothing_is_nothing() -> None:
    change = Change(seconds=1.0, moved={"busy": 3.0, "total": 4.0, "idle": 0.0})

    assert (change.share("busy", "total"), change.share("busy", "idle")) == (75.0, 0.0)
    assert change.share("absent", "total") == 0.0
    assert percent(5, 4) == 100.0
