"""The monitor process: composition, leadership, signals, and the way to a clean stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil
import structlog
from sqlalchemy.exc import DBAPIError

from domain.configuration import Configuration
from domain.mistakes import ConfigError
from monitor.running import Running
from monitor.selfwatch import next_beat
from storage import leadership, presence
from storage.engine import (
    StoreDamaged,
    StoreGone,
    StoreReplaced,
    file_of,
    is_damaged,
    open_existing,
)
from storage.leadership import Holder, Lease, Process
from storage.revision import require_current

log = structlog.get_logger()
Load = Callable[[], Configuration]

CLAIM_S = 1.0
WATCH_S = 2.0


def main(
    configuration: Configuration,
    refused: ConfigError | None,
    load: Load,
    environ: Mapping[str, str],
    orphaned: Callable[[], bool],
) -> int:
    """Run the monitor until a signal ends it; returns the exit code.

    It starts with `configuration`; `refused` tells why that is not what the file says now. `load`
    reads the file again at each reload and raises ConfigError. `orphaned` tells whether the
    supervisor that started this process is gone. Raises StoreError, and StoreLost when the file of
    the store was deleted, replaced or damaged meanwhile.
    """
    return asyncio.run(Monitor(configuration, refused, load, environ, orphaned).run())


class Monitor:
    """One monitor process: stands by until it may lead, then runs until it is stopped."""

    def __init__(
        self,
        configuration: Configuration,
        refused: ConfigError | None,
        load: Load,
        environ: Mapping[str, str],
        orphaned: Callable[[], bool],
    ) -> None:
        self._load = load
        self._environ = environ
        self._orphaned = orphaned
        self._configuration = configuration
        self._refused = refused
        self._changed = ConfigWatch(Path(configuration.source))
        url = configuration.settings.storage.url
        self._engine = open_existing(url)
        self._file = file_of(url)
        self._identity = presence.identity(self._file) if self._file else None
        self._me = myself()
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()

    async def run(self) -> int:
        """Lead, or wait to lead, until stopped. 0 after a clean stop, 1 when leadership was lost."""
        try:
            code = await self._run()
        except DBAPIError as error:
            # What fails because the file is gone or damaged is told as that.
            self._require_file()
            if self._file is not None and is_damaged(error):
                raise StoreDamaged(self._file, str(error.orig)) from error
            raise
        self._require_file()
        return code

    async def _run(self) -> int:
        require_current(self._engine)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        watch = loop.create_task(self._watch())
        try:
            lease = await self._lead()
            if lease is None:
                leadership.stop_standing_by(self._engine, self._me)
                return 0
            return await self._run_as_leader(lease)
        finally:
            watch.cancel()
            self._engine.dispose()

    async def _lead(self) -> Lease | None:
        """Claim the leadership until it is ours; None when stopped before."""
        told: Holder | None = None
        while not self._stop.is_set():
            try:
                claimed = await asyncio.to_thread(self._claim)
            except DBAPIError as error:
                if is_damaged(error):
                    raise
                log.warning("the store cannot be reached yet", error=str(error.orig))
            else:
                if isinstance(claimed, Lease):
                    log.info("leading", epoch=claimed.epoch, pid=os.getpid())
                    return claimed
                if told is None or told.epoch != claimed.epoch:
                    _tell_standby(claimed)
                    told = claimed
            await wait(CLAIM_S, self._stop)
        return None

    def _claim(self) -> Lease | Holder:
        return leadership.claim(self._engine, self._me, datetime.now(UTC), is_alive)

    async def _run_as_leader(self, lease: Lease) -> int:
        # Who stood by for long may have started with another file.
        if self._changed.take():
            self._take_file()
        running = Running(
            self._engine, lease, self._configuration, self._environ, lost=self._stop.set
        )
        await running.start(self._refused)
        while not self._stop.is_set():
            await wait(_until_beat(), self._stop, self._reload)
            if self._reload.is_set() or self._changed():
                self._reload.clear()
                self._changed.take()
                await self._reload_now(running)
        stored = await running.stop()
        if running.damage is not None and self._file is not None:
            self._require_file()
            raise StoreDamaged(self._file, running.damage)
        if running.is_lost:
            return 1
        self._require_file()
        leadership.resign(self._engine, lease, datetime.now(UTC))
        log.info("stopped", stored=stored)
        return 0

    def _take_file(self) -> None:
        try:
            self._configuration, self._refused = self._load(), None
        except ConfigError as error:
            self._refused = error

    async def _reload_now(self, running: Running) -> None:
        try:
            await running.reload(self._load)
        except DBAPIError as error:
            log.warning("the store is away; the reload is tried again", error=str(error.orig))
            asyncio.get_running_loop().call_later(WATCH_S, self._reload.set)
        except asyncio.CancelledError:
            # The writer ended meanwhile, and with it this leadership.
            return

    async def _watch(self) -> None:
        """Stop when the supervisor or the file of the store is gone."""
        while self._has_file() and not self._orphaned():
            await asyncio.sleep(_until_beat())
        if self._has_file():
            log.warning("the supervisor is gone; stopping")
        self._stop.set()

    def _has_file(self) -> bool:
        """Whether the store's SQLite file is the one that was opened. A database server has none."""
        return self._file is None or presence.is_same(self._file, self._identity)

    def _require_file(self) -> None:
        if self._file is None or self._has_file():
            return
        log.critical("the store was deleted or replaced; stopping", store=str(self._file))
        if presence.is_missing(self._file):
            raise StoreGone(self._file, "was deleted while Nocturne ran")
        raise StoreReplaced(self._file)


class ConfigWatch:
    """Tells once for each time the file was written, when it has stayed the same from look to look.

    What is still being written may read as a whole file that lacks some checks.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._taken = self._seen = self._stamp()

    def __call__(self) -> bool:
        """Whether the file is another one than was taken up, and the same as at the last call."""
        before = self._seen
        self._seen = self._stamp() or before
        return self._seen == before and self._is_another()

    def take(self) -> bool:
        """Count the file as taken up as it is now; whether it is another one."""
        self._seen = self._stamp() or self._seen
        return self._is_another()

    def _is_another(self) -> bool:
        is_another = self._seen != self._taken
        self._taken = self._seen
        return is_another

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


def myself() -> Process:
    """This process, as others can recognise it."""
    started = datetime.fromtimestamp(psutil.Process().create_time(), UTC)
    return Process(
        boot_id=uuid.uuid4().hex,
        host=socket.gethostname(),
        pid=os.getpid(),
        process_start=started,
    )


def is_alive(process: Process) -> bool:
    """Whether a process still runs; one on another host counts as alive until its lease ends."""
    if process.host != socket.gethostname():
        return True
    try:
        found = psutil.Process(process.pid)
        same = abs(found.create_time() - process.process_start.timestamp()) < 1.0
        return same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def wait(seconds: float, *events: asyncio.Event) -> None:
    """Wait for the first of some events, at most so long."""
    waiting = [asyncio.create_task(each.wait()) for each in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


def _until_beat() -> float:
    now = asyncio.get_running_loop().time()
    return next_beat(now) - now


def _tell_standby(holder: Holder) -> None:
    log.warning(
        "standing by: another monitor leads",
        leader_pid=holder.process.pid,
        leader_host=holder.process.host,
        since=holder.since.isoformat(),
    )
