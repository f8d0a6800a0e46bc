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
from monitor.checks import Deadline
from monitor.checks.system import Resource, SystemCheck, read_filesystem
from monitor.sampling import Counters, Filesystems, SystemSampler, space_of


class Hanging:
    """A statvfs that blocks like a dead network mount until released, and counts its calls."""

    def __init__(self, path: str) -> None:
        self.path, self.calls, self.released = path, 0, threading.Event()

    def __call__(self, path: str) -> os.statvfs_result:
        if path == self.path:
            self.calls += 1
            self.released.wait()
        return os.statvfs("/")


@pytest.mark.parametrize("resource", get_args(Resource))
async def test_every_resource_is_measured_and_has_its_headline(resource: Resource) -> None:
    check = SystemCheck(resource=resource)

    found = await check.run(Deadline.after(5))

    assert found.status is Status.HEALTHY, found.message
    assert check.headline() in found.metrics
    assert found.response_time_ms is None
    assert {rule.metric for rule in check.stock_rules()} <= set(found.metrics)


@pytest.mark.parametrize(
    ("resource", "warning", "critical"), [("cpu", 70, 85), ("memory", 80, 95), ("disk", 80, 90)]
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


async def test_a_path_that_does_not_exist_is_missing(tmp_path: Path) -> None:
    found = await SystemCheck(resource="disk", path=f"{tmp_path}/x").run(Deadline.after(5))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == f"There is nothing at {tmp_path}/x"


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
    } <= names
    assert {"mount": "/"} in [s.labels for s in samples if s.name == "system.disk.percent"]


async def test_a_hanging_mount_is_left_out_of_the_sample() -> None:
    hanging = Hanging("/mnt")
    sampler = SystemSampler(Filesystems(hanging), lambda: ["/", "/mnt"])

    samples = await sampler.sample()

    mounts = {sample.labels["mount"] for sample in samples if sample.labels}
    assert mounts == {"/"}
    hanging.released.set()


@pytest.mark.parametrize(
    "fields", [{"resource": "gpu"}, {"resource": "disk", "path": "relative"}, {}]
)
def test_fields_that_cannot_work_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, SystemCheck)
