"""Has the store put in order each hour, and says on the pages when that failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from domain.settings import Storage
from monitor.storekeeper import Storekeeper
from monitor.upkeep import Upkeep
from storage.journal import Journal
from storage.leadership import Lease

KEEP_S = 3600.0
# A window of samples is sealed a quarter of an hour after its end.
KEEP_OFFSET_S = 900.0
BACKUP_NOTICE = "backup"
KEEP_NOTICE = "storekeeper"
KEPT_NOT = "The store is not put in order: nothing is sealed, deleted or backed up."


class Keeping:
    """The storekeeper's turns. `ask` runs a store function in the writer's thread."""

    def __init__(
        self,
        lease: Lease,
        environ: Mapping[str, str],
        upkeep: Upkeep,
        journal: Journal,
        ask: Callable[[Callable[[], Any]], Awaitable[Any]],
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._storekeeper = Storekeeper(lease, environ)
        self._upkeep = upkeep
        self._journal = journal
        self._ask = ask
        self._clock = clock

    async def keep(self, storage: Storage) -> None:
        """One turn: seal, roll up, delete, back up."""
        await self._upkeep.before_keeping()
        report = await self._storekeeper.run(storage)
        if report is None:
            return
        failed = report if isinstance(report, str) else None
        await self._tell(KEEP_NOTICE, failed and f"{KEPT_NOT} {failed}")
        if not isinstance(report, str):
            await self._tell(BACKUP_NOTICE, report.backup_error)
            await self._upkeep.after_keeping()

    async def close(self) -> None:
        """End the storekeeper's process if it works now."""
        await self._storekeeper.close()

    async def _tell(self, key: str, error: str | None) -> None:
        """Put up a banner of this text, or take it down without one."""
        if error is None:
            await self._ask(lambda: self._journal.withdraw(key))
        else:
            await self._ask(lambda: self._journal.notify(key, "error", error, self._clock()))
