"""The monitor while it leads: roster, timetable, recorder, commands, sampling, reload, stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from domain.configuration import CONFIG_NOTICE, Configuration, check_succession
from domain.facts import CheckState
from domain.intake import Times
from domain.settings import ConfigError
from monitor import arrivals, orders, reach
from monitor.channeltables import NamedChannel, recipients
from monitor.cycle import Cycle
from monitor.definitions import WatchedCheck
from monitor.drafts import Drafts
from monitor.feeding import Fed
from monitor.foreign import ForeignRunner
from monitor.inbox import Inbox
from monitor.inforce import InForce
from monitor.keeping import KEEP_OFFSET_S, KEEP_S, Keeping
from monitor.outbox import Sender
from monitor.pausing import part_with, settle_pause
from monitor.publishing import published
from monitor.recorder import Recorder
from monitor.roster import Roster, Watch, next_slot, opening_order
from monitor.selfwatch import SelfWatch, Vitals, look, next_beat, utc_now
from monitor.timetable import Timetable, turn
from monitor.upkeep import SWEEP_S, Upkeep
from storage import counters, web_figures
from storage.engine import file_of
from storage.journal import Beat, Journal
from storage.leadership import Lease
from storage.room import Obstacle, obstacle
from storage.watch import CounterWatch

log = structlog.get_logger()
T = TypeVar("T")

OPENING_SPREAD_S = 10.0
DRAIN_S = 2.0
FLUSH_S = 1.5
AGAIN_S = 2.0
GAP = timedelta(seconds=10)
LISTEN_S = 10.0
SOON_S = 60.0
LONG_GAP = timedelta(hours=1)


class Running:
    """One leadership from its start to its end. `lost` is called when another monitor took over."""

    def __init__(
        self,
        engine: Engine,
        lease: Lease,
        configuration: Configuration,
        environ: Mapping[str, str],
        *,
        lost: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._lease = lease
        self._configuration = configuration
        self._environ = environ
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._journal = Journal(engine)
        self._recorder = self._recording()
        self._journal.times = self._times
        self._journal.swept = lambda: self._on_loop(self._sender.wake)
        self._in_force = InForce(engine, self._journal, environ)
        self._foreign = ForeignRunner()
        self._sender = Sender(engine, lease, self._ask, utc_now)
        self._timetable = Timetable(lambda *run: self._cycle.run(*run))
        self._cycle = Cycle(
            Roster(),
            self._recorder,
            self._foreign,
            clock=utc_now,
            later=self._timetable.later,
        )
        self._drafts = self._drafting()
        self._upkeep = Upkeep(
            engine, lease, self._journal, self._recorder, self._cycle, self._ask, utc_now
        )
        self._keeping = Keeping(
            lease, environ, self._upkeep, self._journal, self._ask, clock=utc_now
        )
        self._inbox = Inbox(engine, self._recorder, self._ask, arrivals.handlers(self._cycle))
        self._edits: int | None = None
        self._selfwatch = SelfWatch(look, beat=self._beat, stepped=self._on_step)
        self._ticker: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._watched: tuple[WatchedCheck, ...] = ()
        self.is_lost = False

    def _recording(self) -> Recorder:
        """The one writer. What it notices is taken up on the loop."""
        return Recorder(
            self._journal,
            self._lease,
            CounterWatch(self._engine, counters.CHANGES),
            on_change=lambda: self._on_loop(self._take_changes),
            on_lost=lambda: self._on_loop(self._lose),
            on_problem=lambda: self._on_loop(self._sender.wake),
            on_obstacle=lambda found: self._on_loop(lambda: self._tell_obstacle(found)),
            obstacle=partial(obstacle, file_of(self._configuration.settings.storage.url)),
        )

    def _drafting(self) -> Drafts:
        """What tries checks that are not watched yet, by what is in force when they are tried."""
        return Drafts(
            self._engine,
            self._environ,
            self._foreign,
            configuration=lambda: self._configuration,
            roster=lambda: self._cycle.roster,
            clock=utc_now,
        )

    @property
    def damage(self) -> str | None:
        """What the driver said of the store's file if it turned out to be damaged."""
        return self._recorder.damage

    async def start(self, refused: ConfigError | None = None) -> None:
        """Publish the definitions, take up the states, start beating and checking.

        `refused` tells why the configuration is not what the file says now; None when it is.
        """
        self._recorder.start()
        await self._ask(self._note_gap)
        await self._tell_refused(refused)
        await self._publish()
        await self._refresh()
        self._timetable.start()
        if self._configuration.settings.monitor.metrics_interval_s:
            interval = self._configuration.settings.monitor.metrics_interval_s
            self._timetable.every(interval, self._upkeep.sample)
        self._timetable.every(SWEEP_S, self._upkeep.sweep)
        self._timetable.every(LISTEN_S, self._listen)
        self._timetable.every(KEEP_S, self._keep, offset_s=KEEP_OFFSET_S)
        if self._lease.previous_beat and utc_now() - self._lease.previous_beat > LONG_GAP:
            self._loop.call_later(SOON_S, lambda: self._begin(turn(self._keep)))
        self._sender.start()
        self._tick()
        # Commands and edits may have come while nobody led.
        self._take_changes()
        log.info("monitoring", checks=len(self._cycle.roster))

    async def reload(self, load: Callable[[], Configuration]) -> None:
        """Take up a changed file; a bad one is refused whole, and the old one stays in force.

        Raises the driver's error when the store is away; the reload is then to be tried again.
        """
        try:
            configuration = load()
            check_succession(self._configuration, configuration)
        except ConfigError as error:
            await self._tell_refused(error)
            return
        self._configuration = configuration
        await self._tell_refused(None)
        await self._publish()
        await self._refresh()
        log.info("configuration reloaded", checks=len(self._cycle.roster))

    async def _tell_refused(self, error: ConfigError | None) -> None:
        """Say that the file is refused and the old configuration in force; None takes it back."""
        if error is None:
            await self._ask(lambda: self._journal.withdraw(CONFIG_NOTICE))
            return
        text = f"The changed configuration is refused, the old one stays in force. {error}"
        log.error("configuration refused", reason=str(error))
        await self._ask(lambda: self._journal.notify(CONFIG_NOTICE, "error", text, utc_now()))

    async def stop(self) -> bool:
        """Finish what runs, store it, end the children; whether everything was stored."""
        if self._ticker is not None:
            self._ticker.cancel()
        left = await self._timetable.drain(DRAIN_S)
        if left:
            log.warning("runs given up at the stop", count=left)
        await self._foreign.close()
        await self._sender.close()
        await self._keeping.close()
        return await asyncio.to_thread(self._recorder.stop, FLUSH_S)

    async def _publish(self) -> None:
        configuration = self._configuration
        reach.adopt(configuration.settings.network)
        await self._ask(lambda: self._in_force.publish(self._lease, configuration, utc_now()))

    async def _refresh(self, *, by_hand: bool = False) -> None:
        """Read the definitions in force, and make them the roster; states carry over.

        `by_hand` says that an edit changed them, not the file.
        """
        configuration = self._configuration
        self._adopt_channels(await self._ask(lambda: self._in_force.channels(configuration)))
        watched = await self._ask(lambda: self._in_force.load(configuration, utc_now()))
        rules, windows = await self._ask(lambda: self._in_force.alerting(utc_now()))
        if watched == self._watched:
            await self._upkeep.adopt(rules, windows, by_hand=by_hand)
            return
        self._watched = watched
        place = {str(table["name"]): at for at, table in enumerate(configuration.checks)}
        checks = [published(each, place.get(each.definition.name, len(place))) for each in watched]
        names = {each.name for each in checks}
        left = await self._ask(lambda: self._journal.left_out(names))
        self._recorder.record(part_with(left, self._cycle.roster, utc_now()))
        states = await self._ask(lambda: self._journal.publish(self._lease, checks))
        new = [each for each in watched if self._cycle.roster.get(each.definition.name) is None]
        for check, last in await self._ask(lambda: self._in_force.remembered(new)):
            check.resume(last.metrics, last.details)
        await self._listen()
        self._adopt(watched, states, utc_now())
        await self._upkeep.adopt(rules, windows, by_hand=by_hand)

    def _adopt(
        self, watched: Sequence[WatchedCheck], states: Mapping[str, CheckState], now: datetime
    ) -> None:
        """Make `watched` the roster. A watch that goes on keeps its object: it may be running."""
        former, fresh, watches = self._cycle.roster, [], []
        for each in watched:
            watch = former.get(each.definition.name)
            if watch is None:
                watch = Watch(watched=each, state=states[each.definition.name])
                fresh.append(watch)
            elif watch.watched != each:
                watch.watched = each
                fresh.append(watch)
            watches.append(watch)
        self._cycle.roster = Roster(watches)
        groups = [settle_pause(watch, now) for watch in watches]
        groups += [self._cycle.settle_children(watch, now) for watch in watches]
        for entries in groups:
            self._recorder.record(entries)
            self._cycle.wake(entries)
        self._timetable.lay(watches)
        self._open(fresh)

    def _adopt_channels(self, channels: Sequence[NamedChannel]) -> None:
        self._journal.recipients = recipients(channels)
        self._sender.adopt(channels)

    def _open(self, fresh: Sequence[Watch]) -> None:
        """Run new and changed checks soon, without a storm."""
        enabled = [watch for watch in fresh if watch.enabled]
        shortest = min((watch.interval_s for watch in enabled), default=OPENING_SPREAD_S)
        for seconds, name in opening_order(enabled, min(OPENING_SPREAD_S, shortest)):
            self._timetable.later(seconds, name, 1)

    def _take_changes(self) -> None:
        self._sender.wake()
        self._begin(self._refresh_and_obey())

    async def _refresh_and_obey(self) -> None:
        try:
            edits = await self._ask(self._journal.edits)
            is_edited = edits != self._edits
            if is_edited:
                await self._refresh(by_hand=True)
            # A check that an edit has just made may be told something already.
            await self._inbox.take_in()
            if is_edited:
                await self._upkeep.sweep()
                hands = orders.Hands(cycle=self._cycle, post=self._sender, drafts=self._drafts)
                await orders.obey(self._engine, self._lease, hands, self._ask, utc_now)
                self._edits = edits
        except DBAPIError as error:
            # The counter that told of the changes moves only once.
            log.warning("the store is away; changes are taken up later", error=str(error.orig))
            self._loop.call_later(AGAIN_S, self._take_changes)

    async def _listen(self) -> None:
        """Learn when the web could receive last, for the checks that wait for something, if any."""
        if not any(isinstance(each.check, Fed) for each in self._watched):
            return
        told = await self._ask(lambda: web_figures.last_told(self._engine))
        self._cycle.receiving = max(filter(None, (told, self._cycle.receiving)), default=None)

    def _note_gap(self) -> None:
        before, now = self._lease.previous_beat, utc_now()
        if before is not None and now - before > GAP:
            self._journal.record_gap(self._lease, before, now, "no monitor was running")

    async def _ask(self, function: Callable[[], T]) -> T:
        """Run a store function in the writer's thread and wait for it."""
        return await asyncio.wrap_future(self._recorder.call(function))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep(self) -> None:
        await self._keeping.keep(self._configuration.settings.storage)

    def _times(self) -> Times:
        """Of which times samples are taken in now."""
        now, days = utc_now(), self._configuration.settings.storage.raw_days
        return Times(oldest=now - timedelta(days=days), now=now)

    def _tick(self, due: float | None = None) -> None:
        self._selfwatch.tick(due)
        if self._upkeep.is_due(utc_now()):
            self._begin(turn(self._upkeep.sweep))
        due = next_beat(self._loop.time())
        self._ticker = self._loop.call_at(due, self._tick, due)

    def _beat(self, at: datetime, vitals: Vitals) -> None:
        self._recorder.beat(Beat(at=at, lag_ms=vitals.lag_ms))
        self._upkeep.note(vitals)

    def _on_step(self, vitals: Vitals) -> None:
        log.warning(
            "the clock moved or the process slept", step_s=vitals.step_s, lag_ms=vitals.lag_ms
        )
        now = utc_now()
        for watch in self._cycle.roster:
            watch.due = next_slot(watch.name, watch.interval_s, now)
        self._timetable.lay(self._cycle.roster)
        self._timetable.lay_regular()
        self._open(list(self._cycle.roster))

    def _tell_obstacle(self, found: Obstacle) -> None:
        self._begin(self._sender.tell_unstored(found.text))

    def _lose(self) -> None:
        self.is_lost = True
        self._lost()

    def _on_loop(self, function: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(function)
