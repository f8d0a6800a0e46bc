"""Check kind `file`: files are there, fresh, of the right size, and say what they should."""

from __future__ import annotations

import asyncio
import contextlib
import re
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from domain.facts import Cause, Detail, Measurement, Status
from domain.mistakes import WrongFields
from domain.units import seconds, show, span
from monitor.checks import Check, Deadline, hanging_s, in_thread, kind
from monitor.foreign import matches
from monitor.walking import Found, Stopped, TooMany, Walk, tail

SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kKMGT]?)(i?)B")
MODE = re.compile(r"0?[0-7]{3,4}")
# A pattern without these can't backtrack for long, so it is matched in our own process.
REPEATS = frozenset("*+?{")
# A file dated this far ahead would look fresh for that long.
AHEAD_S = 60.0
NAMED = 3
TYPES = {"file": stat.S_ISREG, "directory": stat.S_ISDIR}

JUDGED = ("max_age", "max_oldest_age", "min_size", "max_size", "expect_text", "expect_regex")

Size = Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0, le=1e18)] | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one walk brought back, and folders that could not be read.

    `tail` is the end of the newest file; `stranger` what is wrong with mode or owner of some file.
    """

    files: tuple[Found, ...]
    unreadable: tuple[str, ...]
    tail: str | None = None
    stranger: str | None = None


@kind("file", title="File", component="system", headline="file.age_s", retry_s=None)
class FileCheck(Check, frozen=True, kw_only=True):
    """Files at `path` are there as asked for: number, age, size, content, mode and owner."""

    path: Annotated[
        str,
        Meta(pattern=r"^/[^\x00]*$", max_length=4096, description="Absolute path; globs, also **"),
    ]
    type: Annotated[
        Literal["file", "directory", "any"], Meta(description="What counts as a match")
    ] = "file"
    absent: Annotated[bool, Meta(description="True: there must be none")] = False
    min_count: Annotated[int, Meta(ge=0, description="How many must be as asked for")] = 1
    max_count: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="How many may match the path")
    ] = None
    max_age: Annotated[str | None, Meta(description="Older ones do not count: 26h")] = None
    max_oldest_age: Annotated[
        str | None, Meta(description="None that matches may be older: 10m")
    ] = None
    min_size: Annotated[Size | None, Meta(description="Smaller ones do not count: 1GB")] = None
    max_size: Annotated[Size | None, Meta(description="Larger ones do not count")] = None
    expect_text: Annotated[str | None, Meta(description="Text the newest must hold")] = None
    expect_regex: Annotated[
        str | None, Meta(description="Regular expression that must match in the newest")
    ] = None
    tail_kb: Annotated[
        int, Meta(ge=1, le=4096, description="kB at the end of the newest that are searched")
    ] = 64
    mode: Annotated[str | None, Meta(description="Permissions of all, in octal: 0640")] = None
    owner: Annotated[str | None, Meta(description="User that owns all, by name or number")] = None
    group: Annotated[str | None, Meta(description="Group that owns all, by name or number")] = None
    limit: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Entries of folders that are looked at")
    ] = 50_000

    def __post_init__(self) -> None:
        """Refuse what could never work."""
        if wrong := list(self._wrong()):
            raise WrongFields(wrong)

    def _wrong(self) -> Iterator[tuple[str, str]]:
        if any(part in (".", "..") for part in self.path.split("/")):
            yield "path", "must not hold . or .. as a part"
        for key, text in (("max_age", self.max_age), ("max_oldest_age", self.max_oldest_age)):
            try:
                seconds(text or "1s")
            except ValueError:
                yield key, 'must be a duration such as "26h"'
        for key, size in (("min_size", self.min_size), ("max_size", self.max_size)):
            if isinstance(size, str) and not SIZE.fullmatch(size):
                yield key, 'must be a number of bytes, or a text such as "1GB" or "512 MiB"'
        if self.mode is not None and not MODE.fullmatch(self.mode):
            yield "mode", 'must be octal, such as "0640"'
        try:
            re.compile(self.expect_regex or "")
        except re.error as error:
            yield "expect_regex", f"is not a regular expression: {error}"
        if self.max_count is not None and self.max_count < self.min_count:
            yield "max_count", "is below min_count"
        if self.absent and any(getattr(self, name) is not None for name in JUDGED):
            yield "absent", f"can't go with {', '.join(JUDGED)}"
        if self.type == "directory" and (self.min_size is not None or self.max_size is not None):
            yield (
                "min_size",
                "and max_size say nothing of folders: sizes of folders are not those below",
            )
        if self.type != "file" and (self.expect_text is not None or self.expect_regex is not None):
            yield "type", 'must be "file" to look for expect_text or expect_regex'

    async def run(self, deadline: Deadline) -> Measurement:
        """Look for the files in a thread, which may hang on a dead mount, and judge them."""
        key, given_up = ("file", self), threading.Event()
        try:
            async with asyncio.timeout_at(deadline.at):
                if hanging_s(key) > 0:
                    with contextlib.suppress(OSError, Stopped):
                        await in_thread(key, lambda: self._look(given_up))  # what it saw is old
                seen = await in_thread(key, lambda: self._look(given_up))
                return await self._judge(seen)
        except TimeoutError:
            text = f"Still looking at {self.path}, for {span(hanging_s(key))}"
            return Measurement(status=Status.CRITICAL, cause=Cause.TIMEOUT, message=text)
        except TooMany:
            return _unknown(f"{self.path} holds more than {self.limit} entries (limit)")
        except OSError as error:
            return _unknown(f"{error.filename or self.path} can't be read: {error.strerror}")
        finally:
            given_up.set()

    def target(self) -> str:
        """The path."""
        return self.path

    def _look(self, given_up: threading.Event) -> Seen:
        """Everything that touches the filesystem."""
        walk = Walk(self.limit, given_up)
        wanted = TYPES.get(self.type)
        files = tuple(f for f in walk.find(self.path) if wanted is None or wanted(f.mode))
        newest = max(self._fitting(files), key=_changed, default=None)
        end = None
        if newest and (self.expect_text is not None or self.expect_regex is not None):
            end = tail(newest.path, self.tail_kb * 1000)
        # Here and not later, since a name may have to be asked of a directory service.
        stranger = next((text for file in files if (text := self._strange(file))), None)
        unreadable = tuple(walk.unreadable)
        return Seen(files=files, unreadable=unreadable, tail=end, stranger=stranger)

    def _fitting(self, files: Sequence[Found]) -> list[Found]:
        """Those of the right size."""
        least = 0.0 if self.min_size is None else _bytes(self.min_size)
        most = float("inf") if self.max_size is None else _bytes(self.max_size)
        return [file for file in files if least <= file.size <= most]

    def _strange(self, file: Found) -> str | None:
        mode = stat.S_IMODE(file.mode)
        if self.mode is not None and mode != int(self.mode, 8):
            return f"{file.path} has mode {mode:04o}, expected {int(self.mode, 8):04o}"
        if self.owner is not None and self.owner not in (str(file.uid), file.user):
            return f"{file.path} belongs to {file.user}, expected {self.owner}"
        if self.group is not None and self.group not in (str(file.gid), file.group):
            return f"{file.path} belongs to group {file.group}, expected {self.group}"
        return None

    async def _judge(self, seen: Seen) -> Measurement:
        now = time.time()
        fitting = self._fitting(seen.files)
        fresh = [
            f for f in fitting if self.max_age is None or now - f.changed <= seconds(self.max_age)
        ]
        newest = max(fitting, key=_changed, default=None)
        metrics = _metrics(seen.files, fitting, len(fresh), now)
        wrong = self._wrong_files(seen, fitting, fresh, now) or await self._wrong_text(seen, newest)
        status, cause = Status.HEALTHY, Cause.NONE
        if wrong:
            status, cause, wrong = self._weighed(seen, fresh, wrong)
        elif self.absent and seen.unreadable:
            status, cause = Status.UNKNOWN, Cause.NOT_MEASURABLE
            wrong = f"{seen.unreadable[0]} can't be read"
        elif newest and newest.changed > now + AHEAD_S:
            status, cause = Status.WARNING, Cause.WRONG_ANSWER
            wrong = f"{newest.path} is dated {span(newest.changed - now)} ahead"
        details: dict[str, Detail] = {"newest": newest.path} if newest else {}
        details |= {"unreadable": list(seen.unreadable[:NAMED])} if seen.unreadable else {}
        return Measurement(
            status=status,
            cause=cause,
            message=wrong or self._sentence(seen.files, newest, now),
            metrics=metrics,
            details=details,
        )

    def _weighed(self, seen: Seen, fresh: Sequence[Found], wrong: str) -> tuple[Status, Cause, str]:
        """Critical; unknown where too few were seen because a folder can't be read."""
        few = len(fresh) < self.min_count and not self.absent
        if few and seen.unreadable:
            return (
                Status.UNKNOWN,
                Cause.NOT_MEASURABLE,
                f"{wrong}; {seen.unreadable[0]} can't be read",
            )
        return Status.CRITICAL, Cause.MISSING if few else Cause.WRONG_ANSWER, wrong

    def _wrong_files(
        self, seen: Seen, fitting: Sequence[Found], fresh: Sequence[Found], now: float
    ) -> str | None:
        files = seen.files
        if self.absent:
            return f"{_named(files)}, expected none" if files else None
        if len(fresh) < self.min_count:
            return self._too_few(files, fitting, fresh, now)
        if self.max_count is not None and len(files) > self.max_count:
            return f"{len(files)} match {self.path}, expected ≤ {self.max_count}"
        oldest = min(files, key=_changed, default=None)
        if oldest and self.max_oldest_age is not None:
            age_s = now - oldest.changed
            if age_s > seconds(self.max_oldest_age):
                return f"{oldest.path} is {span(age_s)} old, expected ≤ {span(seconds(self.max_oldest_age))}"
        return seen.stranger

    def _too_few(
        self,
        files: Sequence[Found],
        fitting: Sequence[Found],
        fresh: Sequence[Found],
        now: float,
    ) -> str:
        """Why there are too few, by what came nearest."""
        if not files:
            wanted = f", expected at least {self.min_count}" if self.min_count > 1 else ""
            return f"Nothing at {self.path}{wanted}"
        if not fitting:
            latest = max(files, key=_changed)
            return (
                f"{latest.path} holds {show(latest.size, 'bytes')}, expected {self._size_words()}"
            )
        if not fresh and self.max_age is not None:
            newest = max(fitting, key=_changed)
            age = span(now - newest.changed)
            return f"{newest.path} is {age} old, expected ≤ {span(seconds(self.max_age))}"
        return (
            f"Only {len(fresh)} of {len(files)} at {self.path}, expected at least {self.min_count}"
        )

    def _size_words(self) -> str:
        least = [] if self.min_size is None else [f"≥ {show(_bytes(self.min_size), 'bytes')}"]
        most = [] if self.max_size is None else [f"≤ {show(_bytes(self.max_size), 'bytes')}"]
        return " and ".join([*least, *most])

    async def _wrong_text(self, seen: Seen, newest: Found | None) -> str | None:
        if seen.tail is None or newest is None:
            return None
        where = f"the last {self.tail_kb} kB of {newest.path}"
        if self.expect_text is not None and self.expect_text not in seen.tail:
            return f"Expected text not found in {where}"
        if self.expect_regex is not None and not await _matches(self.expect_regex, seen.tail):
            return f"Expected pattern does not match in {where}"
        return None

    def _sentence(self, files: Sequence[Found], newest: Found | None, now: float) -> str:
        if newest is None:
            return f"Nothing at {self.path}"
        age = span(max(0.0, now - newest.changed))
        return f"{newest.path}: {show(newest.size, 'bytes')}, {age} old" + (
            f", newest of {len(files)}" if len(files) > 1 else ""
        )


