"""When checks run: one timer per distinct interval and phase, retries and extra runs on top."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import DBAPIError

from monitor.roster import Watch, slots

log = structlog.get_logger()

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# So many runs begin in one round of the loop. When thousands are due at once, each of them still has
# its answer read as soon as it is there, and measures the server instead of the others.
BEGUN_AT_ONCE = 4
RunCheck = Callable[[str, int, datetime | None], Coroutine[Any, Any, object]]
Work = Callable[[], Coroutine[Any, Any, None]]


class Timetable:
    """Starts runs on the loop: at their slots by APScheduler, and later ones by the loop's clock.

    A late timer still fires (no grace), missed ones are folded into one, and no run waits for
    another: APScheduler's defaults would drop checks without a word.
    """

    def __init__(self, run: RunCheck) -> None:
        self._run = run
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._regular: list[Job] = []
        self._later: dict[str, asyncio.TimerHandle] = {}
        self._due: dict[str, tuple[int, datetime | None]] = {}
        self._running: set[asyncio.Task[object]] = set()

    def start(self) -> None:
        """Start the timers."""
        self._scheduler.start()

    def lay(self, watches: Iterable[Watch]) -> None:
        """Lay all slots anew, from the wall clock as it is now."""
        for job in self._scheduler.get_jobs():
            if job.id.startswith("slot:"):
                job.remove()
        for (interval, phase), names in slots(each for each in watches if each.enabled).items():
            self._scheduler.add_job(
                self._fire,
                IntervalTrigger(
                    seconds=interval, start_date=EPOCH + timedelta(seconds=phase), timezone=UTC
                ),
                args=(interval, phase, tuple(names)),
                id=f"slot:{interval}:{phase}",
            )

    def every(self, seconds: float, function: Work, *, offset_s: float = 0.0) -> None:
        """Run a coroutine function at aligned times, `offset_s` after each full `seconds`.

        A turn that finds the store away is left out.
        """
        start = EPOCH + timedelta(seconds=offset_s)
        trigger = IntervalTrigger(seconds=max(1, round(seconds)), start_date=start, timezone=UTC)
        self._regular.append(self._scheduler.add_job(turn, trigger, args=(function,)))

    def lay_regular(self) -> None:
        """Lay the turns of regular work anew, from the wall clock as it is now.

        After a clock was ahead, the next one would else be due when it is as late as that again.
        """
        for job in self._regular:
            job.reschedule(job.trigger)

    def later(self, seconds: float, name: str, attempt: int) -> None:
        """Run a check once more in `seconds`; of several such wishes the earliest stands."""
        loop = asyncio.get_running_loop()
        planned = self._later.get(name)
        if planned is not None and planned.when() <= loop.time() + seconds:
            return
        if planned is not None:
            planned.cancel()
        self._later[name] = loop.call_later(seconds, self._begin_later, name, attempt)

    def begin(self, name: str, attempt: int = 1, slot: datetime | None = None) -> None:
        """Run a check now, as a task of its own, in its turn among those that are due."""
        if not self._due:
            asyncio.get_running_loop().call_soon(self._begin_some)
        if slot is not None or name not in self._due:
            self._due[name] = attempt, slot

    async def drain(self, timeout_s: float) -> int:
        """Start nothing more and wait for what runs; returns how many had to be given up."""
        self._scheduler.remove_all_jobs()
        self._due.clear()
        for handle in self._later.values():
            handle.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=timeout_s)
        left = [task for task in self._running if not task.done()]
        for task in left:
            task.cancel()
        self._scheduler.shutdown(wait=False)
        return len(left)

    async def _fire(self, interval: int, phase: int, names: tuple[str, ...]) -> None:
        elapsed = int(datetime.now(UTC).timestamp()) - phase
        slot = EPOCH + timedelta(seconds=elapsed // interval * interval + phase)
        for name in names:
            planned = self._later.pop(name, None)
            if planned is not None:
                planned.cancel()
            self.begin(name, 1, slot)

    def _begin_some(self) -> None:
        loop = asyncio.get_running_loop()
        for name in list(itertools.islice(self._due, BEGUN_AT_ONCE)):
            task = loop.create_task(self._run(name, *self._due.pop(name)))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        if self._due:
            loop.call_soon(self._begin_some)

    def _begin_later(self, name: str, attempt: int) -> None:
        self._later.pop(name, None)
        self.begin(name, attempt)


async def turn(function: Work) -> None:
    """One turn of regular work; one that finds the store away is left out."""
    try:
        await function()
    except DBAPIError as error:
        log.warning("put off: the store is away", error=str(error.orig))
    except asyncio.CancelledError:
        # The writer that it waited for has ended, and the process ends with it.
        return
