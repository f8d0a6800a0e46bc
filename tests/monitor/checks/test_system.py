"""The `system` kind and the sampler on the real machine, and on filesystems that hang."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from domain.facts import Cause, Status
from domain.rules import Operator
from monitor.checks import Deadline
from monitor.checks.system import (
    ABSENT,
    Resource,
    SystemCheck,
    read_filesystem,
    read_resource,
)
from monitor.machine.cgroup import Cgroups
from monitor.machine.temperature import Thermometer
from monitor.sampling import Counters, Filesystems, Machine, SystemSampler, space_of


class Hanging:
    """A statvfs that blocks like a dead network mount until released, and counts its calls."""

    def __init__(self, path: str) -> None:
        self.path, self.calls, self.released = path, 0, threading.Event()

    def __call__(self, path: str) -> os.statvfs_result:
        if path == self.path:
            self.calls += 1
            self.released.wait()
        return os.statvfs("/")


# A virtual machine or one that is no container does not have them.
NOT_EVERYWHERE = {"temperature", "pressure", "clock", "cgroup_memory", "cgroup_cpu"}


@pytest.mark.case("healthy")
@pytest.mark.parametrize("resource", get_args(Resource))
async def test_every_resource_is_measured_and_has_its_headline(resource: Resource) -> None:
    check = SystemCheck(resource=resource)

    found = await check.run(Deadline.after(5))

    if resource in NOT_EVERYWHERE and not found.metrics:
        assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
        assert found.message == ABSENT[resource]
        return
    assert found.status is Status.HEALTHY, found.message
    assert check.headline() in found.metrics
    assert found.response_time_ms is None
    assert {rule.metric for rule in check.stock_rules()} <= set(found.metrics)


@pytest.mark.parametrize(
    ("resource", "warning", "critical"),
    [("cpu", 70, 85), ("memory", 80, 95), ("disk", 80, 90), ("open_files", 80, 95)],
)
def test_stock_rules_have_the_required_levels(
    resource: Resource, warning: float, critical: float
) -> None:
    [rule] = SystemCheck(resource=resource).stock_rules()

    assert (rule.warning, rule.critical, rule.unit) == (warning, critical, "%")


async def test_disk_says_how_much_is_used_and_free() -> None:
    found = await SystemCheck(resource="disk", path="/").run(Deadline.after(5))

    assert found.message.startswith("Disk / ")
    assert found.message.endswith(" free")


@pytest.mark.case("refused")
async def test_a_path_that_does_not_exist_is_missing(tmp_path: Path) -> None:
    found = await SystemCheck(resource="disk", path=f"{tmp_path}/x").run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == f"There is nothing at {tmp_path}/x"


@pytest.mark.case("timeout")
async def test_a_hanging_filesystem_is_a_time_out_and_costs_one_thread_only() -> None:
    hanging = Hanging("/mnt")
    filesystems = Filesystems(hanging)

    for _ in range(3):
        found = await read_filesystem("/mnt", "disk", Deadline.after(0.05), filesystems)

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert found.message == "Still waiting for the filesystem at /mnt, for 0 s"
    assert hanging.calls == 1
    hanging.released.set()
    found = await read_filesystem("/mnt", "disk", Deadline.after(5), filesystems)
    assert found.status is Status.HEALTHY


async def test_a_filesystem_without_inodes_cannot_be_measured_for_them() -> None:
    none = os.statvfs_result((4096, 4096, 100, 50, 50, 0, 0, 0, 0, 255))

    found = await read_filesystem("/", "inodes", Deadline.after(5), Filesystems(lambda _: none))

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)


def test_percent_is_of_what_users_may_fill_as_df_shows_it() -> None:
    space = space_of(os.statvfs_result((4096, 4096, 100, 40, 20, 10, 4, 4, 0, 255)))

    assert (space.percent, space.free_bytes, space.inodes_percent) == (75.0, 20 * 4096.0, 60.0)


async def test_rates_are_taken_over_the_time_since_the_previous_reading() -> None:
    counters, values = Counters(), iter([100.0, 100.0, 250.0, 20.0])

    async def read() -> Mapping[str, float]:
        return {"bytes": next(values)}

    first = await counters.change("disk", read)
    await asyncio.sleep(0.2)
    second = await counters.change("disk", read)
    await asyncio.sleep(0.2)
    after_reset = await counters.change("disk", read)

    assert first.moved == {"bytes": 0.0}
    assert second.moved == {"bytes": 150.0}
    assert second.per_second("bytes") == pytest.approx(150 / second.seconds)
    assert after_reset.moved == {"bytes": 0.0}


async def test_a_sample_holds_every_group_and_labels_disks_by_mount() -> None:
    samples = await SystemSampler().sample()

    names = {sample.name for sample in samples}
    assert {
        "system.cpu.percent",
        "system.memory.percent",
        "system.swap.percent",
        "system.load.1m",
        "system.network.sent_bytes_per_s",
        "system.disk_io.read_bytes_per_s",
        "system.processes.count",
        "system.open_files.percent",
        "system.uptime.up_s",
        "system.swap.in_bytes_per_s",
    } <= names
    assert {"core": "0"} in [s.labels for s in samples if s.name == "system.core.percent"]
    assert {"mount": "/"} in [s.labels for s in samples if s.name == "system.disk.percent"]


async def test_a_hanging_mount_is_left_out_of_the_sample() -> None:
    hanging = Hanging("/mnt")
    sampler = SystemSampler(Filesystems(hanging), lambda: ["/", "/mnt"])

    samples = await sampler.sample()

    mounts = {sample.labels["mount"] for sample in samples if "mount" in sample.labels}
    assert mounts == {"/"}
    hanging.released.set()


async def test_a_name_stands_for_the_whole_machine_or_for_parts_but_never_for_both() -> None:
    samples = await SystemSampler().sample()

    whole = {sample.name for sample in samples if not sample.labels}
    of_parts = {sample.name for sample in samples if sample.labels}
    assert not whole & of_parts
    assert len({(s.name, tuple(s.labels.items())) for s in samples}) == len(samples)


async def test_cpu_and_disk_traffic_are_told_in_total_and_by_the_busiest() -> None:
    cpu = await SystemCheck(resource="cpu").run(Deadline.after(5))
    disks = await SystemCheck(resource="disk_io").run(Deadline.after(5))

    assert cpu.metrics["system.cpu.busiest_core_percent"] >= cpu.metrics["system.cpu.percent"] - 0.1
    assert ", busiest core " in cpu.message
    assert {"system.disk_io.read_bytes_per_s", "system.disk_io.requests_per_s"} <= set(
        disks.metrics
    )


def limited(folder: Path, files: Mapping[str, str]) -> Machine:
    """A machine whose own cgroup holds these files."""
    proc = folder / "self"
    proc.mkdir()
    (proc / "cgroup").write_text("0::/\n")
    (proc / "mountinfo").write_text(f"1 2 0:3 / {folder} rw - cgroup2 cgroup2 rw\n")
    for name, text in files.items():
        (folder / name).write_text(text)
    return Machine(cgroups=Cgroups(str(proc)))


@pytest.mark.case("healthy")
async def test_memory_is_told_of_the_containers_limit(tmp_path: Path) -> None:
    stat = "anon 700\ninactive_file 100000000\n"
    files = {"memory.max": "500000000", "memory.current": "400000000", "memory.stat": stat}

    found = await read_resource("cgroup_memory", Deadline.after(5), limited(tmp_path, files))

    assert found.metrics["system.cgroup_memory.percent"] == 60.0
    assert found.message == "Container memory 60 % of 500 MB used"


async def test_cpu_is_told_of_the_containers_quota_with_its_throttling(tmp_path: Path) -> None:
    stat = "usage_usec {}\nnr_periods {}\nnr_throttled {}\n"
    machine = limited(
        tmp_path, {"cpu.max": "50000 100000", "cpu.stat": stat.format(1_000_000, 10, 1)}
    )
    await read_resource("cgroup_cpu", Deadline.after(5), machine)
    (tmp_path / "cpu.stat").write_text(stat.format(9_000_000, 30, 11))

    found = await read_resource("cgroup_cpu", Deadline.after(5), machine)

    assert found.metrics == {
        "system.cgroup_cpu.percent": 100.0,
        "system.cgroup_cpu.throttled_percent": 50.0,
        "system.cgroup_cpu.limit_cores": 0.5,
    }
    assert found.message == "Container CPU 100 % of 0.5 cores, throttled in 50 % of periods"


async def test_without_a_limit_there_is_nothing_to_measure(tmp_path: Path) -> None:
    machine = limited(tmp_path, {"memory.max": "max\n", "cpu.max": "max 100000\n"})

    for resource in ("cgroup_memory", "cgroup_cpu"):
        found = await read_resource(resource, Deadline.after(5), machine)
        assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
        assert found.message.startswith("No ") and " limit is set" in found.message


async def test_the_hottest_sensor_is_told_and_sampled(tmp_path: Path) -> None:
    zone = tmp_path / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("61000\n")
    (zone / "type").write_text("x86_pkg_temp\n")
    machine = Machine(thermometer=Thermometer(str(tmp_path)))

    found = await read_resource("temperature", Deadline.after(5), machine)
    samples = await SystemSampler(machine=machine).sample()

    assert found.message == "61 °C at x86_pkg_temp"
    assert [s.value for s in samples if s.name == "system.temperature.celsius"] == [61.0]


@pytest.mark.case("timeout")
async def test_a_sensor_that_hangs_is_not_measurable_and_the_loop_goes_on(tmp_path: Path) -> None:
    zone = tmp_path / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    os.mkfifo(zone / "temp")  # opening it waits for a writer
    machine = Machine(thermometer=Thermometer(str(tmp_path)))

    found = await read_resource("temperature", Deadline.after(0.1), machine)

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message == "temperature could not be read in time"
    os.close(os.open(zone / "temp", os.O_WRONLY))


def test_a_clock_that_nothing_keeps_is_a_stock_rule_of_its_own() -> None:
    offset, kept = SystemCheck(resource="clock").stock_rules()

    assert (offset.metric, kept.metric) == ("system.clock.offset_ms", "system.clock.synchronised")
    assert (kept.operator, kept.warning, kept.critical) == (Operator.LT, 1, None)


@pytest.mark.parametrize(
    "fields", [{"resource": "gpu"}, {"resource": "disk", "path": "relative"}, {}]
)
def test_fields_that_cannot_work_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, SystemCheck)