def _metrics(
    files: Sequence[Found], fitting: Sequence[Found], fresh: int, now: float
) -> dict[str, float]:
    metrics: dict[str, float] = {}
    if fitting:
        newest = max(fitting, key=_changed)
        metrics["file.age_s"] = round(max(0.0, now - newest.changed), 1)
        metrics["file.size_bytes"] = float(newest.size)
    metrics |= {"file.count": float(len(files)), "file.fitting": float(fresh)}
    if files:
        oldest = min(files, key=_changed)
        metrics["file.oldest_age_s"] = round(max(0.0, now - oldest.changed), 1)
        metrics["file.total_bytes"] = float(sum(file.size for file in files))
    return metrics


async def _matches(pattern: str, text: str) -> bool:
    if REPEATS & set(pattern):
        return await matches(pattern, text)
    return re.search(pattern, text) is not None


def _changed(file: Found) -> float:
    return file.changed


def _named(files: Sequence[Found]) -> str:
    """The first few by name: `/a, /b and 7 more`."""
    names = ", ".join(file.path for file in files[:NAMED])
    return f"{names} and {len(files) - NAMED} more" if len(files) > NAMED else names


def _bytes(size: float | str) -> float:
    """A size in bytes: `1GB` is 1000³ bytes, `1GiB` 1024³."""
    if not isinstance(size, str):
        return float(size)
    found = SIZE.fullmatch(size)
    assert found is not None  # __post_init__ has refused all others
    power = " KMGT".index(found[2].upper() or " ")
    return float(found[1]) * (1024.0 if found[3] else 1000.0) ** power


def _unknown(message: str) -> Measurement:
    return Measurement(status=Status.UNKNOWN, cause=Cause.NOT_MEASURABLE, message=message)
