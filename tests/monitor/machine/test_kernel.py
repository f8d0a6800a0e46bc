"""What the kernel's files say: captured contents, odd ones, and this machine's own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.machine.clock import ClockState, clock, state_of
from monitor.machine.kernel import (
    OpenFiles,
    RunQueue,
    Stalled,
    is_zombie,
    open_files,
    pressure,
    read,
    run_queue,
    stalled,
    up_s,
    zombies,
)
from monitor.machine.temperature import Thermometer

STAT = "cpu  1 2 3 4\nintr 5 0 0\nctxt 6\nbtime 7\nprocesses 8\nprocs_running 3\nprocs_blocked 2\n"
CPU = "some avg10=12.50 avg60=1.00 avg300=0.30 total=123\n"
MEMORY = f"{CPU}full avg10=3.25 avg60=0.00 avg300=0.00 total=99\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("810\t0\t2466186\n", OpenFiles(count=810, limit=2466186)),
        ("2000\t500\t9223372036854775807\n", OpenFiles(count=1500, limit=2**63 - 1)),
    ],
)
def test_open_files_are_those_given_out_and_not_free(text: str, expected: OpenFiles) -> None:
    assert open_files(text) == expected


def test_the_run_queue_stands_among_other_things() -> None:
    assert run_queue(STAT) == RunQueue(running=3, blocked=2)
    assert run_queue("cpu 1 2\n") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [(CPU, Stalled(some=12.5, full=0.0)), (MEMORY, Stalled(some=12.5, full=3.25))],
)
def test_pressure_is_taken_over_the_last_10_seconds(text: str, expected: Stalled) -> None:
    assert stalled(text) == expected


@given(st.text())
def test_another_text_is_no_pressure(text: str) -> None:
    with pytest.raises(ValueError, match=r"without a line some|could not convert"):
        stalled(f"full {text}")


def test_a_kernel_without_pressure_gives_none(tmp_path: Path) -> None:
    assert pressure(f"{tmp_path}/pressure") == {}


def test_a_file_is_read_to_its_end_and_no_further_than_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x" * 100_000)

    assert len(read(str(file))) == 100_000
    assert len(read(str(file), 10)) == 10


def test_a_process_that_was_not_reaped_is_a_zombie() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)

        assert zombies() >= 1
        # As systems without /proc are asked.
        assert zombies("/nowhere") >= 1


def test_the_name_of_a_process_is_not_taken_for_its_state() -> None:
    assert is_zombie("7 (a) Z) Z 1 7 7") is True
    assert is_zombie("7 (Z) Z) S 1 7 7") is False


def test_the_machine_has_been_up_for_longer_than_this_process() -> None:
    assert up_s() > time.process_time()


@pytest.mark.parametrize(
    ("code", "status", "offset", "expected"),
    [
        (0, 0x2001, 2_500_000, ClockState(synchronised=True, offset_ms=2.5, max_error_ms=4.0)),
        (0, 0x0001, -2_500, ClockState(synchronised=True, offset_ms=2.5, max_error_ms=4.0)),
        (5, 0x0040, 0, ClockState(synchronised=False, offset_ms=0.0, max_error_ms=4.0)),
        (5, 0x2001, 0, ClockState(synchronised=False, offset_ms=0.0, max_error_ms=4.0)),
    ],
)
def test_the_clocks_state_is_read_from_what_adjtimex_returns(
    code: int, status: int, offset: int, expected: ClockState
) -> None:
    assert state_of(code, status, offset, 4000) == expected


def test_this_machines_clock_is_read() -> None:
    found = clock()

    assert found is None or (found.offset_ms >= 0 and found.max_error_ms >= 0)


def sensors(folder: Path, values: dict[str, str]) -> Thermometer:
    for name, text in values.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Thermometer(str(folder))


def test_the_hottest_sensor_is_named(tmp_path: Path) -> None:
    found = sensors(
        tmp_path,
        {
            "class/hwmon/hwmon0/name": "coretemp\n",
            "class/hwmon/hwmon0/temp1_input": "71500\n",
            "class/hwmon/hwmon0/temp1_label": "Package id 0\n",
            "class/thermal/thermal_zone0/temp": "48000\n",
            "class/thermal/thermal_zone0/type": "acpitz\n",
        },
    ).hottest()

    assert found is not None
    assert (found.celsius, found.sensor) == (71.5, "coretemp Package id 0")


@pytest.mark.parametrize("text", ["", "x", "0", "-128000", "255000", "²"])
def test_a_sensor_without_a_sane_value_is_left_out(tmp_path: Path, text: str) -> None:
    thermometer = sensors(tmp_path, {"class/thermal/thermal_zone0/temp": text})

    assert thermometer.exists()
    assert thermometer.hottest() is None


def test_a_machine_without_sensors_has_no_temperature(tmp_path: Path) -> None:
    assert not Thermometer(str(tmp_path)).exists()
    assert Thermometer(str(tmp_path)).hottest() is None
