"""Limits of the own cgroup: captured files of both versions, and this machine's real ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.machine.cgroup import (
    Cgroups,
    Place,
    memory_limit,
    memory_use,
    place_of,
    quota_cores,
)

# Captured in a Docker container on a host with cgroup v2, and on one with v1; then a systemd
# service on v2, and a hybrid host.
V2_CONTAINER = (
    "0::/\n",
    "613 612 0:27 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate\n",
)
V1_CONTAINER = (
    "11:memory:/docker/4f1c\n5:cpu,cpuacct:/docker/4f1c\n1:name=systemd:/docker/4f1c\n",
    "700 699 0:30 /docker/4f1c /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n"
    "701 699 0:31 /docker/4f1c /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n",
)
V2_SERVICE = (
    "0::/system.slice/nocturne.service\n",
    "34 25 0:29 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
)
HYBRID = (
    "4:memory:/jobs/a b\n1:name=systemd:/\n0::/\n",
    "40 30 0:33 / /sys/fs/cgroup/mem\\040ory rw - cgroup cgroup rw,memory\n"
    "41 30 0:34 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
)


@pytest.mark.parametrize(
    ("texts", "controller", "version", "folders"),
    [
        (V2_CONTAINER, "memory", 2, ["/sys/fs/cgroup"]),
        (V1_CONTAINER, "memory", 1, ["/sys/fs/cgroup/memory"]),
        (V1_CONTAINER, "cpuacct", 1, ["/sys/fs/cgroup/cpu,cpuacct"]),
        (
            V2_SERVICE,
            "cpu",
            2,
            [
                "/sys/fs/cgroup/system.slice/nocturne.service",
                "/sys/fs/cgroup/system.slice",
                "/sys/fs/cgroup",
            ],
        ),
        (
            HYBRID,
            "memory",
            1,
            [
                "/sys/fs/cgroup/mem ory/jobs/a b",
                "/sys/fs/cgroup/mem ory/jobs",
                "/sys/fs/cgroup/mem ory",
            ],
        ),
        (HYBRID, "cpu", 2, ["/sys/fs/cgroup/unified"]),
    ],
)
def test_a_controller_is_found_where_the_kernel_mounted_it(
    texts: tuple[str, str], controller: str, version: int, folders: list[str]
) -> None:
    assert place_of(controller, *texts) == Place(version=version, folders=tuple(folders))


@pytest.mark.parametrize("path", ["/../other", "/elsewhere/4f1c"])
def test_a_path_outside_of_what_is_mounted_means_the_mount_itself(path: str) -> None:
    mount = "700 699 0:30 /docker/4f1c /cg ro,nosuid - cgroup2 cgroup rw\n"

    place = place_of("memory", f"0::{path}\n", mount)

    assert place is not None and place.folders == ("/cg",)


@given(st.text(), st.text())
def test_whatever_these_files_hold_finding_a_place_does_not_fail(own: str, mounts: str) -> None:
    place_of("memory", own, mounts)


@pytest.mark.parametrize(
    ("text", "limit"),
    [("max\n", None), ("9223372036854771712\n", None), ("536870912\n", 536870912), ("0\n", 0)],
)
def test_a_memory_limit_is_a_number_or_none(text: str, limit: int | None) -> None:
    assert memory_limit(text) == limit


@pytest.mark.parametrize(
    ("version", "stat"),
    [
        (2, "anon 300\ninactive_file 100\nactive_file 50\n"),
        (1, "inactive_file 7\ntotal_inactive_file 100\nhierarchical_memory_limit 800\n"),
    ],
)
def test_file_cache_that_can_go_is_not_counted_as_used(version: int, stat: str) -> None:
    use = memory_use(version, 800, "500\n", stat)

    assert (use.used_bytes, use.percent) == (400, 50.0)


@pytest.mark.parametrize(
    ("quota", "period", "cores"),
    [
        ("max", "100000", None),
        ("-1", "100000", None),
        ("50000", "100000", 0.5),
        ("400000", "100000", 4),
    ],
)
def test_a_quota_is_told_in_cores(quota: str, period: str, cores: float | None) -> None:
    assert quota_cores(quota, period) == cores


def tree(folder: Path, files: dict[str, str], own: str, mountinfo: str) -> Cgroups:
    """A process in the cgroup `own` of a hierarchy that is mounted at `folder`."""
    for name, text in {**files, "self/cgroup": own, "self/mountinfo": mountinfo}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Cgroups(str(folder / "self"))


V2_FILES = {
    "memory.max": "1000\n",
    "memory.current": "700\n",
    "memory.stat": "inactive_file 0\n",
    "app/memory.max": "800\n",
    "app/memory.current": "600\n",
    "app/memory.stat": "inactive_file 200\n",
    "app/cpu.max": "max 100000\n",
    "app/cpu.stat": "usage_usec 1\n",
    "cpu.max": "150000 100000\n",
    "cpu.stat": "usage_usec 2500000\nnr_periods 40\nnr_throttled 10\nthrottled_usec 900\n",
}


def test_the_limit_that_is_nearest_to_being_reached_counts(tmp_path: Path) -> None:
    mount = f"1 2 0:3 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    cgroups = tree(tmp_path, V2_FILES, "0::/app\n", mount)

    memory, cpu = cgroups.memory(), cgroups.cpu()

    assert memory is not None and cpu is not None
    assert (memory.used_bytes, memory.limit_bytes, memory.percent) == (700, 1000, 70.0)
    assert (cpu.limit_cores, cpu.used_s, cpu.periods, cpu.throttled) == (1.5, 2.5, 40, 10)


V1_FILES = {
    "mem/app/memory.limit_in_bytes": "1000\n",
    "mem/app/memory.usage_in_bytes": "500\n",
    "mem/app/memory.stat": "total_inactive_file 250\n",
    "cpu/app/cpu.cfs_quota_us": "200000\n",
    "cpu/app/cpu.cfs_period_us": "100000\n",
    "cpu/app/cpu.stat": "nr_periods 8\nnr_throttled 2\nthrottled_time 5000\n",
    "acct/app/cpuacct.usage": "3000000000\n",
}


def test_limits_of_version_1_lie_in_a_hierarchy_for_each_controller(tmp_path: Path) -> None:
    mounts = "".join(
        f"1 2 0:3 / {tmp_path}/{folder} rw - cgroup cgroup rw,{controller}\n"
        for folder, controller in (("mem", "memory"), ("cpu", "cpu"), ("acct", "cpuacct"))
    )
    own = "3:memory:/app\n2:cpuacct:/app\n1:cpu:/app\n"
    cgroups = tree(tmp_path, V1_FILES, own, mounts)

    memory, cpu = cgroups.memory(), cgroups.cpu()

    assert memory is not None and cpu is not None
    assert (memory.percent, cpu.limit_cores) == (25.0, 2.0)
    assert (cpu.used_s, cpu.periods, cpu.throttled) == (3.0, 8, 2)


@pytest.mark.parametrize("text", ["", "garbage\n", "12 0\n"])
def test_files_that_read_otherwise_are_no_limit(tmp_path: Path, text: str) -> None:
    mount = f"1 2 0:3 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    cgroups = tree(tmp_path, {"memory.max": text, "cpu.max": text}, "0::/\n", mount)

    assert cgroups.memory() is None
    assert cgroups.cpu() is None


def test_a_system_without_cgroups_has_no_limits(tmp_path: Path) -> None:
    cgroups = Cgroups(str(tmp_path))

    assert (cgroups.memory(), cgroups.cpu()) == (None, None)


def test_this_machines_own_cgroup_is_read_without_a_mistake() -> None:
    cgroups = Cgroups()

    memory, cpu = cgroups.memory(), cgroups.cpu()

    assert memory is None or 0 < memory.percent <= 100
    assert cpu is None or (cpu.limit_cores > 0 and cpu.used_s > 0)
