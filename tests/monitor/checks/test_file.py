"""The `file` kind over real folders, and over a named pipe that stands for a mount that hangs."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import re
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.facts import Cause, Measurement, Status
from domain.mistakes import WrongFields
from monitor.checks import Deadline, in_thread
from monitor.checks.file import FileCheck
from tests.waiting import PATIENCE_S

HOUR = 3600


def put(path: Path, size: int = 10, age_s: float = 0, text: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size if text is None else text.encode())
    moment = time.time() - age_s
    os.utime(path, (moment, moment))
    return path


def made(path: Path | str, **fields: Any) -> FileCheck:
    return msgspec.convert({"path": str(path), **fields}, FileCheck)


async def run(path: Path | str, timeout_s: float = 5, **fields: Any) -> Measurement:
    return await made(path, **fields).run(Deadline.after(timeout_s))


@pytest.mark.case("healthy")
async def test_a_fresh_backup_that_is_large_enough_is_healthy_and_measured(tmp_path: Path) -> None:
    put(tmp_path / "a.gz", 3000, 30 * HOUR)
    put(tmp_path / "b.gz", 2000, 2 * HOUR)

    found = await run(tmp_path / "*.gz", max_age="26h", min_size="1kB")

    assert found.status is Status.HEALTHY, found.message
    assert found.message == f"{tmp_path}/b.gz: 2 kB, 2 h old, newest of 2"
    assert found.metrics["file.age_s"] == pytest.approx(2 * HOUR, abs=60)
    assert found.metrics["file.oldest_age_s"] == pytest.approx(30 * HOUR, abs=60)
    assert {name: found.metrics[f"file.{name}"] for name in ("size_bytes", "count", "fitting")} == {
        "size_bytes": 2000,
        "count": 2,
        "fitting": 1,
    }
    assert found.metrics["file.total_bytes"] == 5000


@pytest.mark.case("wrong")
async def test_an_old_backup_is_critical_with_its_age(tmp_path: Path) -> None:
    put(tmp_path / "a.gz", age_s=31 * HOUR)

    found = await run(tmp_path / "*.gz", max_age="26h")

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.MISSING)
    assert found.message == f"{tmp_path}/a.gz is 1 d 7 h old, expected ≤ 1 d 2 h"
    assert found.metrics["file.age_s"] > 30 * HOUR


@pytest.mark.case("wrong")
async def test_a_backup_that_is_being_written_does_not_hide_that_the_last_one_is_old(
    tmp_path: Path,
) -> None:
    put(tmp_path / "new.gz", 12)
    put(tmp_path / "old.gz", 5000, 48 * HOUR)

    found = await run(tmp_path / "*.gz", max_age="26h", min_size=1000)

    assert found.message == f"{tmp_path}/old.gz is 2 d old, expected ≤ 1 d 2 h"
    assert found.metrics["file.age_s"] == pytest.approx(48 * HOUR, abs=60)


@pytest.mark.case("wrong")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"min_size": "1 GiB"}, "{}/a holds 10 B, expected ≥ 1.07 GB"),
        ({"max_size": 5}, "{}/a holds 10 B, expected ≤ 5 B"),
        ({"min_count": 3}, "Only 2 of 2 at {}/*, expected at least 3"),
        ({"max_count": 1}, "2 match {}/*, expected ≤ 1"),
        ({"max_oldest_age": "30m"}, "{}/b is 1 h old, expected ≤ 30 min"),
        ({"expect_text": "yyy"}, "Expected text not found in the last 64 kB of {}/a"),
        ({"expect_regex": "y+$"}, "Expected pattern does not match in the last 64 kB of {}/a"),
        ({"expect_regex": "^y"}, "Expected pattern does not match in the last 64 kB of {}/a"),
        ({"absent": True}, "{0}/a, {0}/b, expected none"),
        ({"mode": "0600"}, "{}/a has mode 0644, expected 0600"),
        ({"owner": "nobody"}, "{}/a belongs to " + pwd.getpwuid(os.getuid()).pw_name),
        ({"group": "nogroup"}, "{}/a belongs to group " + grp.getgrgid(os.getgid()).gr_name),
    ],
)
async def test_what_is_not_as_asked_for_is_critical_and_said(
    tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    put(tmp_path / "a").chmod(0o644)
    put(tmp_path / "b", age_s=HOUR).chmod(0o644)

    found = await run(tmp_path / "*", **fields)

    assert found.status is Status.CRITICAL
    # Folders are not sorted, and what is wrong with both may be told of either.
    texts = {message.format(tmp_path), message.format(tmp_path).replace("/a", "/b")}
    texts.add(f"{tmp_path}/b, {tmp_path}/a, expected none")
    assert any(found.message.startswith(text) for text in texts), found.message


@pytest.mark.parametrize(
    "fields",
    [
        {"max_age": "5m"},
        {"min_size": 10, "max_size": "10B"},
        {"expect_text": "all done"},
        {"expect_regex": "done$"},
        {"expect_regex": "al{2}.*$", "tail_kb": 1},
        {"mode": "640"},
        {"owner": str(os.getuid()), "group": str(os.getgid())},
        {"owner": pwd.getpwuid(os.getuid()).pw_name},
    ],
)
async def test_a_file_that_is_as_asked_for_is_healthy(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    put(tmp_path / "log", text="\n all done").chmod(0o640)

    found = await run(tmp_path / "log", **fields)

    assert found.status is Status.HEALTHY, found.message


async def test_text_is_looked_for_at_the_end_of_the_newest_only(tmp_path: Path) -> None:
    put(tmp_path / "a.log", text="wanted" + "x" * 5000)
    put(tmp_path / "b.log", text="wanted", age_s=HOUR)

    found = await run(tmp_path / "*.log", expect_text="wanted", tail_kb=1)
    whole = await run(tmp_path / "*.log", expect_text="wanted", tail_kb=10)

    assert found.message == f"Expected text not found in the last 1 kB of {tmp_path}/a.log"
    assert whole.status is Status.HEALTHY


@pytest.mark.case("refused")
async def test_nothing_there_is_critical_unless_nothing_must_be_there(tmp_path: Path) -> None:
    missing = await run(tmp_path / "lock")
    folder = await run(tmp_path / "no" / "*" / "x")
    fine = await run(tmp_path / "lock", absent=True)
    empty = await run(tmp_path / "*", min_count=0, max_oldest_age="1m")

    assert (missing.status, missing.cause) == (Status.CRITICAL, Cause.MISSING)
    assert missing.message == f"Nothing at {tmp_path}/lock"
    assert folder.status is Status.CRITICAL
    assert fine.status is empty.status is Status.HEALTHY
    assert fine.metrics["file.count"] == 0 and "file.age_s" not in fine.metrics


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*", {"a.txt"}),
        (".*", {".hidden"}),
        ("**", {"a.txt", "sub/b.txt", "sub/deep/c.txt"}),
        ("**/*.txt", {"a.txt", "sub/b.txt", "sub/deep/c.txt"}),
        ("sub/**/*.txt", {"sub/b.txt", "sub/deep/c.txt"}),
        ("**/**/c.txt", {"sub/deep/c.txt"}),
        ("s*/?.txt", {"sub/b.txt"}),
        ("[ab].txt", {"a.txt"}),
    ],
)
async def test_globs_are_those_of_a_shell(tmp_path: Path, pattern: str, names: set[str]) -> None:
    for name in ("a.txt", ".hidden", "sub/b.txt", "sub/deep/c.txt", ".git/d.txt"):
        put(tmp_path / name)
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")

    found = await run(f"{tmp_path}/{pattern}", min_count=0)

    assert found.metrics["file.count"] == len(names), found


async def test_folders_are_matches_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    put(tmp_path / "file")

    folders = await run(tmp_path / "*", type="directory")
    anything = await run(tmp_path / "*", type="any")
    root = await run("/", type="directory")

    assert folders.metrics["file.count"] == 1 and anything.metrics["file.count"] == 2
    assert root.status is Status.HEALTHY


async def test_a_file_from_the_future_is_a_warning_since_it_would_look_fresh(
    tmp_path: Path,
) -> None:
    put(tmp_path / "a", age_s=-3 * HOUR)

    found = await run(tmp_path / "a", max_age="1h")

    assert found.status is Status.WARNING
    assert (
        found.message.startswith(f"{tmp_path}/a is dated 2 h 59 min ahead")
        or "3 h" in found.message
    )
    assert found.metrics["file.age_s"] == 0


@pytest.mark.case("hostile")
async def test_more_entries_than_the_limit_are_told(tmp_path: Path) -> None:
    for number in range(20):
        put(tmp_path / str(number))

    found = await run(tmp_path / "**", limit=19)
    enough = await run(tmp_path / "**", limit=20)

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message == f"{tmp_path}/** holds more than 19 entries (limit)"
    assert enough.status is Status.HEALTHY


@pytest.mark.case("hostile")
async def test_folders_nested_deeper_than_python_calls_are_walked(tmp_path: Path) -> None:
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(tmp_path)
        for _ in range(1010):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(before)
        os.close(before)

    found = await run(tmp_path / "**", type="directory")

    assert found.status in (Status.HEALTHY, Status.UNKNOWN), found.message
    await asyncio.to_thread(remove_deep, tmp_path / "d")


def remove_deep(folder: Path) -> None:
    """Remove a chain of folders that is longer than a path may be."""
    before = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    depth = 0
    while os.path.isdir("d"):
        os.chdir("d")
        depth += 1
    for _ in range(depth):
        os.chdir("..")
        os.rmdir("d")
    os.chdir(before)
    os.close(before)


@pytest.mark.case("hostile")
async def test_a_pipe_is_no_file_and_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    found = await run(tmp_path / "*", expect_text="x")
    anything = await run(tmp_path / "*", type="any")

    assert found.cause is Cause.MISSING
    assert anything.status is Status.HEALTHY


async def test_a_folder_that_may_not_be_read_makes_it_unknown(tmp_path: Path) -> None:
    put(tmp_path / "shut" / "a")
    (tmp_path / "shut").chmod(0)
    own = os.geteuid()
    if own == 0:  # root may read everything: be nobody for a moment
        os.seteuid(65534)
    try:
        found = await run(tmp_path / "shut" / "*")
        absent = await run(tmp_path / "shut" / "*", absent=True)
    finally:
        os.seteuid(own)
        (tmp_path / "shut").chmod(0o755)

    assert (found.status, found.cause) == (Status.UNKNOWN, Cause.NOT_MEASURABLE)
    assert found.message == f"Nothing at {tmp_path}/shut/*; {tmp_path}/shut can't be read"
    assert absent.status is Status.UNKNOWN


@pytest.mark.case("timeout")
async def test_a_filesystem_that_hangs_ends_at_the_deadline_and_is_asked_anew(
    tmp_path: Path,
) -> None:
    put(tmp_path / "a")
    check = made(tmp_path / "a")
    pipe = tmp_path / "hang"
    os.mkfifo(pipe)
    # Opening a pipe that nobody writes to hangs as a dead mount does, in the check's own thread.
    hanging = asyncio.create_task(in_thread(("file", check), lambda: pipe.read_text()))
    await asyncio.sleep(0.05)

    start = time.monotonic()
    found = await check.run(Deadline.after(0.3))

    assert (found.status, found.cause) == (Status.CRITICAL, Cause.TIMEOUT)
    assert re.fullmatch(rf"Still looking at {tmp_path}/a, for \d+ s", found.message)
    assert time.monotonic() - start < PATIENCE_S
    pipe.open("w").close()
    await hanging
    assert (await check.run(Deadline.after(5))).status is Status.HEALTHY


async def test_giving_up_ends_the_walk(tmp_path: Path) -> None:
    for number in range(200):
        put(tmp_path / str(number % 20) / str(number))

    walking = asyncio.create_task(run(tmp_path / "**"))
    await asyncio.sleep(0)
    walking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await walking
    assert (await run(tmp_path / "**")).metrics["file.count"] == 200


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"path": "/a/../b"}, "path must not hold"),
        ({"max_age": "soon"}, "max_age must be a duration"),
        ({"min_size": "big"}, "min_size must be a number"),
        ({"mode": "rw-r--r--"}, "mode must be octal"),
        ({"expect_regex": "("}, "expect_regex is not a regular expression"),
        ({"min_count": 3, "max_count": 2}, "max_count is below min_count"),
        ({"absent": True, "max_age": "1h"}, "absent can't go with max_age"),
        ({"type": "any", "expect_text": "x"}, 'type must be "file"'),
        ({"type": "directory", "min_size": 1}, "sizes of folders"),
    ],
)
def test_what_cannot_work_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(WrongFields, match=reason):
        FileCheck(**{"path": "/a", **fields})


def test_a_relative_path_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="matching regex"):
        made("logs/*.txt")
