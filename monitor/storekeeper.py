"""Has the store kept in order, once an hour, by a process that ends: sealing takes numpy's memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path

import msgspec
import structlog

from domain.settings import Storage
from monitor.storekeeper_child import LEADERSHIP_LOST, Orders, Report
from storage.leadership import Lease

log = structlog.get_logger()

# A day's worth takes seconds; after weeks of downtime it may take minutes.
LONGEST_S = 3_000.0
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PGPASSFILE", "PGSSLMODE")
OURS = {"PYTHONPATH": str(Path(__file__).parents[1])}


class Storekeeper:
    """Starts the child that seals, rolls up and tidies up. At most one runs at a time."""

    def __init__(self, lease: Lease, environ: Mapping[str, str]) -> None:
        self._lease = lease
        self._environ = {name: environ[name] for name in INHERITED if name in environ} | OURS
        self._process: Process | None = None
        self._busy = False

    async def run(self, kept: Storage) -> Report | str | None:
        """Have one round done for this store; when it failed, why, which is logged.

        None when there is nothing to say: a round runs already, or another monitor leads.
        """
        if self._busy:
            return None
        self._busy = True
        try:
            return await self._round(kept)
        finally:
            await self.close()
            self._busy = False

    async def close(self) -> None:
        """End the child, whatever it does: what it has begun is rolled back."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _round(self, kept: Storage) -> Report | str | None:
        orders = Orders(
            url=kept.url,
            boot_id=self._lease.boot_id,
            epoch=self._lease.epoch,
            raw_days=kept.raw_days,
            aggregate_days=kept.aggregate_days,
            backup_days=kept.backup_days,
            backup_folder=kept.backup_folder,
            parent=os.getpid(),
        )
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "monitor.storekeeper_child"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._environ,
            start_new_session=True,
        )
        return await self._report(self._process, msgspec.json.encode(orders))

    async def _report(self, process: Process, orders: bytes) -> Report | str | None:
        try:
            async with asyncio.timeout(LONGEST_S):
                told, complaint = await process.communicate(orders)
        except TimeoutError:
            log.error("keeping the store in order took too long; it is tried again", s=LONGEST_S)
            return f"it took more than {LONGEST_S:.0f} s"
        if process.returncode == 0:
            report = msgspec.json.decode(told, type=Report)
            log.info("the store was put in order", **msgspec.to_builtins(report))
            return report
        if process.returncode == LEADERSHIP_LOST or self._process is None:
            return None
        lines = complaint.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"it ended with {process.returncode}"
        log.error("the store could not be put in order; it is tried again", reason=reason)
        return reason
