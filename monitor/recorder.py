"""The one writer of the monitor: a thread that commits what the loop found, at most 1 s later.

While the store is away, what was found waits in a bounded buffer; when that overflows, the oldest
goes and the gap is recorded once the store is back.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError

from domain.facts import Sample
from storage.engine import is_away, is_damaged, is_full
from storage.journal import Beat, Entry, Journal, TakenIn, Written
from storage.leadership import LeadershipLost, Lease
from storage.room import Obstacle
from storage.rule_rows import Ruled
from storage.watch import CounterWatch

log = structlog.get_logger()
T = TypeVar("T")

# The store is asked for changes of others so often for a while after there was one: whoever makes
# one makes more. Else it rests, since to wake up costs more than to ask.
POLL_S = 0.25
REST_S = 0.5
LIVELY_S = 60.0
# What is not urgent waits so long for company, and then for the next poll: a second in all.
GATHER_S = 0.5
BATCH = 1_000
BUFFER = 50_000
AWAY_PAUSE_S = 1.0


Group = tuple[Written, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """What one transaction writes; groups are never split over two."""

    groups: tuple[Group, ...]
    samples: tuple[Sample, ...]
    beat: Beat | None

    @property
    def is_something(self) -> bool:
        return bool(self.groups or self.samples or self.beat)


class Recorder:
    """Takes entries, samples and beats from the loop; commits them in order from its own thread.

    `on_change` is called (in this thread) when the change counter moved, `on_lost` when another
    monitor took the leadership over: from then on nothing more is written. `on_problem` is called
    after a commit that may have left deliveries. `obstacle` is asked why nothing can be written, and
    `on_obstacle` is called when that is known.
    """

    def __init__(
        self,
        journal: Journal,
        lease: Lease,
        watch: CounterWatch,
        *,
        on_change: Callable[[], None],
        on_lost: Callable[[], None],
        on_problem: Callable[[], None] = lambda: None,
        on_obstacle: Callable[[Obstacle], None] = lambda _: None,
        obstacle: Callable[[], Obstacle | None] = lambda: None,
        buffer: int = BUFFER,
    ) -> None:
        self._journal = journal
        self._lease = lease
        self._watch = watch
        self._on_change = on_change
        self._on_lost = on_lost
        self._on_problem = on_problem
        self._on_obstacle = on_obstacle
        self._find_obstacle = obstacle
        self._obstacle: Obstacle | None = None
        self.limit = buffer
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._groups: deque[Group] = deque()
        self._samples: deque[Sample] = deque()
        self._calls: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._beat: Beat | None = None
        # When what has gathered is to be committed, by the monotonic clock.
        self._commit_at = math.inf
        self._dropped: tuple[datetime, datetime] | None = None
        self._changes: int | None = None
        self._lively_until = -math.inf
        self._away = False
        self._stopping = False
        self._lost = False
        # What the driver said when the store's file turned out to be damaged: the monitor ends then.
        self.damage: str | None = None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    @property
    def is_away(self) -> bool:
        """Whether the store could not be written at the last try."""
        return self._away

    @property
    def is_watching(self) -> bool:
        """Whether the change counter has been read once."""
        return self._changes is not None

    def start(self) -> None:
        """Start the thread."""
        self._watch.listen(self._wake.set)
        self._thread.start()

    def record(self, entries: Sequence[Written], *, urgent: bool = False) -> None:
        """Hand over entries that belong together: they are committed in one transaction.

        `urgent` (a state changed) commits at once instead of with the next batch.
        """
        if not entries:
            return
        with self._lock:
            self._groups.append(tuple(entries))
            while len(self._groups) > self.limit:
                self._drop(self._groups.popleft())
            self._plan(0.0 if urgent else GATHER_S)
        if urgent:
            self._wake.set()

    def rule(self, ruled: Sequence[Ruled]) -> None:
        """Hand over what rules say; it is committed at once where it may concern an incident."""
        self.record(ruled, urgent=any(each.decisions for each in ruled))

    def taking_in(self) -> frozenset[int]:
        """The arrivals that are handed over and not committed: they still lie in the inbox.

        Exact within a function that `call` runs, which lies between two commits.
        """
        with self._lock:
            written = [each for group in self._groups for each in group]
        found = (each.ids for each in written if isinstance(each, TakenIn))
        return frozenset(itertools.chain.from_iterable(found))

    def sample(self, samples: Sequence[Sample]) -> None:
        """Hand over samples that belong to no check."""
        with self._lock:
            self._samples.extend(samples)
            while len(self._samples) > self.limit:
                self._samples.popleft()
            self._plan(GATHER_S)

    def beat(self, beat: Beat) -> None:
        """Hand over the loop's sign of life; only the newest is written."""
        with self._lock:
            self._beat = beat
            self._plan(0.0)

    def call(self, function: Callable[[], T]) -> Future[T]:
        """Run a store function in this thread, between commits; the future holds what it returns."""
        future: Future[T] = Future()
        with self._lock:
            self._calls.append((function, future))
        self._wake.set()
        return future

    def stop(self, timeout_s: float) -> bool:
        """Commit what is left and end the thread; whether it managed within `timeout_s`."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and not self._groups

    def _plan(self, seconds: float) -> None:
        """Commit in so many seconds at the latest. To be called with the lock held."""
        self._commit_at = min(self._commit_at, time.monotonic() + seconds)

    def _run(self) -> None:
        while not self._lost:
            self._wake.wait(self._pause_s())
            self._wake.clear()
            last_round = self._stopping
            try:
                self._round()
            except LeadershipLost as error:
                self._lose(error)
            except DBAPIError as error:
                self._note_away(error)
            except Exception:
                # A writer that is gone would leave a monitor that measures and stores nothing.
                log.exception("the writer failed; the monitor ends")
                self._give_up()
            if last_round and (self._away or not self._groups):
                break
        self._watch.close()
        self._refuse_calls()

    def _pause_s(self) -> float:
        if self._away and not self._stopping:
            return AWAY_PAUSE_S
        return POLL_S if time.monotonic() < self._lively_until else REST_S

    def _round(self) -> None:
        # Whoever asks something is answered after what was found before.
        if self._calls or self._stopping or time.monotonic() >= self._commit_at:
            self._flush()
            self._run_calls()
        changes = self._watch.poll()
        if changes != self._changes:
            first, self._changes = self._changes is None, changes
            self._lively_until = time.monotonic() + LIVELY_S
            if not first:
                self._on_change()
        if self._away:
            self._away, self._obstacle = False, None
            log.info("the store is back")

    def _flush(self) -> None:
        with self._lock:
            self._commit_at = math.inf
        while (batch := self._peek()).is_something:
            entries = [entry for group in batch.groups for entry in group]
            self._journal.commit(self._lease, entries, batch.samples, batch.beat)
            if any(isinstance(each, Entry | Ruled) and each.problem for each in entries):
                self._on_problem()
            self._forget(batch)
            self._record_dropped()

    def _peek(self) -> _Batch:
        """The next batch, still in the buffer: it leaves only once it is committed."""
        with self._lock:
            groups: list[Group] = []
            size = 0
            for group in self._groups:
                if size >= BATCH:
                    break
                groups.append(group)
                size += len(group)
            samples = tuple(itertools.islice(self._samples, BATCH))
            return _Batch(groups=tuple(groups), samples=samples, beat=self._beat)

    def _forget(self, batch: _Batch) -> None:
        with self._lock:
            _pop_front(self._groups, batch.groups)
            _pop_front(self._samples, batch.samples)
            if self._beat is batch.beat:
                self._beat = None

    def _drop(self, group: Group) -> None:
        told = (each for each in group if isinstance(each, Entry | Ruled))
        at = next((each.state.last_at for each in told), None)
        if at is not None:
            self._dropped = (self._dropped[0] if self._dropped else at, at)

    def _record_dropped(self) -> None:
        if self._dropped is not None:
            started, ended = self._dropped
            self._journal.record_gap(self._lease, started, ended, "store away, buffer full")
            self._dropped = None

    def _run_calls(self) -> None:
        # Those that come meanwhile wait for the next round, which commits first what came before them.
        for _ in range(len(self._calls)):
            function, future = self._calls.popleft()
            # From here on it can't be cancelled: at a stop, whoever asked may be gone already.
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function())
            except LeadershipLost as error:
                future.set_exception(error)
                raise
            except Exception as error:  # it belongs to whoever awaits the future
                future.set_exception(error)
                # Damage that only they meet, such as in the outbox, would be tried again for ever.
                if isinstance(error, DBAPIError) and is_damaged(error):
                    raise

    def _refuse_calls(self) -> None:
        while self._calls:
            self._calls.popleft()[1].cancel()

    def _lose(self, error: LeadershipLost) -> None:
        log.error("another monitor has taken over", reason=str(error))
        self._give_up()

    def _give_up(self) -> None:
        self._lost = True
        self._on_lost()

    def _note_away(self, error: DBAPIError) -> None:
        with self._lock:
            # What could not be written is still there.
            self._plan(0.0)
        if is_damaged(error):
            self.damage = str(error.orig)
            log.critical("the store is damaged; stopping", error=self.damage)
            self._give_up()
            return
        if not is_away(error):
            # A batch that can never be written would block all that follows; drop it, loudly.
            log.error("a batch was refused by the store", error=str(error.orig))
            self._forget(self._peek())
            return
        self._note_obstacle(Obstacle.FULL if is_full(error) else self._find_obstacle())
        if not self._away:
            log.warning("the store is away; results are buffered", error=str(error.orig))
        self._away = True

    def _note_obstacle(self, found: Obstacle | None) -> None:
        """Say why nothing can be written by ways that need no store: the log, and who listens."""
        if found is not None and found is not self._obstacle:
            log.critical(found.text, obstacle=found.value)
            self._on_obstacle(found)
        self._obstacle = found


def _pop_front(queue: deque[Any], batch: tuple[Any, ...]) -> None:
    """Remove a committed batch from the front; an overflow may have removed part of it meanwhile."""
    committed = {id(each) for each in batch}
    while queue and id(queue[0]) in committed:
        queue.popleft()
